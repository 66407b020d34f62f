"""当班 and 交班: a till's stretch of work, what it redeemed and took back, and totals that stand once it is closed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.codec import to_json
from handlers.errors import NoShift, OfflineScansWait, ShiftOpen
from handlers.ports import Clock
from handlers.redemptions.counter import lock_clerk, shop
from handlers.requests import Answer, once
from handlers.retrying import refusing
from models.database import row, rows
from models.ids import new_id
from models.shifts import Shift
from models.sql import as_instant, as_uuid
from models.statements import shifts as statements
from models.words import RedemptionKind

Waiting = Callable[[UUID, str], Awaitable[int]]
"""Asked inside the closing transaction, with store and device: how many scans of this till are still to be decided."""


@dataclass(frozen=True, slots=True)
class BenefitTotals:
    """One benefit's part. Amounts are those at which its redemptions are settled."""

    benefit_id: UUID
    benefit: str
    redeemed_count: int = 0
    redeemed_fen: int = 0
    reversed_count: int = 0
    reversed_fen: int = 0


@dataclass(frozen=True, slots=True)
class ShiftView:
    """A shift and its totals: as they are now, or for good once `closed_at` is set. A count is of rows, not of uses."""

    id: UUID
    store: str
    device_id: str
    opened_by: str
    opened_at: datetime
    redeemed_count: int
    redeemed_fen: int
    reversed_count: int
    reversed_fen: int
    by_benefit: tuple[BenefitTotals, ...]
    closed_at: datetime | None = None
    closed_by: str | None = None


@refusing
class Shifts:
    """Opens, shows and closes shifts. Whoever keeps scans to be decided later adds a `waiting`."""

    def __init__(self, clock: Clock, waiting: Sequence[Waiting] = ()) -> None:
        self._clock = clock
        self._waiting = tuple(waiting)

    async def open(
        self, clerk: Clerk, *, device_id: str, store_id: UUID | None = None, request_id: str
    ) -> Answer[ShiftView]:
        """Begin a shift on this device. Raises ShiftOpen, StoreUnknown, StoreNeeded, ClerkNotSignedIn, KeyReused."""

        async def effect() -> ShiftView:
            await lock_clerk(clerk)
            now, where = self._clock.now(), await shop(clerk, store_id)
            made = await row(statements.OPEN, new_id(), now, clerk.merchant_id, where.id, device_id, clerk.id)
            found = await row(statements.OPEN_ONE, where.id, device_id)
            if found is None:  # closed between the two statements
                raise ShiftOpen
            if made is None:
                raise ShiftOpen(opened_at=as_instant(found["opened_at"]).isoformat(), opened_by=found["opened_by"])
            return _view(found, device_id, ())

        facts = {"device": device_id, "store": store_id}
        return await once(clerk, "shift.open", request_id, facts=facts, result=ShiftView, effect=effect)

    async def current(self, clerk: Clerk, *, device_id: str, store_id: UUID | None = None) -> ShiftView:
        """What is new since this till's shift was opened. Raises NoShift, StoreUnknown, StoreNeeded."""
        where = await shop(clerk, store_id)
        found = await row(statements.OPEN_ONE, where.id, device_id)
        if found is None:
            raise NoShift
        return _view(found, device_id, await _totals(as_uuid(found["id"])))

    async def close(
        self, clerk: Clerk, *, device_id: str, store_id: UUID | None = None, request_id: str
    ) -> Answer[ShiftView]:
        """End it, whoever of the store opened it, and keep its totals.

        What is being redeemed at this moment is waited for and counted. Raises NoShift, OfflineScansWait, StoreUnknown,
        StoreNeeded, ClerkNotSignedIn, KeyReused.
        """

        async def effect() -> ShiftView:
            await lock_clerk(clerk)
            where = await shop(clerk, store_id)
            found = await row(statements.LOCK_OPEN, where.id, device_id)
            if found is None:
                raise NoShift
            waiting = sum([await ask(where.id, device_id) for ask in self._waiting])
            if waiting:
                raise OfflineScansWait(waiting=waiting)
            totals = await _totals(as_uuid(found["id"]))
            closed = _view(found, device_id, totals, at=self._clock.now(), by=clerk.name)
            kept = await Shift.filter(id=closed.id, closed_at=None).update(
                closed_at=closed.closed_at,
                closed_by_id=clerk.id,
                redeemed_count=closed.redeemed_count,
                redeemed_fen=closed.redeemed_fen,
                reversed_count=closed.reversed_count,
                reversed_fen=closed.reversed_fen,
                by_benefit=to_json(totals),
            )
            if not kept:
                raise NoShift
            return closed

        facts = {"device": device_id, "store": store_id}
        return await once(clerk, "shift.close", request_id, facts=facts, result=ShiftView, effect=effect)


async def _totals(shift_id: UUID) -> tuple[BenefitTotals, ...]:
    found: dict[UUID, dict[str, Any]] = {}
    for each in await rows(statements.TOTALS, shift_id):
        benefit_id = as_uuid(each["benefit_id"])
        totals = found.setdefault(benefit_id, {"benefit_id": benefit_id, "benefit": each["benefit"]})
        side = "redeemed" if each["kind"] == RedemptionKind.REDEEM else "reversed"
        totals |= {f"{side}_count": int(each["number"]), f"{side}_fen": int(each["fen"])}
    return tuple(BenefitTotals(**totals) for totals in found.values())


def _view(
    found: Mapping[str, Any],
    device_id: str,
    totals: tuple[BenefitTotals, ...],
    *,
    at: datetime | None = None,
    by: str | None = None,
) -> ShiftView:
    return ShiftView(
        id=as_uuid(found["id"]),
        store=found["store"],
        device_id=device_id,
        opened_by=found["opened_by"],
        opened_at=as_instant(found["opened_at"]),
        redeemed_count=sum(each.redeemed_count for each in totals),
        redeemed_fen=sum(each.redeemed_fen for each in totals),
        reversed_count=sum(each.reversed_count for each in totals),
        reversed_fen=sum(each.reversed_fen for each in totals),
        by_benefit=totals,
        closed_at=at,
        closed_by=by,
    )
