"""Members and cases, as operators work on them."""

from aiohttp import web

from handlers.errors import (
    DifferentPeople,
    LaterMergeFirst,
    MemberUnknown,
    MergeNotReversible,
    MergeTooMuch,
    MergeUnknown,
    NotMergeable,
    ReviewDecided,
    ReviewUnknown,
    RoleMissing,
    SameMember,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.member_shapes import (
    DecideBody,
    MergeBody,
    MergedOut,
    ReviewClosedOut,
    ReviewOut,
    SearchBody,
    SeenMemberOut,
    UnmergedOut,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import ReviewState


@endpoint(tags=["member"], auth="operator", refuses=[RoleMissing])
async def search_members(request: web.Request, body: SearchBody) -> Ok[Page[SeenMemberOut]]:
    """Find members by exact phone, member number or card number; outside of one's organizations nobody exists."""
    found = await handlers(request).operator_members.search(
        operator(request),
        phone=body.phone,
        country_code=body.country_code,
        number=body.number,
        card_number=body.card_number,
    )
    return Ok(Page(items=[SeenMemberOut.of(each) for each in found]))


@endpoint(tags=["member"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def seen_member(request: web.Request, member_id: Id, /) -> Ok[SeenMemberOut]:
    """One member, masked."""
    return Ok(SeenMemberOut.of(await handlers(request).operator_members.view(operator(request), member_id)))


@endpoint(
    tags=["member"],
    auth="operator",
    refuses=[RoleMissing, MemberUnknown, SameMember, DifferentPeople, NotMergeable, MergeTooMuch],
)
async def merge_members(
    request: web.Request, member_id: Id, /, body: MergeBody, *, idempotency_key: str
) -> Ok[MergedOut]:
    """Make two members one. Which of them stays does not depend on who is named first."""
    answer = await handlers(request).operator_members.merge(
        operator(request),
        member_id,
        other_id=body.other_id,
        override=body.override_reason or "",
        request_id=idempotency_key,
    )
    return reply(answer, MergedOut.of, status=200)


@endpoint(tags=["member"], auth="operator", refuses=[RoleMissing, MergeUnknown, MergeNotReversible, LaterMergeFirst])
async def undo_merge(request: web.Request, merge_id: Id, /, *, idempotency_key: str) -> Ok[UnmergedOut]:
    """Take a merge back within 90 days; later merges first."""
    answer = await handlers(request).operator_members.undo_merge(
        operator(request), merge_id, request_id=idempotency_key
    )
    return reply(answer, UnmergedOut.of, status=200)


@endpoint(tags=["review"], auth="operator", refuses=[RoleMissing])
async def reviews(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, state: ReviewState = ReviewState.OPEN
) -> Ok[Page[ReviewOut]]:
    """Cases that a person has to decide, the oldest first."""
    found = await handlers(request).operator_reviews.listing(
        operator(request), state=state, after=after(cursor), limit=limit + 1
    )
    items = [ReviewOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["review"],
    auth="operator",
    refuses=[RoleMissing, ReviewUnknown, ReviewDecided, SameMember, DifferentPeople, NotMergeable, MergeTooMuch],
)
async def decide_review(
    request: web.Request, review_id: Id, /, body: DecideBody, *, idempotency_key: str
) -> Ok[ReviewClosedOut]:
    """Close a case, once."""
    answer = await handlers(request).operator_reviews.decide(
        operator(request),
        review_id,
        body.decision,
        note=body.note,
        override=body.override_reason or "",
        request_id=idempotency_key,
    )
    return reply(answer, ReviewClosedOut.of, status=200)


ROUTES = [
    web.post("/operator/members/search", search_members),
    web.get("/operator/members/{member_id}", seen_member),
    web.post("/operator/members/{member_id}/merge", merge_members),
    web.post("/operator/merges/{merge_id}/undo", undo_merge),
    web.get("/operator/reviews", reviews),
    web.post("/operator/reviews/{review_id}/decision", decide_review),
]
