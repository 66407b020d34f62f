"""A worker whose clock is minutes ahead takes nothing from those who still hold it."""

from datetime import UTC, datetime, timedelta

from app.database_time import DatabaseTime
from handlers import leases
from handlers.outbox import later
from models.database import atomic, dialect

AHEAD = timedelta(minutes=2)


class Real:
    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def held() -> None:
    """A job that somebody with the right time has just taken."""
    async with atomic():
        await later("note", key="held", at=Real().now() - timedelta(seconds=1))
    assert len(await leases.claim("first", ["note"], Real(), 1)) == 1


async def test_the_time_is_the_databases(database):
    time = DatabaseTime(Real(AHEAD))
    assert time.now() - Real().now() > AHEAD / 2  # nobody has looked yet
    await time.look()
    expected = AHEAD if dialect() == "sqlite" else timedelta(0)
    assert abs(time.now() - Real().now() - expected) < timedelta(seconds=10)


async def test_a_worker_that_is_ahead_leaves_what_another_holds(database):
    await held()
    time = DatabaseTime(Real(AHEAD))
    await time.look()
    assert await leases.recover(time.now()) == (1 if dialect() == "sqlite" else 0)


async def test_by_its_own_clock_it_would_take_it(database):
    await held()
    assert await leases.recover(Real(AHEAD).now()) == 1
