"""Offers for tests of claims, written as rows: whatever an operator would publish, without the way there."""

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.benefits.kinds import plain
from handlers.codec import to_json
from handlers.rules.benefit_terms import BenefitTerms, VoucherTerms
from handlers.rules.offer_terms import OfferTerms
from models.benefits import Benefit, Offer, OfferStock, OfferVersion, StockChange
from models.organizations import Organization
from models.programmes import Merchant
from models.words import BenefitKind, BenefitState, OfferState

_numbers = itertools.count(1)


@dataclass
class Offering:
    """What was published: the offer, and its benefit."""

    id: UUID
    benefit_id: UUID
    code: str
    terms: OfferTerms

    async def left(self, bucket: str = "total") -> int:
        return (await OfferStock.get(offer_id=self.id, bucket=bucket)).left_count

    async def publish(self, terms: OfferTerms, at: datetime) -> None:
        """A next version."""
        offer = await Offer.get(id=self.id)
        await OfferVersion.create(offer_id=self.id, number=offer.version + 1, terms=to_json(terms), published_at=at)
        await Offer.filter(id=self.id).update(version=offer.version + 1, terms=to_json(terms))
        self.terms = terms


async def a_benefit(
    name: str = "洗车", kind: BenefitKind = BenefitKind.VOUCHER, terms: BenefitTerms | None = None, **more: Any
) -> Benefit:
    """In the pool, of a merchant of the root."""
    number, root = next(_numbers), await Organization.get(parent_id=None)
    merchant = await Merchant.create(organization=root, code=f"m-{number}", name="江南洗车")
    facts = {"code": f"b-{number}", "state": BenefitState.POOL, "merchant": merchant, **more}
    return await Benefit.create(organization=root, name=name, kind=kind, terms=plain(terms or VoucherTerms()), **facts)


async def an_offer(
    at: datetime,
    *,
    stock: int | None = None,
    benefit: Benefit | None = None,
    keyword: str = "",
    state: OfferState = OfferState.PUBLISHED,
    **terms: Any,
) -> Offering:
    """Published by the root, by default without an end and once per member."""
    benefit = benefit or await a_benefit()
    said = OfferTerms(stock=stock, **terms)
    offer = await Offer.create(
        benefit=benefit,
        organization_id=benefit.organization_id,
        code=f"o-{next(_numbers)}",
        keyword=keyword,
        state=state,
        version=1,
        terms=to_json(said),
        opens_at=said.opens_at,
        closes_at=said.closes_at,
    )
    await OfferVersion.create(offer=offer, number=1, terms=to_json(said), published_at=at)
    if stock is not None:
        await OfferStock.create(offer=offer, bucket="total", added_count=stock, left_count=stock)
        if stock:
            await StockChange.create(offer=offer, bucket="total", delta=stock)
    return Offering(offer.id, benefit.id, offer.code, said)
