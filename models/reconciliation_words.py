"""The words of reconciliation; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class BillKind(StrEnum):
    """Which of a payment service's daily bills."""

    TRADE = "trade"  # what was paid
    REFUND = "refund"  # what went back
    TRANSFER = "transfer"  # what went to members


class Listed(StrEnum):
    """On which of the three lists a difference stands."""

    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"
    DIFFERS = "differs"
