"""What to do when the database, not the request, is the reason for a failure.

Serialization failures and deadlocks rolled everything back and may simply be tried again; this is the outermost and
only place where that happens. A lock or statement that took too long and a connection lost before the commit changed
nothing either, but trying at once would add to the load: they are refusals.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from handlers.errors import Overloaded
from models.failures import DatabaseUnavailable, LockTimeout, SerializationConflict, StatementTimeout

T = TypeVar("T")

TRIES = 3

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
