"""Who the person is, across phones and channels: login phone, bound numbers, link tickets."""

from aiohttp import web

from handlers.errors import (
    LinkHeld,
    LinkRefused,
    LinkToConfirm,
    NotAMember,
    NumbersFull,
    NumberUnknown,
    PhoneBlocked,
    PhoneCodeRefused,
    PhoneConsentMissing,
    PhoneElsewhere,
    PhoneFactNeeded,
    TicketExpired,
    TicketInvalid,
    TicketOwn,
    TicketUsed,
    WeChatUnavailable,
)
from handlers.identity.links import Linked, LinkTicket
from handlers.identity.transfers import KnownFact, PhoneChanged
from miniapp_api.auth import person, token
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.linking_shapes import (
    FactBody,
    LinkBody,
    LinkedOut,
    LinkTicketOut,
    NumberBody,
    NumberOut,
    PhoneBody,
    PhoneOut,
)
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Id, Page

PHONE_REFUSALS = [NotAMember, PhoneConsentMissing, PhoneCodeRefused, PhoneBlocked, WeChatUnavailable]


@endpoint(tags=["phone"], auth="person", refuses=[*PHONE_REFUSALS, PhoneFactNeeded, PhoneElsewhere])
async def change_phone(request: web.Request, body: PhoneBody, *, idempotency_key: str | None = None) -> Ok[PhoneOut]:
    """Make a number the login phone: new, the same, or taken over from its former holder, who keeps all else.

    All other sessions of the person end, unless it was their phone already.
    """
    answer = await handlers(request).transfers.change_phone(
        person(request),
        phone_code=body.phone_code,
        fact=_fact(body.fact),
        token=token(request),
        request_id=idempotency_key,
    )
    return reply(answer, _phone, status=200)


def _fact(body: FactBody | None) -> KnownFact | None:
    if body is None or (body.last_store_id is None and body.birthday is None):
        return None
    return KnownFact(body.last_store_id, body.birthday.isoformat() if body.birthday else None)


def _phone(changed: PhoneChanged) -> PhoneOut:
    return PhoneOut(outcome=changed.outcome, phone=f"*******{changed.phone_tail}", held_until=changed.held_until)


@endpoint(tags=["phone"], auth="person")
async def numbers(request: web.Request) -> Ok[Page[NumberOut]]:
    """The person's bound numbers, apart from the login phone."""
    found = await handlers(request).numbers.list(person(request))
    return Ok(Page(items=[NumberOut.of(number) for number in found]))


@endpoint(tags=["phone"], auth="person", refuses=[*PHONE_REFUSALS, NumbersFull])
async def bind_number(
    request: web.Request, body: NumberBody, *, idempotency_key: str
) -> Created[NumberOut] | Ok[NumberOut]:
    """Bind one more number of their own; 200 when it was theirs. Whoever proved a number last has it."""
    answer = await handlers(request).numbers.bind(
        person(request), phone_code=body.phone_code, request_id=idempotency_key
    )
    out = NumberOut.of(answer.value.number)
    if answer.value.was_theirs:
        return Ok(out, replayed=answer.replayed)
    return Created(out, replayed=answer.replayed)


@endpoint(tags=["phone"], auth="person", refuses=[NumberUnknown])
async def unbind_number(request: web.Request, number_id: Id, /, *, idempotency_key: str | None = None) -> NoContent:
    """Give a bound number up."""
    answer = await handlers(request).numbers.unbind(person(request), number_id, request_id=idempotency_key)
    return NoContent(replayed=answer.replayed)


@endpoint(tags=["link"], auth="person", refuses=[NotAMember])
async def issue_link_ticket(request: web.Request, *, idempotency_key: str) -> Created[LinkTicketOut]:
    """A ticket that joins another channel of the same person to this member, without personal data."""
    return reply(await handlers(request).links.issue(person(request), request_id=idempotency_key), _ticket, status=201)


def _ticket(made: LinkTicket) -> LinkTicketOut:
    return LinkTicketOut(ticket=made.token, expires_at=made.expires_at)


@endpoint(
    tags=["link"],
    auth="person",
    limit="login",
    refuses=[TicketInvalid, TicketUsed, TicketExpired, TicketOwn, LinkToConfirm, LinkRefused, LinkHeld],
)
async def link(request: web.Request, body: LinkBody, *, idempotency_key: str) -> Created[LinkedOut]:
    """Become one with the member who made the ticket. A member with something of their own confirms first."""
    answer = await handlers(request).links.link(
        person(request),
        ticket=body.ticket,
        confirmed=body.confirm,
        token=token(request),
        request_id=idempotency_key,
    )
    return reply(answer, _linked, status=201)


def _linked(linked: Linked) -> LinkedOut:
    return LinkedOut(member_id=linked.member_id, number=linked.number)


ROUTES = [
    web.put("/me/phone", change_phone),
    web.get("/me/numbers", numbers),
    web.post("/me/numbers", bind_number),
    web.delete("/me/numbers/{number_id}", unbind_number),
    web.post("/me/link-tickets", issue_link_ticket),
    web.post("/me/links", link),
]
