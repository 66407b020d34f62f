"""The opening hours of a store: spans of days of the week, local to the store's zone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_SPANS = 28
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")

Span = tuple[str, str, str]
SERVED_AFTER_CLOSING = timedelta(hours=1)  # whoever was let in before the doors closed is still served, and pays


@dataclass(frozen=True, slots=True)
class WrongSpan:
    """Which of the spans does not fit (0 is the first), and how."""

    index: int
    problem: str  # day, time, order, overlap


def wrong_span(spans: Sequence[Span]) -> WrongSpan | None:
    """What is wrong with these `(day, opens, closes)`, or None.

    Times are HH:MM of one day, 24:00 its end; a night that goes past midnight is two spans. No two of a day overlap.
    """
    seen: dict[str, list[tuple[str, str]]] = {}
    for index, (day, opens, closes) in enumerate(spans):
        if day not in DAYS:
            return WrongSpan(index, "day")
        if not (_TIME.fullmatch(opens) and _TIME.fullmatch(closes)):
            return WrongSpan(index, "time")
        if opens >= closes:
            return WrongSpan(index, "order")
        if any(opens < other_closes and other_opens < closes for other_opens, other_closes in seen.get(day, ())):
            return WrongSpan(index, "overlap")
        seen.setdefault(day, []).append((opens, closes))
    return None


def in_order(spans: Sequence[Span]) -> list[Span]:
    """From Monday's first to Sunday's last."""
    return sorted(spans, key=lambda span: (DAYS.index(span[0]), span[1]))


def is_served(spans: Sequence[Span], zone: str, now: datetime) -> bool:
    """Whether somebody is served in a store with these hours: while it is open and for an hour after. No hours: always.

    A day that has no span is a day on which it is closed.
    """
    return not spans or any(opens <= now < closes + SERVED_AFTER_CLOSING for opens, closes in _around(spans, zone, now))


def is_open(spans: Sequence[Span], zone: str, now: datetime) -> bool | None:
    """Whether its doors are open; None where it tells no hours. It is closed from the closing minute on."""
    return any(opens <= now < closes for opens, closes in _around(spans, zone, now)) if spans else None


def opens_next(spans: Sequence[Span], zone: str, now: datetime) -> datetime | None:
    """The next instant at which it opens; None where it tells no hours."""
    return min((opens for opens, _ in _around(spans, zone, now) if opens > now), default=None)


def _around(spans: Sequence[Span], zone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Its spans from yesterday to a week from now, as instants: walls move by daylight saving, these do not."""
    there = ZoneInfo(zone)
    today = now.astimezone(there).date()
    for day in (today + timedelta(days=number) for number in range(-1, 8)):
        midnight = datetime.combine(day, time(), there)
        for _, opens, closes in (span for span in spans if span[0] == DAYS[day.weekday()]):
            yield _at(midnight, opens), _at(midnight, closes)


def _at(midnight: datetime, wall: str) -> datetime:
    """That time of the day by the wall clock; 24:00 is the midnight that ends it."""
    hours, minutes = map(int, wall.split(":"))
    return (midnight + timedelta(hours=hours, minutes=minutes)).astimezone(UTC)
