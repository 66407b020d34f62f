"""Channels, as operators add, change, re-key and switch them; and what purchases earn."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from handlers.channels.channels import ChannelChange, ChannelDraft
from handlers.errors import (
    ChannelKeyWeak,
    ChannelTaken,
    ChannelUnknown,
    MerchantUnknown,
    OrganizationUnknown,
    PurchaseRuleIncomplete,
    RoleMissing,
)
from handlers.purchases.purchase_rules import PurchaseRuleWanted
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.benefit_shapes import SwitchBody
from miniapp_api.operator.merchant_shapes import Category, Code, ShortName
from miniapp_api.operator.points_views import RuleCode, RuleName
from miniapp_api.operator.shapes import after, after_code, next_cursor, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import PurchaseRuleKind

Key = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{32,128}$"),
    Field(description="drawn at random and given to the channel; written and never read back"),
]
Quota = Annotated[int, Field(ge=1, le=2_000_000_000, description="calls of a business day")]


class NewChannelBody(Body):
    """A till, shop, app or partner. The code never changes: its calls name it. Of a merchant, or of an organization."""

    code: Code
    name: ShortName
    key: Key
    organization_id: Annotated[Id | None, Field(description="the own organization when absent")] = None
    merchant: Code | None = None
    daily_quota: Quota | None = None

    def draft(self) -> ChannelDraft:
        """What the handler takes."""
        return ChannelDraft(self.code, self.name, self.key, self.organization_id, self.merchant, self.daily_quota)


class ChannelChangeBody(Body):
    """What to change; absent leaves. A quota of 0 takes the limit away."""

    name: ShortName | None = None
    daily_quota: Annotated[int | None, Field(ge=0, le=2_000_000_000)] = None

    def change(self) -> ChannelChange:
        """What the handler takes."""
        return ChannelChange(self.name, self.daily_quota)


class RotateBody(Body):
    """The next key. The one before holds for so many minutes more; 0: it is over at once."""

    key: Key
    overlap_minutes: Annotated[int, Field(ge=0, le=10_080)] = 1_440


class ChannelOut(Out):
    """`used_today`: calls let in on this business day; `previous_until`: how long the key before holds too."""

    id: Id
    organization_id: Id
    merchant_id: Id | None
    code: str
    name: str
    daily_quota: int | None
    used_today: int
    is_active: bool
    previous_until: datetime | None
    created_at: datetime


class PurchaseRuleBody(Body):
    """A rate gives `factor_bp` / 10,000 of the unit per yuan, the most special one that fits; factors multiply it.

    Without `level` or `category`: whatever they are. From `starts_at` until before `ends_at`, by when was paid.
    """

    code: RuleCode
    name: RuleName
    unit: Literal["points", "growth"]
    kind: PurchaseRuleKind
    factor_bp: Annotated[int, Field(ge=0, le=1_000_000, description="10,000 is one")]
    level: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,32}$")] = ""
    category: Category = ""
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_active: bool = True

    def wanted(self) -> PurchaseRuleWanted:
        """What the handler takes."""
        return PurchaseRuleWanted(
            self.code,
            self.name,
            self.unit,
            self.kind,
            self.factor_bp,
            self.level,
            self.category,
            self.starts_at,
            self.ends_at,
            self.is_active,
        )


class PurchaseRuleOut(Out):
    id: Id
    code: str
    name: str
    unit: str
    kind: PurchaseRuleKind
    factor_bp: int
    level: str
    category: str
    starts_at: datetime | None
    ends_at: datetime | None
    is_active: bool


@endpoint(tags=["channel"], auth="operator", refuses=[RoleMissing])
async def channels(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[ChannelOut]]:
    """Channels of the own organization and below, with what they used of today's quota."""
    found = await handlers(request).channels.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [ChannelOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["channel"],
    auth="operator",
    refuses=[RoleMissing, OrganizationUnknown, MerchantUnknown, ChannelKeyWeak, ChannelTaken],
)
async def add_channel(request: web.Request, body: NewChannelBody, *, idempotency_key: str) -> Created[ChannelOut]:
    """Let a channel in; its calls are signed with this key."""
    answer = await handlers(request).channels.add(operator(request), body.draft(), request_id=idempotency_key)
    return reply(answer, ChannelOut.model_validate, status=201)


@endpoint(tags=["channel"], auth="operator", refuses=[RoleMissing, ChannelUnknown])
async def change_channel(
    request: web.Request, channel_id: Id, /, body: ChannelChangeBody, *, idempotency_key: str | None = None
) -> Ok[ChannelOut]:
    """Change its name or its daily quota."""
    answer = await handlers(request).channels.change(
        operator(request), channel_id, body.change(), request_id=idempotency_key
    )
    return reply(answer, ChannelOut.model_validate, status=200)


@endpoint(tags=["channel"], auth="operator", refuses=[RoleMissing, ChannelUnknown, ChannelKeyWeak])
async def rotate_channel(
    request: web.Request, channel_id: Id, /, body: RotateBody, *, idempotency_key: str
) -> Ok[ChannelOut]:
    """Give it another key; for a while both hold, so that no till has to stand still."""
    overlap = timedelta(minutes=body.overlap_minutes)
    answer = await handlers(request).channels.rotate(
        operator(request), channel_id, key=body.key, overlap=overlap, request_id=idempotency_key
    )
    return reply(answer, ChannelOut.model_validate, status=200)


@endpoint(tags=["channel"], auth="operator", refuses=[RoleMissing, ChannelUnknown])
async def pause_channel(
    request: web.Request, channel_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[ChannelOut]:
    """The kill switch: from the next call on it is heard by nobody."""
    return await _switch(request, channel_id, body, idempotency_key, is_active=False)


@endpoint(tags=["channel"], auth="operator", refuses=[RoleMissing, ChannelUnknown])
async def resume_channel(
    request: web.Request, channel_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[ChannelOut]:
    """Let it in again."""
    return await _switch(request, channel_id, body, idempotency_key, is_active=True)


async def _switch(
    request: web.Request, channel_id: Id, body: SwitchBody, key: str, *, is_active: bool
) -> Ok[ChannelOut]:
    answer = await handlers(request).channels.switch(
        operator(request), channel_id, is_active=is_active, reason=body.reason or "", request_id=key
    )
    return reply(answer, ChannelOut.model_validate, status=200)


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing])
async def purchase_rules(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PurchaseRuleOut]]:
    """What purchases earn, by code."""
    found = await handlers(request).purchase_rules.listing(operator(request), after=after_code(cursor), limit=limit + 1)
    items = [PurchaseRuleOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_place([each.code for each in found], limit)))


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing, PurchaseRuleIncomplete])
async def set_purchase_rule(
    request: web.Request, body: PurchaseRuleBody, *, idempotency_key: str | None = None
) -> Ok[PurchaseRuleOut]:
    """Add a rule, or change the one of this code; it holds for what is told of from now on.

    Points are given by the earning rule `purchase` of `points/rules`: its caps and pending days hold. Without it, none.
    """
    answer = await handlers(request).purchase_rules.set(operator(request), body.wanted(), request_id=idempotency_key)
    return reply(answer, PurchaseRuleOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/channels", channels),
    web.post("/operator/channels", add_channel),
    web.patch("/operator/channels/{channel_id}", change_channel),
    web.post("/operator/channels/{channel_id}/rotate", rotate_channel),
    web.post("/operator/channels/{channel_id}/pause", pause_channel),
    web.post("/operator/channels/{channel_id}/resume", resume_channel),
    web.get("/operator/purchases/rules", purchase_rules),
    web.put("/operator/purchases/rules", set_purchase_rule),
]
