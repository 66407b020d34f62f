"""Protocols for suppliers: those who fulfil top-ups, and those who keep points of our members. Part of `ports`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from models.words import Heard, OutsideHeard


@dataclass(frozen=True, slots=True)
class SupplierAccess:
    """Where a supplier is, how it calls us, and what signs what is said; the secret stays out of every repr."""

    code: str
    api_url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TopUpOrder:
    """What a supplier is asked to do. `order_no` is ours and never changes; the number is 11 national digits."""

    order_no: str
    product: str
    face_value_fen: int
    recharge_to: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SupplierSays:
    """What a supplier said of one order; number and amount are those that it named. `reason` is its own short word."""

    heard: Heard
    order_no: str | None = None
    face_value_fen: int | None = None
    reason: str = ""


class Supplier(Protocol):
    """Suppliers of top-ups. Calls never raise: whatever is not a clear, signed answer is `Heard.UNKNOWN`."""

    async def order(self, access: SupplierAccess, order: TopUpOrder) -> SupplierSays:
        """Place an order; the same number again is the same order."""

    async def query(self, access: SupplierAccess, order_no: str) -> SupplierSays:
        """What became of an order; `ABSENT` only where the supplier says that it has none of this number."""

    def notice(self, access: SupplierAccess, headers: Mapping[str, str], body: bytes, *, now: datetime) -> SupplierSays:
        """A notice that came in, its signature and its time checked.

        Raises NoticeForged, NoticeUnreadable (signed, and of no known shape).
        """


@dataclass(frozen=True, slots=True)
class OutsideSays:
    """What an account outside said of one hold; `points` are those that it named. `reason` is its own short word."""

    heard: OutsideHeard
    points: int | None = None
    reason: str = ""


class OutsidePoints(Protocol):
    """Points that somebody outside keeps for our members (a carrier's own 积分), beside our ledger.

    Calls never raise: whatever is not a clear, signed answer is `OutsideHeard.UNKNOWN`. The same number is the same
    hold, however often it comes; one that is let go stays so, also where it was never heard of.
    """

    async def hold(self, access: SupplierAccess, hold_no: str, *, account: str, points: int) -> OutsideSays:
        """Set points aside; `account` is the member's number there, 11 national digits."""

    async def post(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """Take what is held, for good."""

    async def void(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """Let it go."""

    async def query(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """Where it stands; `ABSENT` only where the account says that it has none of this number."""

    async def give_back(self, access: SupplierAccess, return_no: str, *, hold_no: str, points: int) -> OutsideSays:
        """Give back so many of what was taken with a hold; the same number is the same return."""

    async def query_return(self, access: SupplierAccess, return_no: str) -> OutsideSays:
        """Whether they went back: `RETURNED`, `REFUSED`, or `ABSENT` where it never heard of this number."""
