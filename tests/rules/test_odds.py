"""Which prize a roll gives: the shares, pity, and the chain of fallbacks; nothing is ever rolled again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.draw_rules import WHOLE, Pity, Release, milliseconds, plain, rules_of
from handlers.rules.odds import State, Why, fresh, left_of, select
from handlers.rules.prize_table import Table, apportion
from tests.rules.drawing import COUPON, OPENS, PHONE, POINTS, THANKS, a_draw, any_rules

rolls = st.integers(0, WHOLE - 1)
START = milliseconds(OPENS)


def a_state(table, *, left=None, **member):
    stock = [prize.stock for prize in table.prizes]
    return State(tuple(left or stock), replace(fresh(table), **member))


def spin(table, state, roll):
    """The codes of what was rolled and awarded, and why."""
    outcome = select(table, state, roll)
    return table.prizes[outcome.rolled].code, table.prizes[outcome.awarded].code, outcome.why


@pytest.mark.parametrize(
    ("roll", "code"),
    [(0, "phone"), (49_999, "phone"), (50_000, "coupon"), (149_999, "coupon"), (150_000, "points"),
     (299_999, "points"), (300_000, "thanks"), (999_999, "thanks")],
)  # fmt: skip
def test_a_roll_falls_into_the_share_of_one_prize(roll, code):
    table = Table(a_draw())
    assert spin(table, a_state(table), roll) == (code, code, Why.AS_ROLLED)


@pytest.mark.parametrize("roll", [-1, WHOLE])
def test_what_is_no_roll_is_refused(roll):
    table = Table(a_draw())
    with pytest.raises(ValueError, match="a roll is"):
        select(table, a_state(table), roll)


def test_what_is_out_follows_the_declared_chain_to_its_end():
    table = Table(a_draw())
    assert spin(table, a_state(table, left=(0, 1, None, None)), 0) == ("phone", "coupon", Why.OUT)
    assert spin(table, a_state(table, left=(0, 0, None, None)), 0) == ("phone", "points", Why.OUT)
    assert spin(table, a_state(table, left=(0, 0, 0, None)), 0) == ("phone", "thanks", Why.OUT)


def test_who_has_had_all_the_wins_they_may_gets_the_fallback():
    table = Table(a_draw(replace(PHONE, per_member=1), replace(COUPON, per_member_daily=2), POINTS, THANKS))
    assert spin(table, a_state(table, wins=(1, 0, 0, 0)), 0) == ("phone", "coupon", Why.CAPPED)
    assert spin(table, a_state(table, wins=(1, 2, 0, 0), wins_today=(0, 2, 0, 0)), 0) == (
        "phone", "points", Why.CAPPED,
    )  # fmt: skip


@pytest.mark.parametrize("limits", [{"per_member": 3}, {"per_member_daily": 3}])
def test_a_cap_on_wins_of_any_prize_ends_in_thanks(limits):
    table = Table(a_draw(**limits))
    state = a_state(table, wins=(1, 1, 1, 0), wins_today=(1, 1, 1, 0))
    assert spin(table, state, 0) == ("phone", "thanks", Why.CAPPED)


def test_the_block_listed_get_the_consolation_whatever_was_rolled():
    table = Table(a_draw(consolation="points"))
    for roll, rolled in ((0, "phone"), (100_000, "coupon"), (999_999, "thanks")):
        assert spin(table, a_state(table, is_blocked=True), roll) == (rolled, "points", Why.BLOCKED)
    alone = Table(a_draw())
    assert spin(alone, a_state(alone, is_blocked=True), 0) == ("phone", "thanks", Why.BLOCKED)


def test_the_kth_spin_without_a_rare_prize_rolls_one_for_certain():
    table = Table(a_draw(pity=Pity(rarity=1, guaranteed_at=10)))
    assert spin(table, a_state(table, since=8), WHOLE - 1)[0] == "thanks"
    assert {spin(table, a_state(table, since=9), roll)[0] for roll in range(0, WHOLE, 997)} == {"phone", "coupon"}
    assert select(table, a_state(table, since=9), 0).is_guaranteed
    assert table.shares(0, 9).ppm == (333_333, 666_667, 0, 0)


def test_a_guarantee_that_was_out_of_stock_stays_due():
    table = Table(a_draw(pity=Pity(rarity=1, guaranteed_at=10)))
    outcome = select(table, a_state(table, since=9, left=(0, 0, None, None)), 0)
    assert table.prizes[outcome.awarded].code == "points"
    assert outcome.member.since == 10
    assert table.shares(0, outcome.member.since).is_guaranteed


def test_odds_rise_with_each_spin_out_of_the_share_of_thanks_and_never_past_it():
    table = Table(a_draw(pity=Pity(rarity=1, ramp_from=3, ramp_ppm=300_000)))
    assert table.shares(9, 2).ppm == (50_000, 100_000, 150_000, 700_000)
    assert table.shares(9, 3).ppm == (150_000, 300_000, 150_000, 400_000)
    assert table.shares(9, 5).ppm == (283_333, 566_667, 150_000, 0)


def test_a_locked_prize_gives_its_share_to_its_fallback_until_it_is_unlocked():
    table = Table(a_draw(replace(PHONE, unlock_after=5), COUPON, POINTS, THANKS))
    assert table.shares(4, 0).ppm == (0, 150_000, 150_000, 700_000)
    assert table.shares(5, 0).ppm == (50_000, 100_000, 150_000, 700_000)
    both = Table(a_draw(replace(PHONE, unlock_after=5), replace(COUPON, unlock_after=9), POINTS, THANKS))
    assert both.shares(0, 0).ppm == (0, 0, 300_000, 700_000)


def test_a_locked_prize_is_not_had_as_a_fallback_either():
    table = Table(a_draw(PHONE, replace(COUPON, unlock_after=5), POINTS, THANKS))
    assert spin(table, a_state(table, left=(0, 5, None, None)), 0) == ("phone", "points", Why.OUT)


def test_what_is_not_yet_released_cannot_be_won():
    released = tuple(Release(OPENS + timedelta(hours=hour), 1) for hour in (1, 2))
    rules = a_draw(replace(PHONE, stock=3, releases=released, daily=2), COUPON, POINTS, THANKS)
    none = (0, 0, 0, 0)
    hours = [left_of(rules, (3, 5, None, None), none, START + 3_600_000 * hour)[0] for hour in (0, 1, 2)]
    assert hours == [1, 2, 2]  # the second limit is the day's
    assert left_of(rules, (0, 5, None, None), none, START) == (0, 5, None, None)
    assert left_of(rules, (3, 5, None, None), (2, 0, 0, 0), START + 9_000_000)[0] == 0


@given(any_rules(), st.integers(0, 5), st.integers(0, 40))
def test_shares_always_sum_to_a_million_and_none_is_negative(rules, spins, since):
    shares = Table(rules).shares(spins, since)
    assert sum(shares.ppm) == WHOLE
    assert min(shares.ppm) >= 0
    if rules.pity and not shares.is_guaranteed and rules.pity.ramp_from is None:
        unlocked = [prize.unlock_after <= spins for prize in rules.prizes]
        assert all(ppm == 0 or is_open for ppm, is_open in zip(shares.ppm, unlocked, strict=True))


@given(any_rules(), st.lists(rolls, max_size=40), st.booleans())
def test_nothing_is_awarded_that_is_not_there_or_not_due(rules, chosen, is_blocked):
    table = Table(rules)
    given_out = [0] * len(table.prizes)
    member, stock = fresh(table, is_blocked=is_blocked), [prize.stock for prize in table.prizes]
    left = first = left_of(rules, stock, given_out, START + 10_000)
    for roll in chosen:
        outcome = select(table, State(left, member), roll)
        if outcome.awarded != table.thanks:
            given_out[outcome.awarded] += 1
        prize = table.prizes[outcome.awarded]
        assert (outcome.awarded == outcome.rolled) or outcome.why is not Why.AS_ROLLED
        assert outcome.awarded in (table.consolations if is_blocked else table.chains[outcome.rolled])
        assert prize.unlock_after <= member.spins
        left, member = outcome.left, outcome.member
    assert list(member.wins) == list(member.wins_today) == given_out
    assert member.spins == len(chosen)
    assert sum(given_out) <= (rules.per_member or len(chosen))
    for prize, count, start, end in zip(table.prizes, given_out, first, left, strict=True):
        limits = [limit for limit in (prize.stock, prize.daily, prize.per_member, prize.per_member_daily) if limit]
        assert count <= min([*limits, len(chosen)])
        assert (start is None and end is None) or start - count == end >= 0


@given(any_rules())
def test_stock_is_gone_at_every_prefix_exactly_when_so_many_were_awarded(rules):
    table = Table(rules)
    place = max(range(len(table.prizes)), key=lambda each: table.prizes[each].ppm)
    spins = max(prize.unlock_after for prize in table.prizes)  # nothing is locked any more
    shares = table.shares(spins, 0)
    if place == table.thanks or not shares.ppm[place]:  # pity at the first spin leaves the rarer ones alone
        return
    roll = shares.bounds[place] - 1
    for units in range(6):
        left = tuple(units if each == place else 0 for each in range(len(table.prizes)))
        awarded = []
        for _ in range(8):  # another member each time: no cap, no pity
            outcome = select(table, State(left, replace(fresh(table), spins=spins)), roll)
            awarded.append(outcome.awarded)
            left = outcome.left
        assert awarded == [outcome.rolled] * units + [table.thanks] * (8 - units)


@given(st.integers(0, WHOLE), st.lists(st.integers(0, WHOLE), min_size=1, max_size=8).filter(any))
def test_what_is_shared_out_is_shared_out_whole(amount, weights):
    parts = apportion(amount, weights)
    assert sum(parts) == amount
    exact = [amount * weight / sum(weights) for weight in weights]
    assert all(abs(part - each) < 1 for part, each in zip(parts, exact, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(any_rules())
def test_rules_are_the_same_after_their_plain_form(rules):
    assert rules_of(plain(rules)) == rules


@pytest.mark.parametrize(
    ("prizes", "said"),
    [
        ((PHONE, COUPON, POINTS, replace(THANKS, ppm=699_999)), "1,000,000"),
        ((PHONE, replace(PHONE, ppm=250_000), THANKS), "unique"),
        ((replace(POINTS, ppm=WHOLE),), "thanks"),
        ((replace(POINTS, ppm=300_000, fallback="nobody"), THANKS), "nowhere"),
        ((replace(POINTS, ppm=300_000, fallback="points"), THANKS), "nowhere"),
        ((replace(POINTS, ppm=300_000), replace(THANKS, unlock_after=1)), "locked"),
    ],
)
def test_rules_that_no_version_may_have_make_no_table(prizes, said):
    with pytest.raises(ValueError, match=said):
        Table(a_draw(*prizes))
