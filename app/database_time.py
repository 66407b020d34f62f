"""The database's time for what several workers decide by: whose clock is ahead must not take what others still hold."""

from datetime import datetime, timedelta

from app.container import House
from app.worker import Worker
from handlers.catalogue import Handlers
from handlers.ports import Clock
from models.database import row
from models.sql import Both, as_instant

_NOW = Both(postgres="SELECT clock_timestamp() AS now", sqlite="")  # SQLite is of this machine, and has its clock
LOOKS = 60.0  # seconds between looks: clocks drift, and are set


class DatabaseTime:
    """Implements `ports.Clock`: our own clock, set by the database's at every look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._behind = timedelta(0)

    def now(self) -> datetime:
        """What the database would say, but for the way there and for what drifted since the last look."""
        return self._clock.now() + self._behind

    async def look(self) -> None:
        """Compare the clocks. Raises DatabaseUnavailable (what was known goes on)."""
        before = self._clock.now()
        found = await row(_NOW)
        if found is not None:
            there = as_instant(found["now"])
            self._behind = there - before - (self._clock.now() - before) / 2


async def worker_of(house: House, *, grace: float) -> Worker[Handlers]:
    """A worker of this house that goes by the database's time. Raises DatabaseUnavailable."""
    time = DatabaseTime(house.clock)
    await time.look()
    looking = ("worker_clock_failed", time.look, LOOKS)
    return Worker(house.registry, house.handlers, time, grace=grace, chores=[looking])
