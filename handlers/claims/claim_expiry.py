"""Expiry. Every read decides it by the clock; the sweep only writes down what is true already, and gives units back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.benefits.top_ups import withdraw
from handlers.claims.claims import SYSTEM, give_back, transition
from handlers.claims.paying import return_points
from handlers.offers.offers import terms_of
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offline import open_since
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import claims as statements
from models.words import ClaimState

BATCH = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """How many claims expired, and how many units went back to their stock."""

    expired: int
    returned: int


class ClaimExpiry:
    """The recurring sweep; two at once share the work."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone

    async def sweep(self) -> Swept:
        """Everything whose time is over, a batch per transaction."""
        expired = returned = 0
        while True:
            found, moved, given_back = await self._batch()
            expired, returned = expired + moved, returned + given_back
            if found < BATCH:
                return Swept(expired, returned)

    async def _batch(self) -> tuple[int, int, int]:
        now = self._clock.now()
        async with atomic():
            # What may have been given without a network before its end is not over before its day is closed.
            due = await rows(statements.DUE, now, BATCH, open_since(now, self._zone))
            moved, returned = await end(due, ClaimState.EXPIRED, reason="time", at=now)
            return len(due), moved, returned


async def end(claims: Sequence[Mapping[str, Any]], to: ClaimState, *, reason: str, at: datetime) -> tuple[int, int]:
    """Move these claims to a state without use, inside the open transaction; units go back where the offer says so.

    Rows tell id, state, offer_id, offer_version. How many moved, and how many units went back. What a supplier may be
    doing at this moment does not end: nobody can take it back.
    """
    states = {as_uuid(each["id"]): ClaimState(each["state"]) for each in claims}
    pending = [claim_id for claim_id, state in states.items() if state is ClaimState.PENDING]
    for claim_id in await withdraw(pending, now=at):
        del states[claim_id]
    moved = await transition(states, to, reason=reason, actor=SYSTEM, at=at)
    terms = await terms_of({(as_uuid(each["offer_id"]), int(each["offer_version"])) for each in claims})
    returning = [
        as_uuid(each["id"])
        for each in claims
        if as_uuid(each["id"]) in moved
        and terms[as_uuid(each["offer_id"]), int(each["offer_version"])].returns_to_stock
    ]
    await return_points(returning, at=at)
    return len(moved), await give_back(returning)
