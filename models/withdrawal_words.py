"""The words of withdrawals; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class WithdrawalState(StrEnum):
    """Life of a withdrawal; the graph stands in `handlers/rules/withdrawal_states.py`."""

    REVIEW = "review"  # an operator has to look at it
    WAITING = "waiting"  # to be sent
    SENT = "sent"  # the payment service has it, or may have
    CONFIRM = "confirm"  # the member has to take it
    MOVING = "moving"  # taken, and on its way
    ARRIVED = "arrived"
    RETURNED = "returned"  # the money is on the balance again
    REFUSED = "refused"  # by an operator; the money is on the balance again


class TransferHeard(StrEnum):
    """What a payment service said of one transfer, however it said it."""

    UNDER_WAY = "under_way"  # taken, and nothing is to be done about it
    TO_CONFIRM = "to_confirm"  # the payee has to take it
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"  # or cancelled, or not taken in time: the money stayed
    ABSENT = "absent"
    REFUSED = "refused"  # not taken, and it never will be as it is
    UNKNOWN = "unknown"  # anything that is not a clear, signed answer
