"""The words of paying merchants; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class StatementReplyKind(StrEnum):
    """What a merchant says to a statement; the last word counts, and a confirmation is the last one."""

    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


class PayoutState(StrEnum):
    """Life of a batch; the graph stands in `handlers/rules/payout_states.py`."""

    PROPOSED = "proposed"
    APPROVED = "approved"  # by a second operator: its file may go to the bank
    PAID = "paid"
    CANCELLED = "cancelled"  # its statements wait for another batch
