"""Paid membership as members see it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handlers.plans.buying import PlanWanted
from handlers.plans.my_membership import PlanShown
from miniapp_api.member.order_shapes import MostFen
from miniapp_api.shapes import Body, Id, Out
from models.words import PlanPeriod, PlanWay, RightPeriod, TermCause


class PlanOrderBody(Body):
    """`amount_fen`: what was shown, refused if it changed meanwhile."""

    payment_method: Literal["wechat"]
    amount_fen: MostFen | None = None

    def facts(self, plan_id: Id) -> PlanWanted:
        """As the handler takes it."""
        return PlanWanted(plan_id, self.amount_fen)


class PlanCodeBody(Body):
    """As it is printed, or as somebody typed it."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class PlanRightOut(Out):
    name: str
    period: RightPeriod


class PlanOut(Out):
    """A plan, and what it would be for whoever asks."""

    id: Id
    name: str
    description: str
    level: str
    level_name: str
    period: PlanPeriod
    day_count: int = Field(description="days of 24 hours that one purchase lasts")
    price_fen: int
    trial_days: int = Field(description="once per person, without paying; 0: no trial")
    way: PlanWay | None = Field(description="what buying it would do; null: they have something better")
    amount_fen: int = Field(description="what it costs this person: the price, or the difference of an upgrade")
    rights: list[PlanRightOut] = Field(description="what its level brings by itself")

    @classmethod
    def of(cls, shown: PlanShown) -> "PlanOut":
        """In its outer shape."""
        facts = {name: getattr(shown.plan, name) for name in cls.model_fields if name != "rights"}
        return cls(**facts, rights=[PlanRightOut.model_validate(each) for each in shown.rights])


class TermOut(Out):
    """One term of a membership."""

    plan: str
    level: str
    cause: TermCause
    order_id: Id | None
    paid_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime | None = Field(description="the rest from there on went back")


class MembershipOut(Out):
    """What somebody has paid for. Without one, `level` and `name` are empty."""

    level: str
    name: str
    ends_at: datetime | None
    days_left: int
    terms: list[TermOut] = Field(description="the newest first")
