"""When points end, and how many of those that somebody earned they get."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from handlers.rules.validity import begins, day_of
from models.words import PointsExpiry

MOST = 1_000_000_000  # points of one transfer
SOON_DAYS = 30  # what `GET /me/points` calls expiring
REMIND_DAYS = (1, 7)


def ends_at(expiry: PointsExpiry, count: int, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant at which points that can be spent from `at` on are expired; None: never.

    With `days` 1, those of Monday are there until the end of Tuesday. With `months` 0 until the end of this month,
    with 1 of the next one; the same with years.
    """
    day = day_of(at, zone)
    match expiry:
        case PointsExpiry.NEVER:
            return None
        case PointsExpiry.DAYS:
            return begins(day + timedelta(days=count + 1), zone)
        case PointsExpiry.MONTHS:
            months = day.year * 12 + day.month + count  # of January of year 0; the month after the last one
            return begins(date(months // 12, months % 12 + 1, 1), zone)
        case PointsExpiry.YEARS:
            return begins(date(day.year + count + 1, 1, 1), zone)


def available_at(pending_days: int, at: datetime, zone: ZoneInfo) -> datetime | None:
    """From when on what is earned now can be spent: the first instant of that day; None: at once."""
    return begins(day_of(at, zone) + timedelta(days=pending_days), zone) if pending_days else None


class CutBy(StrEnum):
    """Why somebody got fewer points than they earned."""

    CAP = "cap"  # of this rule and period
    BUDGET = "budget"  # of the programme
    RULE = "rule"  # it is switched off


@dataclass(frozen=True, slots=True)
class Allotted:
    """How many, and what cut them."""

    amount: int
    cut_by: CutBy | None = None


def allot(wanted: int, *, cap_left: int | None, budget_left: int | None) -> Allotted:
    """As many as are left of both, the rest is lost; None: no limit."""
    amount = wanted if cap_left is None else min(wanted, max(cap_left, 0))
    if budget_left is not None and max(budget_left, 0) < amount:
        return Allotted(max(budget_left, 0), CutBy.BUDGET)
    return Allotted(amount, CutBy.CAP if amount < wanted else None)
