"""The terms of an offer, as they are published in a version and kept by every claim made under it.

Pure data. Who may have it and when is decided by `handlers/rules/eligibility.py`; how long it is valid by
`handlers/rules/validity.py`; by when which unit is there by `handlers/rules/stock_buckets.py`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Period(StrEnum):
    """Natural periods, in the programme's zone."""

    EVER = "ever"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"
    YEAR = "year"


class ValidityKind(StrEnum):
    """How the end of a claim is found; it is valid until 23:59:59 of the last day, local time."""

    FIXED = "fixed"  # on `until`
    DAYS = "days"  # `days` after the day of the claim
    NATURAL = "natural"  # at the end of the natural `period` of the claim
    FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant; whatever is empty or None asks nothing. All that is set must hold."""

    is_members_only: bool = True
    level_at_least: str | None = None  # the code of a level; whoever has a higher one is meant too
    levels: tuple[str, ...] = ()  # has exactly one of these levels
    card_kinds: tuple[str, ...] = ()  # holds a card of one of these
    organizations: tuple[UUID, ...] = ()  # the member's city is one of these or below
    joined_within_days: int | None = None  # new members
    member_list: tuple[UUID, ...] = ()  # named members

    @property
    def level_codes(self) -> frozenset[str]:
        """Of all levels that it speaks of."""
        least = () if self.level_at_least is None else (self.level_at_least,)
        return frozenset((*least, *self.levels))


@dataclass(frozen=True, slots=True)
class Price:
    """What one costs; nothing is free of charge. What costs money is ordered, everything else is claimed.

    `fen` and `carrier_fen` are two ways of paying the same, with WeChat Pay or on a phone bill: whoever orders chooses.
    Points come beside either.
    `outside_points`: of an account that somebody outside keeps (a carrier's own 积分); `outside_account` is its code.
    """

    fen: int = 0
    points: int = 0
    carrier_fen: int = 0  # 话费支付
    outside_points: int = 0
    outside_account: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether it costs money, in whichever way."""
        return bool(self.fen or self.carrier_fen)


@dataclass(frozen=True, slots=True)
class AudiencePrice:
    """A price for some (专享价); of several that fit, the first counts."""

    audience: Audience
    price: Price


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` claims of one member within each natural `period`."""

    period: Period
    count: int


@dataclass(frozen=True, slots=True)
class Wave:
    """`count` units that become available at `at` (HH:MM, local) of every day of the window."""

    at: str
    count: int


@dataclass(frozen=True, slots=True)
class EarlyOpening:
    """Holders of a card of this kind, or whoever has this level or a higher one, may claim `minutes` before the window
    opens; one of the two is named."""

    card_kind: str = ""
    minutes: int = 0
    level_at_least: str = ""


@dataclass(frozen=True, slots=True)
class Validity:
    """See ValidityKind; what the kind does not use stays None."""

    kind: ValidityKind = ValidityKind.FOREVER
    until: datetime | None = None
    days: int | None = None
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """Everything that a published version says. Instants are aware; the window is half-open."""

    title: str = ""  # empty: the benefit's name
    original_price_fen: int | None = None  # 原价, shown crossed out
    price: Price = Price()
    prices: tuple[AudiencePrice, ...] = ()
    audience: Audience = Audience()
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    early: tuple[EarlyOpening, ...] = ()
    stock: int | None = None  # at the first publication; later changes go through the stock
    daily_stock: int | None = None  # 每日限量
    waves: tuple[Wave, ...] = ()
    limits: tuple[Limit, ...] = (Limit(Period.EVER, 1),)
    validity: Validity = field(default_factory=Validity)
    is_flash_sale: bool = False  # shown with a countdown
    shows_typed_code: bool = True  # besides the rotating pass
    returns_to_stock: bool = False  # what expires or is revoked unused goes back


def levels_named(terms: OfferTerms) -> frozenset[str]:
    """The codes of all levels that the terms speak of: in audiences, and for opening early."""
    audiences = (terms.audience, *(each.audience for each in terms.prices))
    early = frozenset(each.level_at_least for each in terms.early if each.level_at_least)
    return early.union(*(each.level_codes for each in audiences))


def names_levels(terms: OfferTerms) -> bool:
    """Whether they speak of any."""
    return bool(levels_named(terms))
