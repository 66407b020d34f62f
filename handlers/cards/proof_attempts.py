"""How often somebody may try to prove something: five times in any 60 minutes, per member and per card.

Counted in the database and in a transaction of its own: a refusal rolls its transaction back and must count all the
same, and a flush of Redis must not hand out new tries. Whoever is counted out does not count at the card as well, so
that one member cannot lock many cards.

The hour slides: a row holds the last five instants of its subject, and the next try needs the oldest of them to be an
hour ago. Counts of clock hours would allow ten tries within minutes, around the turn of an hour.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.errors import CardTriesUsedUp
from handlers.retrying import again
from models.database import atomic, dialect, require_atomic, row, rows
from models.ids import new_id
from models.sql import as_instant
from models.statements import cards as statements

TRIES, WINDOW = 5, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted try: at whom, when, and how many tries are left after it."""

    subjects: tuple[str, ...]
    at: datetime
    left: int


async def count_attempt(subjects: Sequence[str], now: datetime) -> Attempt:
    """Count one try at every subject, in this order. Raises CardTriesUsedUp, DatabaseBusy; never inside `atomic()`.

    The counts stand whatever becomes of the try.
    """

    async def attempt() -> int | CardTriesUsedUp:
        counts = await _count(subjects, now)
        if len(counts) < len(subjects):
            return await _used_up(subjects[len(counts)], now)
        return min(TRIES - _recent(counted, now) for counted in counts)

    left = await again(attempt)
    if isinstance(left, CardTriesUsedUp):
        raise left
    return Attempt(tuple(subjects), now, left)


async def give_back(attempt: Attempt) -> None:
    """A try that proved what it claimed does not count; inside its own open transaction."""
    require_atomic()
    for subject in attempt.subjects:
        await rows(statements.GIVE_BACK_TRY, subject, attempt.at)


async def _count(subjects: Sequence[str], now: datetime) -> list[Mapping[str, object]]:
    """The counts, up to the first subject that has had its tries; committed when this returns."""
    since = now - WINDOW
    if len(subjects) == 2 and dialect() == "postgres":
        one, two = subjects
        found = await rows(statements.COUNT_TWO_TRIES, new_id(), now, one, since, new_id(), two)
        return [{name: at for name, at in each.items() if name != "place"} for each in found]
    counts: list[Mapping[str, object]] = []
    async with atomic():
        for subject in subjects:
            counted = await row(statements.COUNT_TRY, new_id(), now, subject, since)
            if counted is None:
                break
            counts.append(counted)
    return counts


def _recent(counted: Mapping[str, object], now: datetime) -> int:
    return sum(at is not None and as_instant(at) > now - WINDOW for at in counted.values())


async def _used_up(subject: str, now: datetime) -> CardTriesUsedUp:
    """The refusal, with the time until the oldest of the five tries is an hour ago."""
    found = await row(statements.FIFTH_TRY, subject)
    opens_at = as_instant(found["fifth_at"]) + WINDOW if found and found["fifth_at"] else now  # given back meanwhile
    seconds = max(math.ceil((opens_at - now).total_seconds()), 1)
    return CardTriesUsedUp(minutes=-(-seconds // 60), retry_after=seconds)
