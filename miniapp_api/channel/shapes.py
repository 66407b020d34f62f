"""Orders, refunds and members as channels send and see them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from handlers.purchases.told import Buyer, OrderTold, RefundTold
from handlers.rules.purchases import Line
from miniapp_api.shapes import Body, Id, Out
from models.words import BuyerKind, PurchaseState, RefundState

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


def order_of(body: PurchaseBody, buyer: BuyerMaker) -> OrderTold:
    """What the handler takes. Raises BuyerInvalid."""
    who = buyer(body.buyer.namespace, body.buyer.value) if body.buyer is not None else buyer(BuyerKind.NOBODY, "")
    lines = tuple(Line(line.category, line.amount_fen) for line in body.lines)
    return OrderTold(body.order_no, body.amount_fen, body.paid_at, who, lines, body.store)


def refund_of(order_no: str, body: RefundBody) -> RefundTold:
    """What the handler takes."""
    return RefundTold(order_no, body.refund_no, body.amount_fen, body.refunded_at)
