"""How many codes one clerk redeems, and takes back, in a business day, where their merchant caps it.

Whoever serves alone could redeem what nobody brings, or take back what was served, the whole day long; a cap bounds
that until somebody looks. Managers have none: they are whom the clerk is told to ask. What is counted are rows: of a
redemption taken back both, and what was scanned offline too, though it is never refused, since the customer has gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.errors import DailyRedemptionsReached, DailyReversalsReached, DomainError
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offline import CONTRA
from handlers.rules.redemption import left_today
from handlers.rules.validity import begins, day_of
from models.database import require_atomic, rows
from models.sql import as_uuid
from models.statements import redemptions as statements
from models.words import RedemptionKind

_REFUSALS: Mapping[RedemptionKind, type[DomainError]] = {
    RedemptionKind.REDEEM: DailyRedemptionsReached,
    RedemptionKind.REVERSAL: DailyReversalsReached,
}


@dataclass(frozen=True, slots=True)
class Serving:
    """A clerk who serves, their row locked. `me`: whose own claims are not theirs to redeem. None: no cap."""

    me: UUID
    daily_redemptions: int | None
    daily_reversals: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many rows a clerk is about to make, and how many they may on a day, if that is capped."""

    clerk_id: UUID
    number: int
    cap: int | None


async def lock_clerks(clerk_ids: Iterable[UUID]) -> dict[UUID, Serving]:
    """By clerk, those who still serve. What one of them makes goes one after the other until the transaction ends."""
    require_atomic()
    return {
        as_uuid(each["id"]): Serving(as_uuid(each["me"]), each["daily_redemptions"], each["daily_reversals"])
        for each in await rows(statements.LOCK_CLERKS, sorted(set(clerk_ids)))
    }


async def beyond(wanted: Sequence[Wanted], kind: RedemptionKind, now: datetime) -> dict[UUID, DomainError]:
    """By clerk, the refusals of those who would pass their cap; their rows are locked, and each wants one thing.

    What they have made since the day began is counted by one statement, and by none where nobody has a cap.
    """
    require_atomic()
    capped = {each.clerk_id: each.cap for each in wanted if each.cap is not None}
    if not capped:
        return {}
    today = day_of(now, BUSINESS_ZONE)
    found = await rows(statements.MADE, sorted(capped), begins(today, BUSINESS_ZONE), kind, CONTRA)
    made = {as_uuid(each["id"]): int(each["made"]) for each in found}
    wait = max(int((begins(today + timedelta(days=1), BUSINESS_ZONE) - now).total_seconds()), 1)
    refusals: dict[UUID, DomainError] = {}
    for each in wanted:
        if each.cap is not None and each.number > (left := left_today(each.cap, made.get(each.clerk_id, 0))):
            refusals[each.clerk_id] = _REFUSALS[kind](cap=each.cap, left=left, retry_after=wait)
    return refusals
