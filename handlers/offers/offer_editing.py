"""Operators' hands on offers: draft, edit, publish, pause, resume, end.

What members see and claim is the version that was published last; versions are never changed. States move by guarded
updates and are read inside every claim's transaction, so that a pause holds everywhere with the next claim.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import from_json, to_json
from handlers.errors import OfferCodeTaken, OfferStateWrong, OrganizationUnknown
from handlers.offers.offer_publishing import begin_stock, check, usable_benefit
from handlers.offers.offer_views import OperatedOffer, Version, theirs, view
from handlers.pauses import note_switch
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.benefits import Offer, OfferVersion
from models.database import rows
from models.ids import new_id
from models.statements import offers as statements
from models.words import OfferState, PausedKind

_MOVES = {
    "paused": (statements.PAUSE, OfferState.PAUSED),
    "resumed": (statements.RESUME, OfferState.PUBLISHED),
    "ended": (statements.END, OfferState.ENDED),
}


@dataclass(frozen=True, slots=True)
class OfferDraft:
    """A new offer; of the operator's own organization unless one below is named."""

    benefit_id: UUID
    code: str
    terms: OfferTerms
    keyword: str = ""
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OfferChange:
    """What to change of the draft; None leaves it. Published versions stay as they are."""

    keyword: str | None = None
    terms: OfferTerms | None = None


