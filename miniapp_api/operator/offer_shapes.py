"""Offers as operators send and see them. Whether the terms make sense is said when an offer is published."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from handlers.rules.offer_terms import (
    Audience,
    AudiencePrice,
    EarlyOpening,
    Limit,
    OfferTerms,
    Period,
    Price,
    Validity,
    ValidityKind,
    Wave,
)
from miniapp_api.operator.shapes import Reason
from miniapp_api.shapes import Body, Id, Out
from models.words import OfferState

_SHOWN = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"
OfferCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Keyword = Annotated[str, StringConstraints(strip_whitespace=True, max_length=32, pattern=_SHOWN)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=_SHOWN)]
OutsideAccount = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,31})?$"),
    Field(description="the code of the supplier that keeps it; empty: none"),
]
KindCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
WaveTime = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}:[0-9]{2}$")]
Counter = Annotated[str, StringConstraints(pattern=r"^[a-z0-9:T-]{1,32}$")]
Count = Annotated[int, Field(ge=-2_147_483_647, le=2_147_483_647)]
Fen = Annotated[int, Field(ge=-(10**12), le=10**12)]


class AudienceBody(Body):
    """Who is meant; what is absent asks nothing, and all that is set must hold."""

    is_members_only: bool = True
    level_at_least: KindCode | None = None
    levels: list[KindCode] = Field(default_factory=list, max_length=20, description="exactly one of these")
    card_kinds: list[KindCode] = Field(default_factory=list, max_length=50)
    organizations: list[Id] = Field(default_factory=list, max_length=100)
    joined_within_days: Count | None = None
    member_list: list[Id] = Field(default_factory=list, max_length=1_000)

    def facts(self) -> Audience:
        """As the rules read it."""
        return Audience(
            is_members_only=self.is_members_only,
            level_at_least=self.level_at_least,
            levels=tuple(self.levels),
            card_kinds=tuple(self.card_kinds),
            organizations=tuple(self.organizations),
            joined_within_days=self.joined_within_days,
            member_list=tuple(self.member_list),
        )


class PriceBody(Body):
    fen: Fen = 0
    points: Count = 0
    carrier_fen: Count = 0
    outside_points: Annotated[Count, Field(description="of an account that somebody outside keeps")] = 0
    outside_account: OutsideAccount = ""

    def facts(self) -> Price:
        """As the rules read it."""
        return Price(self.fen, self.points, self.carrier_fen, self.outside_points, self.outside_account)


class AudiencePriceBody(Body):
    audience: AudienceBody
    price: PriceBody


class LimitBody(Body):
    period: Period
    count: Count


def _once() -> list[LimitBody]:
    return [LimitBody(period=Period.EVER, count=1)]


class WaveBody(Body):
    """Units that become available at `at` (HH:MM, local) of every day of the window."""

    at: WaveTime
    count: Count


class EarlyBody(Body):
    """For holders of a card of this kind, or from this level on: one of the two."""

    card_kind: KindCode | None = None
    minutes: Count
    level_at_least: KindCode | None = None

    def facts(self) -> EarlyOpening:
        """As the rules read it."""
        return EarlyOpening(self.card_kind or "", self.minutes, self.level_at_least or "")


class ValidityBody(Body):
    """Always until 23:59:59 of the last day, local time."""

    kind: ValidityKind = ValidityKind.FOREVER
    until: AwareDatetime | None = None
    days: Count | None = None
    period: Period | None = None


class TermsBody(Body):
    """Everything a version says. The window is half-open; of several prices the first that fits counts."""

    title: Title = ""
    original_price_fen: Fen | None = None
    price: PriceBody = PriceBody()
    prices: list[AudiencePriceBody] = Field(default_factory=list, max_length=10)
    audience: AudienceBody = AudienceBody()
    opens_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None
    early: list[EarlyBody] = Field(default_factory=list, max_length=10)
    stock: Count | None = None
    daily_stock: Count | None = None
    waves: list[WaveBody] = Field(default_factory=list, max_length=24)
    limits: list[LimitBody] = Field(default_factory=_once, max_length=5)
    validity: ValidityBody = ValidityBody()
    is_flash_sale: bool = False
    shows_typed_code: bool = True
    returns_to_stock: bool = False

    def facts(self) -> OfferTerms:
        """As the rules read it."""
        until = self.validity
        return OfferTerms(
            title=self.title,
            original_price_fen=self.original_price_fen,
            price=self.price.facts(),
            prices=tuple(AudiencePrice(each.audience.facts(), each.price.facts()) for each in self.prices),
            audience=self.audience.facts(),
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            early=tuple(each.facts() for each in self.early),
            stock=self.stock,
            daily_stock=self.daily_stock,
            waves=tuple(Wave(each.at, each.count) for each in self.waves),
            limits=tuple(Limit(each.period, each.count) for each in self.limits),
            validity=Validity(until.kind, until.until, until.days, until.period),
            is_flash_sale=self.is_flash_sale,
            shows_typed_code=self.shows_typed_code,
            returns_to_stock=self.returns_to_stock,
        )


class NewOfferBody(Body):
    """A draft. The code never changes; of the own organization unless one below is named."""

    benefit_id: Id
    code: OfferCode
    keyword: Keyword = ""
    organization_id: Id | None = None
    terms: TermsBody = TermsBody()


class OfferChangeBody(Body):
    """What to change of the draft; absent leaves. It is in force once it is published."""

    keyword: Keyword | None = None
    terms: TermsBody | None = None


class WhyBody(Body):
    reason: Reason


class StockBody(Body):
    """Add (or, negative, take away) units of one counter: `total`, `day:2026-11-22`, `wave:2026-11-22T10:00`."""

    bucket: Counter = "total"
    delta: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Reason


class AudienceOut(Out):
    is_members_only: bool
    level_at_least: str | None
    levels: list[str]
    card_kinds: list[str]
    organizations: list[UUID]
    joined_within_days: int | None
    member_list: list[UUID]


class PriceOut(Out):
    fen: int
    points: int
    carrier_fen: int
    outside_points: int
    outside_account: str


class AudiencePriceOut(Out):
    audience: AudienceOut
    price: PriceOut


class LimitOut(Out):
    period: Period
    count: int


class WaveOut(Out):
    at: str
    count: int


class EarlyOut(Out):
    card_kind: str = Field(description="empty: it is for a level")
    minutes: int
    level_at_least: str = Field(description="empty: it is for a kind of card")


class ValidityOut(Out):
    kind: ValidityKind
    until: datetime | None
    days: int | None
    period: Period | None


class TermsOut(Out):
    title: str
    original_price_fen: int | None
    price: PriceOut
    prices: list[AudiencePriceOut]
    audience: AudienceOut
    opens_at: datetime | None
    closes_at: datetime | None
    early: list[EarlyOut]
    stock: int | None
    daily_stock: int | None
    waves: list[WaveOut]
    limits: list[LimitOut]
    validity: ValidityOut
    is_flash_sale: bool
    shows_typed_code: bool
    returns_to_stock: bool


class OperatedOfferOut(Out):
    """`terms` are the draft's; `version` is the number of what is published, 0 for nothing yet."""

    id: Id
    organization_id: Id
    benefit_id: Id
    code: str
    keyword: str
    state: OfferState
    version: int
    terms: TermsOut
    opens_at: datetime | None
    closes_at: datetime | None


class VersionOut(Out):
    number: int
    terms: TermsOut
    published_at: datetime
    published_by: Id | None


class StockOut(Out):
    """One counter: added = left + taken."""

    bucket: str
    added: int
    left: int
    taken: int


class StockChangedOut(Out):
    """With an `approval_id` nothing was changed yet: a second operator has to approve."""

    offer_id: Id
    stock: StockOut
    approval_id: Id | None


class StockChangeOut(Out):
    id: Id
    bucket: str
    delta: int
    reason: str
    operator_id: Id | None
    approved_by: Id | None
    created_at: datetime


class PendingOut(Out):
    id: Id
    offer_id: Id
    organization_id: Id
    bucket: str
    delta: int
    reason: str
    proposed_by: Id
    proposed_at: datetime
