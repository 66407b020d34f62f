"""The words of settling with merchants; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class SettlementPeriod(StrEnum):
    """What one statement covers: a business day, or the days of a calendar month."""

    DAY = "day"
    MONTH = "month"
