"""Levels: what growth reaches, how long it is held, and what becomes of it when it is judged. docs/adr/0022.

Growth stands in the ledger and decides alone: a member has the highest level whose threshold they have reached. Three
things hold it for longer: the period for which a level is given, an operator's word, and a ladder that has changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.rules.points import ends_at
from handlers.rules.problems import Problem
from models.words import DowngradePolicy, PointsExpiry

MOST_GROWTH = 1_000_000_000
MOST_LEVELS = 20
MOST_COUNT = 3_660


@dataclass(frozen=True, slots=True)
class Level:
    """One level. `threshold`: growth that reaches it; `keep_growth`: that has to come while it is held to keep it.

    It is judged when its validity is over, counted as the ends of points are; with `never` it is not judged.
    """

    code: str
    name: str
    threshold: int
    validity: PointsExpiry = PointsExpiry.NEVER
    validity_count: int = 0
    keep_growth: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """The levels of a programme, the lowest first, and what becomes of those who do not keep theirs."""

    levels: tuple[Level, ...]
    downgrade: DowngradePolicy = DowngradePolicy.NONE

    def rank(self, code: str) -> int:
        """0 is the lowest; -1: no level, or one that this ladder does not have."""
        return next((rank for rank, each in enumerate(self.levels) if each.code == code), -1)

    def level(self, code: str) -> Level | None:
        """The level of this code."""
        rank = self.rank(code)
        return self.levels[rank] if rank >= 0 else None

    def reached(self, growth: int) -> str:
        """The code of the highest level that so much growth reaches; empty: none."""
        return next((each.code for each in reversed(self.levels) if each.threshold <= growth), "")

    def above(self, code: str) -> Level | None:
        """The next level."""
        rank = self.rank(code) + 1
        return self.levels[rank] if rank < len(self.levels) else None

    def below(self, code: str) -> str:
        """The code of the level below; empty: none."""
        rank = self.rank(code)
        return self.levels[rank - 1].code if rank > 0 else ""

    def threshold(self, code: str) -> int:
        """Growth with which a level begins; 0 for none."""
        found = self.level(code)
        return found.threshold if found else 0

    def judged_at(self, code: str, since: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant at which a level that is held from `since` on has to be judged; None: never."""
        found = self.level(code)
        return ends_at(found.validity, found.validity_count, since, zone) if found else None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a period ends with: the level from then on, and how much growth goes with it."""

    code: str
    growth_lost: int
    is_kept: bool


def judge(code: str, *, growth: int, earned: int, held: Ladder, now: Ladder) -> Judgement:
    """The end of a period of the level `code`, under the terms of the ladder that it was `held` by.

    `earned`: growth that came within it. Whoever falls begins at the threshold of the level they fall to, so that
    the next point of growth does not lift them again; by balance they keep what the period brought.
    """
    level = held.level(code)
    if level is None or earned >= level.keep_growth or held.downgrade is DowngradePolicy.NONE:
        return Judgement(code, 0, is_kept=True)
    if held.downgrade is DowngradePolicy.ONE_DOWN:
        to = now.below(code)
        left = now.threshold(to)
    else:
        left = max(earned, 0)
        to = now.reached(left)
    if now.rank(to) >= now.rank(code):  # what came reaches it, whatever was asked for keeping it
        return Judgement(code, 0, is_kept=True)
    return Judgement(to, max(growth - left, 0), is_kept=False)


def problems_of(ladder: Ladder, before: Ladder | None) -> tuple[Problem, ...]:
    """Everything that is wrong with a ladder; `before`: the one that holds now, none of whose levels may vanish."""
    return (*_levels(ladder.levels), *(_kept(ladder, before) if before else ()))


def _levels(levels: Sequence[Level]) -> Iterator[Problem]:
    if not levels:
        yield Problem("levels", "missing", "请至少设置一个等级")
    if len(levels) > MOST_LEVELS:
        yield Problem("levels", "too_many", f"最多设置{MOST_LEVELS}个等级")
    if len({each.code for each in levels}) < len(levels):
        yield Problem("levels", "repeated", "等级代码不能重复")
    least = -1
    for number, each in enumerate(levels):
        if not least < each.threshold <= MOST_GROWTH:
            yield Problem(f"levels[{number}].threshold", "not_rising", "成长值门槛要逐级升高")
        least = max(least, each.threshold)
        if not 0 <= each.keep_growth <= MOST_GROWTH:
            yield Problem(f"levels[{number}].keep_growth", "out_of_range", "保级成长值超出范围")
        if not 0 <= each.validity_count <= MOST_COUNT or (
            each.validity is PointsExpiry.DAYS and not each.validity_count
        ):
            yield Problem(f"levels[{number}].validity_count", "out_of_range", "等级有效期超出范围")
        if not each.threshold and each.validity is not PointsExpiry.NEVER:
            yield Problem(f"levels[{number}].validity", "for_all", "门槛为0的等级人人都有，不能设置有效期")
        if each.keep_growth and each.validity is PointsExpiry.NEVER:
            yield Problem(f"levels[{number}].keep_growth", "never_judged", "设置保级条件的等级需要有效期")


def _kept(ladder: Ladder, before: Ladder) -> Iterator[Problem]:
    """A level that somebody may have stays, and in its order: nobody is lowered by an edit."""
    ranks = [ladder.rank(each.code) for each in before.levels]
    if -1 in ranks:
        yield Problem("levels", "dropped", "已发布的等级不能删除，可以调整门槛")
    elif ranks != sorted(ranks):
        yield Problem("levels", "reordered", "已发布的等级不能调换顺序")
