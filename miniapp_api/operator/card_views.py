"""Kinds of card, cards at the service desk, and how imports stand."""

from aiohttp import web

from handlers.cards.card_kind_editing import KindChange
from handlers.cards.card_kinds import KindDraft
from handlers.errors import (
    BrandUnknown,
    CardHolderChanged,
    CardImportUnknown,
    CardKindInactive,
    CardKindInvalid,
    CardKindTaken,
    CardKindUnknown,
    CardNotUnbindable,
    CardNumberWrong,
    CardReceiverInactive,
    CardSpareMissing,
    CardSpareUnusable,
    CardStateWrong,
    CardUnknown,
    MemberUnknown,
    MerchantUnknown,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.card_shapes import (
    CardChangedOut,
    DeskCardOut,
    HandOverBody,
    ImportOut,
    KindAddedOut,
    KindChangeBody,
    LookupBody,
    NewKindBody,
    OperatedKindOut,
    RefusedRowOut,
    ReplaceBody,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page, decode_cursor, encode_cursor

LAST_ROW = 2_147_483_647
_ONE_CARD = (RoleMissing, CardUnknown, CardStateWrong, CardHolderChanged)


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing])
async def operated_kinds(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[OperatedKindOut]]:
    """Kinds of card of the own organization and below, inactive ones too."""
    found = await handlers(request).card_kind_editing.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [OperatedKindOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["card"],
    auth="operator",
    refuses=[RoleMissing, BrandUnknown, MerchantUnknown, CardKindTaken, CardKindInvalid],
)
async def add_kind(request: web.Request, body: NewKindBody, *, idempotency_key: str) -> Created[KindAddedOut]:
    """Add a kind; an issued one goes to every member, at first touch at once and to all by a job."""
    draft = KindDraft(
        code=body.code,
        name=body.name,
        digit_count=body.digit_count,
        prefix=body.prefix,
        brand=body.brand,
        merchant=body.merchant,
        is_issued=body.is_issued,
        is_in_chat=body.is_in_chat,
    )
    answer = await handlers(request).card_kind_editing.add(operator(request), draft, request_id=idempotency_key)
    return reply(answer, KindAddedOut.model_validate, status=201)


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing, CardKindUnknown])
async def change_kind(
    request: web.Request, kind_id: Id, /, body: KindChangeBody, *, idempotency_key: str | None = None
) -> Ok[OperatedKindOut]:
    """Rename a kind, show or hide it in chat, switch it off or on."""
    change = KindChange(name=body.name, is_in_chat=body.is_in_chat, is_active=body.is_active)
    answer = await handlers(request).card_kind_editing.change(
        operator(request), kind_id, change, request_id=idempotency_key
    )
    return reply(answer, OperatedKindOut.model_validate, status=200)


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def cards_of_member(request: web.Request, member_id: Id, /) -> Ok[Page[DeskCardOut]]:
    """A member's cards, those of members merged into them included."""
    found = await handlers(request).card_desk.of_member(operator(request), member_id)
    return Ok(Page(items=[DeskCardOut.model_validate(each) for each in found]))


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing])
async def lookup_card(request: web.Request, body: LookupBody) -> Ok[Page[DeskCardOut]]:
    """Find cards by their whole number, one per kind at most; outside of one's organizations there are none."""
    found = await handlers(request).card_desk.lookup(operator(request), number=body.number)
    return Ok(Page(items=[DeskCardOut.model_validate(each) for each in found]))


@endpoint(tags=["card"], auth="operator", refuses=_ONE_CARD)
async def card_lost(request: web.Request, card_id: Id, /, *, idempotency_key: str) -> Ok[CardChangedOut]:
    """挂失: it opens nothing until it is found, replaced or handed over."""
    answer = await handlers(request).card_desk.report_lost(operator(request), card_id, request_id=idempotency_key)
    return reply(answer, CardChangedOut.model_validate, status=200)


@endpoint(tags=["card"], auth="operator", refuses=_ONE_CARD)
async def card_found(request: web.Request, card_id: Id, /, *, idempotency_key: str) -> Ok[CardChangedOut]:
    """解挂: a lost card is its holder's again."""
    answer = await handlers(request).card_desk.report_found(operator(request), card_id, request_id=idempotency_key)
    return reply(answer, CardChangedOut.model_validate, status=200)


@endpoint(
    tags=["card"],
    auth="operator",
    refuses=[*_ONE_CARD, CardKindInactive, CardNumberWrong, CardSpareMissing, CardSpareUnusable],
)
async def replace_card(
    request: web.Request, card_id: Id, /, body: ReplaceBody, *, idempotency_key: str
) -> Created[CardChangedOut]:
    """补卡: a new number of the same kind for the same member; the old card opens nothing any more."""
    answer = await handlers(request).card_desk.replace(
        operator(request), card_id, spare=body.number, request_id=idempotency_key
    )
    return reply(answer, CardChangedOut.model_validate, status=201)


@endpoint(
    tags=["card"],
    auth="operator",
    refuses=[*_ONE_CARD, MemberUnknown, CardReceiverInactive, CardNotUnbindable, CardKindInactive],
)
async def hand_over_card(
    request: web.Request, card_id: Id, /, body: HandOverBody, *, idempotency_key: str
) -> Created[CardChangedOut]:
    """Give a card to another member, after the desk was shown whose it is."""
    answer = await handlers(request).card_desk.hand_over(
        operator(request),
        card_id,
        from_member=body.from_member_id,
        to_member=body.to_member_id,
        proof=body.proof,
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, CardChangedOut.model_validate, status=201)


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing])
async def imports(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[ImportOut]]:
    """Files of legacy cards and how far they are, the newest first."""
    found = await handlers(request).operator_card_imports.listing(
        operator(request), before=after(cursor), limit=limit + 1
    )
    items = [ImportOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing, CardImportUnknown])
async def seen_import(request: web.Request, import_id: Id, /) -> Ok[ImportOut]:
    """One import."""
    return Ok(
        ImportOut.model_validate(await handlers(request).operator_card_imports.view(operator(request), import_id))
    )


@endpoint(tags=["card"], auth="operator", refuses=[RoleMissing, CardImportUnknown])
async def refused_rows(
    request: web.Request, import_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[RefusedRowOut]]:
    """Rows that were not taken, in the file's order, each with its reason."""
    start = decode_cursor(cursor, int)[0] if cursor else 0
    if not 0 <= start <= LAST_ROW:
        raise CursorInvalid
    found = await handlers(request).operator_card_imports.refusals(
        operator(request), import_id, after_row=start, limit=limit + 1
    )
    items = [RefusedRowOut.model_validate(each) for each in found[:limit]]
    following = encode_cursor([items[-1].row_number]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=following))


ROUTES = [
    web.get("/operator/card-kinds", operated_kinds),
    web.post("/operator/card-kinds", add_kind),
    web.patch("/operator/card-kinds/{kind_id}", change_kind),
    web.get("/operator/members/{member_id}/cards", cards_of_member),
    web.post("/operator/cards/lookup", lookup_card),
    web.post("/operator/cards/{card_id}/lost", card_lost),
    web.post("/operator/cards/{card_id}/found", card_found),
    web.post("/operator/cards/{card_id}/replacements", replace_card),
    web.post("/operator/cards/{card_id}/hand-overs", hand_over_card),
    web.get("/operator/card-imports", imports),
    web.get("/operator/card-imports/{import_id}", seen_import),
    web.get("/operator/card-imports/{import_id}/refusals", refused_rows),
]
