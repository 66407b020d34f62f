"""What a member can do with cards, and the member code for the counter."""

from aiohttp import web

from handlers.errors import (
    CardAlreadyYours,
    CardCoolingDown,
    CardHeld,
    CardKindUnknown,
    CardLost,
    CardNotUnbindable,
    CardNumberWrong,
    CardProofDiffers,
    CardProofMissing,
    CardReplaced,
    CardStateWrong,
    CardTriesUsedUp,
    CardUnknown,
    NotAMember,
    Overloaded,
    PhoneCodeRefused,
    TicketExpired,
    TicketInvalid,
    TicketNotYours,
    TicketUsed,
    WeChatUnavailable,
)
from miniapp_api.auth import person, token
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.card_shapes import (
    BindableKindOut,
    BindBody,
    BoundOut,
    CardOut,
    MemberCodeOut,
    UnboundOut,
)
from miniapp_api.pictures import qr_svg
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Id, Page

_BY_TICKET = (TicketInvalid, TicketUsed, TicketExpired, TicketNotYours)
_AFTER_PROOF = (CardHeld, CardLost, CardReplaced, CardCoolingDown)


@endpoint(tags=["card"])
async def card_kinds(request: web.Request) -> Ok[Page[BindableKindOut]]:
    """The kinds of card that can be bound."""
    kinds = await handlers(request).card_kinds.bindable()
    return Ok(Page(items=[BindableKindOut.of(kind) for kind in kinds]))


@endpoint(tags=["card"], auth="person")
async def cards(request: web.Request) -> Ok[Page[CardOut]]:
    """The person's cards; a kind that is new since they joined is there at once."""
    mine = await handlers(request).cards.mine(person(request))
    return Ok(Page(items=[CardOut.of(card) for card in mine]))


@endpoint(
    tags=["card"],
    auth="person",
    refuses=[
        NotAMember,
        CardKindUnknown,
        CardNumberWrong,
        CardProofMissing,
        CardProofDiffers,
        CardTriesUsedUp,
        CardAlreadyYours,
        *_AFTER_PROOF,
        *_BY_TICKET,
        PhoneCodeRefused,
        WeChatUnavailable,
    ],
)
async def bind_card(request: web.Request, body: BindBody, *, idempotency_key: str) -> Created[BoundOut]:
    """Bind a card by number or by a ticket from the chat, with a proof. The person's other sessions end."""
    binding, who, proof = handlers(request).card_binding, person(request), body.proof.shown()
    if body.ticket is not None:
        answer = await binding.bind_by_ticket(who, ticket=body.ticket, proof=proof, request_id=idempotency_key)
    else:
        kind, number = body.kind or "", body.number or ""
        answer = await binding.bind(who, kind=kind, number=number, proof=proof, request_id=idempotency_key)
    await handlers(request).sessions.close_others(who.member_id, token=token(request))
    return reply(answer, BoundOut.of, status=201)


@endpoint(tags=["card"], auth="person", refuses=[CardUnknown, CardNotUnbindable, CardStateWrong])
async def unbind_card(request: web.Request, card_id: Id, /, *, idempotency_key: str | None = None) -> Ok[UnboundOut]:
    """Let a card go; it can be bound again after seven days."""
    answer = await handlers(request).cards.unbind(person(request), card_id, request_id=idempotency_key)
    return reply(answer, lambda gone: UnboundOut(id=gone.id, bindable_from=gone.bindable_from), status=200)


@endpoint(tags=["card"], auth="person", refuses=[NotAMember, Overloaded])
async def show_code(request: web.Request) -> Created[MemberCodeOut]:
    """A member code 会员码: one scan, 60 seconds. Asking again gives another."""
    code = await handlers(request).member_codes.show(person(request))
    return Created(MemberCodeOut(token=code.token, expires_at=code.expires_at, qr_svg=qr_svg(code.token)))


ROUTES = [
    web.get("/card-kinds", card_kinds),
    web.get("/me/cards", cards),
    web.post("/me/cards", bind_card),
    web.delete("/me/cards/{card_id}", unbind_card),
    web.post("/me/code", show_code),
]
