"""Points at accounts outside that go back: what a claim cost, when the claim is taken back with nothing used.

What each claim cost is a row, written with the claim. Taking the claim back moves the row, in its own transaction; a
job asks the account, and asks what became of it before it asks again.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.key_rotation import SUPPLIER_SECRET
from handlers.outbox import later
from handlers.ports import Clock, OutsidePoints, OutsideSays, SupplierAccess, Vault
from handlers.retrying import again, refusing
from handlers.rules.outside_holds import pause_after
from models.database import atomic, require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import outside_shares as statements
from models.words import OutsideHeard, OutsideHoldState, OutsideShareState

AT_ONCE = 10  # returns that one poll asks about at the same time
BATCH = 200
JOB = "return_outside_points"
_CLOSED_BY = {
    OutsideHeard.RETURNED: OutsideShareState.RETURNED,
    OutsideHeard.REFUSED: OutsideShareState.REFUSED,
}

UNRETURNED = Counter("fanpiao_outside_points_unreturned", "Returns of points that an account outside refused.")

log = logging.getLogger(__name__)


async def keep(paid: Mapping[UUID, tuple[int, Sequence[UUID]]], *, at: datetime) -> None:
    """What holds paid for, by hold: their points, and the claims that share them evenly. In the claims' transaction.

    Raises ValueError: they cannot.
    """
    require_atomic()
    wanted = []
    for hold_id, (points, claim_ids) in sorted(paid.items()):
        each, rest = divmod(points, len(claim_ids))
        if rest:
            raise ValueError("a hold is so many times the price of one claim")
        for claim_id in claim_ids:
            share_id = new_id()
            facts = {"hold_id": hold_id, "claim_id": claim_id, "return_no": share_id.hex, "points": each}
            wanted.append({"id": share_id, **facts})
    if wanted:
        await rows(statements.KEEP, dump_rows(wanted), at)


async def send_back(claim_ids: Collection[UUID], *, at: datetime) -> int:
    """What these claims cost outside goes back, of those of which nothing was used; of how many. Again, nothing
    happens. Inside the transaction that takes them back."""
    require_atomic()
    found = await rows(statements.SEND_BACK, sorted(claim_ids), at) if claim_ids else []
    for each in sorted(as_uuid(each["id"]) for each in found):
        await later(JOB, key=f"outside_return:{each}", at=at, share_id=each)
    return len(found)


@refusing
class OutsideReturns:
    """Asks accounts outside to give points back."""

    def __init__(self, clock: Clock, vault: Vault, points: OutsidePoints) -> None:
        self._clock = clock
        self._vault = vault
        self._points = points

    async def look(self, share_id: UUID) -> None:
        """Ask for what is to go back; what is unclear is asked about before it is asked for again."""
        found, is_first = await again(lambda: self._take_look(share_id))
        if found is None:
            return
        access, number, points = self._access(found), found["return_no"], int(found["points"])
        if not is_first:
            says = await self._points.query_return(access, number)
            if says.heard is not OutsideHeard.ABSENT:
                await again(lambda: self._heard(share_id, says, points))
                return
        told = await self._points.give_back(access, number, hold_no=found["hold_no"], points=points)
        await again(lambda: self._heard(share_id, told, points))

    async def poll(self) -> int:
        """Look at everything whose time has come; how many. One that fails keeps none of the others."""
        due = [as_uuid(each["id"]) for each in await rows(statements.DUE, self._clock.now(), BATCH)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(share_id: UUID) -> None:
            async with gate:
                try:
                    await self.look(share_id)
                except Exception as error:
                    facts = {"share_id": str(share_id), "error": type(error).__name__}
                    log.exception("outside_return_not_looked_at", extra=facts)

        await asyncio.gather(*map(one, due))
        return len(due)

    async def _take_look(self, share_id: UUID) -> tuple[Mapping[str, Any] | None, bool]:
        """Whose look this is, and whether the account was not asked before. None: nothing is to be asked now."""
        async with atomic():
            found, now = await row(statements.LOCKED, share_id), self._clock.now()
            if found is None or found["look_at"] is None or as_instant(found["look_at"]) > now:
                return None, False
            stands, looks = OutsideHoldState(found["hold_state"]), int(found["look_count"])
            if stands is OutsideHoldState.LOST:  # they were never taken
                await self._close(share_id, OutsideShareState.RETURNED, "never_taken", now)
                return None, False
            # First they have to be taken: until then only the time moves on.
            statement = statements.LOOK if stands is OutsideHoldState.POSTED else statements.WAIT
            if not await rows(statement, share_id, now, now + pause_after(looks + 1)):
                return None, False
            return (found, looks == 0) if stands is OutsideHoldState.POSTED else (None, False)

    async def _heard(self, share_id: UUID, says: OutsideSays, points: int) -> None:
        facts = {"share_id": str(share_id), "heard": says.heard.value}
        if says.points not in {None, points}:  # about something else: settles nothing of ours
            log.error("outside_return_mismatch", extra=facts)
            return
        following = _CLOSED_BY.get(says.heard)
        if following is None:
            return
        async with atomic():
            found = await row(statements.LOCKED, share_id)
            if found is None or found["state"] != OutsideShareState.RETURNING.value:
                return
            await self._close(share_id, following, says.reason, self._clock.now())
        if following is OutsideShareState.REFUSED:
            UNRETURNED.inc()
            log.error("outside_return_refused", extra=facts)

    async def _close(self, share_id: UUID, to: OutsideShareState, reason: str, at: datetime) -> None:
        if not await rows(statements.CLOSE, share_id, to.value, at, reason):
            raise SerializationConflict("a share moved while it was locked")

    def _access(self, found: Mapping[str, Any]) -> SupplierAccess:
        bound = SUPPLIER_SECRET.bound_to(as_uuid(found["supplier_id"]))
        return SupplierAccess(
            found["supplier"], found["api_url"], self._vault.decrypt(found["secret_cipher"], bound_to=bound)
        )
