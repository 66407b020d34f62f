"""What has to hold before a draw is published. Inside the open transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.benefits.kinds import KINDS
from handlers.draws.held import HeldDraw, hold
from handlers.draws.prizes import FULFILLED
from handlers.errors import DrawNotPublishable, DrawStateWrong
from handlers.offers.offer_publishing import path_of, unknown_names
from handlers.offers.offers import PublishedOffer, published
from handlers.rules.draw_checks import problems_of
from handlers.rules.draw_law import law_problems, only_better
from handlers.rules.draw_rules import Prize, PrizeKind
from handlers.rules.draw_terms import MOST_ADDRESS_DAYS, DrawTerms, terms_of
from handlers.rules.fairness import rules_hash
from handlers.rules.offer_terms import Audience
from handlers.rules.problems import Problem, facts_of
from handlers.rules.stock_buckets import TOTAL
from models.database import rows
from models.draws import Draw
from models.statements import draw_simulations as simulations
from models.statements import offers as offer_statements
from models.words import BenefitKind, DrawState, OfferState

_POOLED = frozenset({BenefitKind.CODE_COUPON, BenefitKind.PACKAGE})  # what they draw on may run dry


async def ready(draw: Draw, *, now: datetime, points_are_worth_money: bool) -> HeldDraw | None:
    """The draw with what is published of it, held, if its draft may be published now; None: nothing was yet.

    Raises DrawStateWrong (it has ended), DrawNotPublishable.
    """
    if draw.state is DrawState.ENDED:
        raise DrawStateWrong(state=str(draw.state))
    before = await hold(draw.id)
    published = before.version.terms if before else None
    await check(draw, terms_of(draw.terms), published, now=now, points_are_worth_money=points_are_worth_money)
    return before


async def check(
    draw: Draw, terms: DrawTerms, before: DrawTerms | None, *, now: datetime, points_are_worth_money: bool
) -> None:
    """Raises DrawNotPublishable with everything that is in the way. `before`: the version that is published now."""
    rules = terms.rules
    against = law_problems(rules, points_are_worth_money=points_are_worth_money)
    problems = [*problems_of(rules, now), *against, *_words(terms)]
    if before is not None and not problems:
        problems += [*only_better(before.rules, rules), *_kept(before, terms)]
    problems += [*await _of_prizes(draw, rules.prizes, before), *await _of_audience(terms.audience)]
    if not await rows(simulations.OF_RULES, draw.id, rules_hash(rules)):
        problems.append(Problem("simulations", "missing", "这一版还没有模拟过，请先模拟再发布"))
    if problems:
        raise DrawNotPublishable(**facts_of(problems))


def _words(terms: DrawTerms) -> list[Problem]:
    problems: list[Problem] = []
    if not 1 <= terms.address_days <= MOST_ADDRESS_DAYS:
        problems.append(Problem("address_days", "out_of_range", f"填写地址和领奖信息的期限为1到{MOST_ADDRESS_DAYS}天"))
    return problems


def _kept(before: DrawTerms, after: DrawTerms) -> list[Problem]:
    """Whoever may take part stays so, and nobody's time for an address, or a word, gets shorter."""
    problems: list[Problem] = []
    if after.audience not in {before.audience, Audience(is_members_only=before.audience.is_members_only)}:
        problems.append(Problem("audience", "narrower", "活动发布后参与人群不能缩小"))
    if after.address_days < before.address_days:
        problems.append(Problem("address_days", "shorter", "活动发布后填写地址和领奖信息的期限不能缩短"))
    return problems


async def _of_prizes(draw: Draw, prizes: tuple[Prize, ...], before: DrawTerms | None) -> list[Problem]:
    place: UUID = draw.organization_id  # type: ignore[attr-defined]
    offers = await _offers_of(prizes)
    above = await path_of(place)
    had = {each.code: each for each in before.rules.prizes} if before else {}
    problems: list[Problem] = []
    for number, prize in enumerate(prizes):
        name = f"prizes[{number}]"
        if prize.kind not in FULFILLED:
            problems.append(Problem(f"{name}.kind", "kind_unsupported", f"“{prize.name}”这类奖品还没有接入发放方式"))
        elif prize.kind is PrizeKind.BENEFIT:
            offer = offers.get(prize.reference)
            if offer is None or offer.organization_id not in above:
                problems.append(Problem(f"{name}.reference", "unknown", f"没有找到“{prize.name}”要发放的权益活动"))
            else:
                problems += await _of_offer(name, prize, had.get(prize.code), offer)
    return problems


async def _offers_of(prizes: tuple[Prize, ...]) -> Mapping[str, PublishedOffer]:
    ids = {_id_of(prize.reference) for prize in prizes if prize.kind is PrizeKind.BENEFIT} - {None}
    found = await published([each for each in ids if each is not None])
    return {str(offer_id): offer for offer_id, offer in found.items()}


def _id_of(reference: str) -> UUID | None:
    try:
        return UUID(reference)
    except ValueError:
        return None


async def _of_offer(name: str, prize: Prize, had: Prize | None, offer: PublishedOffer) -> list[Problem]:
    kind, terms = offer.benefit.kind, offer.terms
    if kind not in KINDS:
        return [Problem(f"{name}.reference", "kind_unsupported", "这类权益还没有接入发放方式")]
    problems: list[Problem] = []
    if offer.state is not OfferState.PUBLISHED:
        problems.append(Problem(f"{name}.reference", "not_published", "奖品对应的权益活动还没有发布"))
    if terms.daily_stock is not None or terms.waves:
        problems.append(Problem(f"{name}.reference", "stock_by_time", "奖品对应的权益活动只能设置总库存"))
    if prize.stock is None and (terms.stock is not None or kind in _POOLED):
        problems.append(Problem(f"{name}.stock", "missing", f"“{prize.name}”的数量有限，请设置奖品库存"))
    more = (prize.stock or 0) - ((had.stock or 0) if had else 0)
    if terms.stock is not None and more > 0:
        found: list[dict[str, Any]] = await rows(offer_statements.LOCK_STOCK, offer.id, TOTAL)
        if not found or int(found[0]["left_count"]) < more:
            problems.append(Problem(f"{name}.stock", "more_than_offer", f"“{prize.name}”对应的权益活动库存不够"))
    return problems


async def _of_audience(audience: Audience) -> list[Problem]:
    return await unknown_names(set(audience.card_kinds), set(audience.organizations), audience.level_codes)
