"""What is held about somebody as a promoter, and about who brought them: without saying who."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.distribution import Commission, Promoter, PromoterBinding, PromoterLink
from models.words import CommissionState, PromoterState


@dataclass(frozen=True, slots=True)
class HeldPromoting:
    """That they promote, or asked to, and by which codes."""

    state: PromoterState
    grade: str
    reason: str
    scenes: tuple[str, ...]
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class HeldTouch:
    """That a promoter's code brought them, and for how long that counts."""

    scene: str
    touched_at: datetime
    counts_until: datetime


@dataclass(frozen=True, slots=True)
class HeldCommission:
    """What a sale gave them, or a refund took back."""

    number: str
    amount_fen: int
    state: CommissionState
    earned_at: datetime


async def promoting(ids: list[UUID]) -> tuple[HeldPromoting, ...]:
    """Theirs as a promoter."""
    found: Any = await Promoter.filter(member_id__in=ids).order_by("id")
    codes = [
        (each.promoter_id, each.code)  # type: ignore[attr-defined]
        for each in await PromoterLink.filter(promoter__member_id__in=ids).order_by("id")
    ]
    return tuple(
        HeldPromoting(
            each.state,
            each.grade,
            each.reason,
            tuple(code for whose, code in codes if whose == each.id),
            each.applied_at,
        )
        for each in found
    )


async def touches(ids: list[UUID]) -> tuple[HeldTouch, ...]:
    """What they came by."""
    found: Any = await PromoterBinding.filter(member_id__in=ids).order_by("id").prefetch_related("link")
    return tuple(HeldTouch(each.link.code, each.touched_at, each.ends_at) for each in found)


async def commissions(ids: list[UUID]) -> tuple[HeldCommission, ...]:
    """What sales gave them; of whose order is somebody else's."""
    found: Any = await Commission.filter(promoter__member_id__in=ids).order_by("id").prefetch_related("order")
    return tuple(
        HeldCommission(each.order.number[-8:].upper(), each.amount_fen, each.state, each.earned_at) for each in found
    )
