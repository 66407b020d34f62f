"""Which lane of a `GroupCommit` somebody waits in, where most keys are quiet and some are not.

A batch of one pays for a whole transaction, so quiet keys share a few lanes (docs/adr/0018). A key that many press at
once gets a lane of its own: its queue refuses nobody else's. A key moves from one lane to the other only once all that
came before are answered, so that within a process whoever comes first is served first.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

SHARED = 2  # one is decided while the other commits
PRESSED = 8  # here or under way in this process: from here on a key's own batches are worth their transaction
LASTS = 1.0  # seconds; between two batches of a hot key nobody may be under way, and it is hot all the same


@dataclass(slots=True)
class _Busy:
    """Where a key is served now, how many are under way there, and when the last of them is answered."""

    lane: Hashable
    count: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Lanes:
    """Counts who is here and under way for each key."""

    def __init__(self) -> None:
        self._here: Counter[UUID] = Counter()
        self._busy: dict[UUID, _Busy] = {}
        self._pressed_until: dict[UUID, float] = {}

    @asynccontextmanager
    async def lane_of(self, key: UUID) -> AsyncIterator[Hashable]:
        """The lane for one submission, which stays inside until it is answered."""
        self._here[key] += 1
        try:
            lane = key if self._is_pressed(key) else key.int % SHARED
            while (busy := self._busy.get(key)) is not None and busy.lane != lane:
                await busy.ended.wait()
            busy = self._busy.setdefault(key, _Busy(lane))
            busy.count += 1
            try:
                yield lane
            finally:
                busy.count -= 1
                if not busy.count:
                    del self._busy[key]
                    busy.ended.set()
        finally:
            self._here[key] -= 1
            if not self._here[key]:
                del self._here[key]

    def _is_pressed(self, key: UUID) -> bool:
        now = time.monotonic()
        if self._here[key] > PRESSED:
            self._pressed_until[key] = now + LASTS
            return True
        if self._pressed_until.get(key, now) > now:
            return True
        self._pressed_until.pop(key, None)
        return False
