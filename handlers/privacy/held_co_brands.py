"""What is held of agreements with partners that somebody came by or joined."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.co_brands import CoBrandMembership, CoBrandVisit
from models.words import CoBrandParty


@dataclass(frozen=True, slots=True)
class HeldCoBrand:
    """One that they joined: by whose entry they came, and by which id the partner knows them if they allow it."""

    name: str
    partner: str
    came_by: CoBrandParty
    partner_ref: str
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class HeldVisit:
    """A day on which they came by one of its entries."""

    name: str
    partner: str
    came_by: CoBrandParty
    business_on: str


async def co_brands(ids: list[UUID]) -> tuple[HeldCoBrand, ...]:
    """What they joined, the oldest first."""
    found: Any = CoBrandMembership.filter(member_id__in=ids).prefetch_related("co_brand", "side").order_by("id")
    return tuple(
        HeldCoBrand(each.co_brand.name, each.co_brand.partner_name, each.side.party, each.partner_ref, each.joined_at)
        for each in await found
    )


async def co_brand_visits(ids: list[UUID]) -> tuple[HeldVisit, ...]:
    """How they came, the oldest first."""
    found: Any = CoBrandVisit.filter(member_id__in=ids).prefetch_related("side__co_brand").order_by("id")
    return tuple(
        HeldVisit(each.side.co_brand.name, each.side.co_brand.partner_name, each.side.party, each.business_on)
        for each in await found
    )
