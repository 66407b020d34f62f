"""How the offers on show look, made once for all to whom they look the same.

A million members see an offer in a handful of ways: it is theirs, it is sold out, it is for others, they had theirs.
Each way is made when somebody comes who sees it so, and kept until its offer has changed or the clock changes anything
about any of them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import DomainError
from handlers.offers.offer_refusals import limit_reached, refusal_of, sold_out
from handlers.offers.offers_on_show import OnShow, Shown
from handlers.rules.eligibility import Reason, Standing, Verdict, judged, next_turn
from handlers.rules.offer_terms import Limit, Period, Price
from handlers.rules.stock_buckets import next_opening
from handlers.rules.validity import period_ends_at
from models.words import BenefitKind


@dataclass(frozen=True, slots=True, eq=False)  # the same object for all who see the same: doors write it once
class OfferSeen:
    """One offer in the eyes of those who see it so.

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


class Sights:
    """The ways in which offers are seen, until something turns."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._on_show = OnShow((), {}, {})
        self._since = self._until = datetime.min.replace(tzinfo=UTC)
        self._made: dict[tuple[UUID, Standing, Limit | None], OfferSeen] = {}

    def look(self, on_show: OnShow, now: datetime) -> None:
        """From here on they are of these offers and of this time. Whatever is still so is kept."""
        is_of_now = self._since <= now < self._until
        if on_show is self._on_show and is_of_now:
            return
        kept = on_show.unchanged_since(self._on_show) if is_of_now else frozenset()
        self._made = {key: seen for key, seen in self._made.items() if key[0] in kept}
        turns = [next_turn(each.offer.terms, now, self._zone) for each in on_show.offers if each.offer.id not in kept]
        self._until = min([self._until, *turns] if kept else turns, default=now)
        self._on_show, self._since = on_show, now

    def of(self, shown: Shown, standing: Standing, full: Limit | None) -> OfferSeen:
        """An offer in the eyes of all who stand to it like this; `full` is the limit that they have reached."""
        key = shown.offer.id, standing, full
        seen = self._made.get(key)
        if seen is None:
            seen = self._made[key] = self._make(shown, standing, full)
        return seen

    def _make(self, shown: Shown, standing: Standing, full: Limit | None) -> OfferSeen:
        offer, terms = shown.offer, shown.offer.terms
        verdict = judged(offer, standing, self._since, self._zone)
        left, empty = self._on_show.left_of(offer, self._since, self._zone)
        refusal, opens_at = self._why_not(shown, verdict, left, empty, full)
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
            opens_at=opens_at or standing.opens_at,
            closes_at=terms.closes_at,
            left=left,
            price=verdict.price,
            original_price_fen=terms.original_price_fen,
            limits=terms.limits,
        )

    def _why_not(
        self, shown: Shown, verdict: Verdict, left: int | None, empty: frozenset[str], full: Limit | None
    ) -> tuple[DomainError | None, datetime | None]:
        """The refusal they would get, in the order in which a claim finds it, and when it is worth trying again."""
        offer, now = shown.offer, self._since
        if not verdict.ok:
            return refusal_of(offer, verdict), verdict.opens_at if verdict.reason is Reason.NOT_OPEN else None
        if full is not None:
            again = period_ends_at(full.period, now, self._zone) if full.period is not Period.EVER else None
            return limit_reached(offer, full, again), again
        if left is not None and left <= 0:
            again = next_opening(offer.terms, now, self._zone, sold_out=empty)
            return sold_out(offer, again), again
        return None, None
