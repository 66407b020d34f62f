"""PostgreSQL commits that take long enough to be killed in the middle."""

import asyncio

import asyncpg

from models.database import script


async def slow_commits_of(table: str) -> None:
    """From now on a transaction that adds rows to `table` hangs in its COMMIT, the first time, until it is killed."""
    await script(f"""
        CREATE SEQUENCE commits;
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF nextval('commits') = 1 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle();
    """)


async def kill_a_commit(url: str) -> int:
    """Wait for a connection that is committing, end it, and say how many there were."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(2_000):
            killed = await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state = 'active' AND query ILIKE 'commit%'"
            )
            if killed:
                return len(killed)
            await asyncio.sleep(0.01)
        return 0
    finally:
        await connection.close()
