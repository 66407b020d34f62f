"""签到 as pure rules: streaks, months, mended days, in whatever order they come and however the clock moves."""

from collections import Counter
from datetime import date, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.checkins import (
    Around,
    CheckInRules,
    Step,
    around,
    can_mend,
    due,
    is_taken,
    mendable,
    problems_of,
)
from handlers.rules.rewards import Reward

DAY = timedelta(days=1)
FIRST = date(2026, 2, 20)
POINT = (Reward("points", 1, "check_in"),)
RULES = CheckInRules(POINT, (Step(3, POINT), Step(7, POINT)), (Step(1, POINT), Step(10, POINT)), days_back=7)
some_days = st.lists(st.integers(0, 44), unique=True).map(lambda numbers: [FIRST + n * DAY for n in numbers])


def parts(days, *, made_up=frozenset()) -> Counter[str]:
    """What the days gave in all, in the order in which they came."""
    so_far: set[date] = set()
    given_: Counter[str] = Counter()
    for on in days:
        for each in due(RULES, around(so_far, on), is_made_up=on in made_up):
            given_[each.part] += 1
        so_far.add(on)
    return given_


def worth(days) -> Counter[str]:
    """The same counted from the set alone: its runs and its months."""
    numbers = sorted((on - FIRST).days for on in days)
    runs = [len(list(run)) for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])]
    months = Counter((on.year, on.month) for on in days)
    counted = Counter({"daily": len(days)})
    for step in RULES.streak:
        counted[f"streak:{step.days}"] = sum(run // step.days for run in runs)
    for step in RULES.month:
        counted[f"month:{step.days}"] = sum(count >= step.days for count in months.values())
    return +counted


@given(some_days)
def test_what_days_give_in_all_depends_on_the_days_and_not_on_their_order(days):
    assert parts(days) == worth(days) == parts(sorted(days))


@given(some_days, st.sets(st.integers(0, 44)))
def test_a_mended_gap_never_pays_twice(days, mended):
    made_up = {FIRST + n * DAY for n in mended}
    got = parts(days, made_up=made_up)
    whole = worth(days)
    assert all(got[part] == whole[part] for part in whole if part != "daily")
    assert got["daily"] == sum(on not in made_up for on in days)


@given(st.lists(st.integers(-3, 3), max_size=60))
def test_a_clock_that_goes_back_gives_no_day_twice_and_none_before_the_newest(moves):
    today, days = FIRST, list[date]()
    for move in moves:
        today += move * DAY
        if not is_taken(max(days, default=None), today):
            days.append(today)
    assert days == sorted(set(days))
    assert parts(days) == worth(days)


@given(some_days, st.integers(0, 44))
def test_a_day_makes_one_run_of_its_neighbours(days, number):
    on = FIRST + number * DAY
    others = set(days) - {on}
    place = around(others, on)
    run = [on + n * DAY for n in range(-place.before, place.after + 1) if n]
    assert set(run) <= others
    assert {run[0] - DAY, run[-1] + DAY}.isdisjoint(others) if place.before and place.after else True
    assert place.streak == len(run) + 1


def test_every_full_week_in_a_row_pays_and_a_missed_day_begins_anew():
    week = [FIRST + n * DAY for n in range(14)]
    assert parts(week)["streak:7"] == 2
    assert parts([*week[:6], *week[7:13]])["streak:7"] == 0
    assert parts([*week[:6], *week[7:13], week[6]])["streak:7"] == 1


def test_a_mended_day_gives_no_daily_reward():
    assert [each.part for each in due(RULES, Around(2, 0, 4), is_made_up=True)] == ["streak:3"]


def test_a_card_reaches_missed_days_of_the_last_week_since_they_joined():
    today, since = date(2026, 3, 10), date(2026, 3, 5)
    days = {date(2026, 3, 8)}
    assert mendable(RULES, days, today, since) == tuple(date(2026, 3, n) for n in (9, 7, 6, 5))
    assert not can_mend(RULES, days, today, today, since)
    assert not can_mend(RULES, days, date(2026, 3, 8), today, since)
    assert not can_mend(CheckInRules(POINT), days, date(2026, 3, 9), today, since)
    assert not can_mend(RULES, days, date(2026, 3, 2), today, date(2026, 1, 1))


def test_a_version_that_gives_nothing_or_names_a_step_twice_is_not_published():
    fields = [field for field, _ in problems_of(CheckInRules((), (Step(3, POINT), Step(3, ())), (Step(32, POINT),)))]
    assert fields == ["streak", "streak", "month"]
    assert [field for field, _ in problems_of(CheckInRules(days_back=40))] == ["daily", "days_back"]
    assert problems_of(CheckInRules(is_open=False)) == []
    assert problems_of(RULES) == []
