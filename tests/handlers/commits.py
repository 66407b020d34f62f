"""PostgreSQL commits that take long enough to be killed in the middle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from models.database import script


@asynccontextmanager
async def slow_commits_of(table: str, url: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """The first transaction that adds rows to `table` hangs in its COMMIT until the yielded call has killed it.

    The killer is connected before anything can hang: a new connection takes seconds on a busy machine, and the
    client gives a commit no more than ten.
    """
    killer = await asyncpg.connect(url)
    try:
        await script(f"""
            CREATE SEQUENCE commits;
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF nextval('commits') = 1 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION dawdle();
        """)
        yield lambda: _kill_a_commit(killer)
    finally:
        await killer.close()


async def _kill_a_commit(killer: asyncpg.Connection) -> int:
    """Wait for a connection that is committing, end it, and say how many there were."""
    for _ in range(2_000):
        killed = await killer.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'active' AND query ILIKE 'commit%'"
        )
        if killed:
            return len(killed)
        await asyncio.sleep(0.01)
    return 0
