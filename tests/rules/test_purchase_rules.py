"""What purchases earn and lose, as pure rules; and how channels sign."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.channel_calls import is_fresh, is_signed_with, is_weak, is_well_formed, signature, signed_text
from handlers.rules.purchases import MOST, Line, Rule, earned, gone
from models.words import PurchaseRuleKind

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
RATE, FACTOR = PurchaseRuleKind.RATE, PurchaseRuleKind.FACTOR
ONE_PER_YUAN = Rule("base", "points", RATE, 10_000)


TEA = (Line("茶", 10_000),)


def worth(*rules, lines=TEA, level="", paid_at=NOW, unit="points"):
    return earned(rules, lines, unit=unit, level=level, paid_at=paid_at)


def test_nothing_is_earned_without_a_rate_that_fits():
    assert worth() == worth(Rule("f", "points", FACTOR, 20_000)) == worth(Rule("g", "growth", RATE, 10_000)) == 0


def test_the_most_special_rate_holds_whatever_it_says():
    tea = Rule("tea", "points", RATE, 5_000, category="茶")
    gold = Rule("gold", "points", RATE, 30_000, level="gold")
    both = Rule("both", "points", RATE, 20_000, level="gold", category="茶")
    assert worth(ONE_PER_YUAN, tea, gold, both) == 50
    assert worth(ONE_PER_YUAN, tea, gold, level="gold") == 50
    assert worth(ONE_PER_YUAN, gold, level="gold") == 300
    assert worth(ONE_PER_YUAN, tea, gold, both, level="gold") == 200


def test_of_two_that_are_alike_the_one_with_a_time_holds_and_then_the_later_code():
    later, timed = Rule("z", "points", RATE, 20_000), Rule("a", "points", RATE, 30_000, starts_at=NOW)
    assert worth(ONE_PER_YUAN, later) == 200
    assert worth(ONE_PER_YUAN, later, timed) == 300


def test_a_time_begins_with_its_first_instant_and_is_over_at_its_last():
    timed = Rule("f", "points", FACTOR, 20_000, starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    at = [NOW - timedelta(microseconds=1), NOW, NOW + timedelta(hours=1)]
    assert [worth(ONE_PER_YUAN, timed, paid_at=each) for each in at] == [100, 200, 100]


def test_all_factors_that_fit_multiply_and_the_sum_is_rounded_down_once():
    factors = Rule("f", "points", FACTOR, 15_000), Rule("g", "points", FACTOR, 15_000, category="茶")
    assert worth(ONE_PER_YUAN, *factors) == 225
    assert worth(ONE_PER_YUAN, *factors, lines=(Line("书", 50), Line("书", 50))) == 1


def test_a_mistyped_rule_gives_no_more_than_one_transfer_may_hold():
    rules = ONE_PER_YUAN, *(Rule(f"f{n}", "points", FACTOR, 1_000_000) for n in range(9))
    assert worth(*rules, lines=(Line("", 100_000_000_000),)) == MOST


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.randoms())
def test_what_goes_depends_on_how_much_was_given_back_and_on_nothing_else(amount, parts, draw):
    paid = sum(parts)
    draw.shuffle(parts)
    taken = refunded = 0
    for part in parts:
        refunded += part
        more = gone(amount, paid_fen=paid, refunded_fen=refunded) - taken
        assert more >= 0
        taken += more
        assert 0 <= amount - taken <= amount * (paid - refunded) // paid
    assert taken == amount
    assert gone(amount, paid_fen=paid, refunded_fen=0) == 0


KEY = "Qw7-zXr5_Tk2vBn8mLp4sDf6gHj3cYa9"


def test_the_example_of_the_page_is_what_we_compute():
    """Its parts are read from docs/channels.md, so that the page cannot say anything else."""
    page = (Path(__file__).parent.parent.parent / "docs" / "channels.md").read_text("utf-8")
    key, body, text, made = (block.strip("\n") for block in page.split("```")[1:8:2])
    method, target, timestamp, nonce, _ = text.split("\n")
    assert signed_text(method, target, timestamp, nonce, body.encode()).decode() == text
    assert signature(key, text.encode()) == made


def test_every_part_of_a_call_is_signed():
    parts = ["POST", "/a?b=1", "1772424000", "7f3a9c51d2e84b06"]
    made = signature(KEY, signed_text(*parts, b"{}"))
    for place, other in enumerate(["PUT", "/a?b=2", "1772424001", "7f3a9c51d2e84b07"]):
        changed = [*parts[:place], other, *parts[place + 1 :]]
        assert not is_signed_with((KEY,), signed_text(*changed, b"{}"), made)
    assert not is_signed_with((KEY,), signed_text(*parts, b"{} "), made)
    assert not is_signed_with((KEY[::-1],), signed_text(*parts, b"{}"), made)
    assert is_signed_with((KEY[::-1], KEY), signed_text(*parts, b"{}"), made)


def test_what_is_no_header_of_a_signed_call_is_not_looked_at():
    good = "1772424000", "7f3a9c51d2e84b06", "0" * 64
    assert is_well_formed(*good)
    for place, bad in [
        (0, "-1"),
        (0, "01"),
        (0, "1.0"),
        (0, "٣"),
        (1, "short"),
        (1, "n" * 65),
        (1, "中文中文中文中文"),
    ]:
        assert not is_well_formed(*[bad if n == place else each for n, each in enumerate(good)])
    for bad in ("0" * 63, "F" * 64, "é" * 64):
        assert not is_well_formed(good[0], good[1], bad)


def test_five_minutes_either_way_are_fresh():
    at = int(NOW.timestamp())
    assert [is_fresh(str(at + each), NOW) for each in (-301, -300, 0, 300, 301)] == [False, True, True, True, False]


def test_a_typed_key_is_weak():
    assert is_weak("a" * 32)
    assert is_weak("passwordpasswordpasswordpassword")
    assert not is_weak(KEY)
