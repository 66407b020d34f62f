"""The words of points that accounts outside keep; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class OutsideHoldState(StrEnum):
    """Where points stand that an account outside keeps; `handlers/rules/outside_holds.py` has the graph."""

    BEGUN = "begun"  # the account may have been asked to hold them
    HELD = "held"
    POSTING = "posting"  # what they are paid for is given; to be taken for good
    POSTED = "posted"
    VOIDING = "voiding"  # nothing came of it; to be let go, whether they were held or not
    VOIDED = "voided"
    REFUSED = "refused"  # the account did not hold them
    LOST = "lost"  # given, and the account will not take them any more: for people


class OutsideShareState(StrEnum):
    """Where the points stand that one claim cost; `handlers/outside_points/returning.py` moves them."""

    KEPT = "kept"  # the claim stands, or nothing of it goes back
    RETURNING = "returning"  # the claim was taken back; the account is to give them back
    RETURNED = "returned"
    REFUSED = "refused"  # the account does not give them back: for people


class OutsideHeard(StrEnum):
    """What an account outside says of a hold, or of points that are to go back."""

    HELD = "held"
    POSTED = "posted"
    VOIDED = "voided"
    REFUSED = "refused"  # explicitly: nothing is held, and will not be
    ABSENT = "absent"  # explicitly: no such hold, or return, came in
    RETURNED = "returned"  # of a return alone
    UNKNOWN = "unknown"  # no answer, or one that says nothing
