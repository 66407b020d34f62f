"""A tiny capability behind the door, to test the door by: things that people keep."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import Field

from handlers.actors import Person
from handlers.errors import (
    ConsentOutdated,
    KeyReused,
    LoginCodeRefused,
    MemberFrozen,
    NotSignedIn,
    StillRunning,
    WeChatUnavailable,
)
from handlers.requests import Answer
from miniapp_api.app import PREFIX, create_api
from miniapp_api.auth import person, token
from miniapp_api.http import endpoint
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, decode_cursor, encode_cursor
from models.words import Touchpoint

TOKEN = "a-token-of-forty-three-characters-0123456789"
MEMBER_ID = UUID("01939e3a-7f5b-7c3c-8000-0123456789ab")
THING_ID = UUID("01939e3a-7f5b-7c3c-8000-00000000000a")
PERSON = Person(MEMBER_ID, "mp", Touchpoint.MINI_PROGRAM, True, "8000012345")
SECRET = "postgres://fanpiao:hunter2@db/fanpiao"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Maker(Body):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    since: datetime | None = None


class ThingBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    count: Annotated[int, Field(ge=0, le=1000)] = 1
    colour: Colour = Colour.RED
    is_open: bool = False
    makers: Annotated[list[Maker], Field(max_length=3, default_factory=list)]
    owner_id: Id | None = None


class ThingOut(Out):
    id: Id
    name: str
    count: int
    colour: Colour
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Thing:
    """What a handler would return; it knows more than the door tells."""

    id: UUID
    name: str
    count: int = 1
    colour: Colour = Colour.RED
    made_at: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    internal_note: str = "never shown"


@dataclass
class Seen:
    """What reached the views."""

    calls: list[dict[str, object]] = field(default_factory=list)
    answers: dict[str, Thing] = field(default_factory=dict)


SEEN: web.AppKey[Seen] = web.AppKey("SEEN", Seen)

REFUSALS = {
    "invalid": LoginCodeRefused(),
    "frozen": MemberFrozen(),
    "outdated": ConsentOutdated(purpose="membership", version="3", since=datetime(2026, 1, 1, tzinfo=UTC), status=200),
    "reused": KeyReused(),
    "running": StillRunning(retry_after=2),
    "wechat": WeChatUnavailable(retry_after=60),
    "signed_out": NotSignedIn(),
}


@endpoint(tags=["things"], auth="person", refuses=[ConsentOutdated])
async def make_thing(request: web.Request, body: ThingBody, *, idempotency_key: str) -> Created[ThingOut]:
    """Make a thing.

    The second paragraph is the description.
    """
    seen = request.app[SEEN]
    seen.calls.append({"who": person(request), "body": body, "key": idempotency_key})
    first = seen.answers.get(idempotency_key)
    thing = seen.answers.setdefault(idempotency_key, Thing(THING_ID, body.name, body.count, body.colour))
    return reply(Answer(thing, replayed=first is not None), ThingOut.model_validate, status=201)


@endpoint(tags=["things"])
async def try_thing(request: web.Request, body: ThingBody) -> Ok[ThingOut]:
    """Say what would be made."""
    request.app[SEEN].calls.append({"body": body})
    return Ok(ThingOut(id=THING_ID, name=body.name, count=body.count, colour=body.colour, made_at=datetime.now(UTC)))


@endpoint(tags=["things"])
async def list_things(
    request: web.Request,
    limit: Limit = 20,
    cursor: Cursor | None = None,
    colour: Colour | None = None,
    is_open: bool = False,  # noqa: FBT002 - a query parameter
) -> Ok[Page[ThingOut]]:
    """Things, one page at a time."""
    (start,) = decode_cursor(cursor, int) if cursor else (0,)
    request.app[SEEN].calls.append({"limit": limit, "start": start, "colour": colour, "is_open": is_open})
    things = [
        ThingOut(id=THING_ID, name=f"thing {n}", count=n, colour=Colour.RED, made_at=datetime(2026, 3, 2, tzinfo=UTC))
        for n in range(start, min(start + limit, 25))
    ]
    return Ok(Page(items=things, next_cursor=encode_cursor([start + limit]) if start + limit < 25 else None))


@endpoint(tags=["things"])
async def get_thing(request: web.Request, thing_id: Id, /) -> Ok[ThingOut]:
    """One thing."""
    request.app[SEEN].calls.append({"thing_id": thing_id})
    return Ok(ThingOut.model_validate(Thing(thing_id, "a cup")))


@endpoint(tags=["things"], auth="person")
async def drop_thing(request: web.Request, thing_id: Id, /, *, idempotency_key: str | None = None) -> NoContent:
    """Drop a thing."""
    request.app[SEEN].calls.append({"thing_id": thing_id, "key": idempotency_key, "token": token(request)})
    return NoContent(replayed=idempotency_key == "again")


@endpoint(tags=["refusals"])
async def refuse(request: web.Request, why: str = "invalid") -> NoContent:
    """Refuse."""
    raise REFUSALS[why]


@endpoint(tags=["refusals"])
async def crash(request: web.Request) -> NoContent:
    """Crash with a secret on its lips."""
    raise RuntimeError(SECRET)


@endpoint(tags=["refusals"], limit="login")
async def guess(request: web.Request) -> NoContent:
    """Something worth guessing at."""
    return NoContent()


class Sessions:
    """Knows one token."""

    async def who(self, token: str, *, even_frozen: bool = False) -> Person:
        if token != TOKEN:
            raise NotSignedIn
        return PERSON


class Limiter:
    """Lets `allowed` hits of each name through; remembers all."""

    def __init__(self) -> None:
        self.allowed: dict[str, int] = {}
        self.hits: list[tuple[str, str]] = []

    def hit(self, name: str, who: str) -> int:
        self.hits.append((name, who))
        return 0 if self.hits.count((name, who)) <= self.allowed.get(name, 1_000_000) else 7


ROUTES = [
    web.get("/things", list_things),
    web.post("/things", make_thing),
    web.post("/things/preview", try_thing),
    web.get("/things/{thing_id}", get_thing),
    web.delete("/things/{thing_id}", drop_thing),
    web.get("/refuse", refuse),
    web.get("/crash", crash),
    web.post("/guess", guess),
]


def example_app(limiter: Limiter, seen: Seen, *, proxies: Iterable[str] = ()) -> web.Application:
    """The example mounted where the real door is."""
    api = create_api(
        SimpleNamespace(sessions=Sessions()),  # type: ignore[arg-type]
        limiter,
        ROUTES,
        trusted_proxies=proxies,
    )
    api[SEEN] = seen
    root = web.Application()
    root.add_subapp(PREFIX, api)
    return root
