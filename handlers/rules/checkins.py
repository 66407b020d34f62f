"""签到: what a day gives, whatever order days come in.

Of days in a row, every full n are worth a streak reward of n. A check-in, and a day that a make-up card mends, gives
what the run it makes is worth beyond the runs it was made of. So what a set of days gave in all depends on the days
alone: mending a gap never pays anything a second time, and nobody gains by leaving one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from handlers.rules.rewards import DueReward, Reward, of_part

DAILY = "daily"
MOST_DAYS_BACK = 31
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What so many days give."""

    days: int
    rewards: tuple[Reward, ...]


@dataclass(frozen=True, slots=True)
class CheckInRules:
    """A published version. `daily`: each day; `streak`: every full n days in a row (连续); `month`: the n-th day of a
    natural month (累计). `days_back`: how far back a make-up card reaches; 0: nothing is mended.
    """

    daily: tuple[Reward, ...] = ()
    streak: tuple[Step, ...] = ()
    month: tuple[Step, ...] = ()
    days_back: int = 0
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Around:
    """A day's neighbours: days in a row that end before it, that begin after it, and days of its month without it."""

    before: int = 0
    after: int = 0
    in_month: int = 0

    @property
    def streak(self) -> int:
        """The run that the day makes of them."""
        return self.before + 1 + self.after


def around(days: Collection[date], on: date) -> Around:
    """The neighbours of a day that is not among `days`."""
    before = after = 0
    while on - (before + 1) * DAY in days:
        before += 1
    while on + (after + 1) * DAY in days:
        after += 1
    month = sum((each.year, each.month) == (on.year, on.month) for each in days)
    return Around(before, after, month)


def due(rules: CheckInRules, place: Around, *, is_made_up: bool) -> tuple[DueReward, ...]:
    """What the day gives. A mended day counts for streaks and months, and gives no daily reward."""
    given = () if is_made_up else of_part(DAILY, rules.daily)
    for step in rules.streak:
        if place.streak // step.days > place.before // step.days + place.after // step.days:
            given += of_part(f"streak:{step.days}", step.rewards)
    for step in rules.month:
        if place.in_month + 1 == step.days:
            given += of_part(f"month:{step.days}", step.rewards)
    return given


def is_taken(newest: date | None, today: date) -> bool:
    """Whether today's check-in is done: also when the clock was set back to a day before the newest one."""
    return newest is not None and newest >= today


def can_mend(rules: CheckInRules, days: Collection[date], on: date, today: date, since: date) -> bool:
    """Whether a make-up card reaches a day: missed, before today, not too long ago, not before they were a member."""
    return on not in days and max(today - rules.days_back * DAY, since) <= on < today


def mendable(rules: CheckInRules, days: Collection[date], today: date, since: date) -> tuple[date, ...]:
    """The days a make-up card reaches, the newest first."""
    back = (today - number * DAY for number in range(1, rules.days_back + 1))
    return tuple(on for on in back if can_mend(rules, days, on, today, since))


def problems_of(rules: CheckInRules) -> list[tuple[str, str]]:
    """What keeps a version from being published: the field, and why, in words for operators."""
    problems = []
    if rules.is_open and not (rules.daily or rules.streak or rules.month):
        problems.append(("daily", "至少要有一项奖励"))
    for name, steps, most in (("streak", rules.streak, 366), ("month", rules.month, 31)):
        days = [step.days for step in steps]
        if len(set(days)) < len(days):
            problems.append((name, "同一天数只能写一档"))
        if any(not 1 <= each <= most for each in days):
            problems.append((name, f"天数要在1到{most}之间"))
        if any(not step.rewards for step in steps):
            problems.append((name, "每一档至少要有一项奖励"))
    if not 0 <= rules.days_back <= MOST_DAYS_BACK:
        problems.append(("days_back", f"补签最多往前{MOST_DAYS_BACK}天"))
    return problems
