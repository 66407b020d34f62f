"""Counts trips to the database: statements, and the beginnings and ends of transactions. No clock is involved."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models.asyncpg_client import PostgresClient, PostgresTransaction
from models.sqlite_client import SqliteClient, SqliteTransaction

_WAYS = (
    (PostgresClient, "acquire_connection"),
    (PostgresTransaction, "acquire_connection"),
    (PostgresTransaction, "_send_to"),
    (PostgresTransaction, "open"),
    (PostgresTransaction, "finish"),
    (SqliteClient, "on_connection"),
    (SqliteTransaction, "on_connection"),
    (SqliteTransaction, "open"),
    (SqliteTransaction, "finish"),
)


class Trips:
    """How many there were so far."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, way: Callable[..., Any]) -> Callable[..., Any]:
        """The same way, counted."""

        def go(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return way(*args, **kwargs)

        return go


@contextlib.contextmanager
def counting_trips() -> Iterator[Trips]:
    """Counts those of this process while the block lasts."""
    trips = Trips()
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _WAYS:
            patch.setattr(owner, name, trips.counted(getattr(owner, name)))
        yield trips
