"""What a loop says of a database that is away or busy: one line when it begins, and one a minute while it lasts.

An outage is expected and mended elsewhere: its type and text are told, without a traceback. Anything else is ours, and
is told each time with its place.
"""

import logging
import time
from collections.abc import Callable

from handlers.errors import Overloaded
from models.failures import CommitUnknown, DatabaseUnavailable, LockTimeout, SerializationConflict, StatementTimeout

TOLD_AGAIN_AFTER = 60.0  # seconds
LONGEST_TEXT = 200
EXPECTED = (
    DatabaseUnavailable,
    CommitUnknown,
    LockTimeout,
    SerializationConflict,
    StatementTimeout,
    Overloaded,
    TimeoutError,
)


class Outages:
    """What is failing now, by the name of the work; `log` is whose lines they are."""

    def __init__(self, log: logging.Logger, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def failed(self, what: str, error: Exception) -> None:
        """Say so, unless that was said within the last minute."""
        if not isinstance(error, EXPECTED):
            self._log.error(what, exc_info=error)
            return
        now, told = self._seconds(), self._told.get(what)
        if told is None or now - told >= TOLD_AGAIN_AFTER:
            self._told[what] = now
            detail = str(error)[:LONGEST_TEXT]
            self._log.warning(what, extra={"reason": type(error).__name__, "detail": detail})

    def worked(self, what: str) -> None:
        """The next failure is a new one."""
        self._told.pop(what, None)
