"""How often somebody may try to prove something: five times an hour, per member and per card.

Counted in the database and in a transaction of its own: a refusal rolls its transaction back and must count all the
same, and a flush of Redis must not hand out new tries. Whoever is counted out does not count at the card as well, so
that one member cannot lock many cards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handlers.errors import CardTriesUsedUp
from handlers.retrying import again
from models.database import atomic, require_atomic, row, rows
from models.ids import new_id
from models.statements import cards as statements

TRIES, WINDOW = 5, timedelta(hours=1)
KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted try: at whom, in which hour, and how many tries are left after it."""

    subjects: tuple[str, ...]
    window: str
    left: int


async def count_attempt(subjects: Sequence[str], now: datetime) -> Attempt:
    """Count one try at every subject, in this order. Raises CardTriesUsedUp, DatabaseBusy; never inside `atomic()`.

    The counts stand whatever becomes of the try.
    """
    window = now.astimezone(UTC).strftime("%Y-%m-%dT%H")

    async def attempt() -> int | None:
        left = TRIES
        async with atomic():
            for subject in subjects:
                counted = await row(statements.COUNT_ATTEMPT, new_id(), now, subject, window, TRIES)
                if counted is None:
                    return None
                left = min(left, TRIES - int(counted["tried_count"]))
        return left

    left = await again(attempt)
    if left is None:
        raise tries_used_up(now)
    return Attempt(tuple(subjects), window, left)


def tries_used_up(now: datetime) -> CardTriesUsedUp:
    """The refusal, with the time until the next hour begins."""
    into = now - now.replace(minute=0, second=0, microsecond=0)
    seconds = int((WINDOW - into).total_seconds()) + 1
    return CardTriesUsedUp(minutes=-(-seconds // 60), retry_after=seconds)


async def give_back(attempt: Attempt) -> None:
    """A try that proved what it claimed does not count; inside its own open transaction."""
    require_atomic()
    for subject in attempt.subjects:
        await rows(statements.GIVE_BACK_ATTEMPT, subject, attempt.window)


async def prune_attempts(now: datetime, *, batch: int = 1_000) -> int:
    """Forget counts of days ago, a batch per transaction; how many there were."""
    pruned = 0
    while True:
        async with atomic():
            gone = len(await rows(statements.PRUNE_ATTEMPTS, now - KEPT, batch))
        pruned += gone
        if gone < batch:
            return pruned
