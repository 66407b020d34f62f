"""What can go wrong at the database, in words that do not depend on its driver.

Refused constraints are Tortoise's `IntegrityError`; everything else that a caller can act on is here.
"""

from collections.abc import Sequence

from tortoise.exceptions import OperationalError


class NaiveInstant(ValueError):
    """An instant without an offset. SQLite compares instants as text, so that one naive value breaks every order."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or the connection broke. Nothing of an open transaction was committed."""


class CommitUnknown(Exception):
    """The connection broke while COMMIT was on its way: it may or may not have happened. Read again to learn which."""


class DatabaseInUse(Exception):
    """Another process writes to this SQLite file; `pid` is that process, 0 when it cannot be told."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"database is in use by process {pid}")
        self.pid = pid


class SchemaOutdated(Exception):
    """Migrations are waiting to be applied; `pending` names them in order."""

    def __init__(self, pending: Sequence[str]) -> None:
        super().__init__(f"migrations are pending: {', '.join(pending)}")
        self.pending = tuple(pending)


class SerializationConflict(OperationalError):
    """Deadlock or serialization failure (40P01, 40001): the same transaction may succeed when run again."""


class LockTimeout(OperationalError):
    """A lock was not granted in time: somebody else is at the same row, or SQLite's writer is busy."""


class StatementTimeout(OperationalError):
    """A statement ran longer than it may."""


class TransactionAborted(Exception):
    """COMMIT was asked for, but a statement had failed before and its error was swallowed: all was rolled back."""


class TransactionEnded(Exception):
    """A task that was started inside a transaction used it after its end. Start such tasks outside the block."""


class NotInTransaction(Exception):
    """Something that is only right inside `atomic()` was called outside of it."""
