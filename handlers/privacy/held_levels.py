"""What is held of the levels of a person, and of what they paid for them."""

from typing import Any
from uuid import UUID

from handlers.privacy import held
from models.levels import LevelChange
from models.plans import MembershipTerm


async def held_levels(ids: list[UUID]) -> tuple[held.HeldLevel, ...]:
    """Every change of their level, the oldest first."""
    found: Any = await LevelChange.filter(member_id__in=ids).order_by("happened_at", "id")
    return tuple(
        held.HeldLevel(each.code, each.cause, each.growth, each.reason, each.judged_at, each.happened_at)
        for each in found
    )


async def held_terms(ids: list[UUID]) -> tuple[held.HeldTerm, ...]:
    """Every term of a paid membership, the oldest first."""
    found: Any = await MembershipTerm.filter(member_id__in=ids).order_by("given_at", "id").prefetch_related("plan")
    return tuple(
        held.HeldTerm(each.plan.code, each.level, each.cause, each.paid_fen, each.starts_at, each.ends_at, each.cut_at)
        for each in found
    )
