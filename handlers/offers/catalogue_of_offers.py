"""What can be had, as one person sees it: whether they can have it and if not why, when it opens, what is left.

The same rules decide as in a claim. Two statements for a page: who they are, and how often they had what is on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.errors import DomainError, NotSignedIn, OfferUnknown
from handlers.offers.offer_refusals import limit_reached, refusal_of, sold_out
from handlers.offers.offers import asker_of
from handlers.offers.offers_on_show import OffersOnShow, OnShow, Shown
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.eligibility import Asker, Reason, Verdict, decide, opens_for
from handlers.rules.offer_terms import Limit, Period, Price
from handlers.rules.stock_buckets import next_opening
from handlers.rules.validity import period_ends_at, period_key
from models.database import rows
from models.gathering import Gathered
from models.sql import as_uuid
from models.statements import offers as statements
from models.words import BenefitKind

_by_member: Gathered[UUID] = Gathered(
    statements.ASKERS, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["asked"])
)


@dataclass(frozen=True, slots=True)
class OfferSeen:
    """One offer in one person's eyes.

    `opens_at` is when they may try (the window's opening for them, the next wave, the next period), `left` what is
    there now, None for no limit; `price` is theirs. `reason` and `sentence` are those of the refusal they would get.
    """

    id: UUID
    code: str
    keyword: str
    version: int
    title: str
    description: str
    category: str
    kind: BenefitKind
    merchant_name: str | None
    organization_id: UUID
    is_flash_sale: bool
    claimable: bool
    reason: str | None
    sentence: str | None
    opens_at: datetime | None
    closes_at: datetime | None
    left: int | None
    price: Price
    original_price_fen: int | None
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class OfferPage:
    """One page; `now` is the server's time, for a countdown. `last` is after which the next page starts."""

    items: tuple[OfferSeen, ...]
    now: datetime
    last: UUID | None = None


@refusing
class OfferCatalogue:
    """Shows offers to people."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone
        self._on_show = OffersOnShow(zone)

    def forget(self) -> None:
        """Look again at the next question."""
        self._on_show.forget()

    async def page(
        self,
        person: Person,
        *,
        category: str | None = None,
        organization_id: UUID | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> OfferPage:
        """Offers of their city and everything above it, the newest first; of one category or one organization.

        Raises NotSignedIn.
        """
        now = self._clock.now()
        who, on_show = await self._who(person), await self._on_show.now(now)
        chosen: list[Shown] = []
        for each in on_show.offers:
            if after is not None and each.offer.id >= after:
                continue
            if _is_wanted(each, who, category, organization_id) and not _is_over(each, now):
                chosen.append(each)
                if len(chosen) > limit:
                    break
        listed = chosen[:limit]
        items = tuple(await self._seen(on_show, listed, who, now))
        return OfferPage(items, now, listed[-1].offer.id if len(chosen) > limit else None)

    async def one(self, person: Person, offer_id: UUID) -> OfferPage:
        """One offer, alone on its page. Raises OfferUnknown (also for other cities', drafts, ended), NotSignedIn."""
        now = self._clock.now()
        who, on_show = await self._who(person), await self._on_show.now(now)
        found = on_show.by_id.get(offer_id)
        if found is None or not _is_wanted(found, who, None, None):
            raise OfferUnknown
        return OfferPage(tuple(await self._seen(on_show, [found], who, now)), now)

    async def _who(self, person: Person) -> Asker:
        found = await _by_member.row(person.member_id)
        if found is None:
            raise NotSignedIn
        return asker_of(found)

    async def _seen(self, on_show: OnShow, listed: Sequence[Shown], who: Asker, now: datetime) -> list[OfferSeen]:
        had = await self._had(listed, who, now)
        return [self._one(on_show, each, who, had, now) for each in listed]

    async def _had(self, listed: Sequence[Shown], who: Asker, now: datetime) -> dict[tuple[UUID, str], int]:
        """How often they had each within the periods of now. Periods of limits only: others have no rows."""
        limited = [each.offer for each in listed if each.offer.terms.limits]
        if not limited:
            return {}
        periods = {period_key(limit.period, now, self._zone) for each in limited for limit in each.terms.limits}
        ids = [each.id for each in limited]
        found = await rows(statements.HAD, sorted(who.ids), ids, sorted(periods))
        return {(as_uuid(each["offer_id"]), each["period"]): int(each["had"]) for each in found}

    def _one(
        self, on_show: OnShow, shown: Shown, who: Asker, had: Mapping[tuple[UUID, str], int], now: datetime
    ) -> OfferSeen:
        offer, terms = shown.offer, shown.offer.terms
        verdict = decide(offer, who, now, self._zone)
        left, empty = on_show.left_of(offer, now, self._zone)
        refusal, opens_at = self._why_not(shown, verdict, left, empty, had, now)
        return OfferSeen(
            id=offer.id,
            code=offer.code,
            keyword=shown.keyword,
            version=offer.version,
            title=offer.title,
            description=shown.description,
            category=shown.category,
            kind=offer.benefit.kind,
            merchant_name=shown.merchant_name,
            organization_id=offer.organization_id,
            is_flash_sale=terms.is_flash_sale,
            claimable=refusal is None,
            reason=refusal.code if refusal else None,
            sentence=refusal.sentence if refusal else None,
            opens_at=opens_at or opens_for(terms, who),
            closes_at=terms.closes_at,
            left=left,
            price=verdict.price,
            original_price_fen=terms.original_price_fen,
            limits=terms.limits,
        )

    def _why_not(
        self,
        shown: Shown,
        verdict: Verdict,
        left: int | None,
        empty: frozenset[str],
        had: Mapping[tuple[UUID, str], int],
        now: datetime,
    ) -> tuple[DomainError | None, datetime | None]:
        """The refusal they would get, in the order in which a claim finds it, and when it is worth trying again."""
        offer, terms = shown.offer, shown.offer.terms
        if not verdict.ok:
            return refusal_of(offer, verdict), verdict.opens_at if verdict.reason is Reason.NOT_OPEN else None
        for each in terms.limits:
            if had.get((offer.id, period_key(each.period, now, self._zone)), 0) >= each.count:
                again = period_ends_at(each.period, now, self._zone) if each.period is not Period.EVER else None
                return limit_reached(offer, each, again), again
        if left is not None and left <= 0:
            again = next_opening(terms, now, self._zone, sold_out=empty)
            return sold_out(offer, again), again
        return None, None


def _is_wanted(shown: Shown, who: Asker, category: str | None, organization_id: UUID | None) -> bool:
    place = shown.offer.organization_id
    return (
        place in who.organization_path
        and (category is None or shown.category == category)
        and (organization_id is None or place == organization_id)
    )


def _is_over(shown: Shown, now: datetime) -> bool:
    closes_at = shown.offer.terms.closes_at
    return closes_at is not None and now >= closes_at
