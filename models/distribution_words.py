"""The words of distribution (分销); `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class PromoterState(StrEnum):
    """Where a promoter stands."""

    WAITING = "waiting"  # for an operator to decide
    ACTIVE = "active"
    REFUSED = "refused"  # and may apply again
    STOPPED = "stopped"  # by an operator: codes bring nothing any more


class CommissionState(StrEnum):
    """Life of a commission; the graph stands in `handlers/rules/commission.py`."""

    PENDING = "pending"  # paid for, and perhaps still given back
    FROZEN = "frozen"  # the day on which it is available is known
    AVAILABLE = "available"
    VOID = "void"  # all of it was taken back before it was available
    BACK = "back"  # a row that takes back


class Admission(StrEnum):
    """How somebody becomes a promoter; never by paying, never by bringing others."""

    OPEN = "open"  # whoever meets the conditions
    REVIEW = "review"  # and an operator decides
