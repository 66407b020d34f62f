"""Merchants' shares of plans' fees: fixed with a version, recorded with the payment, taken back with each refund.

Inside the transactions that move an order's money, the order's row locked by whoever calls. The shares are those of the
version that the order was made of, whatever was published since.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.rules.fee_shares import FeeShare, goes_back, split
from handlers.rules.organization_scope import Scope
from handlers.rules.problems import Problem
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.fee_shares import PlanShare, PlanShareEntry
from models.programmes import Merchant
from models.sql import as_uuid
from models.statements import fee_shares as statements


@dataclass(frozen=True, slots=True)
class ShareSums:
    """What merchants got within a period, in fen, and what was taken back of it or of earlier ones."""

    given_count: int
    given_fen: int
    back_count: int
    back_fen: int

    @property
    def net_fen(self) -> int:
        """What is left; below zero where more went back than came."""
        return self.given_fen - self.back_fen


async def merchants_of(shares: Sequence[FeeShare], scope: Scope) -> tuple[dict[str, UUID], tuple[Problem, ...]]:
    """The merchants that shares name, by code, and what speaks against them: only active ones of the subtree count."""
    found: Collection[Any] = await Merchant.filter(code__in=[each.merchant for each in shares]) if shares else []
    ids = {each.code: each.id for each in found if each.is_active and scope.sees(each.organization_id)}
    missing = [each.merchant for each in shares if each.merchant not in ids]
    return ids, tuple(Problem("shares", "unknown_merchant", f"没有找到商户{code}") for code in missing)


async def fix_shares(version_id: UUID, shares: Sequence[FeeShare], merchants: Mapping[str, UUID]) -> None:
    """Of a version that is being published."""
    require_atomic()
    for each in shares:
        await PlanShare.create(version_id=version_id, merchant_id=merchants[each.merchant], share_bp=each.share_bp)


async def share_fee(order_id: UUID, paid_fen: int, *, at: datetime) -> None:
    """What each merchant gets of an order that was just paid and became a term; nothing where nobody has a share."""
    require_atomic()
    shares = await rows(statements.OF_ORDER, order_id)
    amounts = split(paid_fen, [int(each["share_bp"]) for each in shares])
    for each, amount in zip(shares, amounts, strict=True):
        if amount:
            await PlanShareEntry.create(
                order_id=order_id,
                merchant_id=as_uuid(each["merchant_id"]),
                base_fen=paid_fen,
                share_bp=int(each["share_bp"]),
                amount_fen=amount,
                happened_at=at,
            )


async def take_back_shares(order_id: UUID, refund_id: UUID, *, at: datetime) -> None:
    """What of an order's shares goes back with one refund, pro rata to all that was refunded of it so far.

    Raises SerializationConflict (decide again).
    """
    require_atomic()
    for found in await rows(statements.GIVEN, order_id):
        amount, back = int(found["amount_fen"]), int(found["back_fen"])
        more = goes_back(amount, int(found["base_fen"]), int(found["refunded_fen"]), back)
        if more:
            await _take(found, refund_id, more, at)


def sums_from(found: Mapping[str, Any]) -> ShareSums:
    """A row of sums."""
    return ShareSums(*(int(found[name]) for name in ("given_count", "given_fen", "back_count", "back_fen")))


async def _take(found: Mapping[str, Any], refund_id: UUID, fen: int, at: datetime) -> None:
    entry_id = as_uuid(found["id"])
    if not await rows(statements.TAKE_BACK, entry_id, fen, int(found["back_fen"])):
        raise SerializationConflict("a share was taken back while its row was locked")
    await PlanShareEntry.create(
        order_id=as_uuid(found["order_id"]),
        merchant_id=as_uuid(found["merchant_id"]),
        base_fen=int(found["base_fen"]),
        share_bp=int(found["share_bp"]),
        amount_fen=-fen,
        reverses_id=entry_id,
        refund_id=refund_id,
        happened_at=at,
    )
