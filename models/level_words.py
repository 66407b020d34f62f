"""The words of levels; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class DowngradePolicy(StrEnum):
    """What becomes of a level whose keep requirement was not met when it was judged."""

    NONE = "none"  # nobody falls
    ONE_DOWN = "one_down"  # to the next lower level
    BY_BALANCE = "by_balance"  # to the level that the growth of the judged period alone reaches


class LevelCause(StrEnum):
    """Why a level, or the period for which it is held, changed."""

    GROWTH = "growth"  # enough of it came
    REVERSED = "reversed"  # growth was taken back
    KEPT = "kept"  # judged, and the requirement was met
    FELL = "fell"  # judged, and it was not
    LADDER = "ladder"  # a new version of the ladder reaches them
    OVERRIDE = "override"  # by an operator, until an end
    OVERRIDE_ENDED = "override_ended"
    PAID = "paid"  # a paid membership carries them, until its end
    PAID_BACK = "paid_back"  # what was left of one went back
    MERGED = "merged"
    UNMERGED = "unmerged"
    DEPARTED = "departed"


class RightPeriod(StrEnum):
    """How often a right of a level is given to those who have it."""

    ONCE = "once"
    MONTH = "month"  # each natural month
    QUARTER = "quarter"  # each natural quarter
    YEAR = "year"  # each natural year
    BIRTHDAY = "birthday"  # in the month of their birthday, where one is on file


class RightState(StrEnum):
    """Life of a right: a draft may be changed, what is given may only be ended."""

    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"
