"""When points end, when they can be spent, and how many there are of what was earned."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.points import CutBy, allot, available_at, ends_at
from handlers.rules.validity import begins
from models.words import PointsExpiry

ZONE = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # a minute to midnight of the 30th, local time
instants = st.integers(0, 70 * 365 * 24 * 3_600).map(lambda seconds: EVENING + timedelta(seconds=seconds))
counts = st.integers(0, 40)


@pytest.mark.parametrize(
    ("expiry", "count", "last_day"),
    [
        (PointsExpiry.DAYS, 1, date(2026, 12, 1)),
        (PointsExpiry.DAYS, 31, date(2026, 12, 31)),
        (PointsExpiry.MONTHS, 0, date(2026, 11, 30)),
        (PointsExpiry.MONTHS, 1, date(2026, 12, 31)),
        (PointsExpiry.MONTHS, 3, date(2027, 2, 28)),
        (PointsExpiry.MONTHS, 13, date(2027, 12, 31)),
        (PointsExpiry.YEARS, 0, date(2026, 12, 31)),
        (PointsExpiry.YEARS, 2, date(2028, 12, 31)),
    ],
)
def test_points_are_there_until_the_end_of_their_last_day(expiry, count, last_day):
    assert ends_at(expiry, count, EVENING, ZONE) == begins(last_day + timedelta(days=1), ZONE)


def test_points_may_never_end():
    assert ends_at(PointsExpiry.NEVER, 7, EVENING, ZONE) is None


@given(instants, counts, st.sampled_from([PointsExpiry.MONTHS, PointsExpiry.YEARS]))
def test_they_always_end_later_than_they_came_and_with_a_natural_period(at, count, expiry):
    end = ends_at(expiry, count, at, ZONE)
    assert end is not None
    assert end > at
    day = end.astimezone(ZONE)
    assert (day.day, day.hour, day.minute) == (1, 0, 0)
    assert expiry is PointsExpiry.MONTHS or day.month == 1


@given(instants, st.integers(1, 3_000))
def test_one_day_more_ends_later(at, count):
    first, second = (ends_at(PointsExpiry.DAYS, each, at, ZONE) for each in (count, count + 1))
    assert first is not None
    assert second is not None
    assert at < first < second


def test_what_is_pending_can_be_spent_with_the_first_instant_of_its_day():
    assert available_at(0, EVENING, ZONE) is None
    assert available_at(7, EVENING, ZONE) == begins(date(2026, 12, 7), ZONE)


@given(st.integers(1, 100), st.none() | st.integers(-5, 120), st.none() | st.integers(-5, 120))
def test_nobody_gets_more_than_is_left_of_cap_and_budget(wanted, cap_left, budget_left):
    allotted = allot(wanted, cap_left=cap_left, budget_left=budget_left)
    limits = [max(each, 0) for each in (cap_left, budget_left) if each is not None]
    assert allotted.amount == min([wanted, *limits])
    assert (allotted.cut_by is None) is (allotted.amount == wanted)


def test_it_says_what_cut_it():
    assert allot(9, cap_left=5, budget_left=7).cut_by is CutBy.CAP
    assert allot(9, cap_left=7, budget_left=5).cut_by is CutBy.BUDGET
