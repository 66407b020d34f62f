"""Natural days, weeks, months and years in the programme's zone, and how long a claim is valid.

Everything is decided by the calendar day, never by "now minus 24 hours": a clock that jumps an hour or a day gives
nobody a second day. An end is always the first instant at which it is over: what is valid until 23:59:59 of a day ends
with the first instant of the next one, whatever the length of that day.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from handlers.rules.offer_terms import Period, Validity, ValidityKind


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant."""
    return at.astimezone(zone).date()


@lru_cache(maxsize=1_024)
def begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day, in UTC. Where clocks skip midnight, the instant at which they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


@lru_cache(maxsize=1_024)
def instant_at(day: date, at: str, zone: ZoneInfo) -> datetime:
    """HH:MM of a day, in UTC; of a time that comes twice, the first."""
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)


def period_key(period: Period, at: datetime, zone: ZoneInfo) -> str:
    """The name of the natural period an instant falls in: `ever`, `day:2026-11-22`, `week:2026-W47`,
    `month:2026-11`, `year:2026`. Weeks are those of ISO 8601, from Monday."""
    day = day_of(at, zone)
    match period:
        case Period.EVER:
            return "ever"
        case Period.DAY:
            return f"day:{day.isoformat()}"
        case Period.WEEK:
            year, week, _ = day.isocalendar()
            return f"week:{year:04}-W{week:02}"
        case Period.MONTH:
            return f"month:{day.year:04}-{day.month:02}"
        case Period.YEAR:
            return f"year:{day.year:04}"


def period_begins_at(period: Period, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant of the natural period an instant falls in; None: it never began."""
    day = day_of(at, zone)
    match period:
        case Period.EVER:
            return None
        case Period.DAY:
            first = day
        case Period.WEEK:
            first = day - timedelta(days=day.weekday())
        case Period.MONTH:
            first = day.replace(day=1)
        case Period.YEAR:
            first = date(day.year, 1, 1)
    return begins(first, zone)


def period_ends_at(period: Period, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant after the natural period an instant falls in; None: it never ends."""
    day = day_of(at, zone)
    match period:
        case Period.EVER:
            return None
        case Period.DAY:
            following = day + timedelta(days=1)
        case Period.WEEK:
            following = day + timedelta(days=7 - day.weekday())
        case Period.MONTH:
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        case Period.YEAR:
            following = date(day.year + 1, 1, 1)
    return begins(following, zone)


def ends_at(validity: Validity, claimed_at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant at which a claim of `claimed_at` is expired; None: it never is.

    `days` counts from the day after the claim: with 1, a claim of Monday is valid until the end of Tuesday, with 0
    until the end of Monday. Raises ValueError when the kind's own field is missing.
    """
    match validity.kind:
        case ValidityKind.FOREVER:
            return None
        case ValidityKind.FIXED if validity.until is not None:
            return begins(day_of(validity.until, zone) + timedelta(days=1), zone)
        case ValidityKind.DAYS if validity.days is not None:
            return begins(day_of(claimed_at, zone) + timedelta(days=validity.days + 1), zone)
        case ValidityKind.NATURAL if validity.period is not None:
            return period_ends_at(validity.period, claimed_at, zone)
    raise ValueError(f"{validity.kind} lacks what it is counted by")
