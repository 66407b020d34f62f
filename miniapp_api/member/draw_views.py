"""抽奖: `GET /draws`, `GET /draws/{id}`, spins, winners, and what anybody may check."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.draws.spin_results import Spun
from handlers.errors import (
    DrawClosed,
    DrawDayUnknown,
    DrawNotForYou,
    DrawNotOpen,
    DrawPaused,
    DrawUnknown,
    MemberFrozen,
    NonceInvalid,
    Overloaded,
    ParcelStateWrong,
    ParcelUnknown,
    PointsShort,
    SpinCostsMore,
    SpinsUsedUp,
    TimesInvalid,
)
from handlers.rules.draw_rules import PrizeKind
from miniapp_api.auth import person
from miniapp_api.draw_shapes import LOG_TYPE, Day, DisclosedOut, FairnessOut, ParcelOut
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.points_views import before
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, decode_cursor, encode_cursor
from models.words import DrawLook, DuePrizeState, ParcelState, PrizeAsks, SpinPaid

Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=6, max_length=300)]


class DrawOut(Out):
    """One draw in a list."""

    id: Id
    title: str
    keyword: str
    look: DrawLook
    opens_at: datetime
    closes_at: datetime
    reason: str = Field(description="the code of why the person cannot spin now; empty: they can")


class DrawsOut(Out):
    """Every draw that the person may look at."""

    items: list[DrawOut]


class PrizeOut(Out):
    """One slice. `ppm`: of 1,000,000, for the person's next spin."""

    code: str
    name: str
    kind: PrizeKind
    rarity: int
    ppm: int
    left: int | None = Field(description="null: no limit")


class TurnOut(Out):
    """What the person has to spin with, taken in this order: free spins of the day, chances, points."""

    free_left: int
    next_free_at: datetime | None
    chances: int
    points_price: int | None = Field(description="null: not for points")
    spins: int = Field(description="made in this draw so far")
    guaranteed_in: int | None = Field(description="after so many spins at the latest; null: no guarantee")


class DisclosureOut(Out):
    """The page that the law wants, from the table that decides."""

    title: str
    prizes: list[DisclosedOut]
    sentences: list[str]


class DrawDetailOut(Out):
    """One draw, with what the person has to spin with."""

    summary: DrawOut
    prizes: list[PrizeOut]
    turn: TurnOut
    disclosure: DisclosureOut


class SpinBody(Body):
    """`times`: 1 or 10. `client_nonce`: chosen by the device; without one the Idempotency-Key stands for it.

    `most_points`: what the person agreed to spend, all spins together; null: whatever it costs.
    """

    times: int = 1
    client_nonce: str | None = Field(default=None, max_length=1_000)
    most_points: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None


class SpinOut(Out):
    """One spin. `place`: of the prize on the wheel. `until`: the claim's end, or until when what was won waits.

    `parcel_id` waits for an address; `prize_id` for what it `asks`, at `/me/prizes/{prize_id}/claims`.
    """

    id: Id
    sequence: int
    prize: str
    place: int
    name: str
    kind: PrizeKind
    amount: int
    rolled: str
    why: str
    is_guaranteed: bool
    paid_by: SpinPaid
    points: int
    claim_id: Id | None
    parcel_id: Id | None
    until: datetime | None
    prize_id: Id | None
    asks: PrizeAsks | None


class ReceiptOut(Out):
    """Keep it: the signature (Ed25519, base64url) of the payload's bytes proves that these spins stand in the log."""

    payload: str
    signature: str
    key_id: str


class SpunOut(Out):
    """What one request got, and what is left afterwards."""

    draw_id: Id
    title: str
    happened_at: datetime
    spins: list[SpinOut]
    free_left: int
    chances_left: int
    receipt: ReceiptOut

    @classmethod
    def of(cls, spun: Spun) -> "SpunOut":
        """As the handler tells it."""
        return cls.model_validate(spun)


class OwnSpinOut(Out):
    """One spin of the past. `points`: paid for it; `chain`: the hash (hex) of the log up to and with it."""

    id: Id
    sequence: int
    day: str
    prize: str
    name: str
    kind: PrizeKind
    why: str
    paid_by: SpinPaid
    points: int
    claim_id: Id | None
    parcel_id: Id | None
    parcel_state: ParcelState | None
    prize_id: Id | None
    prize_state: DuePrizeState | None
    deadline_at: datetime | None
    happened_at: datetime
    chain: str


class ChanceOut(Out):
    """Chances that came at once. `source`: check_in, task, operator, prize."""

    id: Id
    source: str
    amount: int
    left: int = Field(description="that can still be spun")
    given_at: datetime
    expires_at: datetime | None


class WinnerOut(Out):
    """Somebody who won something."""

    sequence: int
    member: str = Field(description="as far as others may know")
    name: str
    happened_at: datetime


