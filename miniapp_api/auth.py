"""Who is asking: from a bearer token to an actor. May they? is the handlers' question."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from aiohttp import web

from handlers.actors import Person
from handlers.errors import NotSignedIn
from miniapp_api.keys import ACTOR, PERSON, TOKEN, handlers

Auth = Literal["public", "person"]

_BEARER = re.compile(r"[Bb]earer ([A-Za-z0-9_\-]{16,128})")

Authenticator = Callable[[web.Request], Awaitable[str]]


async def _person(request: web.Request) -> str:
    """Find the person; their actor id, under which requests are counted. Raises NotSignedIn, MemberFrozen."""
    token = _bearer(request)
    person = await handlers(request).sessions.who(token)
    actor_id = person.actor_id
    request[PERSON], request[TOKEN], request[ACTOR] = person, token, f"{person.kind}:{actor_id}"
    return actor_id


AUTHENTICATORS: Mapping[Auth, Authenticator] = {"person": _person}


def person(request: web.Request) -> Person:
    """Who acts, on an endpoint declared with `auth="person"`."""
    return request[PERSON]


def token(request: web.Request) -> str:
    """The token they came with, to end this very session."""
    return request[TOKEN]


def _bearer(request: web.Request) -> str:
    given = request.headers.getall("Authorization", ())
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        raise NotSignedIn
    return match[1]
