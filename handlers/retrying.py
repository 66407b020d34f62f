"""What to do when the database, not the request, is the reason for a failure.

Serialization failures and deadlocks rolled everything back and may simply be tried again; this is the outermost and
only place where that happens. A lock or statement that took too long and a connection lost before the commit changed
nothing either, but trying at once would add to the load: they are refusals.
"""

import asyncio
import functools
import inspect
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prometheus_client import Counter

from handlers.errors import OutcomeUnknown, Overloaded
from models.database import in_atomic
from models.failures import (
    CommitUnknown,
    DatabaseUnavailable,
    LockTimeout,
    SerializationConflict,
    StatementTimeout,
)

T = TypeVar("T")
UseCases = TypeVar("UseCases")

TRIES = 3

log = logging.getLogger(__name__)

REFUSED = Counter("fanpiao_database_refusals_total", "Use cases refused because of the database", ["reason"])

chance = random.SystemRandom()  # jitter of every waiting time; strong randomness costs nothing here


class DatabaseBusy(Overloaded):
    """Nothing was changed, because the database was too slow or away."""


def overloaded() -> Overloaded:
    """The refusal with a jittered time, so that the refused do not all come back at once."""
    return Overloaded(retry_after=_soon())


def _soon() -> int:
    return chance.randint(1, 3)


async def again(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work`, a whole transaction, at most three times while the database asks for it.

    Raises DatabaseBusy, and whatever else `work` raises.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return await work()
        except (DatabaseUnavailable, LockTimeout, StatementTimeout) as error:
            raise DatabaseBusy(retry_after=_soon()) from error
        except SerializationConflict as error:
            if attempt == TRIES:
                raise DatabaseBusy(retry_after=_soon()) from error
        await asyncio.sleep(chance.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable: the last attempt returns or raises")


def refusing(handler: type[UseCases]) -> type[UseCases]:
    """Class decorator of handlers: no failure of the database leaves a use case as anything but a refusal.

    Busy, away, or in conflict becomes DatabaseBusy (nothing was changed), an interrupted commit OutcomeUnknown. A use
    case that was called inside somebody's open transaction leaves the failure to them: they may try again.
    """
    for name, method in vars(handler).copy().items():
        if not name.startswith("_") and inspect.iscoroutinefunction(method):
            setattr(handler, name, _refusing(method))
    return handler


def _refusing(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def refuse(*args: Any, **kwargs: Any) -> Any:
        try:
            return await method(*args, **kwargs)
        except (DatabaseUnavailable, LockTimeout, StatementTimeout, SerializationConflict, CommitUnknown) as error:
            if in_atomic():
                raise
            reason = type(error).__name__
            REFUSED.labels(reason).inc()
            log.warning("refused_because_of_the_database", extra={"use_case": method.__qualname__, "reason": reason})
            if isinstance(error, CommitUnknown):
                raise OutcomeUnknown(retry_after=3) from error
            raise DatabaseBusy(retry_after=_soon()) from error

    return refuse
