"""Orders, refunds and members as channels send and see them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from handlers.claims.channel_wallet import ChannelWalletSeen
from handlers.purchases.told import Buyer, OrderTold, RefundTold
from handlers.rules.purchases import Line
from miniapp_api.member.claim_shapes import ClaimBody
from miniapp_api.member.offers import OfferOut
from miniapp_api.shapes import Body, Id, Out, encode_cursor
from models.words import BenefitKind, BuyerKind, ClaimState, PurchaseState, RefundState

MOST_FEN = 100_000_000_000
OrderNo = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    Field(description="the channel's own number; unique within the channel for ever"),
]
Fen = Annotated[int, Field(ge=1, le=MOST_FEN, description="in fen")]
LineFen = Annotated[int, Field(ge=0, le=MOST_FEN, description="in fen")]
Category = Annotated[str, StringConstraints(strip_whitespace=True, max_length=32, pattern=r"^[^\x00-\x1f]*$")]
StoreCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


def _of_our_time(value: datetime) -> datetime:
    if not 2000 <= value.year < 3000:
        raise ValueError("not of our time")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_of_our_time), Field(description="RFC 3339 with offset")]
BuyerMaker = Callable[[BuyerKind, str], Buyer]
Namespace = Annotated[
    Literal[BuyerKind.CARD, BuyerKind.PHONE, BuyerKind.MEMBER],
    Field(description="`card` (its number), `phone` (mainland mobile), `member` (an id)"),
]
Value = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class BuyerBody(Body):
    """Who bought, by one of these."""

    namespace: Namespace
    value: Value


class LookupBuyerBody(BuyerBody):
    """Who is looked for."""


class LineBody(Body):
    """A part of an order."""

    category: Category = ""
    amount_fen: LineFen


class PurchaseBody(Body):
    """A paid order. The lines add up to `amount_fen`; without a buyer nobody earns by it."""

    order_no: OrderNo
    amount_fen: Fen
    paid_at: Instant
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=100)]
    buyer: BuyerBody | None = None
    store: StoreCode | None = None


class PurchasesBody(Body):
    """Up to 100 orders, each for itself."""

    items: Annotated[list[PurchaseBody], Field(min_length=1, max_length=100)]


class RefundBody(Body):
    """Money given back of an order, under a number of its own within the order."""

    refund_no: OrderNo
    amount_fen: Fen
    refunded_at: Instant


class BookedOut(Out):
    """How the order stands: `points` and `growth` are what is left of what it earned. `is_known`: told of before."""

    order_no: str
    refund_no: str | None
    state: PurchaseState | RefundState
    purchase_id: Id | None
    amount_fen: int
    refunded_fen: int
    points: int
    growth: int
    owed_points: int
    is_known: bool


class EntryOut(Out):
    """What became of one: `booked`, or the `code` and `title` of what speaks against it."""

    order_no: str
    booked: BookedOut | None
    code: str
    title: str


class EntriesOut(Out):
    """In the order in which they were sent."""

    items: list[EntryOut]


class FoundMemberOut(Out):
    """An opaque id."""

    id: Id


class HeldOut(Out):
    """One claim, without its codes. `is_paused`: not to be used for the moment."""

    id: Id
    offer_id: Id
    package_id: Id | None
    name: str
    kind: BenefitKind
    category: str
    merchant: str | None
    state: ClaimState
    uses_left: int
    uses_total: int
    claimed_at: datetime
    expires_at: datetime | None
    is_paused: bool


class HeldPageOut(Out):
    """What ends first comes first."""

    items: list[HeldOut]
    next_cursor: str | None


class ClaimablePageOut(Out):
    """Offers that the member can have now, the newest first."""

    items: list[OfferOut]
    next_cursor: str | None


class ChannelWalletOut(Out):
    """With `status` only that section is there; with its `next_cursor` its next page is asked for."""

    held: HeldPageOut | None
    claimable: ClaimablePageOut | None

    @classmethod
    def of(cls, seen: ChannelWalletSeen) -> "ChannelWalletOut":
        """In its outer shape."""
        held = claimable = None
        if seen.held is not None:
            after = seen.held.after
            cursor = encode_cursor([after[0].isoformat(), str(after[1])]) if after else None
            items = [HeldOut.model_validate(each) for each in seen.held.items]
            held = HeldPageOut(items=items, next_cursor=cursor)
        if seen.claimable is not None:
            cursor = encode_cursor([str(seen.claimable.last)]) if seen.claimable.last else None
            offers = [OfferOut.model_validate(each) for each in seen.claimable.items]
            claimable = ClaimablePageOut(items=offers, next_cursor=cursor)
        return cls(held=held, claimable=claimable)


class ChannelClaimBody(ClaimBody):
    """What is claimed, and for whom; otherwise as a member claims."""

    member_id: Id
    offer_id: Id


def order_of(body: PurchaseBody, buyer: BuyerMaker) -> OrderTold:
    """What the handler takes. Raises BuyerInvalid."""
    who = buyer(body.buyer.namespace, body.buyer.value) if body.buyer is not None else buyer(BuyerKind.NOBODY, "")
    lines = tuple(Line(line.category, line.amount_fen) for line in body.lines)
    return OrderTold(body.order_no, body.amount_fen, body.paid_at, who, lines, body.store)


def refund_of(order_no: str, body: RefundBody) -> RefundTold:
    """What the handler takes."""
    return RefundTold(order_no, body.refund_no, body.amount_fen, body.refunded_at)
