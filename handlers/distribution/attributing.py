"""Who brought an order about, written down beside it when it is made: promoters, rates, and the version of the rules.

What is paid later counts by this, whoever touches the buyer meanwhile and whatever is published since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.distribution.commission_rules import rules_in_force
from handlers.identity.same_person import is_same_person
from handlers.points.points_terms import terms as programme_terms
from handlers.rules.commission import rate
from handlers.rules.eligibility import PublishedOffer
from models.database import require_atomic, row, rows
from models.distribution import OrderPromoter
from models.sql import as_uuid
from models.statements import distribution as statements
from models.words import PromoterState


@dataclass(frozen=True, slots=True)
class Sale:
    """An order that is being made, by whom (the canonical id), and what is kept of who pays."""

    order_id: UUID
    member_id: UUID
    payer_hash: str
    offer: PublishedOffer


async def attribute_orders(sales: Sequence[Sale], *, at: datetime) -> None:
    """`attribute_order` for each of them; one read where nobody brought any of the buyers."""
    brought = {
        as_uuid(each["member_id"])
        for each in await rows(statements.BROUGHT, sorted({sale.member_id for sale in sales}), at)
    }
    for sale in sales:
        if sale.member_id in brought:
            await attribute_order(sale.order_id, sale.member_id, payer_hash=sale.payer_hash, at=at, offer=sale.offer)


async def attribute_order(
    order_id: UUID, member_id: UUID, *, payer_hash: str, at: datetime, offer: PublishedOffer | None = None
) -> None:
    """Inside the transaction that makes the order, the buyer's row locked. A level stands only on the one below it.

    Without an offer it is of a plan: then the rates of offers and categories do not speak of it.
    """
    require_atomic()
    first = await row(statements.BROUGHT_BY, member_id, at)
    if first is None or not await _counts(first, member_id, payer_hash, at):
        return
    version = await rules_in_force((await programme_terms()).programme_id)
    if version is None or version.id is None:
        return
    levels = [first]
    if version.terms.level_count > 1:
        second = await row(statements.BROUGHT_BY, as_uuid(first["member_id"]), at)
        if second is not None and await _counts(second, member_id, payer_hash, at):
            levels.append(second)
    found = await row(statements.CATEGORY, offer.benefit_id) if offer is not None else None
    code, category = str(offer.id) if offer is not None else "", str(found["category"]) if found else ""
    for number, each in enumerate(levels, start=1):
        rate_bp = rate(version.terms, number, offer=code, category=category, grade=each["grade"])
        if rate_bp:
            await OrderPromoter.create(
                order_id=order_id,
                level=number,
                promoter_id=as_uuid(each["promoter_id"]),
                rule_id=version.id,
                rate_bp=rate_bp,
            )


async def _counts(promoter: Mapping[str, Any], buyer_id: UUID, payer_hash: str, at: datetime) -> bool:
    is_active = promoter["state"] == PromoterState.ACTIVE
    return is_active and not await is_same_person(buyer_id, as_uuid(promoter["member_id"]), payer_hash, at=at)
