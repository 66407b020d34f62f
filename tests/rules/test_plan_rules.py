"""Rules of paid membership: what is left of a term, what an upgrade costs, and codes as people type them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.levels import Ladder, Level
from handlers.rules.plan_codes import BITS, normalise, shown, written
from handlers.rules.plans import (
    DAYS,
    Running,
    Stretch,
    blocks_refund,
    days_left,
    unearned_fen,
    unused_fen,
    upgrade_fen,
    way_of,
)
from models.words import PlanPeriod, PlanWay, TermCause

NOW, DAY = datetime(2026, 3, 2, 2, tzinfo=UTC), timedelta(days=1)
LADDER = Ladder((Level("base", "普通", 0), Level("gold", "金卡", 10), Level("black", "黑金", 20)))
fen, days, seconds = st.integers(1, 10_000_000), st.integers(1, 400), st.integers(0, 500 * 86_400)


def stretch(number: int, cause: TermCause = TermCause.BOUGHT, **more) -> Stretch:
    return Stretch(number, cause, 3_100, **{"starts_at": NOW, "ends_at": NOW + 31 * DAY, **more})


@given(fen, days, seconds)
def test_what_is_left_is_never_more_than_was_paid_nor_grows_with_time(paid, length, passed):
    ends, at = NOW + length * DAY, NOW + timedelta(seconds=passed)
    left = unused_fen(paid, NOW, ends, at)
    assert 0 <= unused_fen(paid, NOW, ends, at + DAY) <= left <= paid
    assert (left == 0) or at < ends


@given(fen, days)
def test_nothing_passed_is_all_of_it_and_all_passed_is_nothing(paid, length):
    ends = NOW + length * DAY
    assert unused_fen(paid, NOW, ends, NOW - DAY) == unused_fen(paid, NOW, ends, NOW) == paid
    assert unused_fen(paid, NOW, ends, ends) == 0


def test_a_day_that_has_begun_counts_as_left():
    ends = NOW + 3 * DAY
    assert [days_left(ends, NOW + part) for part in (0 * DAY, DAY / 2, DAY, 2.5 * DAY, 3 * DAY, 9 * DAY)] == [
        3,
        3,
        2,
        1,
        0,
        0,
    ]


@given(fen, st.floats(0, 1), st.floats(-1, 1), days, seconds)
def test_what_is_no_income_yet_is_the_merchants_unstated_part_and_the_houses_days_to_come(
    kept, part, stated, length, on
):
    shared = int(kept * part)
    waiting, ends, at = int(shared * stated), NOW + length * DAY, NOW + timedelta(seconds=on)
    held = unearned_fen(kept, shared, waiting, starts_at=NOW, ends_at=ends, at=at)
    own = held - max(waiting, 0)
    assert 0 <= own == unused_fen(kept - shared, NOW, ends, at) <= kept - shared
    assert held <= kept
    assert unearned_fen(kept, shared, waiting, starts_at=NOW, ends_at=NOW, at=at) == max(waiting, 0)  # cut


@given(fen, fen, days, seconds)
def test_an_upgrade_costs_at_least_a_fen_and_no_more_than_its_own_price_for_what_is_left(price, paid, length, passed):
    ends, at = NOW + length * DAY, NOW + timedelta(seconds=passed)
    held = [Stretch(1, TermCause.BOUGHT, paid, NOW, ends)]
    cost = upgrade_fen(price, length, ends, held, at)
    assert 1 <= cost <= max(price, 1)
    # It and what was paid for the rest are worth the rest at the new rate, or more by the fen that nobody pays less of.
    assert cost + unused_fen(paid, NOW, ends, at) >= price * days_left(ends, at) // length


def test_a_period_is_as_long_as_the_longest_the_calendar_has():
    starts = [datetime(year, month, 1, tzinfo=UTC) for year in (2027, 2028) for month in range(1, 13)]
    for period, months in ((PlanPeriod.MONTH, 1), (PlanPeriod.QUARTER, 3), (PlanPeriod.YEAR, 12)):
        ends = [
            datetime(each.year + (each.month + months - 1) // 12, (each.month + months - 1) % 12 + 1, 1, tzinfo=UTC)
            for each in starts
        ]
        assert DAYS[period] == max((end - start).days for start, end in zip(starts, ends, strict=True))


def test_who_has_something_better_is_sold_nothing_worse():
    running = Running("gold", NOW + DAY, 1)
    assert way_of("gold", None, LADDER) is way_of("gold", running, LADDER) is PlanWay.EXTEND
    assert way_of("black", running, LADDER) is PlanWay.UPGRADE
    assert way_of("gold", Running("black", NOW + DAY, 1), LADDER) is None


def test_an_upgrade_goes_back_before_what_it_lies_upon_and_after_what_lies_upon_it():
    base, upgrade, renewal = stretch(1), stretch(2, TermCause.UPGRADED), stretch(3)
    every = [base, upgrade, renewal]
    assert [blocks_refund(each, every, NOW) for each in every] == [True, True, False]
    assert not blocks_refund(base, [base, renewal], NOW)
    gone = stretch(2, TermCause.UPGRADED, cut_at=NOW)
    assert not blocks_refund(base, [base, gone, renewal], NOW)


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.sampled_from(["-", " ", "－", "", "."]))
def test_a_code_is_read_however_it_is_typed(derived, separator):
    code = written(derived)
    typed = shown(code).replace("-", separator).lower().replace("0", "o").replace("1", "l")
    assert normalise(typed) == normalise(shown(code)) == code


@given(st.text(max_size=30))
def test_what_is_no_code_is_none(text):
    found = normalise(text)
    assert found is None or len(found) * 5 == BITS
