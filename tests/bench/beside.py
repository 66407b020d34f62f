"""Statements and rows in bulk beside a running server, on a connection of their own, alike on both databases."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import uvloop

from models.ids import new_id
from models.sql import as_uuid, dump_json, sqlite_sql, sqlite_values
from tests.bench.stores import Stores

Result = TypeVar("Result")
Row = Mapping[str, Any]
PATIENCE = 30  # seconds that SQLite's one writer is waited for


def read(stores: Stores, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement; one that writes is committed."""
    if stores.pair == "sqlite":
        with _opened(stores) as connection:
            return connection.execute(sqlite_sql(sql), sqlite_values(values)).fetchall()

    async def fetch(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
        return [tuple(found) for found in await connection.fetch(sql, *map(_as_json, values))]

    return _run(stores, fetch)


def analyse(stores: Stores) -> None:
    """As the database does by itself within a minute: plans that were made over an empty table are made anew."""
    read(stores, "ANALYZE")


def settle(stores: Stores) -> None:
    """The same for rows that are meant to have been there for long: they were read before, and vacuumed."""
    if stores.pair == "postgres":
        read(stores, "VACUUM (ANALYZE)")


def fill(stores: Stores, table: str, rows: Iterable[Row], *, at: datetime) -> None:
    """Add rows of the same columns, made at this moment, all or none; where they bring no `id`, they get one."""
    records = [{"id": row.get("id") or new_id(), "created_at": at, **row} for row in rows]
    if not records:
        return
    columns = list(records[0])
    if stores.pair == "sqlite":
        places = ", ".join("?" * len(columns))
        with _opened(stores) as connection:
            sql = f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({places})'
            connection.executemany(sql, (sqlite_values([*each.values()]) for each in records))
        return

    async def copy(connection: asyncpg.Connection) -> None:
        values = [tuple(map(_as_json, each.values())) for each in records]
        await connection.copy_records_to_table(table, records=values, columns=columns)

    _run(stores, copy)


def root(stores: Stores) -> UUID:
    """The organization that everything else is below."""
    ((found,),) = read(stores, "SELECT id FROM organization WHERE parent_id IS NULL")
    return as_uuid(found)


def first_members(stores: Stores, count: int) -> list[UUID]:
    """Those who joined first: the members of the town."""
    found = read(stores, "SELECT id FROM member WHERE joined_at IS NOT NULL ORDER BY ordinal LIMIT $1", count)
    return [as_uuid(member_id) for (member_id,) in found]


@contextlib.contextmanager
def _opened(stores: Stores) -> Iterator[sqlite3.Connection]:
    path = stores.database_url.removeprefix("sqlite://")
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as connection, connection:
        yield connection


def _run(stores: Stores, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        connection = await asyncpg.connect(stores.database_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _as_json(value: Any) -> Any:
    return dump_json(value) if isinstance(value, dict | list) else value
