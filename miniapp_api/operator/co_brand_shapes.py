"""Agreements with partners as operators send and see them; partners' channels see the figures alike."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from handlers.co_brands.agreements import CoBrandView
from handlers.co_brands.figures import CoBrandFigures
from handlers.rules.co_brands import MOST_CAP_FEN, MOST_SUBSIDY_FEN, CoBrandTerms, Subsidy
from miniapp_api.operator.level_shapes import LevelCode
from miniapp_api.operator.merchant_shapes import Code, ShortName
from miniapp_api.operator.shapes import Reason
from miniapp_api.shapes import Body, Id, Out
from models.words import CoBrandParty, CoBrandState


class SubsidyBody(Body):
    """What a side gives for each who joins, and for all together at most: with it, nobody joins any more."""

    subsidy_fen: Annotated[int, Field(ge=0, le=MOST_SUBSIDY_FEN)] = 0
    cap_fen: Annotated[int, Field(ge=0, le=MOST_CAP_FEN)] = 0

    def facts(self) -> Subsidy:
        """As the rules read it."""
        return Subsidy(self.subsidy_fen, self.cap_fen)


class CoBrandBody(Body):
    """A draft by its code. The partner is an organization or a merchant; its channel asks for figures and members."""

    code: LevelCode
    name: ShortName
    partner_name: ShortName
    plan_id: Id
    is_free: bool = True
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    house: SubsidyBody = SubsidyBody()
    partner: SubsidyBody = SubsidyBody()
    partner_organization_id: Id | None = None
    partner_merchant: Code | None = None
    channel: Code | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)] = ""

    def facts(self) -> CoBrandTerms:
        """As the rules read it."""
        return CoBrandTerms(
            name=self.name,
            partner_name=self.partner_name,
            plan_id=self.plan_id,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            is_free=self.is_free,
            house=self.house.facts(),
            partner=self.partner.facts(),
            partner_organization_id=self.partner_organization_id,
            partner_merchant=self.partner_merchant,
            channel=self.channel,
            description=self.description,
        )


class EndCoBrandBody(Body):
    reason: Reason


class CoBrandSideOut(Out):
    """One side: the scene of its entry, and how far it has gone."""

    party: CoBrandParty
    code: str
    subsidy_fen: int
    cap_fen: int
    given_fen: int
    visit_count: int = Field(description="one a day for each who came by this entry")
    visitor_count: int
    join_count: int


class CoBrandEntryOut(Out):
    """One side's entry, to be put up: a mini-program code that opens `page` with the scene `code`."""

    party: CoBrandParty
    code: str
    page: str
    picture: str = Field(description="a mini-program code in base64; empty: WeChat gave none yet, ask again")


class CoBrandOut(Out):
    """An agreement. `plan_version` 0: not published yet."""

    id: Id
    code: str
    state: CoBrandState
    name: str
    partner_name: str
    description: str
    plan_id: Id
    plan_version: int
    is_free: bool
    starts_at: datetime
    ends_at: datetime
    partner_organization_id: Id | None
    partner_merchant: str | None
    channel: str | None
    sides: list[CoBrandSideOut]
    published_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, seen: CoBrandView) -> "CoBrandOut":
        """In its outer shape."""
        own = {name: getattr(seen, name) for name in ("id", "code", "state", "plan_version", "published_at")}
        of_terms = {name: getattr(seen.terms, name) for name in cls.model_fields if hasattr(seen.terms, name)}
        sides = [CoBrandSideOut.model_validate(each) for each in seen.sides]
        return cls(**own, **of_terms, sides=sides, ended_at=seen.ended_at)


class CoBrandDayOut(Out):
    """One business day of one side's entry."""

    business_on: str
    party: CoBrandParty
    visit_count: int
    join_count: int


class CoBrandFiguresOut(Out):
    """Totals of both sides, and the days asked for. Nobody is in it."""

    id: Id
    state: CoBrandState
    name: str
    sides: list[CoBrandSideOut]
    days: list[CoBrandDayOut]

    @classmethod
    def of(cls, figures: CoBrandFigures) -> "CoBrandFiguresOut":
        """In its outer shape."""
        seen = figures.co_brand
        return cls(
            id=seen.id,
            state=seen.state,
            name=seen.terms.name,
            sides=[CoBrandSideOut.model_validate(each) for each in seen.sides],
            days=[CoBrandDayOut.model_validate(each) for each in figures.days],
        )


class SharedMemberOut(Out):
    """Somebody who agreed to `sharing`. `ref`: this partner's own id of them, which opens nothing here."""

    ref: str
    came_by: CoBrandParty
    joined_at: datetime
    ends_at: datetime
