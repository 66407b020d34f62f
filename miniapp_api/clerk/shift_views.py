"""Shifts at a till: open, what is new, close."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from handlers.errors import NoShift, OfflineScansWait, ShiftOpen, StoreNeeded, StoreUnknown
from handlers.serving.shifts import ShiftView
from miniapp_api.auth import clerk
from miniapp_api.clerk.shapes import DeviceId
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Id, Out

_WHERE = (StoreUnknown, StoreNeeded)


class ShiftBody(Body):
    """Which till: a device of a store."""

    device_id: DeviceId
    store_id: Id | None = Field(default=None, description="needed of whoever serves several stores")


class BenefitTotalsOut(Out):
    benefit_id: Id
    benefit: str
    redeemed_count: int
    redeemed_fen: int
    reversed_count: int
    reversed_fen: int


class ShiftOut(Out):
    """Counts are of redemptions and reversals; amounts are those at which they are settled, in fen."""

    id: Id
    store: str
    device_id: str
    opened_by: str
    opened_at: datetime
    closed_by: str | None
    closed_at: datetime | None
    redeemed_count: int
    redeemed_fen: int
    reversed_count: int
    reversed_fen: int
    by_benefit: list[BenefitTotalsOut]

    @classmethod
    def of(cls, shift: ShiftView) -> "ShiftOut":
        return cls.model_validate(shift)


@endpoint(tags=["shift"], auth="clerk", refuses=[ShiftOpen, *_WHERE])
async def open_shift(request: web.Request, body: ShiftBody, *, idempotency_key: str) -> Created[ShiftOut]:
    """Begin a shift on this device; one at a time, whichever clerk has it in hand."""
    answer = await handlers(request).shifts.open(
        clerk(request), device_id=body.device_id, store_id=body.store_id, request_id=idempotency_key
    )
    return reply(answer, ShiftOut.of, status=201)


@endpoint(tags=["shift"], auth="clerk", refuses=[NoShift, *_WHERE])
async def current_shift(request: web.Request, device_id: DeviceId, store_id: Id | None = None) -> Ok[ShiftOut]:
    """What this device redeemed and took back since its shift was opened."""
    found = await handlers(request).shifts.current(clerk(request), device_id=device_id, store_id=store_id)
    return Ok(ShiftOut.of(found))


@endpoint(tags=["shift"], auth="clerk", refuses=[NoShift, OfflineScansWait, *_WHERE])
async def close_shift(request: web.Request, body: ShiftBody, *, idempotency_key: str) -> Created[ShiftOut]:
    """End the shift; its totals stand. Refused while offline scans of this device wait."""
    answer = await handlers(request).shifts.close(
        clerk(request), device_id=body.device_id, store_id=body.store_id, request_id=idempotency_key
    )
    return reply(answer, ShiftOut.of, status=201)


ROUTES = [
    web.post("/clerk/shifts", open_shift),
    web.get("/clerk/shifts/current", current_shift),
    web.post("/clerk/shifts/current/close", close_shift),
]
