"""What the database holds, read and damaged from outside of our own code: plain drivers, plain SQL."""

import contextlib
import sqlite3
from typing import Any

import asyncpg

Row = dict[str, Any]


async def read(database_url: str, sql: str) -> list[Row]:
    """The rows of one statement, values as text, numbers and None."""
    if database_url.startswith("sqlite"):
        with contextlib.closing(_sqlite(database_url)) as connection:
            return [dict(row) for row in connection.execute(sql).fetchall()]
    connection = await asyncpg.connect(database_url)
    try:
        return [dict(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def number(database_url: str, sql: str) -> int:
    """The one number of a `SELECT count(*)`."""
    (row,) = await read(database_url, sql)
    return int(next(iter(row.values())))


async def damage(database_url: str, *statements: str) -> None:
    """Do what no code of ours may do: foreign keys and triggers do not look."""
    if database_url.startswith("sqlite"):
        with contextlib.closing(_sqlite(database_url)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def tamper(database_url: str, *statements: str) -> None:
    """Damage that leaves no other trace: on SQLite the triggers are put back afterwards."""
    if not database_url.startswith("sqlite"):
        await damage(database_url, *statements)
        return
    guards = await read(database_url, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    off = [f'DROP TRIGGER "{guard["name"]}"' for guard in guards]
    await damage(database_url, *off, *statements, *(str(guard["sql"]) for guard in guards))


def integrity(database_url: str) -> str:
    """SQLite's own verdict on the file, `ok` when it is whole; PostgreSQL has no such question."""
    if not database_url.startswith("sqlite"):
        return "ok"
    with contextlib.closing(_sqlite(database_url)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _sqlite(database_url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(database_url.removeprefix("sqlite://"), timeout=5)
    connection.row_factory = sqlite3.Row
    return connection
