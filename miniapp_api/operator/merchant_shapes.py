"""Brands, merchants and stores as operators send and see them."""

from typing import Annotated

from pydantic import Field, StringConstraints

from handlers.rules.distances import FARTHEST_EAST, FARTHEST_NORTH, Position
from handlers.shops.merchants import MerchantChange, MerchantTerms
from handlers.shops.stores import StoreChange
from miniapp_api.shapes import Body, Id, Out
from models.words import MerchantAccess, MerchantTier

# No control characters: names are shown in chat, in lists and in logs.
_SHOWN = r"^[^\x00-\x1f\x7f\u2028\u2029]+$"
_MAYBE_SHOWN = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_SHOWN)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=_SHOWN)]
Category = Annotated[str, StringConstraints(strip_whitespace=True, max_length=32, pattern=_MAYBE_SHOWN)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000, description="of 10,000")]
Cap = Annotated[int, Field(ge=1, le=2_000_000_000, description="by one clerk in a business day; null: no cap")]
CapChange = Annotated[int, Field(ge=0, le=2_000_000_000, description="by one clerk in a business day; 0: no cap")]
Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_MAYBE_SHOWN)]
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$"), Field(examples=["Asia/Shanghai"])]

_OWN = Field(default=None, description="the own organization when absent")


class NewBrandBody(Body):
    """A brand under which cards are issued, ours or a partner's. The code never changes."""

    code: Code
    name: ShortName
    organization_id: Annotated[Id | None, _OWN] = None


class RenameBrandBody(Body):
    name: ShortName


class BrandOut(Out):
    id: Id
    organization_id: Id
    code: str
    name: str


class NewMerchantBody(Body):
    """A business that takes part. The code never changes. The share: of settlement prices, what the operator bears.

    With caps, a clerk redeems and takes back no more than so many codes a day; managers go on.
    """

    code: Code
    name: Name
    organization_id: Annotated[Id | None, _OWN] = None
    tier: MerchantTier = MerchantTier.ORDINARY
    access: MerchantAccess = MerchantAccess.OWN_VOUCHER
    category: Category = ""
    operator_share_bp: BasisPoints = 10_000
    clerk_daily_redemptions: Cap | None = None
    clerk_daily_reversals: Cap | None = None

    def terms(self) -> MerchantTerms:
        """What the handler takes."""
        return MerchantTerms(
            self.tier,
            self.access,
            self.category,
            self.operator_share_bp,
            clerk_daily_redemptions=self.clerk_daily_redemptions,
            clerk_daily_reversals=self.clerk_daily_reversals,
        )


class MerchantChangeBody(Body):
    """What to change; absent leaves. `is_active` false: nothing of it is claimed or redeemed until it is true again.

    A cap holds from the next scan on, for what a clerk has done that day before it, too.
    """

    name: Name | None = None
    tier: MerchantTier | None = None
    access: MerchantAccess | None = None
    category: Category | None = None
    operator_share_bp: BasisPoints | None = None
    is_active: bool | None = None
    clerk_daily_redemptions: CapChange | None = None
    clerk_daily_reversals: CapChange | None = None

    def change(self) -> MerchantChange:
        """What the handler takes."""
        return MerchantChange(
            self.name,
            self.tier,
            self.access,
            self.category,
            self.operator_share_bp,
            self.is_active,
            self.clerk_daily_redemptions,
            self.clerk_daily_reversals,
        )


class MerchantOut(Out):
    id: Id
    organization_id: Id
    code: str
    name: str
    tier: MerchantTier
    access: MerchantAccess
    category: str
    operator_share_bp: int
    is_active: bool
    clerk_daily_redemptions: int | None
    clerk_daily_reversals: int | None


class PositionBody(Body):
    """Millionths of a degree, GCJ-02 as WeChat's maps have it."""

    latitude_e6: Annotated[int, Field(ge=-FARTHEST_NORTH, le=FARTHEST_NORTH)]
    longitude_e6: Annotated[int, Field(ge=-FARTHEST_EAST, le=FARTHEST_EAST)]


class SpanBody(Body):
    """HH:MM in the store's zone; 24:00 is the end of the day. A night past midnight is two spans."""

    day: Annotated[str, StringConstraints(pattern=r"^(mon|tue|wed|thu|fri|sat|sun)$")]
    opens: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}:[0-9]{2}$")]
    closes: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}:[0-9]{2}$")]


Hours = Annotated[list[SpanBody], Field(max_length=28)]


class StoreChangeBody(Body):
    """What to change; absent leaves. `is_active` false: nothing is redeemed there until it is true again."""

    name: Name | None = None
    address: Address | None = None
    position: PositionBody | None = None
    zone: Zone | None = None
    hours: Annotated[Hours | None, Field(description="all of them; an empty list: not told")] = None
    is_active: bool | None = None

    def change(self) -> StoreChange:
        """What the handler takes."""
        return StoreChange(
            name=self.name,
            address=self.address,
            position=Position(self.position.latitude_e6, self.position.longitude_e6) if self.position else None,
            zone=self.zone,
            hours=None if self.hours is None else tuple((each.day, each.opens, each.closes) for each in self.hours),
            is_active=self.is_active,
        )


class NewStoreBody(StoreChangeBody):
    """One shop of a merchant, which is named by its code. Files of legacy cards name stores by theirs."""

    merchant: Code
    code: Code
    name: Name


class PositionOut(Out):
    latitude_e6: int
    longitude_e6: int


class SpanOut(Out):
    day: str
    opens: str
    closes: str


class StoreOut(Out):
    id: Id
    organization_id: Id
    merchant: str
    code: str
    name: str
    address: str
    position: PositionOut | None
    zone: str
    hours: list[SpanOut]
    is_active: bool
