"""Who would spin, and when: a plan, and the arrivals that it stands for.

A fifth of the members makes half of the spins. Within a business day everybody spins for the first time before anybody
does for the second: so a stretch of spins has every member at most once, and can be decided in one go. How much stock,
caps and pity meet is the same; what differs from life is only who is a little earlier on the same day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from handlers.rules.draw_rules import DrawRules, milliseconds
from handlers.rules.validity import begins, day_of
from handlers.simulation.plans import Plan

_HOUR = 3_600_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Day:
    """A business day of the draw, half-open, in milliseconds."""

    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Spins that follow each other, between which nothing is released; every member at most once."""

    at: Numbers  # milliseconds, never falling
    members: Numbers


def days_of(rules: DrawRules, zone: ZoneInfo) -> list[Day]:
    """The business days of the draw; the first and the last as far as it is open."""
    opens, closes = milliseconds(rules.opens_at), milliseconds(rules.closes_at)
    day, days = day_of(rules.opens_at, zone), []
    while (start := milliseconds(begins(day, zone))) < closes:
        day += timedelta(days=1)
        days.append(Day(max(start, opens), min(milliseconds(begins(day, zone)), closes)))
    return days


def spins_by_day(plan: Plan, days: list[Day]) -> list[int]:
    """How many of the expected spins fall on each day, by its length and the decay; they sum to all."""
    weights = [(day.ends - day.starts) * (1 - plan.decay_percent / 100) ** place for place, day in enumerate(days)]
    edges = np.rint(np.cumsum(weights) / sum(weights) * plan.expected_spins).astype(np.int64)
    return [int(count) for count in np.diff(edges, prepend=0)]


def arrivals(
    plan: Plan, day: Day, count: int, cuts: Numbers, random: np.random.Generator, *, is_each_alike: bool
) -> Iterator[Stretch]:
    """The spins of a day in stretches. `cuts`: instants of releases. `is_each_alike`: nothing that a member did
    before matters, so stretches need not part one member's spins."""
    members = _members(plan, count, random)
    at = np.sort(_instants(plan, day, count, random))
    order = np.argsort(members, kind="stable")
    sorted_ = members[order]
    is_first = np.ones(count, dtype=bool)
    is_first[1:] = sorted_[1:] != sorted_[:-1]
    place = np.arange(count)
    turn = np.empty(count, dtype=np.int64)  # 0 for the first spin of a member on this day, ...
    turn[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    by_turn = np.argsort(turn, kind="stable")
    members, turn = members[by_turn], turn[by_turn]
    edges = [np.searchsorted(at, cuts), np.array([0, count])]
    if not is_each_alike:
        edges.append(np.flatnonzero(np.diff(turn)) + 1)
    bounds = np.unique(np.concatenate(edges))
    for low, high in pairwise(bounds):
        yield Stretch(at[low:high], members[low:high])


def _members(plan: Plan, count: int, random: np.random.Generator) -> Numbers:
    keen = max(plan.members // 5, 1)
    is_keen = random.random(count) < 0.5
    return np.where(is_keen, random.integers(0, keen, count), random.integers(0, plan.members, count))


def _instants(plan: Plan, day: Day, count: int, random: np.random.Generator) -> Numbers:
    """By the hours of the pattern, counted back from the end of a whole day, so that a first day that opens at noon
    has the pattern of an afternoon."""
    hours = np.arange(24)
    whole_starts = day.ends - 24 * _HOUR if day.ends - day.starts < 24 * _HOUR else day.starts
    weights = np.array(plan.hours, dtype=float)
    begun = whole_starts + hours * _HOUR
    inside = np.clip(np.minimum(begun + _HOUR, day.ends) - np.maximum(begun, day.starts), 0, None) / _HOUR
    weights = weights * inside if (weights * inside).any() else inside
    chosen = random.choice(24, count, p=weights / weights.sum())
    found: Numbers = whole_starts + chosen * _HOUR + random.integers(0, _HOUR, count)
    return np.clip(found, day.starts, day.ends - 1)
