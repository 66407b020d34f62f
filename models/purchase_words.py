"""The words of purchases; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class BuyerKind(StrEnum):
    """By what a channel says who bought."""

    MEMBER = "member"  # the opaque id
    CARD = "card"
    PHONE = "phone"  # a mainland mobile number
    NOBODY = "nobody"  # it does not say


class PurchaseRuleKind(StrEnum):
    """What a rule about purchases says."""

    RATE = "rate"  # so much of a unit per yuan; of several that fit, the most special holds
    FACTOR = "factor"  # times so much; all that fit multiply


class RefundState(StrEnum):
    """Where a refund stands: it waits for its order, is counted, or was more than had been paid."""

    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


class PurchaseState(StrEnum):
    """How a purchase stands: it is a member's, waits for somebody to be known, or is nobody's."""

    CREDITED = "credited"
    WAITING = "waiting"
    ANONYMOUS = "anonymous"
