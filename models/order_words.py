"""The words of orders and payments; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class OrderState(StrEnum):
    """Life of an order; the graph stands in `handlers/rules/order_states.py`."""

    WAITING = "waiting"  # for the money; stock and slots are locked
    PAID = "paid"  # and the claims are made
    EXPIRED = "expired"  # nobody paid in time; everything was given back
    CANCELLED = "cancelled"  # by the member, before paying; everything was given back
    RETURNING = "returning"  # the money came and there was nothing to give for it: it goes back
    REFUNDED = "refunded"  # all of it went back


class PaymentMethod(StrEnum):
    """By what an order is paid."""

    WECHAT = "wechat"
    CARRIER = "carrier"  # 话费支付, on a phone bill


class TradeHeard(StrEnum):
    """What a payment service said of one order's money, however it said it."""

    PAID = "paid"
    OPEN = "open"  # nobody has paid yet
    CLOSED = "closed"  # and nobody can any more
    ABSENT = "absent"
    UNKNOWN = "unknown"  # anything that is not a clear, signed answer


class PrepayHeard(StrEnum):
    """What a payment service said to an order that is to be paid."""

    READY = "ready"
    PAID = "paid"
    CLOSED = "closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class OrderRefundState(StrEnum):
    """Life of one refund; the graph stands in `handlers/rules/order_states.py`."""

    WAITING = "waiting"  # to be sent
    SENT = "sent"  # the payment service has it, or may have
    DONE = "done"
    STUCK = "stuck"  # the payer's account takes nothing: settled on the merchant platform by hand
    FAILED = "failed"  # closed without effect; the money is still owed
    REPLACED = "replaced"  # it had failed, and another one was made for it


class OrderRefundCause(StrEnum):
    """Why money goes back."""

    MEMBER = "member"
    OPERATOR = "operator"
    LATE = "late"  # paid after the order was over
    UNFULFILLED = "unfulfilled"  # paid, and what it was for could not be given


class RefundHeard(StrEnum):
    """What a payment service said of one refund."""

    DONE = "done"
    UNDER_WAY = "under_way"
    STUCK = "stuck"
    FAILED = "failed"
    ABSENT = "absent"
    REFUSED = "refused"  # not taken, and may be later: too little balance, too soon
    UNKNOWN = "unknown"
