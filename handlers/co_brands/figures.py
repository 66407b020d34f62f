"""What both sides of an agreement are told: counts by day and entry; and of persons, those alone who agreed to it.

Who let partners know of them (the consent `sharing`) is asked with every look: withdrawn, they are gone from the next
one on. A partner knows them by an id of its own, which no other partner has and which opens nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.channels.gate import ChannelGate, Signed
from handlers.co_brands.agreements import CoBrandView, sees, view_of
from handlers.errors import CoBrandUnknown
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.co_brands import runs_until
from handlers.rules.roles import Capability
from handlers.rules.validity import day_of
from handlers.scopes import allowed
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import co_brands as statements
from models.words import CoBrandParty, CoBrandState

SHOWN_DAYS = 30
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class CoBrandDay:
    """One business day of one side's entry: visits (one a day for each who came), and who joined by it."""

    business_on: str
    party: CoBrandParty
    visit_count: int
    join_count: int


@dataclass(frozen=True, slots=True)
class CoBrandFigures:
    """The agreement with its totals, and its days."""

    co_brand: CoBrandView
    days: tuple[CoBrandDay, ...]


@dataclass(frozen=True, slots=True)
class SharedMember:
    """Somebody who lets the partner know of them. `ref`: the partner's own id of them; `id`: where a page goes on."""

    id: UUID
    ref: str
    came_by: CoBrandParty
    joined_at: datetime
    ends_at: datetime


@refusing
class CoBrandFiguring:
    """Reads; for operators of either side, and for the partner's channel once the gate has let the call in."""

    def __init__(self, clock: Clock, gate: ChannelGate) -> None:
        self._clock = clock
        self._gate = gate

    async def figures(
        self, operator: Operator, co_brand_id: UUID, *, since: date | None, until: date | None
    ) -> CoBrandFigures:
        """Days half-open; None: the last 30, today with them. Raises RoleMissing, CoBrandUnknown."""
        await self._seen(operator, co_brand_id)
        return await self._figures(co_brand_id, since, until)

    async def members(
        self, operator: Operator, co_brand_id: UUID, *, after: UUID | None, limit: int
    ) -> tuple[SharedMember, ...]:
        """What the partner sees. Raises RoleMissing, CoBrandUnknown."""
        return await _members(await self._seen(operator, co_brand_id), after, limit)

    async def figures_for(
        self, signed: Signed, co_brand_id: UUID, *, since: date | None, until: date | None
    ) -> CoBrandFigures:
        """Raises CoBrandUnknown (also for another channel's), and what the gate raises."""
        await self._of_channel(signed, co_brand_id)
        return await self._figures(co_brand_id, since, until)

    async def members_for(
        self, signed: Signed, co_brand_id: UUID, *, after: UUID | None, limit: int
    ) -> tuple[SharedMember, ...]:
        """Raises CoBrandUnknown (also for another channel's), and what the gate raises."""
        return await _members(await self._of_channel(signed, co_brand_id), after, limit)

    async def _seen(self, operator: Operator, co_brand_id: UUID) -> Mapping[str, Any]:
        scope, found = await allowed(operator, Capability.PLANS_SEEN), await row(statements.ONE, co_brand_id)
        if found is None or not sees(scope, found):
            raise CoBrandUnknown
        return found

    async def _of_channel(self, signed: Signed, co_brand_id: UUID) -> Mapping[str, Any]:
        await self._gate.let_in(signed)
        found = await row(statements.ONE, co_brand_id)
        if found is None or found["channel_id"] is None or found["state"] == CoBrandState.DRAFT:
            raise CoBrandUnknown
        if as_uuid(found["channel_id"]) != signed.channel.id:
            raise CoBrandUnknown
        return found

    async def _figures(self, co_brand_id: UUID, since: date | None, until: date | None) -> CoBrandFigures:
        until = until or day_of(self._clock.now(), BUSINESS_ZONE) + timedelta(days=1)
        since = since or until - timedelta(days=SHOWN_DAYS)
        found = await rows(statements.DAYS, co_brand_id, since.isoformat(), until.isoformat())
        days = tuple(
            CoBrandDay(
                each["business_on"], CoBrandParty(each["party"]), int(each["visit_count"]), int(each["join_count"])
            )
            for each in found
        )
        return CoBrandFigures(await view_of(co_brand_id), days)


async def _members(co_brand: Mapping[str, Any], after: UUID | None, limit: int) -> tuple[SharedMember, ...]:
    found = await rows(statements.SHARED, as_uuid(co_brand["id"]), after or _NOBODY, limit)
    agreement_ends_at = as_instant(co_brand["ended_at"] or co_brand["ends_at"])
    return tuple(
        SharedMember(
            id=as_uuid(each["id"]),
            ref=each["partner_ref"],
            came_by=CoBrandParty(each["party"]),
            joined_at=as_instant(each["joined_at"]),
            ends_at=runs_until(
                as_instant(each["ends_at"]), as_instant(each["cut_at"]) if each["cut_at"] else None, agreement_ends_at
            ),
        )
        for each in found
    )
