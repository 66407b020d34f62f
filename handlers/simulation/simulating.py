"""A draw, simulated as often as its plan says, and what came of it in numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from handlers.rules.draw_rules import WHOLE, DrawRules, milliseconds
from handlers.rules.prize_table import Table
from handlers.simulation.arriving import Day, Numbers, Stretch, arrivals, days_of, spins_by_day
from handlers.simulation.folding import Folded, Run
from handlers.simulation.plans import Plan

TICKS = 60  # points in time of the curves, evenly over the draw
Progress = Callable[[int, int], None]  # virtual spins done, and of how many


@dataclass(slots=True)
class Told:
    """What one simulated draw left behind, in the order of the prizes."""

    rolled: Numbers
    awarded: Numbers
    guaranteed: int
    emptied_at: list[int | None]  # milliseconds at which the last unit of the stock was taken
    by_tick: NDArray[np.int64]  # awarded by prize and tick
    empty_days: int  # days on which the limit of the day was met by some prize


@dataclass(slots=True)
class Simulated:
    """All runs of a plan."""

    rules: DrawRules
    plan: Plan
    days: list[Day]
    runs: list[Told] = field(default_factory=list)

    def stacked(self, name: str) -> Any:
        """One field of all runs, the runs first."""
        return np.array([getattr(run, name) for run in self.runs])


def simulate(rules: DrawRules, plan: Plan, zone: ZoneInfo, progress: Progress = lambda done, total: None) -> Simulated:
    """Blocks for seconds: call it in a process of its own. The same plan gives the same numbers.

    `plan` and `rules` are those that `plan_problems` has nothing against. Raises ValueError for rules that make no
    Table.
    """
    table, random = Table(rules), np.random.default_rng(plan.seed)
    days = days_of(rules, zone)
    found = Simulated(rules, plan, days)
    counts, total, done = spins_by_day(plan, days), plan.runs * plan.expected_spins, 0
    cuts = np.array(
        sorted({milliseconds(each.at) for prize in rules.prizes for each in prize.releases}), dtype=np.int64
    )
    for _ in range(plan.runs):
        run = Run(table, plan.members, random.integers(0, WHOLE, plan.members) < plan.blocked_ppm)
        telling = _Telling(table, run, days)
        for day, count in zip(days, counts, strict=True):
            run.next_day()
            for stretch in arrivals(plan, day, count, cuts, random, is_each_alike=run.is_each_alike):
                rolls = random.integers(0, WHOLE, len(stretch.members))
                telling.hear(stretch, run.fold(stretch.members, rolls, int(stretch.at[0])))
            telling.close_day()
            done += count
            progress(done, total)
        found.runs.append(telling.told)
    return found


class _Telling:
    """Counts along."""

    def __init__(self, table: Table, run: Run, days: list[Day]) -> None:
        prizes = len(table.prizes)
        self._run, self._table = run, table
        self._starts, self._length = days[0].starts, max(days[-1].ends - days[0].starts, 1)
        none = np.zeros(prizes, dtype=np.int64)
        self.told = Told(
            none, none.copy(), 0, [None] * prizes, np.zeros((prizes, TICKS), dtype=np.int64), 0
        )  # fmt: skip

    def hear(self, stretch: Stretch, folded: Folded) -> None:
        """Of one stretch, after it was folded."""
        told, count = self.told, len(self._table.prizes)
        told.rolled += np.bincount(folded.rolled, minlength=count)
        told.awarded += np.bincount(folded.awarded, minlength=count)
        told.guaranteed += int(folded.is_guaranteed.sum())
        ticks = (stretch.at - self._starts) * TICKS // self._length
        told.by_tick += np.bincount(folded.awarded * TICKS + ticks, minlength=count * TICKS).reshape(count, TICKS)
        for place, stock in enumerate(self._run.stock):
            if stock == 0 and told.emptied_at[place] is None:
                told.emptied_at[place] = int(stretch.at[np.flatnonzero(folded.awarded == place)[-1]])

    def close_day(self) -> None:
        """A business day is over."""
        taken = self._run.taken_today
        self.told.empty_days += any(
            prize.daily is not None and taken[place] >= prize.daily for place, prize in enumerate(self._table.prizes)
        )
