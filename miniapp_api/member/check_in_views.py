"""签到: `POST /check-ins`, `GET /check-ins`, and missed days that a card mends."""

from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.checkins.calendar import MonthView
from handlers.errors import (
    AlreadyCheckedIn,
    CheckInsClosed,
    DayNotMendable,
    MakeupCardMissing,
    MemberFrozen,
    NotAMember,
    Overloaded,
)
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.rewards import Part, RewardedOut, RewardOut
from miniapp_api.shapes import Body, Out
from miniapp_api.wrongs import wrong_fields

MonthText = Annotated[str, StringConstraints(pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$"), Field(description="2026-11")]
DayText = Annotated[str, StringConstraints(pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}$"), Field(description="2026-11-27")]


class CheckedInOut(Out):
    """The business day that counts now, and every reward of it as an item of its own."""

    business_on: date
    streak: int = Field(description="days in a row with this one")
    in_month: int = Field(description="days of its month with this one")
    is_made_up: bool
    rewards: list[RewardedOut]


class CheckInDayOut(Out):
    on: date
    is_made_up: bool
    rewards: list[RewardedOut]


class NextStepOut(Out):
    part: Part
    days: int
    left: int = Field(description="check-ins until then")
    rewards: list[RewardOut]


class CheckInMonthOut(Out):
    """A month; everything but `days` and `in_month` is as of now."""

    first: date
    today: date
    is_open: bool
    is_done_today: bool
    streak: int
    in_month: int
    days: list[CheckInDayOut]
    card_count: int = Field(description="make-up cards that can be used")
    mendable: list[date] = Field(description="missed days that a card reaches, the newest first")
    daily: list[RewardOut]
    next_steps: list[NextStepOut]

    @classmethod
    def of(cls, seen: MonthView) -> "CheckInMonthOut":
        """As the handler tells it."""
        return cls.model_validate(seen)


class MakeUpBody(Body):
    """Which missed day a make-up card is used for."""

    business_on: DayText


@endpoint(
    tags=["check-in"],
    auth="person",
    refuses=[AlreadyCheckedIn, CheckInsClosed, NotAMember, MemberFrozen, Overloaded],
)
async def check_in(request: web.Request, *, idempotency_key: str) -> Created[CheckedInOut]:
    """Check in for the business day of now, once."""
    answer = await handlers(request).check_ins.check_in(person(request), request_id=idempotency_key)
    return reply(answer, CheckedInOut.model_validate, status=201)


@endpoint(tags=["check-in"], auth="person")
async def month_of_check_ins(request: web.Request, month: MonthText | None = None) -> Ok[CheckInMonthOut]:
    """The days of a month with what each gave, the streak, the cards, and what comes next."""
    first = date.fromisoformat(f"{month}-01") if month else None
    return Ok(CheckInMonthOut.of(await handlers(request).check_in_calendar.month(person(request), first)))


@endpoint(
    tags=["check-in"],
    auth="person",
    refuses=[DayNotMendable, MakeupCardMissing, CheckInsClosed, NotAMember, MemberFrozen],
)
async def make_up(request: web.Request, body: MakeUpBody, *, idempotency_key: str) -> Created[CheckedInOut]:
    """Let a missed day count, for one make-up card."""
    try:
        on = date.fromisoformat(body.business_on)
    except ValueError as trouble:
        raise wrong_fields([("business_on", "wrong_value")]) from trouble
    answer = await handlers(request).check_ins.mend(person(request), on, request_id=idempotency_key)
    return reply(answer, CheckedInOut.model_validate, status=201)


ROUTES = [
    web.post("/check-ins", check_in),
    web.get("/check-ins", month_of_check_ins),
    web.post("/check-ins/make-ups", make_up),
]
