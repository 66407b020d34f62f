"""How a state machine is played: with one seed after the other, so that the same games are played every time.

Of one run of Hypothesis the first game may be the simplest there is, one is drawn afresh, and most of the others are
that one with pieces copied. The long versions therefore play few games of each seed; and in parts, each on a database
of its own, because after every step all that is in it is looked at.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

PARTS, SEEDS_OF_A_PART, GAMES_OF_A_SEED, LONG_STEPS = 6, 12, 4, 80

in_parts = pytest.mark.parametrize("part", range(PARTS))


def never(_: int) -> bool:
    """All seeds are played."""
    return False


async def play(
    played: type[RuleBasedStateMachine],
    seeds: Iterable[int],
    *,
    steps: int,
    games: int = 1,
    enough: Callable[[int], bool] = never,
) -> None:
    """So many games of each seed, until it is `enough` after so many seeds. Raises what a game raises."""
    chosen = settings(
        max_examples=games,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # making a failure smaller takes minutes here; its steps are printed as they are
        suppress_health_check=list(HealthCheck),
    )
    for played_now, number in enumerate(seeds, 1):
        await asyncio.to_thread(run_state_machine_as_test, seed(number)(played), settings=chosen)
        if enough(played_now):
            return


class LongRun:
    """What happened in all parts of a long version."""

    def __init__(self, must_happen: set[str]) -> None:
        self._must_happen = must_happen
        self._seen: Counter[str] = Counter()
        self._played: set[int] = set()

    async def part(self, number: int, played: type[RuleBasedStateMachine], seen: Counter[str]) -> None:
        """Play one of them, with fresh seeds; once all are played, in whatever order, all of it must have happened."""
        first = random.randrange(2**32)
        print(f"part {number}, seeds from {first}", flush=True)
        await play(played, range(first, first + SEEDS_OF_A_PART), steps=LONG_STEPS, games=GAMES_OF_A_SEED)
        self._seen.update(+seen)
        self._played.add(number)
        if len(self._played) == PARTS:
            print(dict(self._seen))
            assert sorted(self._must_happen - set(self._seen)) == []
