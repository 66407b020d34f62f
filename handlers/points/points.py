"""What members see of their points: how many, what is pending, what ends when, and every entry.

Everything is decided by the clock: what has expired or matured shows at once, whether or not a job has been there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.points.earning import EARNED
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.points import SOON_DAYS
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import points as statements
from models.words import LedgerAccountKind

ADJUSTED = "points_adjusted"  # the kind of cause of what operators give and take
SHOWN_ENDS = 20  # instants at which something ends


class EntryKind(StrEnum):
    """What an entry was, as a member understands it."""

    EARNED = "earned"
    SPENT = "spent"
    RETURNED = "returned"  # of a spending
    TAKEN_BACK = "taken_back"  # of an earning
    EXPIRED = "expired"
    ADJUSTED = "adjusted"  # by the operator, with a reason


@dataclass(frozen=True, slots=True)
class Ending:
    """So many points end at this instant, when nothing is spent before."""

    points: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PointsView:
    """`available` can be spent now, `pending` later, `held` is set aside for something; `expiring` within 30 days."""

    available: int
    pending: int
    held: int
    expiring: tuple[Ending, ...]


@dataclass(frozen=True, slots=True)
class PointsEntry:
    """One line: `amount` is negative where points went. `note` is to read: the rule's name, or the reason."""

    id: UUID
    kind: EntryKind
    amount: int
    note: str
    happened_at: datetime
    available_at: datetime | None
    expires_at: datetime | None


@refusing
class Points:
    """Reads a member's points; of a member id of any time, those of the person it means today."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def view(self, person: Person) -> PointsView:
        """How it stands now. Changes nothing."""
        return await self.of_member(person.member_id)

    async def of_member(self, member_id: UUID) -> PointsView:
        """The same for whoever may see it."""
        now = self._clock.now()
        lots = await rows(statements.LOTS_OF, member_id, now)
        held = await row(statements.HELD_OF, member_id)
        there = [each for each in lots if _is_there(each, now)]
        return PointsView(
            available=sum(int(each["left_amount"]) for each in there),
            pending=sum(int(each["left_amount"]) for each in lots) - sum(int(each["left_amount"]) for each in there),
            held=int(held["held"]) if held else 0,
            expiring=_endings(there, now + timedelta(days=SOON_DAYS)),
        )

    async def entries(self, person: Person, *, before: UUID | None, limit: int) -> tuple[PointsEntry, ...]:
        """The newest first; `before` is the last id of the page before."""
        return await self.entries_of(person.member_id, before=before, limit=limit)

    async def entries_of(self, member_id: UUID, *, before: UUID | None, limit: int) -> tuple[PointsEntry, ...]:
        """The same for whoever may see it."""
        return tuple(_entry(each) for each in await rows(statements.ENTRIES, member_id, before, limit))


def _is_there(lot: Mapping[str, Any], now: datetime) -> bool:
    return lot["kind"] == LedgerAccountKind.MEMBER or as_instant(lot["available_at"]) <= now


def _endings(lots: Sequence[Mapping[str, Any]], until: datetime) -> tuple[Ending, ...]:
    ends: dict[datetime, int] = {}
    for each in lots:
        if each["expires_at"] and (at := as_instant(each["expires_at"])) <= until:
            ends[at] = ends.get(at, 0) + int(each["left_amount"])
    return tuple(Ending(points, at) for at, points in sorted(ends.items()))[:SHOWN_ENDS]


def _entry(found: Mapping[str, Any]) -> PointsEntry:
    amount = int(found["amount"])
    return PointsEntry(
        id=as_uuid(found["id"]),
        kind=_kind(found, amount),
        amount=amount,
        note=found["rule_name"] or found["reason"] or "",
        happened_at=as_instant(found["happened_at"]),
        available_at=as_instant(found["available_at"]) if found["available_at"] else None,
        expires_at=as_instant(found["expires_at"]) if found["expires_at"] else None,
    )


def _kind(found: Mapping[str, Any], amount: int) -> EntryKind:
    match found["cause_kind"]:
        case _ if found["reverses_id"]:
            return EntryKind.RETURNED if amount > 0 else EntryKind.TAKEN_BACK
        case "lot_expired" | "departed":
            return EntryKind.EXPIRED
        case kind if kind == ADJUSTED:
            return EntryKind.ADJUSTED
        case kind if kind == EARNED:
            return EntryKind.EARNED
    return EntryKind.EARNED if amount > 0 else EntryKind.SPENT
