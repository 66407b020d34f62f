"""What comes back of an order before anybody asks for it: claim by claim, or of a term of membership; and why not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.offline.holding import held
from handlers.paid_terms.cutting import TermQuote, quote_term
from handlers.rules.claim_states import stands
from handlers.rules.order_states import REFUNDABLE_FOR
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import orders as statements
from models.words import ClaimState, OrderState

TOO_EARLY = "claim.offline_open"  # until the cut-off it may turn out to be used
GIVEN_BACK = frozenset({ClaimState.ISSUED, ClaimState.EXPIRED})  # what is unused in one of these can go back


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One claim of an order. `amount_fen` is its part of the money, `points` what it took beside; `reason`: why it
    cannot go back (null: it can)."""

    claim_id: UUID
    name: str
    amount_fen: int
    points: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Quote:
    """`amount_fen` and `points`: what comes back in all; `paid_fen` was paid, `refunded_fen` is back or on its way.

    `term`: of a plan's order, how that comes about.
    """

    order_id: UUID
    amount_fen: int
    paid_fen: int
    refunded_fen: int
    lines: tuple[QuoteLine, ...]
    term: TermQuote | None = None
    points: int = 0


async def quote(found: Mapping[str, Any], *, at: datetime) -> Quote:
    """Of one order's row, its claims read as they stand now."""
    order_id = as_uuid(found["id"])
    is_open = OrderState(found["state"]) is OrderState.PAID and is_young(found, at)
    paid, refunded = int(found["amount_fen"]) if found["paid_at"] else 0, int(found["refunded_fen"])
    if found["offer_id"] is None:
        term = await quote_term(order_id, at=at)
        if term is not None and not is_open:
            term = replace(term, reason=term.reason or "order.closed")
        return Quote(order_id, of_term(term, paid, refunded), paid, refunded, (), term)
    claims = await rows(statements.CLAIMS, [order_id])
    waiting = await held([as_uuid(each["claim_id"]) for each in claims], at=at) if is_open else frozenset()
    lines = tuple(
        QuoteLine(
            as_uuid(each["claim_id"]),
            each["name"],
            int(each["amount_fen"]),
            int(each["price_points"]),
            _why_not(each, at, waiting) if is_open else "order.closed",
        )
        for each in claims
    )
    back = [line for line in lines if line.reason is None]
    amount = min(sum(line.amount_fen for line in back), paid - refunded)
    points = sum(line.points for line in back)
    return Quote(order_id, max(amount, 0), paid, refunded, lines, points=points)


def of_term(term: TermQuote | None, paid: int, refunded: int) -> int:
    """What comes back of a term: never more than is still here."""
    return max(min(term.amount_fen, paid - refunded), 0) if term else 0


def is_young(found: Mapping[str, Any], at: datetime) -> bool:
    """Whether the payment service still takes a refund of it."""
    return bool(found["paid_at"]) and at < as_instant(found["paid_at"]) + REFUNDABLE_FOR


def is_unused(each: Mapping[str, Any]) -> bool:
    """Nothing of a claim or of its parts was used."""
    return each["uses_left"] == each["uses_total"] and not each["has_used_part"]


def unused_fen(each: Mapping[str, Any]) -> int:
    """What was paid for the uses of a claim, or of a package's parts, that are left.

    Rounded up: the house took them away, and keeps no part of a fen for it.
    """
    left, total = int(each["uses_left"]), int(each["uses_total"])
    if each["has_used_part"]:
        left, total = int(each["parts_left"]), int(each["parts_total"])
    return -(-int(each["amount_fen"]) * left // total) if total else int(each["amount_fen"])


def _why_not(each: Mapping[str, Any], at: datetime, waiting: frozenset[UUID]) -> str | None:
    if each["refund_id"] is not None:
        return "order.refunded"
    if each["is_regranted"] or each["has_regranted_part"]:
        return "claim.regranted"  # one more was given for it
    expires_at = as_instant(each["expires_at"]) if each["expires_at"] else None
    state = stands(ClaimState(each["state"]), expires_at, at)
    if state is ClaimState.PENDING:
        return "claim.pending"
    if not is_unused(each):
        return "claim.used"
    if each["has_code"]:
        return "claim.code_given"  # whoever has seen a third party's code has it
    if state not in GIVEN_BACK:
        return "claim.over"
    return TOO_EARLY if as_uuid(each["claim_id"]) in waiting else None
