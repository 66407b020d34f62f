"""The clerks' door for what happens without a network: packs, uploads, and what was given twice."""

from aiohttp import web

from handlers.errors import (
    ConflictDecided,
    ConflictsForManagers,
    ConflictUnknown,
    DeviceClockOff,
    Overloaded,
    StoreNeeded,
    StoreUnknown,
    TooManyWrongCodes,
)
from miniapp_api.auth import clerk
from miniapp_api.clerk.offline_shapes import (
    ConflictOut,
    DeviceInstant,
    LossBody,
    OfflineKeyOut,
    OfflinePackOut,
    OfflineUploadBody,
    OfflineUploadedOut,
)
from miniapp_api.clerk.shapes import DeviceId
from miniapp_api.http import endpoint
from miniapp_api.keys import address_of, handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import ConflictDecision

UPLOAD_BYTES = 512 * 1024  # 500 scans with the longest keys


@endpoint(tags=["offline"], auth="clerk", refuses=[DeviceClockOff, StoreUnknown, StoreNeeded])
async def offline_pack(
    request: web.Request, device_id: DeviceId, sent_at: DeviceInstant, store_id: Id | None = None
) -> Ok[OfflinePackOut]:
    """Today's signed pack of the store, by which codes are checked without a network; compares the clocks as well."""
    fetched = await handlers(request).offline_packs.fetch(
        clerk(request), device_id=device_id, sent_at=sent_at, store_id=store_id
    )
    return Ok(OfflinePackOut.of(fetched))


@endpoint(tags=["offline"], auth="clerk")
async def offline_keys(request: web.Request) -> Ok[Page[OfflineKeyOut]]:
    """The public keys by which packs are checked; the one that signs now first."""
    return Ok(Page(items=[OfflineKeyOut.of(each) for each in await handlers(request).offline_packs.keys()]))


@endpoint(
    tags=["offline"], auth="clerk", refuses=[DeviceClockOff, TooManyWrongCodes, Overloaded], max_bytes=UPLOAD_BYTES
)
async def upload_scans(request: web.Request, body: OfflineUploadBody) -> Ok[OfflineUploadedOut]:
    """Bring up to 500 scans. Each has a key and a number of its own: sending them again, in any parts, is safe."""
    uploaded = await handlers(request).offline_uploads.upload(
        clerk(request),
        device_id=body.device_id,
        sent_at=body.sent_at,
        scans=[each.scan() for each in body.scans],
        address=address_of(request),
    )
    return Ok(OfflineUploadedOut.of(uploaded))


@endpoint(tags=["offline"], auth="clerk", refuses=[ConflictsForManagers])
async def conflicts(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, decision: ConflictDecision | None = None
) -> Ok[Page[ConflictOut]]:
    """What was handed over a second time in the manager's stores, the newest first."""
    found = await handlers(request).offline_conflicts.of_manager(
        clerk(request), decision=decision, after=after(cursor), limit=limit + 1
    )
    items = [ConflictOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["offline"], auth="clerk", refuses=[ConflictsForManagers, ConflictUnknown, ConflictDecided])
async def accept_loss(
    request: web.Request, conflict_id: Id, /, body: LossBody, *, idempotency_key: str
) -> Created[ConflictOut]:
    """The merchant bears it: a manager's word."""
    answer = await handlers(request).offline_conflicts.accept_loss(
        clerk(request), conflict_id, note=body.note, request_id=idempotency_key
    )
    return reply(answer, ConflictOut.of, status=201)


ROUTES = [
    web.get("/clerk/offline-pack", offline_pack),
    web.get("/clerk/offline-keys", offline_keys),
    web.post("/clerk/redemptions/batch", upload_scans),
    web.get("/clerk/redemptions/conflicts", conflicts),
    web.post("/clerk/redemptions/conflicts/{conflict_id}/loss", accept_loss),
]
