"""What check-ins give, as operators publish it."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from handlers.checkins.check_in_terms import CheckInVersion
from handlers.errors import CheckInTermsWrong, RoleMissing
from handlers.rules.checkins import CheckInRules, Step
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import below, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.rewards import RewardOut, Rewards
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page


class StepBody(Body):
    days: Annotated[int, Field(ge=1, le=366)]
    rewards: Rewards

    def step(self) -> Step:
        """As the rules know it."""
        return Step(self.days, tuple(each.reward() for each in self.rewards))


Steps = Annotated[list[StepBody], Field(max_length=31)]


class CheckInTermsBody(Body):
    """A version, in force at once. `streak`: every full n days in a row; `month`: the n-th day of a natural month."""

    daily: Rewards = Field(default_factory=list)
    streak: Steps = Field(default_factory=list)
    month: Steps = Field(default_factory=list)
    days_back: Annotated[int, Field(ge=0, le=31, description="how far back a make-up card reaches")] = 0
    is_open: bool = True

    def rules(self) -> CheckInRules:
        """As the rules know it."""
        return CheckInRules(
            daily=tuple(each.reward() for each in self.daily),
            streak=tuple(each.step() for each in self.streak),
            month=tuple(each.step() for each in self.month),
            days_back=self.days_back,
            is_open=self.is_open,
        )


class StepOut(Out):
    days: int
    rewards: list[RewardOut]


class CheckInTermsOut(Out):
    """One version; it never changes."""

    number: int
    daily: list[RewardOut]
    streak: list[StepOut]
    month: list[StepOut]
    days_back: int
    is_open: bool
    published_at: datetime | None
    published_by: Id | None

    @classmethod
    def of(cls, version: CheckInVersion) -> "CheckInTermsOut":
        """The version with its rules, flat."""
        rules = {name: getattr(version.rules, name) for name in ("daily", "streak", "month", "days_back", "is_open")}
        facts = {"published_at": version.published_at, "published_by": version.published_by}
        return cls.model_validate({"number": version.number, **rules, **facts}, from_attributes=True)


@endpoint(tags=["check-in"], auth="operator", refuses=[RoleMissing])
async def check_in_versions(
    request: web.Request, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[CheckInTermsOut]]:
    """What was published, the newest first: that one holds."""
    before = below(cursor)
    editing = handlers(request).check_in_terms
    found = await editing.versions(operator(request), before=before, limit=limit + 1)
    more = next_place([each.number for each in found], limit)
    return Ok(Page(items=[CheckInTermsOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["check-in"], auth="operator", refuses=[RoleMissing, CheckInTermsWrong])
async def publish_check_in_terms(
    request: web.Request, body: CheckInTermsBody, *, idempotency_key: str
) -> Created[CheckInTermsOut]:
    """A next version, for check-ins from now on."""
    editing = handlers(request).check_in_terms
    answer = await editing.publish(operator(request), body.rules(), request_id=idempotency_key)
    return reply(answer, CheckInTermsOut.of, status=201)


ROUTES = [
    web.get("/operator/check-ins/terms", check_in_versions),
    web.post("/operator/check-ins/terms", publish_check_in_terms),
]
