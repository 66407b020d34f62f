"""What was handed over a second time without a network, for whoever says who bears it."""

from typing import Literal

from aiohttp import web

from handlers.errors import ConflictDecided, ConflictUnknown, RoleMissing
from miniapp_api.auth import operator
from miniapp_api.clerk.offline_shapes import ConflictOut, Note
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import Code
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Page
from models.words import ConflictDecision


class ConflictDecisionBody(Body):
    """`loss`: the merchant bears it. `paid`: it is settled like the first one, once more."""

    decision: Literal["loss", "paid"]
    note: Note


@endpoint(tags=["offline"], auth="operator", refuses=[RoleMissing])
async def offline_conflicts(
    request: web.Request,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    decision: ConflictDecision | None = None,
    merchant: Code | None = None,
) -> Ok[Page[ConflictOut]]:
    """Of merchants of the own organization and below, the newest first."""
    found = await handlers(request).offline_conflicts.in_sight(
        operator(request), merchant=merchant, decision=decision, after=after(cursor), limit=limit + 1
    )
    items = [ConflictOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["offline"], auth="operator", refuses=[RoleMissing, ConflictUnknown, ConflictDecided])
async def decide_conflict(
    request: web.Request, conflict_id: Id, /, body: ConflictDecisionBody, *, idempotency_key: str
) -> Created[ConflictOut]:
    """Say who bears it; once. Whatever nobody decides is not paid."""
    answer = await handlers(request).offline_conflicts.decide(
        operator(request),
        conflict_id,
        is_paid=body.decision == "paid",
        note=body.note,
        request_id=idempotency_key,
    )
    return reply(answer, ConflictOut.of, status=201)


ROUTES = [
    web.get("/operator/offline-conflicts", offline_conflicts),
    web.post("/operator/offline-conflicts/{conflict_id}/decision", decide_conflict),
]
