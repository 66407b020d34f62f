"""The words of draws; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class DrawState(StrEnum):
    """Life of a draw: draft -> published <-> paused -> ended."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    ENDED = "ended"


class DrawLook(StrEnum):
    """What members see of a draw."""

    WHEEL = "wheel"  # 大转盘
    SCRATCH = "scratch"  # 刮刮卡
    EGG = "egg"  # 砸金蛋


class SpinPaid(StrEnum):
    """What a spin was paid with, in the order in which it is taken."""

    FREE = "free"  # of the day's free ones
    CHANCE = "chance"
    POINTS = "points"


class ParcelState(StrEnum):
    """Life of a thing that was won: it waits for an address, is sent, or lapsed and went back to the stock."""

    WAITING = "waiting"
    ADDRESSED = "addressed"
    SENT = "sent"
    LAPSED = "lapsed"


class DuePrizeState(StrEnum):
    """Life of a benefit that was won and that asks something: it waits, was taken, or lapsed and went back."""

    WAITING = "waiting"
    TAKEN = "taken"
    LAPSED = "lapsed"


class PrizeAsks(StrEnum):
    """What the winner of a benefit has to say before it can be given."""

    NUMBER = "number"  # the phone number that is charged
    CHOICES = "choices"  # which of the parts of a package
