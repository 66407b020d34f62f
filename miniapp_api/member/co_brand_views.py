"""联名会员: what the entry of a partner's agreement offers, joining it once, and what one has joined."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import (
    CoBrandFull,
    CoBrandJoined,
    CoBrandNothingToGive,
    CoBrandNotOpen,
    CoBrandOver,
    CoBrandUnknown,
    CoBrandUnpaid,
    MemberFrozen,
    NotAMember,
    PlanNotAbove,
)
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Id, Out, Page
from models.words import CoBrandParty

EntryCode = Annotated[
    str, StringConstraints(pattern=r"^b_[A-Za-z0-9_-]{1,30}$"), Field(description="the scene that they came by")
]


class CoBrandOfferedOut(Out):
    """What a code offers whoever asks. What it brings are the rights of the plan's level (`GET /plans`)."""

    id: Id
    name: str
    partner_name: str
    description: str
    plan_id: Id
    plan_name: str
    level_name: str
    day_count: int = Field(description="days of 24 hours, never past `ends_at`")
    price_fen: int | None = Field(description="null: free; otherwise the plan is bought first")
    starts_at: datetime
    ends_at: datetime
    reason: str | None = Field(description="the code of what stands against joining now; null: nothing known")
    is_shared: bool = Field(
        description="whether they agreed to `sharing`: without it the partner learns nothing about them but counts"
    )


class CoBrandHeldOut(Out):
    """One that they joined."""

    id: Id
    name: str
    partner_name: str
    level_name: str
    came_by: CoBrandParty = Field(description="whose entry brought them")
    is_free: bool
    joined_at: datetime
    ends_at: datetime
    is_running: bool


@endpoint(tags=["co-brands"], auth="person", refuses=[CoBrandUnknown])
async def offered(request: web.Request, entry_code: EntryCode, /) -> Ok[CoBrandOfferedOut]:
    """What this entry offers; being told so counts nothing."""
    found = await handlers(request).co_brands.joining.offered(person(request), entry_code)
    return Ok(CoBrandOfferedOut.model_validate(found))


@endpoint(
    tags=["co-brands"],
    auth="person",
    refuses=[
        CoBrandUnknown,
        CoBrandNotOpen,
        CoBrandOver,
        CoBrandJoined,
        CoBrandFull,
        CoBrandUnpaid,
        CoBrandNothingToGive,
        PlanNotAbove,
        NotAMember,
        MemberFrozen,
    ],
)
async def join(request: web.Request, entry_code: EntryCode, /, *, idempotency_key: str) -> Created[CoBrandHeldOut]:
    """Join, once; free, the membership begins at once, otherwise the plan was bought before. No consent is needed."""
    answer = await handlers(request).co_brands.joining.join(person(request), entry_code, request_id=idempotency_key)
    return reply(answer, CoBrandHeldOut.model_validate, status=201)


@endpoint(tags=["co-brands"], auth="person")
async def mine(request: web.Request) -> Ok[Page[CoBrandHeldOut]]:
    """What this person joined, the newest first."""
    found = await handlers(request).co_brands.joining.mine(person(request))
    return Ok(Page(items=[CoBrandHeldOut.model_validate(each) for each in found]))


ROUTES = [
    web.get("/co-brands/{entry_code}", offered),
    web.post("/co-brands/{entry_code}/members", join),
    web.get("/me/co-brands", mine),
]
