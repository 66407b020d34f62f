"""Levels as rules: what growth reaches, what a judgement leaves, and ladders that cannot be."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.level_rights import due_period
from handlers.rules.levels import Ladder, Level, judge, problems_of
from models.words import DowngradePolicy, PointsExpiry, RightPeriod

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = PointsExpiry.DAYS
BASE, SILVER, GOLD = (
    Level("base", "普通", 0),
    Level("silver", "银卡", 100, DAYS, 30, 50),
    Level("gold", "金卡", 500, DAYS, 30, 200),
)
LADDER = Ladder((BASE, SILVER, GOLD), DowngradePolicy.ONE_DOWN)


@pytest.mark.parametrize(
    ("growth", "code"), [(0, "base"), (99, "base"), (100, "silver"), (499, "silver"), (500, "gold")]
)
def test_a_threshold_is_reached_with_exactly_so_much(growth, code):
    assert LADDER.reached(growth) == code


def test_below_the_lowest_threshold_there_is_no_level():
    ladder = Ladder((SILVER, GOLD))
    assert (ladder.reached(99), ladder.rank(""), ladder.above("").code, ladder.below("silver")) == (
        "",
        -1,
        "silver",
        "",
    )


ladders = st.lists(st.integers(1, 1_000), min_size=1, max_size=6, unique=True).map(
    lambda numbers: Ladder(
        tuple(Level(f"l{n}", f"L{n}", each, DAYS, 30, each // 2) for n, each in enumerate(sorted(numbers))),
        DowngradePolicy.ONE_DOWN,
    )
)


@given(ladders, st.integers(0, 5), st.integers(0, 2_000), st.integers(-500, 2_000), st.sampled_from(DowngradePolicy))
def test_whoever_falls_is_lower_and_what_growth_is_left_reaches_just_that(ladder, rank, growth, earned, policy):
    ladder = Ladder(ladder.levels, policy)
    code = ladder.levels[rank % len(ladder.levels)].code
    said = judge(code, growth=growth, earned=earned, held=ladder, now=ladder)
    if said.is_kept:
        assert (said.code, said.growth_lost) == (code, 0)
        return
    assert policy is not DowngradePolicy.NONE
    assert ladder.rank(said.code) < ladder.rank(code)
    assert 0 <= said.growth_lost <= growth
    assert ladder.rank(ladder.reached(growth - said.growth_lost)) <= ladder.rank(said.code)
    if policy is DowngradePolicy.ONE_DOWN:
        assert ladder.rank(said.code) == ladder.rank(code) - 1


def test_the_terms_of_the_period_decide_and_the_ladder_of_now_says_where_to():
    now = Ladder((BASE, SILVER, Level("pearl", "珍珠", 300), GOLD), DowngradePolicy.NONE)
    said = judge("gold", growth=700, earned=10, held=LADDER, now=now)
    assert (said.code, said.growth_lost) == ("pearl", 400)


@pytest.mark.parametrize(
    ("ladder", "problem"),
    [
        (Ladder(()), ("levels", "missing")),
        (Ladder((BASE, BASE)), ("levels", "repeated")),
        (Ladder((SILVER, Level("b", "乙", 100))), ("levels[1].threshold", "not_rising")),
        (Ladder((Level("a", "甲", -1),)), ("levels[0].threshold", "not_rising")),
        (Ladder((Level("a", "甲", 5, DAYS, 0),)), ("levels[0].validity_count", "out_of_range")),
        (Ladder((Level("a", "甲", 5, keep_growth=3),)), ("levels[0].keep_growth", "never_judged")),
        (Ladder((Level("a", "甲", 0, DAYS, 30),)), ("levels[0].validity", "for_all")),
        (Ladder((Level("a", "甲", 5, DAYS, 30, -1),)), ("levels[0].keep_growth", "out_of_range")),
        (Ladder(tuple(Level(f"l{n}", "级", n) for n in range(21))), ("levels", "too_many")),
    ],
)
def test_a_ladder_that_cannot_be_says_why(ladder, problem):
    assert problem in [(each.field, each.problem) for each in problems_of(ladder, None)]


def test_a_published_level_stays_and_in_its_order():
    assert problems_of(LADDER, LADDER) == ()
    assert [each.problem for each in problems_of(Ladder((BASE, SILVER)), LADDER)] == ["dropped"]
    turned = Ladder((BASE, Level("gold", "金卡", 100), Level("silver", "银卡", 500)))
    assert [each.problem for each in problems_of(turned, LADDER)] == ["reordered"]


@pytest.mark.parametrize(
    ("period", "birthday", "due"),
    [
        (RightPeriod.ONCE, None, "once"),
        (RightPeriod.MONTH, None, "month:2026-03"),
        (RightPeriod.QUARTER, None, "quarter:2026-Q1"),
        (RightPeriod.YEAR, None, "year:2026"),
        (RightPeriod.BIRTHDAY, None, None),
        (RightPeriod.BIRTHDAY, "1990-03-31", "birthday:2026"),
        (RightPeriod.BIRTHDAY, "1990-02-28", None),
        (RightPeriod.BIRTHDAY, "not a day", None),
    ],
)
def test_a_right_is_due_by_the_calendar_of_the_programme(period, birthday, due):
    """In Shanghai it is March already."""
    assert due_period(period, datetime(2026, 2, 28, 16, tzinfo=UTC), ZONE, birthday) == due