class AddressBody(Body):
    """Where a thing is to be sent."""

    address: Address = Field(description="name, phone and place, as one text")


@endpoint(tags=["draw"], auth="person")
async def draws(request: web.Request) -> Ok[DrawsOut]:
    """Draws of their city and above, the newest first."""
    found = await handlers(request).draws.listing(person(request))
    return Ok(DrawsOut(items=[DrawOut.model_validate(each) for each in found]))


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown])
async def draw(request: web.Request, draw_id: Id, /) -> Ok[DrawDetailOut]:
    """Odds, own chances, how far the guarantee is, and everything that has to be told."""
    return Ok(DrawDetailOut.model_validate(await handlers(request).draws.view(person(request), draw_id)))


@endpoint(
    tags=["draw"],
    auth="person",
    refuses=[
        DrawUnknown,
        DrawNotOpen,
        DrawClosed,
        DrawPaused,
        DrawNotForYou,
        TimesInvalid,
        NonceInvalid,
        SpinsUsedUp,
        PointsShort,
        SpinCostsMore,
        MemberFrozen,
        Overloaded,
    ],
)
async def spin(request: web.Request, draw_id: Id, /, body: SpinBody, *, idempotency_key: str) -> Created[SpunOut]:
    """Spin once or ten times, all or none, at most once per key."""
    answer = await handlers(request).spinning.spin(
        person(request),
        draw_id=draw_id,
        times=body.times,
        client_nonce=body.client_nonce,
        most_points=body.most_points,
        request_id=idempotency_key,
    )
    return reply(answer, SpunOut.of, status=201)


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown])
async def own_spins(
    request: web.Request, draw_id: Id, /, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[OwnSpinOut]]:
    """Their own spins, the newest first."""
    found = await handlers(request).draws.spins(person(request), draw_id, before=_before(cursor), limit=limit + 1)
    items = [OwnSpinOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=_more([each.sequence for each in found], limit)))


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown])
async def own_chances(
    request: web.Request, draw_id: Id, /, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[ChanceOut]]:
    """The person's chances of this draw, gift by gift, the newest first."""
    last = before(cursor)
    found = await handlers(request).own_chances.listed(person(request), draw_id, before=last, limit=limit + 1)
    items = [ChanceOut.model_validate(each) for each in found[:limit]]
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=more))


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown])
async def winners(
    request: web.Request, draw_id: Id, /, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[WinnerOut]]:
    """Who won what, the newest first."""
    found = await handlers(request).draws.winners(person(request), draw_id, before=_before(cursor), limit=limit + 1)
    items = [WinnerOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=_more([each.sequence for each in found], limit)))


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown])
async def fairness(request: web.Request, draw_id: Id, /, day: Day | None = None) -> Ok[FairnessOut]:
    """Seeds and promises, and the keys that receipts are checked with."""
    found = await handlers(request).draw_revealing.fairness(person(request), draw_id, day=day)
    return Ok(FairnessOut.model_validate(found))


@endpoint(tags=["draw"], auth="person", refuses=[DrawUnknown, DrawDayUnknown])
async def fairness_log(request: web.Request, draw_id: Id, /, day: Day | None = None) -> Download:
    """The log of a revealed day, for `verify_draw.py`; the newest one when none is named."""
    lines = await handlers(request).draw_revealing.log(person(request), draw_id, day=day)
    return Download(lines, media_type=LOG_TYPE, name=f"draw-{day or 'newest'}.jsonl")


@endpoint(tags=["draw"], auth="person", refuses=[ParcelUnknown, ParcelStateWrong])
async def address(
    request: web.Request, parcel_id: Id, /, body: AddressBody, *, idempotency_key: str | None = None
) -> Ok[ParcelOut]:
    """Where a thing that was won is to go."""
    answer = await handlers(request).parcels.address(
        person(request), parcel_id, address=body.address, request_id=idempotency_key
    )
    return reply(answer, ParcelOut.model_validate, status=200)


def _before(cursor: str | None) -> int | None:
    return min(max(decode_cursor(cursor, int)[0], 0), 2_147_483_647) if cursor else None


def _more(sequences: list[int], limit: int) -> str | None:
    return encode_cursor([sequences[limit - 1]]) if len(sequences) > limit else None


ROUTES = [
    web.get("/draws", draws),
    web.get("/draws/{draw_id}", draw),
    web.post("/draws/{draw_id}/spins", spin),
    web.get("/draws/{draw_id}/spins", own_spins),
    web.get("/draws/{draw_id}/chances", own_chances),
    web.get("/draws/{draw_id}/winners", winners),
    web.get("/draws/{draw_id}/fairness", fairness),
    web.get("/draws/{draw_id}/fairness/log", fairness_log),
    web.put("/me/parcels/{parcel_id}/address", address),
]
