"""When nobody is written to without having asked: from 21:00 to 09:00 of the programme's day."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUIET_FROM = time(21)
QUIET_UNTIL = time(9)


def speakable(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant not before `at` at which one may write."""
    local = at.astimezone(zone)
    if QUIET_UNTIL <= local.time() < QUIET_FROM:
        return at
    day = local.date() if local.time() < QUIET_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(day, QUIET_UNTIL, zone).astimezone(UTC)
