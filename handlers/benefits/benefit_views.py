"""A benefit as operators see it, and which of them they do."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q, Subquery

from handlers.benefits.kinds import BenefitRow
from handlers.codec import from_json
from handlers.errors import BenefitUnknown
from handlers.rules.benefit_terms import TERMS_OF, BenefitTerms
from handlers.rules.organization_scope import Scope
from models.benefits import Benefit, BenefitQuota
from models.words import BenefitKind, BenefitState


@dataclass(frozen=True, slots=True)
class OperatedBenefit:
    """A benefit as operators see it; `merchant` is the merchant's code, `review_note` why it came back last."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    description: str
    category: str
    kind: BenefitKind
    state: BenefitState
    merchant: str | None
    terms: BenefitTerms
    settlement_price_fen: int
    operator_share_bp: int
    is_offline_allowed: bool
    is_paused: bool
    review_note: str
    created_at: datetime


def in_sight(scope: Scope) -> Q:
    """Benefits of the subtree, and those of which it was allotted some."""
    ids = list(scope.organization_ids)
    allotted = BenefitQuota.filter(organization_id__in=ids).values("benefit_id")
    return Q(organization_id__in=ids) | Q(id__in=Subquery(allotted))


async def locked(benefit_id: UUID, scope: Scope) -> Benefit:
    """A benefit of the subtree, its row locked until the open transaction ends. Raises BenefitUnknown."""
    found = await Benefit.filter(id=benefit_id).select_for_update(no_key=True).first()
    if found is None or not scope.sees(place_of(found)):
        raise BenefitUnknown
    return found


def row_of(stored: Benefit) -> BenefitRow:
    """What a kind needs to know of its benefit."""
    merchant_id: UUID | None = stored.merchant_id  # type: ignore[attr-defined]
    return BenefitRow(stored.id, stored.code, place_of(stored), merchant_id)


def stored_terms(stored: Benefit) -> BenefitTerms:
    """The terms of a row, which were checked when they were saved."""
    return from_json(TERMS_OF[stored.kind], stored.terms)


def seen(stored: Benefit) -> OperatedBenefit:
    """The row, its merchant fetched with it, as operators see it."""
    plainly = {
        field.name: getattr(stored, field.name)
        for field in fields(OperatedBenefit)
        if field.name not in {"merchant", "terms"}
    }
    code = stored.merchant.code if stored.merchant else None
    return OperatedBenefit(**plainly, merchant=code, terms=stored_terms(stored))


def place_of(stored: Benefit) -> UUID:
    place: UUID = stored.organization_id  # type: ignore[attr-defined]
    return place
