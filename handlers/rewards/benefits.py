"""A benefit as a reward: claims of an offer, out of its stock and within its limits, as a list of an operator gives."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import take_units
from handlers.claims.counters import slots_of
from handlers.claims.issuing import Wanted, issue
from handlers.grants.grant_stock import counters, left_of, periods_of
from handlers.offers.offers import published
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.claim_slots import LimitFull, free_slots
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.rewards import Reward
from models.benefits import Offer
from models.words import BenefitKind, ClaimSource, OfferState

MOST_AT_ONCE = 10
PAUSED, STOCK, LIMIT = "paused", "stock", "limit"

Slots = tuple[tuple[str, int], ...]


class BenefitReward:
    """`code` is the offer. Its price and audience are for those who claim it themselves."""

    async def problem(self, reward: Reward) -> str:
        """Published, and nothing to be asked of the member."""
        offer = await _offer(reward.code)
        if offer is None or offer.state is OfferState.ENDED:
            return f"没有可以发放的权益“{reward.code}”"
        if offer.benefit.kind is BenefitKind.PACKAGE or fulfiller(offer.benefit.kind).takes_number:
            return f"“{offer.title}”需要会员自己选择或填写号码，不能直接发放"
        if reward.days is not None:
            return "权益的有效期由权益决定，不能单独填写"
        return "" if 0 < reward.amount <= MOST_AT_ONCE else f"一次1到{MOST_AT_ONCE}份"

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """Offer by offer, in the order of their codes; in the order of arrival within each."""
        by_code: defaultdict[str, list[Gift]] = defaultdict(list)
        for gift in gifts:
            by_code[gift.reward.code].append(gift)
        given: dict[UUID, Given] = {}
        for code, theirs in sorted(by_code.items()):
            given |= await _give(await _offer(code), theirs, giving)
        return given


async def _offer(code: str) -> PublishedOffer | None:
    found = await Offer.get_or_none(code=code).only("id")
    return (await published([found.id])).get(found.id) if found else None


async def _give(offer: PublishedOffer | None, gifts: Sequence[Gift], giving: Giving) -> dict[UUID, Given]:
    if offer is None or offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
        return {gift.id: Given(0, cut_by=PAUSED) for gift in gifts}
    left = await left_of(offer, giving.at, giving.zone)
    periods = periods_of(offer, giving.at, giving.zone)
    taken = await slots_of([offer.id], [gift.member_id for gift in gifts], list(periods.values()))
    wanted: list[tuple[Gift, Slots]] = []
    given: dict[UUID, Given] = {}
    for gift in gifts:
        held = {period: taken.get((offer.id, gift.member_id, period), []) for period in periods.values()}
        try:
            slots = free_slots(periods, held, gift.reward.amount)
        except LimitFull:
            given[gift.id] = Given(0, cut_by=LIMIT)
            continue
        if left is not None and left < gift.reward.amount:
            given[gift.id] = Given(0, cut_by=STOCK)
            continue
        left = left if left is None else left - gift.reward.amount
        for period, number in (slot for one in slots for slot in one):
            taken.setdefault((offer.id, gift.member_id, period), []).append(number)
        wanted += [(gift, one) for one in slots]
    units: list[tuple[str, ...]] = [()] * len(wanted)
    if not all(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, units, now=giving.at)):
        return {gift.id: Given(0, cut_by=STOCK) for gift in gifts}  # a pool of codes that is nearly dry
    return given | await _write(offer, wanted, giving)


async def _write(offer: PublishedOffer, wanted: Sequence[tuple[Gift, Slots]], giving: Giving) -> dict[UUID, Given]:
    names = tuple(bucket.name for bucket in counters(offer, giving.at, giving.zone)) if wanted else ()
    await take_units(offer.id, names, len(wanted))
    claims = [Wanted(gift.member_id, ClaimSource.REWARD, gift, (), slots) for gift, slots in wanted]
    issued = []
    if claims:
        at, zone, vault = giving.at, giving.zone, giving.vault
        issued = await issue(offer, claims, at=at, zone=zone, vault=vault, buckets=names, reason="rewarded")
    first: dict[UUID, Given] = {}
    for (gift, _), each in zip(wanted, issued, strict=True):
        first.setdefault(gift.id, Given(gift.reward.amount, each[0].id))
    return first
