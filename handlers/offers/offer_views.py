"""Offers and their stock as operators see them, and the one way to find an offer of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.codec import from_json
from handlers.errors import OfferUnknown
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.organization_scope import Scope
from models.benefits import Offer
from models.words import OfferState


@dataclass(frozen=True, slots=True)
class OperatedOffer:
    """`terms` are the draft's; `version` is the number of what is published, 0 for nothing yet."""

    id: UUID
    organization_id: UUID
    benefit_id: UUID
    code: str
    keyword: str
    state: OfferState
    version: int
    terms: OfferTerms
    opens_at: datetime | None
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """What was published under a number, when and by which operator."""

    number: int
    terms: OfferTerms
    published_at: datetime
    published_by: UUID | None


@dataclass(frozen=True, slots=True)
class StockView:
    """One counter: added = left + taken."""

    bucket: str
    added: int
    left: int
    taken: int


@dataclass(frozen=True, slots=True)
class Change:
    """What was added to a counter or taken from it; without an operator it is what a day or a wave began with."""

    id: UUID
    bucket: str
    delta: int
    reason: str
    operator_id: UUID | None
    approved_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of stock that a second operator has to approve."""

    id: UUID
    offer_id: UUID
    organization_id: UUID
    bucket: str
    delta: int
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@dataclass(frozen=True, slots=True)
class StockChanged:
    """The counter as it is now. With an `approval_id` nothing was changed yet: a second operator has to approve."""

    offer_id: UUID
    stock: StockView
    approval_id: UUID | None = None


def view(stored: Offer) -> OperatedOffer:
    """A row as operators see it."""
    row: Any = stored
    return OperatedOffer(
        id=row.id,
        organization_id=row.organization_id,
        benefit_id=row.benefit_id,
        code=row.code,
        keyword=row.keyword,
        state=row.state,
        version=row.version,
        terms=from_json(OfferTerms, row.terms),
        opens_at=row.opens_at,
        closes_at=row.closes_at,
    )


async def theirs(scope: Scope, offer_id: UUID, *, locked: bool = False) -> Offer:
    """An offer within the scope, its row locked until the transaction ends. Raises OfferUnknown."""
    found = Offer.filter(id=offer_id, organization_id__in=list(scope.organization_ids))
    offer = await (found.select_for_update(no_key=True) if locked else found).first()
    if offer is None:
        raise OfferUnknown
    return offer
