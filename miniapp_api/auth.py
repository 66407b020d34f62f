"""Who is asking: from a bearer token to an actor. May they? is the handlers' question."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from aiohttp import web

from handlers.actors import Clerk, Operator, Person
from handlers.channels.gate import Heard, Signed
from handlers.errors import ChannelNotSigned, ClerkNotSignedIn, NotSignedIn, OperatorNotSignedIn
from miniapp_api.bodies import receive
from miniapp_api.keys import ACTOR, CLERK, OPERATOR, PERSON, RECEIVED, SIGNED, TOKEN, handlers

Auth = Literal["public", "person", "operator", "clerk", "channel"]

_SIGNED_BY = ("Channel", "Timestamp", "Nonce", "Signature")
_BEARER = re.compile(r"[Bb]earer ([A-Za-z0-9_\-]{16,128})")

Authenticator = Callable[[web.Request], Awaitable[str]]


async def _person(request: web.Request, *, even_frozen: bool = False) -> str:
    """Find the person; their actor id, under which requests are counted. Raises NotSignedIn, MemberFrozen."""
    token = _bearer(request)
    person = await handlers(request).sessions.who(token, even_frozen=even_frozen)
    actor_id = person.actor_id
    request[PERSON], request[TOKEN], request[ACTOR] = person, token, f"{person.kind}:{actor_id}"
    return actor_id


async def _person_even_frozen(request: web.Request) -> str:
    return await _person(request, even_frozen=True)


async def _operator(request: web.Request) -> str:
    """Find the operator; their actor id, under which requests are counted. Raises OperatorNotSignedIn."""
    try:
        token = _bearer(request)
    except NotSignedIn:
        raise OperatorNotSignedIn from None
    operator = await handlers(request).operator_sessions.who(token)
    actor_id = operator.actor_id
    request[OPERATOR], request[ACTOR] = operator, f"{operator.kind}:{actor_id}"
    return actor_id


async def _clerk(request: web.Request) -> str:
    """Find the clerk; their actor id, under which requests are counted. Raises ClerkNotSignedIn."""
    try:
        token = _bearer(request)
    except NotSignedIn:
        raise ClerkNotSignedIn from None
    clerk = await handlers(request).clerk_sessions.who(token)
    actor_id = clerk.actor_id
    request[CLERK], request[ACTOR] = clerk, f"{clerk.kind}:{actor_id}"
    return actor_id


async def channel_of(request: web.Request, max_bytes: int) -> None:
    """Find the channel that signed these very bytes. Raises what the gate's `who` and `bodies.receive` raise."""
    given = [value for name in _SIGNED_BY for value in request.headers.getall(f"X-Fanpiao-{name}", [])]
    if len(given) != len(_SIGNED_BY) or any(f"X-Fanpiao-{name}" not in request.headers for name in _SIGNED_BY):
        raise ChannelNotSigned  # one is missing, or comes twice
    code, timestamp, nonce, signature = given
    body = await receive(request, max_bytes)
    heard = Heard(request.method, request.raw_path, body, code, timestamp, nonce, signature)
    signed = await handlers(request).channel_gate.who(heard)
    request[SIGNED], request[RECEIVED] = signed, body
    request[ACTOR] = f"{signed.channel.kind}:{signed.channel.actor_id}"


AUTHENTICATORS: Mapping[Auth, Authenticator] = {"person": _person, "operator": _operator, "clerk": _clerk}


def authenticator(auth: Auth, *, even_frozen: bool) -> Authenticator | None:
    """What finds out who asks; None for the public. `even_frozen` lets a frozen person in, to what is their right."""
    return _person_even_frozen if auth == "person" and even_frozen else AUTHENTICATORS.get(auth)


def person(request: web.Request) -> Person:
    """Who acts, on an endpoint declared with `auth="person"`."""
    return request[PERSON]


def operator(request: web.Request) -> Operator:
    """Who acts, on an endpoint declared with `auth="operator"`."""
    return request[OPERATOR]


def clerk(request: web.Request) -> Clerk:
    """Who acts, on an endpoint declared with `auth="clerk"`."""
    return request[CLERK]


def signed(request: web.Request) -> Signed:
    """Which channel speaks, on an endpoint declared with `auth="channel"`; not let in yet."""
    return request[SIGNED]


def token(request: web.Request) -> str:
    """The token they came with, to end this very session."""
    return request[TOKEN]


def _bearer(request: web.Request) -> str:
    given = request.headers.getall("Authorization", ())
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        raise NotSignedIn
    return match[1]
