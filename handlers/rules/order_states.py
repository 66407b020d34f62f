"""The graphs of an order and of its refunds, and what may be done next. A payment service's words are weighed here.

The one rule behind all of it: money that came is either what somebody gets something for, or it goes back; never both,
and never neither.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from models.words import OrderRefundState, OrderState, RefundHeard, TradeHeard

LOCKED_FOR = timedelta(minutes=15)  # how long stock and slots wait for the money
# When a payment service is asked about an order that nobody told us of, counted from the order: the fourth time is
# that at which the locks end.
LOOKS = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 10, 15, 30))
ASKED_AGAIN = timedelta(minutes=10)  # where it did not say clearly what became of an order that is over
REFUND_PAUSE = timedelta(minutes=1)  # between two refunds of one order, as the payment service wants it
REFUNDABLE_FOR = timedelta(days=365)  # as long as the payment service takes refunds

EDGES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.WAITING: frozenset({OrderState.PAID, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.RETURNING}),
    OrderState.PAID: frozenset({OrderState.REFUNDED}),
    # Money that comes late finds what it was for once more, or goes back.
    OrderState.EXPIRED: frozenset({OrderState.PAID, OrderState.RETURNING}),
    OrderState.CANCELLED: frozenset({OrderState.RETURNING}),
    OrderState.RETURNING: frozenset({OrderState.REFUNDED}),
    OrderState.REFUNDED: frozenset(),
}
HAS_MONEY = frozenset({OrderState.PAID, OrderState.RETURNING, OrderState.REFUNDED})
OPEN = frozenset({OrderState.WAITING, OrderState.RETURNING})  # whose member cannot leave yet

REFUND_EDGES: dict[OrderRefundState, frozenset[OrderRefundState]] = {
    OrderRefundState.WAITING: frozenset({OrderRefundState.SENT}),
    OrderRefundState.SENT: frozenset({OrderRefundState.DONE, OrderRefundState.STUCK, OrderRefundState.FAILED}),
    OrderRefundState.STUCK: frozenset({OrderRefundState.DONE, OrderRefundState.FAILED}),
    OrderRefundState.DONE: frozenset(),
    OrderRefundState.FAILED: frozenset({OrderRefundState.REPLACED}),
    OrderRefundState.REPLACED: frozenset(),
}
REFUND_OPEN = frozenset({OrderRefundState.WAITING, OrderRefundState.SENT, OrderRefundState.STUCK})

# The first looks at a refund come soon; one that nobody settles is asked about by the hour.
_REFUND_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (60, 60, 120, 300, 600, 1_800, 3_600))


class IllegalEdge(Exception):
    """A change that the graph does not have: a mistake of ours, never of the payer."""


def require_edge(before: OrderState, after: OrderState) -> None:
    """Raises IllegalEdge."""
    if after not in EDGES[before]:
        raise IllegalEdge(f"{before} -> {after}")


def stands(state: OrderState, expires_at: datetime, now: datetime) -> OrderState:
    """The state by the clock: an order whose time is over is expired, whether or not anybody has swept it yet."""
    return OrderState.EXPIRED if state is OrderState.WAITING and now >= expires_at else state


class Money(StrEnum):
    """What to do with money that came."""

    FULFIL = "fulfil"  # everything is still locked for it
    LOCK_AGAIN = "lock_again"  # it is late: try to lock once more, otherwise it goes back
    RETURN = "return"
    KNOWN = "known"  # it was heard of before


def on_money(state: OrderState) -> Money:
    """Money came for an order that stands here. Not by the clock: what nobody has given back yet is still locked."""
    match state:
        case OrderState.WAITING:
            return Money.FULFIL
        case OrderState.EXPIRED:
            return Money.LOCK_AGAIN
        case OrderState.CANCELLED:
            return Money.RETURN
        case _:
            return Money.KNOWN


def contradicts(state: OrderState, heard: TradeHeard) -> bool:
    """Whether a payment service takes back that there was money: that is for people."""
    return state in HAS_MONEY and heard in {TradeHeard.OPEN, TradeHeard.CLOSED, TradeHeard.ABSENT}


def next_look(ordered_at: datetime, look_count: int, now: datetime) -> datetime:
    """When to ask about an order after so many looks (0, 1, ...) that told nothing for good."""
    planned = ordered_at + LOOKS[look_count] if look_count < len(LOOKS) else now + ASKED_AGAIN
    return max(planned, now + timedelta(seconds=15))  # whoever was late does not ask twice in a breath


def is_over_there(state: OrderState, heard: TradeHeard, *, is_closed: bool) -> bool:
    """Whether nothing more can be heard of an order: it was paid, or it is over here and nobody can pay it there."""
    if heard is TradeHeard.PAID or state in HAS_MONEY:
        return True
    is_over_here = state in {OrderState.EXPIRED, OrderState.CANCELLED}
    return is_over_here and (is_closed or heard in {TradeHeard.CLOSED, TradeHeard.ABSENT})


def refund_after(state: OrderRefundState, heard: RefundHeard) -> OrderRefundState | None:
    """Where a refund goes when this is heard of it; None: it stays, and is asked about or sent again."""
    target = {
        RefundHeard.DONE: OrderRefundState.DONE,
        RefundHeard.STUCK: OrderRefundState.STUCK,
        RefundHeard.FAILED: OrderRefundState.FAILED,
    }.get(heard)
    return target if target in REFUND_EDGES[state] else None


def refund_pause(look_count: int) -> timedelta:
    """How long until the next look at a refund, after so many (1, 2, ...)."""
    return _REFUND_PAUSES[min(max(look_count, 1), len(_REFUND_PAUSES)) - 1]
