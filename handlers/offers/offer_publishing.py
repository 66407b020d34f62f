"""What has to hold before an offer is published, and what its counter begins with. Inside the open transaction."""

from collections.abc import Set
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.benefits.benefit_quotas import take
from handlers.benefits.kinds import KINDS
from handlers.errors import BenefitUnknown, OfferNotPublishable
from handlers.offers.offers import bucket_rows, level_names
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offer_checks import problems_of
from handlers.rules.offer_terms import OfferTerms, levels_named
from handlers.rules.organization_scope import Scope
from handlers.rules.problems import Problem, facts_of
from handlers.rules.stock_buckets import TOTAL
from models.benefits import Benefit, BenefitQuota, Offer, OfferStock
from models.database import rows
from models.fulfillments import Supplier
from models.ids import new_id
from models.organizations import Organization
from models.programmes import CardKind
from models.sql import as_uuid
from models.statements import offers as statements
from models.words import BenefitKind, BenefitState


async def path_of(organization_id: UUID) -> frozenset[UUID]:
    """An organization and everything above it."""
    return frozenset(as_uuid(each["id"]) for each in await rows(statements.ABOVE, organization_id))


async def usable_benefit(scope: Scope, benefit_id: UUID, organization_id: UUID) -> Benefit:
    """A benefit that an organization may make offers of: its own, one from below, or one from above.

    What comes from above is seen once it is in the pool, and given out of the quota. Raises BenefitUnknown.
    """
    benefit: Any = await Benefit.get_or_none(id=benefit_id)
    if benefit is None:
        raise BenefitUnknown
    place = benefit.organization_id
    from_above = benefit.state == BenefitState.POOL and place in await path_of(organization_id)
    if not from_above and not (scope.sees(place) and organization_id in await path_of(place)):
        raise BenefitUnknown
    found: Benefit = benefit
    return found


async def is_from_above(benefit: Benefit, organization_id: UUID) -> bool:
    """Whether giving the benefit out uses up a quota."""
    place: UUID = benefit.organization_id  # type: ignore[attr-defined]
    return place != organization_id and place in await path_of(organization_id)


async def check(
    offer: Offer,
    terms: OfferTerms,
    before: OfferTerms | None,
    *,
    now: datetime,
    takes_money: bool = False,
    takes_bill: bool = False,
) -> None:
    """Raises OfferNotPublishable with everything that is in the way. `before`: the version that is published now."""
    found = problems_of(terms, now, BUSINESS_ZONE, takes_money=takes_money, takes_bill=takes_bill)
    problems = [*found, *_stock_kept(terms, before)]
    problems += [*await _of_benefit(offer, terms), *await _of_names(terms)]
    if problems:
        raise OfferNotPublishable(**facts_of(problems))


def _stock_kept(terms: OfferTerms, before: OfferTerms | None) -> list[Problem]:
    """Publishing again never resets a stock."""
    if before is None or before.stock is None or terms.stock == before.stock:
        return []
    return [Problem("stock", "fixed", "库存发布后请用加减库存来调整，不能直接改")]


async def _of_benefit(offer: Offer, terms: OfferTerms) -> list[Problem]:
    row_: Any = offer
    benefit = await Benefit.get(id=row_.benefit_id)
    if benefit.state != BenefitState.POOL:
        return [Problem("benefit", "not_in_pool", "权益还没有进入权益池")]
    if benefit.kind not in KINDS:
        return [Problem("benefit", "kind_unsupported", "这类权益还没有接入发放方式")]
    if benefit.kind == BenefitKind.TOP_UP and _outside_accounts(terms):
        # What fails after it was given goes back; points that were taken outside do not come back by themselves.
        return [Problem("benefit", "with_outside_points", "直充不能用合作方积分兑换")]
    if not await is_from_above(benefit, row_.organization_id):
        return []
    if terms.stock is None:
        return [Problem("stock", "quota_needs_stock", "使用上级权益需要设置总库存，从配额中扣除")]
    if not await BenefitQuota.exists(benefit_id=benefit.id, organization_id=row_.organization_id):
        return [Problem("benefit", "quota_missing", "上级还没有分配这项权益的配额")]
    return []


def _outside_accounts(terms: OfferTerms) -> frozenset[str]:
    prices = (terms.price, *(each.price for each in terms.prices))
    return frozenset(price.outside_account for price in prices if price.outside_points)


async def _of_names(terms: OfferTerms) -> list[Problem]:
    """Whether everything that is named exists."""
    audiences = [terms.audience, *(each.audience for each in terms.prices)]
    kinds = {kind for each in audiences for kind in each.card_kinds}
    kinds |= {each.card_kind for each in terms.early if each.card_kind}
    places = {place for each in audiences for place in each.organizations}
    problems = await unknown_names(kinds, places, levels_named(terms))
    accounts = _outside_accounts(terms)
    if accounts and await Supplier.filter(code__in=list(accounts)).count() < len(accounts):
        problems.append(Problem("price.outside_account", "unknown", "有合作方不存在，请检查"))
    return problems


async def unknown_names(kinds: Set[str], places: Set[UUID], levels: Set[str]) -> list[Problem]:
    """Whether these kinds of card, organizations and levels exist, each by its code or id."""
    problems: list[Problem] = []
    if kinds and await CardKind.filter(code__in=list(kinds)).count() < len(kinds):
        problems.append(Problem("card_kinds", "unknown", "有卡种不存在，请检查"))
    if places and await Organization.filter(id__in=list(places)).count() < len(places):
        problems.append(Problem("audience.organizations", "unknown", "有机构不存在，请检查"))
    if levels and not levels <= (await level_names()).keys():
        problems.append(Problem("levels", "unknown", "有等级不存在，请先发布等级或检查代码"))
    return problems


async def begin_stock(operator: Operator, offer: Offer, terms: OfferTerms, *, now: datetime) -> None:
    """The total counter of an offer that has none yet, with what the terms say; out of the quota where there is one."""
    if terms.stock is None or await OfferStock.exists(offer_id=offer.id, bucket=TOTAL):
        return
    await use_quota(offer, terms.stock)
    kept = [(str(new_id()), offer.id, TOTAL, terms.stock)]
    await rows(statements.KEEP_BUCKETS, bucket_rows(kept), now)
    await rows(statements.ADD_CHANGES, bucket_rows(kept, operator_id=operator.id), now)


async def use_quota(offer: Offer, count: int) -> None:
    """Take `count` out of the quota of an offer's organization (or give it back), if its benefit is from above.

    Raises QuotaTooSmall.
    """
    row_: Any = offer
    benefit = await Benefit.get(id=row_.benefit_id)
    if not count or not await is_from_above(benefit, row_.organization_id):
        return
    await take(benefit.id, row_.organization_id, count)
