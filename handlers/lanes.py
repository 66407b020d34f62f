"""Which lane of a `GroupCommit` somebody waits in, where most keys are quiet and some are not.

A batch of one pays for a whole transaction, so quiet keys share a few lanes (docs/adr/0018). A key that many press at
once gets a lane of its own: its queue refuses nobody else's. A key may stand in two lanes for a moment, as it does with
two processes: what `decide` locks is what decides.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from uuid import UUID

SHARED = 2  # one is decided while the other commits
PRESSED = 8  # waiting or under way in this process: from here on a key's own batches are worth their transaction


class Lanes:
    """Counts who is under way for each key."""

    def __init__(self) -> None:
        self._under_way: Counter[UUID] = Counter()

    @contextmanager
    def lane_of(self, key: UUID) -> Iterator[Hashable]:
        """The lane for one submission, which stays inside until it is answered."""
        self._under_way[key] += 1
        try:
            yield key if self._under_way[key] > PRESSED else key.int % SHARED
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
