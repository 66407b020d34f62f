"""May they have it, now, and for what: decided over facts alone. Half-open windows; the clock is the caller's.

Of several reasons the one is given that says most about what to do: what is over is over for everybody, what is paused
may come back, somebody who is not meant need not wait for the opening.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.rules.benefit_terms import BenefitTerms
from handlers.rules.offer_terms import Audience, EarlyOpening, OfferTerms, Price, Validity, ValidityKind
from handlers.rules.stock_buckets import is_on, next_opening
from handlers.rules.validity import begins, day_of, ends_at, instant_at
from models.words import BenefitKind, BenefitState, OfferState


@dataclass(frozen=True, slots=True)
class BenefitFacts:
    """What a claim needs to know of its benefit. `is_paused` also while the merchant is switched off."""

    id: UUID
    code: str
    name: str
    kind: BenefitKind
    terms: BenefitTerms
    merchant_id: UUID | None
    state: BenefitState
    is_paused: bool


@dataclass(frozen=True, slots=True)
class PublishedOffer:
    """An offer as its last published version says; the state is that of this moment."""

    id: UUID
    code: str
    benefit_id: UUID
    organization_id: UUID
    version: int
    terms: OfferTerms
    state: OfferState
    benefit: BenefitFacts
    level_names: Mapping[str, str] = field(default_factory=dict)  # by code, where the terms speak of levels

    @property
    def title(self) -> str:
        """What people read."""
        return self.terms.title or self.benefit.name


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the canonical member, all ids they ever had, their city and all above it, their kinds of card."""

    member_id: UUID
    is_member: bool
    joined_at: datetime | None
    organization_path: frozenset[UUID]
    card_kinds: frozenset[str]
    ids: frozenset[UUID] = frozenset()
    level: str = ""  # its code; empty: none
    levels_reached: frozenset[str] = frozenset()  # the codes of their level and of all below it


class Reason(StrEnum):
    """Why not."""

    UNKNOWN = "unknown"  # not of their city or above: as good as not there
    CLOSED = "closed"
    PAUSED = "paused"
    NOT_FOR_YOU = "not_for_you"
    NOT_OPEN = "not_open"


class AudienceWord(StrEnum):
    """Which part of an audience somebody is outside of."""

    MEMBERS = "members"
    LEVEL = "level"
    CARD_KINDS = "card_kinds"
    CITY = "city"
    NEW_MEMBERS = "new_members"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether they can have it now; if not, why, and since or from when."""

    reason: Reason | None = None
    audience: AudienceWord | None = None
    opens_at: datetime | None = None
    closed_at: datetime | None = None
    price: Price = field(default_factory=Price)

    @property
    def ok(self) -> bool:
        """They can."""
        return self.reason is None


class Standing(NamedTuple):
    """All that matters of somebody to an offer: equal standings get equal verdicts."""

    outside: AudienceWord | None  # which part of the audience they do not belong to
    opens_at: datetime | None
    price: Price


def decide(offer: PublishedOffer, who: Asker, now: datetime, zone: ZoneInfo) -> Verdict:
    """Everything but stock and limits, which only the claim's own transaction can settle."""
    if offer.organization_id not in who.organization_path:
        return Verdict(Reason.UNKNOWN)
    return judged(offer, standing_of(offer.terms, who, now, zone), now, zone)


def standing_of(terms: OfferTerms, who: Asker, now: datetime, zone: ZoneInfo) -> Standing:
    """How somebody stands to an offer of their city or above it."""
    outside = outside_of(terms.audience, who, now, zone)
    return Standing(outside, opens_for(terms, who), price_for(terms, who, now, zone))


def judged(offer: PublishedOffer, standing: Standing, now: datetime, zone: ZoneInfo) -> Verdict:
    """The verdict on everybody who stands like this. It holds until `next_turn`."""
    terms, (outside, opens_at, price) = offer.terms, standing
    if offer.state is OfferState.ENDED or (terms.closes_at is not None and now >= terms.closes_at):
        return Verdict(Reason.CLOSED, closed_at=terms.closes_at, price=price)
    if offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
        return Verdict(Reason.PAUSED, price=price)
    if outside is not None:
        return Verdict(Reason.NOT_FOR_YOU, audience=outside, price=price)
    if opens_at is not None and now < opens_at:
        return Verdict(Reason.NOT_OPEN, opens_at=opens_at, price=price)
    if not is_on(terms, now, zone):
        opening = next_opening(terms, now, zone)
        if opening is None:
            return Verdict(Reason.CLOSED, closed_at=terms.closes_at, price=price)
        return Verdict(Reason.NOT_OPEN, opens_at=opening, price=price)
    return Verdict(price=price)


def next_turn(terms: OfferTerms, now: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after `now` at which the clock alone can change anything about an offer, for anybody.

    The window's ends, also for those who may come earlier, the waves of today, and midnight, with which days and
    natural periods end.
    """
    today = day_of(now, zone)
    turns = [begins(today + timedelta(days=1), zone)]
    if terms.opens_at is not None:
        turns += [terms.opens_at - timedelta(minutes=minutes) for minutes in {0, *(e.minutes for e in terms.early)}]
    if terms.closes_at is not None:
        turns.append(terms.closes_at)
    turns += [instant_at(today, wave.at, zone) for wave in terms.waves]
    return min(turn for turn in turns if turn > now)


def outside_of(audience: Audience, who: Asker, now: datetime, zone: ZoneInfo) -> AudienceWord | None:
    """The first part of the audience that they do not belong to; None: they are meant. All that is set must hold."""
    if audience.is_members_only and not who.is_member:
        return AudienceWord.MEMBERS
    if audience.level_at_least is not None and audience.level_at_least not in who.levels_reached:
        return AudienceWord.LEVEL
    if audience.levels and who.level not in audience.levels:
        return AudienceWord.LEVEL
    if audience.card_kinds and who.card_kinds.isdisjoint(audience.card_kinds):
        return AudienceWord.CARD_KINDS
    if audience.organizations and who.organization_path.isdisjoint(audience.organizations):
        return AudienceWord.CITY
    if audience.joined_within_days is not None and not _is_new(audience.joined_within_days, who, now, zone):
        return AudienceWord.NEW_MEMBERS
    if audience.member_list and (who.ids | {who.member_id}).isdisjoint(audience.member_list):
        return AudienceWord.LIST
    return None


def _is_new(days: int, who: Asker, now: datetime, zone: ZoneInfo) -> bool:
    """Until the end of the day that many days after the day they joined."""
    if who.joined_at is None:
        return False
    until = ends_at(Validity(ValidityKind.DAYS, days=days), who.joined_at, zone)
    return until is not None and now < until


def opens_for(terms: OfferTerms, who: Asker) -> datetime | None:
    """When the window opens for them: earlier for some cards and levels. None: it always was open."""
    if terms.opens_at is None:
        return None
    earlier = max((each.minutes for each in terms.early if _is_early(each, who)), default=0)
    return terms.opens_at - timedelta(minutes=earlier)


def _is_early(each: EarlyOpening, who: Asker) -> bool:
    return each.level_at_least in who.levels_reached if each.level_at_least else each.card_kind in who.card_kinds


def price_for(terms: OfferTerms, who: Asker, now: datetime, zone: ZoneInfo) -> Price:
    """Of the prices for some the first that fits, otherwise the price for all."""
    fitting = (each.price for each in terms.prices if outside_of(each.audience, who, now, zone) is None)
    return next(fitting, terms.price)
