"""Rights of levels: for which period somebody is to be given one now."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from handlers.rules.offer_terms import Period
from handlers.rules.validity import day_of, period_key
from models.words import RightPeriod


def due_period(period: RightPeriod, at: datetime, zone: ZoneInfo, birthday: str | None = None) -> str | None:
    """The period that a right is due for at this moment; None: it is not.

    `birthday`: YYYY-MM-DD as the member told it. One of 29 February has its month like every other.
    """
    match period:
        case RightPeriod.ONCE:
            return "once"
        case RightPeriod.MONTH:
            return period_key(Period.MONTH, at, zone)
        case RightPeriod.YEAR:
            return period_key(Period.YEAR, at, zone)
    today = day_of(at, zone)
    if period is RightPeriod.QUARTER:
        return f"quarter:{today.year:04}-Q{(today.month + 2) // 3}"
    return f"birthday:{today.year:04}" if _month(birthday) == today.month else None


def _month(birthday: str | None) -> int | None:
    try:
        return date.fromisoformat(birthday).month if birthday else None
    except ValueError:
        return None
