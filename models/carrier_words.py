"""The words of carrier billing 话费支付; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class ChargeState(StrEnum):
    """Where the charge of one order on a phone bill stands."""

    WAITING = "waiting"  # for the code that the carrier sent
    SENT = "sent"  # the carrier has it with a code, or may have
    CHARGED = "charged"
    REFUSED = "refused"  # by the carrier, for good


class CodeHeard(StrEnum):
    """What a carrier said to a charge that was announced: its code goes to the number by SMS."""

    SENT = "sent"
    CHARGED = "charged"
    CLOSED = "closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # anything that is not a clear, signed answer


class ChargeHeard(StrEnum):
    """What a carrier said to a charge that was confirmed with a code."""

    CHARGED = "charged"
    WRONG_CODE = "wrong_code"
    CODE_OVER = "code_over"
    CLOSED = "closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class CreditWay(StrEnum):
    """How money comes back on a phone bill."""

    CANCELLED = "cancelled"  # within its billing month: the charge never appears
    CREDITED = "credited"  # later: a credit on another bill


class ServiceHeard(StrEnum):
    """What a carrier said of one of its own services that was ordered for a number."""

    ORDERED = "ordered"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    ABSENT = "absent"
    UNKNOWN = "unknown"
