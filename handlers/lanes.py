"""Which lane of a `GroupCommit` somebody waits in, where most keys are quiet and some are not.

A batch of one pays for a whole transaction, so quiet keys share a few lanes (docs/adr/0018). A key that many press at
once gets a lane of its own: its queue refuses nobody else's. A key may stand in two lanes for a moment, as it does with
two processes: what `decide` locks is what decides.
"""

import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from uuid import UUID

SHARED = 2  # one is decided while the other commits
PRESSED = 8  # waiting or under way in this process: from here on a key's own batches are worth their transaction
LASTS = 1.0  # seconds; between two batches of a hot key nobody may be under way, and it is hot all the same


class Lanes:
    """Counts who is under way for each key."""

    def __init__(self) -> None:
        self._under_way: Counter[UUID] = Counter()
        self._pressed_until: dict[UUID, float] = {}

    @contextmanager
    def lane_of(self, key: UUID) -> Iterator[Hashable]:
        """The lane for one submission, which stays inside until it is answered."""
        self._under_way[key] += 1
        try:
            yield key if self._is_pressed(key) else key.int % SHARED
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    def _is_pressed(self, key: UUID) -> bool:
        now = time.monotonic()
        if self._under_way[key] > PRESSED:
            self._pressed_until[key] = now + LASTS
            return True
        if self._pressed_until.get(key, now) > now:
            return True
        self._pressed_until.pop(key, None)
        return False
