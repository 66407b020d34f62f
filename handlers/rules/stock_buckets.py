"""Which counters of an offer a claim takes one from, and when there is more.

`total` is there from the publication on; `day:2026-11-22` and `wave:2026-11-22T10:00` come to be with the first claim
that needs them, filled from the terms. A wave lasts until the next one of its day or until the day is over; what is
left of it then lapses. Before the first wave of a day there is nothing to be had.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from handlers.rules.offer_terms import OfferTerms, Wave
from handlers.rules.validity import begins, day_of, instant_at

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One counter: its name, and how many it begins with."""

    name: str
    count: int


class NothingOn(ValueError):
    """No wave is on at this instant: `next_opening` says when the next one is."""


def is_on(terms: OfferTerms, at: datetime, zone: ZoneInfo) -> bool:
    """Whether there is a wave now, or none is needed."""
    return not terms.waves or _wave(terms, at, zone) is not None


def buckets(terms: OfferTerms, at: datetime, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """The counters that a claim at this instant takes one from each, in the order of their names.

    Empty: as many as anybody wants. Raises NothingOn between the waves.
    """
    day, taken = day_of(at, zone), []
    if terms.daily_stock is not None:
        taken.append(Bucket(f"day:{day.isoformat()}", terms.daily_stock))
    if terms.stock is not None:
        taken.append(Bucket(TOTAL, terms.stock))
    if terms.waves:
        wave = _wave(terms, at, zone)
        if wave is None:
            raise NothingOn
        taken.append(Bucket(f"wave:{day.isoformat()}T{wave.at}", wave.count))
    return tuple(taken)


def next_opening(terms: OfferTerms, at: datetime, zone: ZoneInfo, *, sold_out: Collection[str] = ()) -> datetime | None:
    """When there is more, within the window; None: never again by itself.

    `sold_out` are names of counters at zero: after the day's there is more tomorrow, after a wave's with the next one,
    and after the total's not at all. Without any: when the next wave begins.
    """
    if TOTAL in sold_out:
        return None
    day = day_of(at, zone)
    is_day_over = any(name == f"day:{day.isoformat()}" for name in sold_out)
    opening = _next_wave(terms, at, zone, day + timedelta(days=1) if is_day_over else day)
    if opening is None and is_day_over:
        opening = begins(day + timedelta(days=1), zone)
    if opening is None or (terms.closes_at is not None and opening >= terms.closes_at):
        return None
    return opening


def _wave(terms: OfferTerms, at: datetime, zone: ZoneInfo) -> Wave | None:
    day = day_of(at, zone)
    begun = [wave for wave in terms.waves if instant_at(day, wave.at, zone) <= at]
    return max(begun, key=lambda wave: wave.at, default=None)


def _next_wave(terms: OfferTerms, at: datetime, zone: ZoneInfo, first: date) -> datetime | None:
    """The first wave after `at` on the day `first` or the one after it."""
    after = max(at, terms.opens_at - timedelta.resolution) if terms.opens_at else at
    first = max(first, day_of(after, zone))
    instants = (instant_at(day, wave.at, zone) for day in (first, first + timedelta(days=1)) for wave in terms.waves)
    return min((instant for instant in instants if instant > after), default=None)
