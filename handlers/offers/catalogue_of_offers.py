"""What can be had, as one person sees it: whether they can have it and if not why, when it opens, what is left.

The same rules decide as in a claim. Two statements for a page: who they are, and how often they had what is on it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.errors import NotSignedIn, OfferUnknown
from handlers.offers.offer_sights import OfferSeen, Sights
from handlers.offers.offers import asker_of
from handlers.offers.offers_on_show import OffersOnShow, OnShow, Shown
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.eligibility import Asker, PublishedOffer, standing_of
from handlers.rules.offer_terms import Period
from handlers.rules.validity import period_key
from models.database import rows
from models.gathering import Gathered
from models.sql import as_uuid
from models.statements import offers as statements

_by_member: Gathered[UUID] = Gathered(
    statements.ASKERS, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["asked"])
)


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
        self._sights = Sights(zone)

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

        def is_chosen(each: Shown) -> bool:
            place = each.offer.organization_id
            return (category is None or each.category == category) and organization_id in {None, place}

        return await self._page(person.member_id, is_chosen, after, limit)

    async def page_for(
        self, member_id: UUID, *, sees: Callable[[PublishedOffer], bool], after: UUID | None, limit: int
    ) -> OfferPage:
        """The same as somebody who serves them sees it. Raises NotSignedIn."""
        return await self._page(member_id, lambda each: sees(each.offer), after, limit)

    async def _page(
        self, member_id: UUID, is_chosen: Callable[[Shown], bool], after: UUID | None, limit: int
    ) -> OfferPage:
        now = self._clock.now()
        who, on_show = await self._who(member_id), await self._on_show.now(now)
        chosen: list[Shown] = []
        for each in on_show.offers:
            if after is not None and each.offer.id >= after:
                continue
            if _is_theirs(each, who) and is_chosen(each) and not _is_over(each, now):
                chosen.append(each)
                if len(chosen) > limit:
                    break
        listed = chosen[:limit]
        items = tuple(await self._seen(on_show, listed, who, now))
        return OfferPage(items, now, listed[-1].offer.id if len(chosen) > limit else None)

    async def one(self, person: Person, offer_id: UUID) -> OfferPage:
        """One offer, alone on its page. Raises OfferUnknown (also for other cities', drafts, ended), NotSignedIn."""
        now = self._clock.now()
        who, on_show = await self._who(person.member_id), await self._on_show.now(now)
        found = on_show.by_id.get(offer_id)
        if found is None or not _is_theirs(found, who):
            raise OfferUnknown
        return OfferPage(tuple(await self._seen(on_show, [found], who, now)), now)

    async def _who(self, member_id: UUID) -> Asker:
        found = await _by_member.row(member_id)
        if found is None:
            raise NotSignedIn
        return asker_of(found)

    async def _seen(self, on_show: OnShow, listed: Sequence[Shown], who: Asker, now: datetime) -> list[OfferSeen]:
        keys = {period: period_key(period, now, self._zone) for period in Period}
        had = await self._had(listed, who, keys)
        self._sights.look(on_show, now)
        seen: list[OfferSeen] = []
        for each in listed:
            offer = each.offer
            full = None
            for limit in offer.terms.limits if had else ():
                if had.get((offer.id, keys[limit.period]), 0) >= limit.count:
                    full = limit
                    break
            seen.append(self._sights.of(each, standing_of(offer.terms, who, now, self._zone), full))
        return seen

    async def _had(
        self, listed: Sequence[Shown], who: Asker, keys: Mapping[Period, str]
    ) -> dict[tuple[UUID, str], int]:
        """How often they had each within the periods of now. Periods of limits only: others have no rows."""
        limited = [each.offer for each in listed if each.offer.terms.limits]
        if not limited:
            return {}
        periods = {keys[limit.period] for each in limited for limit in each.terms.limits}
        ids = [each.id for each in limited]
        found = await rows(statements.HAD, sorted(who.ids), ids, sorted(periods))
        return {(as_uuid(each["offer_id"]), each["period"]): int(each["had"]) for each in found}


def _is_theirs(shown: Shown, who: Asker) -> bool:
    return shown.offer.organization_id in who.organization_path


def _is_over(shown: Shown, now: datetime) -> bool:
    closes_at = shown.offer.terms.closes_at
    return closes_at is not None and now >= closes_at
