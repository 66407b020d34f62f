"""Draws as operators send and see them. Whether the terms make sense is said when a draw is published."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from handlers.rules.draw_approval import DrawAct
from handlers.rules.draw_rules import DrawRules, Notice, Pity, Prize, PrizeKind, Release, SpinPrice
from handlers.rules.draw_terms import DrawTerms
from miniapp_api.operator.offer_shapes import AudienceBody, Count, Keyword, OfferCode, Title
from miniapp_api.operator.shapes import Reason
from miniapp_api.shapes import Body, Id, Out
from models.words import DrawLook, DrawState

PrizeCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Waybill = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class ReleaseBody(Body):
    """`count` units that cannot be won before `at`."""

    at: AwareDatetime
    count: Count


class PrizeBody(Body):
    """One slice of the wheel; null: no limit. `reference`: of a benefit prize the offer that is given."""

    code: PrizeCode
    name: Title
    kind: PrizeKind
    ppm: Count
    rarity: Count = 0
    value_fen: Count = 0
    amount: Count = 0
    reference: str = Field(default="", max_length=36)
    stock: Count | None = None
    daily: Count | None = None
    releases: list[ReleaseBody] = Field(default_factory=list, max_length=100)
    per_member: Count | None = None
    per_member_daily: Count | None = None
    unlock_after: Count = 0
    fallback: PrizeCode | None = None

    def facts(self) -> Prize:
        """As the rules read it."""
        releases = tuple(Release(each.at, each.count) for each in self.releases)
        return Prize(**{name: getattr(self, name) for name in type(self).model_fields} | {"releases": releases})


class PityBody(Body):
    rarity: Count
    guaranteed_at: Count | None = None
    ramp_from: Count | None = None
    ramp_ppm: Count = 0


class SpinPriceBody(Body):
    """Taken in this order: free ones of the day, chances, points."""

    free_daily: Count = 0
    takes_chances: bool = True
    points: Count | None = None


class NoticeBody(Body):
    """What has to be told before the start."""

    organiser: Said = ""
    contact: Said = ""
    conditions: Said = ""
    redemption: Said = ""
    delivery: Said = ""
    forfeiture: Said = ""


class DrawTermsBody(Body):
    """Everything a version says. The odds of the prizes sum to exactly 1,000,000, one of them is thanks."""

    title: Title
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    prizes: list[PrizeBody] = Field(max_length=100)
    pity: PityBody | None = None
    consolation: PrizeCode | None = None
    per_member: Count | None = None
    per_member_daily: Count | None = None
    price: SpinPriceBody = SpinPriceBody()
    notice: NoticeBody = NoticeBody()
    audience: AudienceBody = AudienceBody()
    look: DrawLook = DrawLook.WHEEL
    address_days: Count = 30

    def facts(self) -> DrawTerms:
        """As the rules read it."""
        rules = DrawRules(
            title=self.title,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            prizes=tuple(each.facts() for each in self.prizes),
            pity=Pity(**self.pity.model_dump()) if self.pity else None,
            consolation=self.consolation,
            per_member=self.per_member,
            per_member_daily=self.per_member_daily,
            price=SpinPrice(**self.price.model_dump()),
            notice=Notice(**self.notice.model_dump()),
        )
        return DrawTerms(rules, self.audience.facts(), self.look, self.address_days)


class NewDrawBody(Body):
    code: OfferCode
    terms: DrawTermsBody
    keyword: Keyword = ""
    organization_id: Id | None = None


class DrawChangeBody(Body):
    """What to change of the draft; what is absent stays."""

    keyword: Keyword | None = None
    terms: DrawTermsBody | None = None


class OperatedPrizeOut(Out):
    code: str
    name: str
    kind: PrizeKind
    ppm: int
    rarity: int
    value_fen: int
    amount: int
    reference: str
    stock: int | None
    daily: int | None
    per_member: int | None
    per_member_daily: int | None
    unlock_after: int
    fallback: str | None


class OperatedDrawOut(Out):
    """`prizes` and `title` are the draft's; `version` is the number of what is published, 0 for nothing yet.

    With an `approval_id`, in the answer to a publication, nothing was published: a second operator has to approve.
    """

    id: Id
    organization_id: Id
    code: str
    keyword: str
    state: DrawState
    version: int
    title: str
    look: DrawLook
    prizes: list[OperatedPrizeOut]
    opens_at: datetime | None
    closes_at: datetime | None
    spins: int
    approval_id: Id | None


class PrizeStockBody(Body):
    """What was published only grows."""

    code: PrizeCode
    delta: Count
    reason: Reason


class PrizeStockOut(Out):
    """added + returned = left + awarded; null: no limit."""

    code: str
    added: int | None
    left: int | None
    returned: int
    awarded: int


class ChancesBody(Body):
    member_id: Id
    amount: Annotated[int, Field(ge=1, le=1_000)]
    reason: Reason


class DrawProposedOut(Out):
    """Nothing was changed yet: a second operator has to approve."""

    draw_id: Id
    act: DrawAct
    approval_id: Id


class DrawPendingOut(Out):
    """`act` stock: `amount` more of `prize`; chances: `amount` for `member_id`; version: `changed` (the fields that
    decide otherwise) against `number`, which is published."""

    id: Id
    draw_id: Id
    organization_id: Id
    act: DrawAct
    reason: str
    proposed_by: Id
    proposed_at: datetime
    prize: str | None
    member_id: Id | None
    amount: int | None
    number: int | None
    changed: list[str]


class DrawDecidedOut(Out):
    id: Id
    draw_id: Id
    act: DrawAct
    outcome: Literal["approved", "rejected"]


class BlockBody(Body):
    is_blocked: bool
    reason: Reason


class BlockedOut(Out):
    member_id: Id
    is_blocked: bool


class RevealBody(Body):
    day: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class RevealedOut(Out):
    draw_id: Id
    day: str
    seed: str


class BurnPrizeOut(Out):
    """`expected`: what fair rolls give on average, with the pity of each spin."""

    code: str
    name: str
    rolled: int
    expected: float
    awarded: int
    left: int | None


class BurnOut(Out):
    """Against plan. `p`: how often fair rolls look at least as odd; below 0.001 somebody should look."""

    draw_id: Id
    spins: int
    prizes: list[BurnPrizeOut]
    value_fen: int
    p: float
    is_alarming: bool


class SendBody(Body):
    waybill: Waybill
