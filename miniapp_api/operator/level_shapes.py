"""What operators send and see of ladders, rights of levels, and members' levels."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from handlers.level_rights.right_editing import RightView, RightWanted
from handlers.levels.ladder_editing import LadderView
from handlers.rules.levels import MOST_COUNT, MOST_GROWTH, MOST_LEVELS, Ladder, Level
from miniapp_api.operator.shapes import Reason
from miniapp_api.shapes import Body, Id, Out
from models.words import DowngradePolicy, LevelCause, PointsExpiry, RightPeriod, RightState

LevelCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Growth = Annotated[int, Field(ge=0, le=MOST_GROWTH)]


class LevelBody(Body):
    """One level; `keep_growth` has to come within its validity to keep it."""

    code: LevelCode
    name: Name
    threshold: Growth
    validity: Literal["never", "days", "months", "years"] = "never"
    validity_count: Annotated[int, Field(ge=0, le=MOST_COUNT)] = Field(
        default=0, description="with months and years, 0 is the current one"
    )
    keep_growth: Growth = 0


class LadderBody(Body):
    """The whole ladder, the lowest level first. Published levels stay in it, in their order."""

    levels: list[LevelBody] = Field(min_length=1, max_length=MOST_LEVELS)
    downgrade: Literal["none", "one_down", "by_balance"] = Field(
        default="none", description="what becomes of a level that was not kept"
    )

    def facts(self) -> Ladder:
        """As the rules read it."""
        levels = [{**each.model_dump(), "validity": PointsExpiry(each.validity)} for each in self.levels]
        return Ladder(tuple(Level(**each) for each in levels), DowngradePolicy(self.downgrade))


class LadderLevelOut(Out):
    code: str
    name: str
    threshold: int
    validity: PointsExpiry
    validity_count: int
    keep_growth: int


class LadderTermsOut(Out):
    levels: list[LadderLevelOut]
    downgrade: DowngradePolicy


class LadderOut(Out):
    """`version` 0: nothing was published yet."""

    version: int
    ladder: LadderTermsOut
    draft: LadderTermsOut | None

    @classmethod
    def of(cls, seen: LadderView) -> "LadderOut":
        """As the handler tells it."""
        draft = LadderTermsOut.model_validate(seen.draft) if seen.draft else None
        return cls(version=seen.number, ladder=LadderTermsOut.model_validate(seen.ladder), draft=draft)


class RightBody(Body):
    """A draft by its code: who has one of `levels` gets the offer, once per period."""

    code: LevelCode
    name: Name
    offer_id: Id
    levels: list[LevelCode] = Field(min_length=1, max_length=MOST_LEVELS)
    period: Literal["once", "month", "quarter", "year", "birthday"]

    def facts(self) -> RightWanted:
        """As the handler reads it."""
        return RightWanted(self.code, self.name, self.offer_id, tuple(self.levels), RightPeriod(self.period))


class RightOut(Out):
    id: Id
    code: str
    name: str
    offer_id: Id
    levels: list[str]
    period: RightPeriod
    state: RightState
    published_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, right: RightView) -> "RightOut":
        """As the handler tells it."""
        return cls(
            **{name: getattr(right, name) for name in cls.model_fields if name != "levels"}, levels=[*right.levels]
        )


class StepOut(Out):
    """One change of a member's level, and why."""

    id: Id
    cause: LevelCause
    from_code: str
    code: str
    version: int
    growth: int
    judged_at: datetime | None
    override_until: datetime | None
    reason: str
    operator_id: Id | None
    approved_by_id: Id | None
    happened_at: datetime


class LiftBody(Body):
    """A higher level until an instant; more than 90 days ahead becomes a proposal for a second operator."""

    level: LevelCode
    until: AwareDatetime
    reason: Reason


class EndLiftBody(Body):
    reason: Reason


class LiftedOut(Out):
    """With an `approval_id` nothing has changed yet: a second operator has to approve."""

    member_id: Id
    level: str
    until: datetime
    approval_id: Id | None


class PendingLiftOut(Out):
    id: Id
    member_id: Id
    level: str
    until: datetime
    reason: str
    proposed_by: Id
    proposed_at: datetime
