"""The rules of commissions: drafted, published by version, and the kill switch of each level."""

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.distribution.commission_rules import RuleVersion
from handlers.errors import CommissionRulesUnpublishable, RoleMissing
from handlers.rules.commission import CommissionTerms
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import below, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import Admission

Rate = Annotated[int, Field(ge=0, le=10_000, description="basis points of what was really paid")]
Rates = Annotated[list[Rate], Field(max_length=2, description="by level, the nearest first")]
Days = Annotated[int, Field(ge=0, le=365)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=32)]


class CommissionRulesBody(Body):
    """A draft. Of several rates that fit a sale one counts: offer, then category, then grade, then `rates`."""

    level_count: Literal[1, 2] = 1
    rates: Rates = Field(default_factory=list)
    offers: dict[Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")], Rates] = Field(
        default_factory=dict, description="by the offer's id"
    )
    categories: dict[Key, Rates] = Field(default_factory=dict)
    grades: dict[Key, Rates] = Field(default_factory=dict, description="of the promoter")
    cap_bp: Rate = 3_000
    window_days: Days = 30
    protection_days: Days = 0
    hold_days: Days = 7
    freeze_days: Days = 7
    admission: Literal["open", "review"] = "review"
    least_member_days: Days = 0
    needs_phone: bool = False

    def terms(self) -> CommissionTerms:
        """As the rules know it."""
        said = self.model_dump(exclude={"rates", "offers", "categories", "grades", "admission"})
        return CommissionTerms(
            **said,
            rates=tuple(self.rates),
            offers={key: tuple(rates) for key, rates in self.offers.items()},
            categories={key: tuple(rates) for key, rates in self.categories.items()},
            grades={key: tuple(rates) for key, rates in self.grades.items()},
            admission=Admission(self.admission),
        )


class CommissionRulesOut(Out):
    """`number` 0: the draft. `since`: when it was published, or last edited."""

    number: int
    since: datetime
    id: Id | None
    level_count: int
    rates: list[int]
    offers: dict[str, list[int]]
    categories: dict[str, list[int]]
    grades: dict[str, list[int]]
    cap_bp: int
    window_days: int
    protection_days: int
    hold_days: int
    freeze_days: int
    admission: Admission
    least_member_days: int
    needs_phone: bool

    @classmethod
    def of(cls, version: RuleVersion) -> "CommissionRulesOut":
        """The version with its terms, flat."""
        own = {name: getattr(version, name) for name in ("number", "since", "id")}
        said = {name: getattr(version.terms, name) for name in cls.model_fields if name not in own}
        return cls.model_validate({**own, **said})


class CommissionDraftOut(Out):
    """Null: nothing was written yet."""

    draft: CommissionRulesOut | None


class LevelSwitchBody(Body):
    """The kill switch of one level."""

    level: Literal[1, 2]
    is_off: bool


class LevelSwitchOut(Out):
    level: int
    is_off: bool
    changed_at: datetime | None


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing])
async def commission_draft(request: web.Request) -> Ok[CommissionDraftOut]:
    """What is being written."""
    found = await handlers(request).commission_rules.draft(operator(request))
    return Ok(CommissionDraftOut(draft=CommissionRulesOut.of(found) if found else None))


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing])
async def set_commission_draft(
    request: web.Request, body: CommissionRulesBody, *, idempotency_key: str | None = None
) -> Ok[CommissionRulesOut]:
    """Replace the draft; what is in force stays."""
    answer = await handlers(request).commission_rules.set_draft(
        operator(request), body.terms(), request_id=idempotency_key
    )
    return reply(answer, CommissionRulesOut.of, status=200)


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing, CommissionRulesUnpublishable])
async def publish_commission_rules(request: web.Request, *, idempotency_key: str) -> Created[CommissionRulesOut]:
    """The draft holds for orders that are made from now on."""
    answer = await handlers(request).commission_rules.publish(operator(request), request_id=idempotency_key)
    return reply(answer, CommissionRulesOut.of, status=201)


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing])
async def commission_versions(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[CommissionRulesOut]]:
    """What was in force, the newest first."""
    found = await handlers(request).commission_rules.versions(operator(request), before=below(cursor), limit=limit + 1)
    items = [CommissionRulesOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_place([each.number for each in found], limit)))


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing])
async def commission_switches(request: web.Request) -> Ok[Page[LevelSwitchOut]]:
    """Which levels sales give commissions of."""
    found = await handlers(request).commission_rules.switches(operator(request))
    return Ok(Page(items=[LevelSwitchOut.model_validate(each) for each in found]))


@endpoint(tags=["commission"], auth="operator", refuses=[RoleMissing])
async def switch_commission_level(
    request: web.Request, body: LevelSwitchBody, *, idempotency_key: str | None = None
) -> Ok[LevelSwitchOut]:
    """Off at once: what is paid from now on gives none of this level; what was earned stays."""
    answer = await handlers(request).commission_rules.switch(
        operator(request), body.level, is_off=body.is_off, request_id=idempotency_key
    )
    return reply(answer, LevelSwitchOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/commission-rules/draft", commission_draft),
    web.put("/operator/commission-rules/draft", set_commission_draft),
    web.get("/operator/commission-rules", commission_versions),
    web.post("/operator/commission-rules", publish_commission_rules),
    web.get("/operator/commission-levels", commission_switches),
    web.put("/operator/commission-levels", switch_commission_level),
]
