"""Memory of the server: resident bytes after 50,000 and after 200,000 requests."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.figures import Subject, me, message
from tests.bench.measuring import loaded
from tests.bench.town import Town

FIRST_LOOK, LAST_LOOK = 50_000, 200_000
TOLERATED = 0.03
ROUND_SECONDS = 1
AT_MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Memory:
    """Resident bytes by requests served. `kinds` says which requests."""

    pair: str
    kinds: str
    looks: Sequence[tuple[int, int]]

    @property
    def growth(self) -> float:
        """Share by which the last look is above the first one."""
        return self.looks[-1][1] / self.looks[0][1] - 1

    @property
    def verdict(self) -> str:
        """`bar` or `MISSED`; `short` when there was not enough time for all requests."""
        if self.looks[-1][0] < LAST_LOOK:
            return "short"
        return "bar" if self.growth <= TOLERATED else "MISSED"


def watch(town: Town, pair: str) -> Memory:
    """GET /me and messages in turn until 200,000 are served, at most five minutes.

    With the in-process Redis only GET /me: the answers to messages are kept for the platform's further deliveries, and
    there they are kept in the server's own memory.
    """
    figures = (me,) if pair == "sqlite" else (me, message)
    with ExitStack() as stack:
        subjects = [stack.enter_context(figure(town)) for figure in figures]
        looks = _looks(subjects, town)
    return Memory(pair, " and ".join(figure.__name__ for figure in figures), looks)


def _looks(subjects: Sequence[Subject], town: Town) -> list[tuple[int, int]]:
    served, looks, deadline = 0, [], time.monotonic() + AT_MOST_SECONDS
    marks = iter(range(FIRST_LOOK, LAST_LOOK + 1, FIRST_LOOK))
    mark = next(marks, None)
    while mark is not None and time.monotonic() < deadline:
        for subject in subjects:
            served += loaded(subject, ROUND_SECONDS).requests
        if served >= mark:
            looks.append((served, town.server.resident_bytes()))
            mark = next((further for further in marks if further > served), None)
    if not looks or served < LAST_LOOK:
        looks.append((served, town.server.resident_bytes()))
    return looks