@refusing
class OfferEditing:
    """Makes, changes and publishes offers within the operator's subtree. `takes_money`: they may have a price in it,
    `takes_bill`: one that is paid on a phone bill."""

    def __init__(self, clock: Clock, *, takes_money: bool = False, takes_bill: bool = False) -> None:
        self._clock = clock
        self._takes_money = takes_money
        self._takes_bill = takes_bill

    async def listing(
        self, operator: Operator, *, state: OfferState | None = None, after: UUID | None, limit: int
    ) -> tuple[OperatedOffer, ...]:
        """Offers of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.OFFERS)
        found = Offer.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        if state is not None:
            found = found.filter(state=state)
        return tuple([view(each) for each in await (found.filter(id__gt=after) if after else found)])

    async def one(self, operator: Operator, offer_id: UUID) -> OperatedOffer:
        """Raises RoleMissing, OfferUnknown."""
        return view(await theirs(await allowed(operator, Capability.OFFERS), offer_id))

    async def versions(
        self, operator: Operator, offer_id: UUID, *, before: int | None, limit: int
    ) -> tuple[Version, ...]:
        """What was published, the newest first. Raises RoleMissing, OfferUnknown."""
        offer = await theirs(await allowed(operator, Capability.OFFERS), offer_id)
        found = OfferVersion.filter(offer_id=offer.id).order_by("-number").limit(limit)
        listed: Any = await (found.filter(number__lt=before) if before is not None else found)
        return tuple(
            Version(each.number, from_json(OfferTerms, each.terms), each.published_at, each.published_by_id)
            for each in listed
        )

    async def draft(self, operator: Operator, draft: OfferDraft, *, request_id: str) -> Answer[OperatedOffer]:
        """A new offer that nobody sees yet. What is missing or impossible is said when it is published.

        Raises RoleMissing, OrganizationUnknown, BenefitUnknown, OfferCodeTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.OFFERS)
        place = draft.organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown

        async def effect() -> OperatedOffer:
            benefit = await usable_benefit(scope, draft.benefit_id, place)
            offer_id, now = new_id(), self._clock.now()
            terms = to_json(draft.terms)
            if not await rows(
                statements.KEEP_OFFER, offer_id, now, benefit.id, place, draft.code, draft.keyword, terms
            ):
                raise OfferCodeTaken
            told = {"code": draft.code, "benefit": benefit.code}
            await record(operator, "offer.drafted", "offer", offer_id, at=now, organization_id=place, **told)
            return view(await Offer.get(id=offer_id))

        return await once(operator, "offer.draft", request_id, facts=draft, result=OperatedOffer, effect=effect)

    async def edit(
        self, operator: Operator, offer_id: UUID, change: OfferChange, *, request_id: str | None = None
    ) -> Answer[OperatedOffer]:
        """Change the draft; what is published stays until it is published again.

        Raises RoleMissing, OfferUnknown, OfferStateWrong (it has ended), KeyReused.
        """
        scope = await allowed(operator, Capability.OFFERS)

        async def effect() -> OperatedOffer:
            offer = await theirs(scope, offer_id, locked=True)
            if offer.state is OfferState.ENDED:
                raise OfferStateWrong(state=str(offer.state))
            if change.keyword is not None:
                offer.keyword = change.keyword
            if change.terms is not None:
                offer.terms = to_json(change.terms)
            await offer.save(update_fields=["keyword", "terms"])
            changed = [name for name in ("keyword", "terms") if getattr(change, name) is not None]
            await self._record(operator, "offer.edited", offer, changed=changed)
            return view(offer)

        facts = {"id": offer_id, "change": change}
        return await once(operator, "offer.edit", request_id, facts=facts, result=OperatedOffer, effect=effect)

    async def publish(self, operator: Operator, offer_id: UUID, *, request_id: str) -> Answer[OperatedOffer]:
        """Put the draft in force as the next version; a paused offer stays paused.

        Raises RoleMissing, OfferUnknown, OfferStateWrong, OfferNotPublishable (with every reason), QuotaTooSmall,
        KeyReused.
        """
        scope = await allowed(operator, Capability.OFFERS)

        async def effect() -> OperatedOffer:
            now = self._clock.now()
            offer = await theirs(scope, offer_id, locked=True)
            if offer.state is OfferState.ENDED:
                raise OfferStateWrong(state=str(offer.state))
            terms, before = from_json(OfferTerms, offer.terms), await _version(offer)
            await check(offer, terms, before, now=now, takes_money=self._takes_money, takes_bill=self._takes_bill)
            if not await rows(statements.PUBLISH, offer.id, offer.version, terms.opens_at, terms.closes_at):
                raise OfferStateWrong(state=str(offer.state))
            await OfferVersion.create(
                offer_id=offer.id,
                number=offer.version + 1,
                terms=offer.terms,
                published_by_id=operator.id,
                published_at=now,
            )
            await begin_stock(operator, offer, terms, now=now)
            await self._record(operator, "offer.published", offer, version=offer.version + 1)
            return view(await Offer.get(id=offer.id))

        return await once(operator, "offer.publish", request_id, facts=offer_id, result=OperatedOffer, effect=effect)

    async def pause(self, operator: Operator, offer_id: UUID, *, reason: str, request_id: str) -> Answer[OperatedOffer]:
        """Nobody can claim it until it is resumed. Raises RoleMissing, OfferUnknown, OfferStateWrong, KeyReused."""
        return await self._move(operator, offer_id, "paused", reason, request_id)

    async def resume(
        self, operator: Operator, offer_id: UUID, *, reason: str, request_id: str
    ) -> Answer[OperatedOffer]:
        """Claims go on. Raises RoleMissing, OfferUnknown, OfferStateWrong, KeyReused."""
        return await self._move(operator, offer_id, "resumed", reason, request_id)

    async def end(self, operator: Operator, offer_id: UUID, *, reason: str, request_id: str) -> Answer[OperatedOffer]:
        """For good: nothing of it can be claimed any more, what was claimed stays.

        Raises RoleMissing, OfferUnknown, OfferStateWrong, KeyReused.
        """
        return await self._move(operator, offer_id, "ended", reason, request_id)

    async def _move(
        self, operator: Operator, offer_id: UUID, act: str, reason: str, request_id: str
    ) -> Answer[OperatedOffer]:
        scope = await allowed(operator, Capability.OFFERS)
        statement, state = _MOVES[act]

        async def effect() -> OperatedOffer:
            offer = await theirs(scope, offer_id)
            if not await rows(statement, offer_id, state):
                raise OfferStateWrong(state=str((await Offer.get(id=offer_id)).state))
            is_off = state is OfferState.PAUSED
            await note_switch(PausedKind.OFFER, offer_id, is_off=is_off, at=self._clock.now())
            await self._record(operator, f"offer.{act}", offer, reason=reason)
            return view(await Offer.get(id=offer_id))

        facts = {"id": offer_id, "reason": reason}
        return await once(operator, f"offer.{act}", request_id, facts=facts, result=OperatedOffer, effect=effect)

    async def _record(self, operator: Operator, action: str, offer: Offer, **facts: object) -> None:
        place: UUID = offer.organization_id  # type: ignore[attr-defined]
        now = self._clock.now()
        await record(operator, action, "offer", offer.id, at=now, organization_id=place, code=offer.code, **facts)


async def _version(offer: Offer) -> OfferTerms | None:
    stored = await OfferVersion.get_or_none(offer_id=offer.id, number=offer.version)
    return from_json(OfferTerms, stored.terms) if stored else None
