"""The words of co-branded membership; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class CoBrandState(StrEnum):
    """Life of an agreement: draft -> published -> ended. What is published never changes."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ENDED = "ended"  # by an operator, before its time or after


class CoBrandParty(StrEnum):
    """The two sides of an agreement."""

    HOUSE = "house"
    PARTNER = "partner"
