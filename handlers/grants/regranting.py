"""补发: for one claim that went wrong, one more of the same, to the same member, once.

Above a set value a second operator has to agree. A third party's code that did not work ends with its claim and is
marked; the new claim gets a fresh one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.approvals import decide_latest, propose
from handlers.audit import record
from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import transition
from handlers.claims.issuing import Issued, Wanted, issue
from handlers.errors import (
    ClaimStateWrong,
    OfferPaused,
    OfferSoldOut,
    RegrantedAlready,
    RegrantOver,
    RegrantPaidBack,
    RegrantTooEarly,
)
from handlers.grants.claim_desk import actable
from handlers.grants.taking_back import family
from handlers.offers.offers import benefit_terms, published, terms_of
from handlers.offline.holding import held
from handlers.outbox import later
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.benefit_terms import PackageTerms
from handlers.rules.claim_states import OPEN, USABLE, stands
from handlers.rules.eligibility import BenefitFacts, PublishedOffer
from handlers.rules.offer_terms import Validity, ValidityKind
from handlers.rules.roles import Capability
from handlers.rules.stock_buckets import TOTAL
from handlers.rules.validity import ends_at
from handlers.scopes import allowed
from handlers.standing import standing
from models.claims import PoolCode
from models.database import row, rows
from models.failures import SerializationConflict
from models.grants import Regrant
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import grants as statements
from models.words import BenefitKind, BenefitState, ClaimSource, ClaimState, OfferState

KIND = "regrant"
ALONE_FEN = 5_000  # settlement price up to which one operator decides alone
SPOILT = "code_spoilt"
_GOOD_FOR_ONE_MORE = frozenset({ClaimState.EXPIRED, ClaimState.REVOKED})


@dataclass(frozen=True, slots=True)
class Regranted:
    """The claim that was given for the old one; None with an `approval_id`: a second operator has to agree first."""

    old_claim_id: UUID
    claim_id: UUID | None = None
    expires_at: datetime | None = None
    approval_id: UUID | None = None


@refusing
class Regranting:
    """Gives again what went wrong."""

    def __init__(
        self, clock: Clock, vault: Vault, *, alone_fen: int = ALONE_FEN, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._alone_fen = alone_fen
        self._zone = zone

    async def regrant(
        self,
        operator: Operator,
        claim_id: UUID,
        *,
        reason: str,
        days: int | None = None,
        is_told: bool = True,
        request_id: str,
    ) -> Answer[Regranted]:
        """One more, under the terms of the old claim's version; valid as these say, or `days` (1 to 366) days.

        Raises RoleMissing, ClaimUnknown, ClaimStateWrong (it can still be used, or was), RegrantedAlready,
        RegrantPaidBack, RegrantTooEarly, RegrantOver, OfferPaused, OfferSoldOut (no code, or its unit went back and
        somebody has it), NotSignedIn, MemberFrozen, KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)
        wish = {"reason": reason, "days": days, "is_told": is_told}

        async def effect() -> Regranted:
            now, found = self._clock.now(), await actable(scope, claim_id)
            benefit = await _benefit(claim_id)
            if int(benefit["settlement_price_fen"]) <= self._alone_fen:
                return await self._give(operator, claim_id, wish, now=now)
            await self._allowed(claim_id, now)
            place = as_uuid(found["organization_id"])
            approval_id = await propose(operator, KIND, claim_id, place=place, facts=wish, reason=reason)
            told = {"reason": reason, "approval": approval_id}
            await record(operator, "claim.regrant_proposed", "claim", claim_id, at=now, organization_id=place, **told)
            return Regranted(claim_id, approval_id=approval_id)

        facts = {"id": claim_id, **wish}
        return await once(operator, "claim.regrant", request_id, facts=facts, result=Regranted, effect=effect)

    async def approve(self, operator: Operator, claim_id: UUID, *, request_id: str) -> Answer[Regranted]:
        """Do what another operator proposed. Raises as `regrant`, ApprovalUnknown, ApprovalOwn, ApprovalDecided."""
        return await self._decide(operator, claim_id, "approved", request_id)

    async def reject(self, operator: Operator, claim_id: UUID, *, request_id: str) -> Answer[Regranted]:
        """Give nothing. Raises RoleMissing, ClaimUnknown, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, claim_id, "rejected", request_id)

    async def _decide(self, operator: Operator, claim_id: UUID, outcome: str, request_id: str) -> Answer[Regranted]:
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> Regranted:
            now, found = self._clock.now(), await actable(scope, claim_id)
            proposed = await decide_latest(operator, KIND, claim_id, outcome, scope=scope, at=now)
            if outcome == "approved":
                return await self._give(operator, claim_id, proposed.facts, now=now, asked_by=proposed.proposed_by)
            place = as_uuid(found["organization_id"])
            await record(operator, "claim.regrant_rejected", "claim", claim_id, at=now, organization_id=place)
            return Regranted(claim_id)

        operation = f"claim.regrant.{outcome}"
        return await once(operator, operation, request_id, facts=claim_id, result=Regranted, effect=effect)

    async def _allowed(self, claim_id: UUID, now: datetime) -> Mapping[str, Any]:
        """The old claim, locked with its parts.

        Raises RegrantedAlready, ClaimStateWrong, RegrantPaidBack, RegrantTooEarly.
        """
        if done := await Regrant.get_or_none(old_claim_id=claim_id):
            given: Any = done
            raise RegrantedAlready(claim_id=str(given.claim_id))
        found = next(each for each in await family([claim_id]) if as_uuid(each["id"]) == claim_id)
        state = _stands(found, now)
        is_spoilt = found["kind"] == BenefitKind.CODE_COUPON and state in USABLE
        if state not in _GOOD_FOR_ONE_MORE and not is_spoilt:
            raise ClaimStateWrong(state=state.value)
        if not found["uses_left"]:  # without a network, before time ended it
            raise ClaimStateWrong(state=ClaimState.USED.value)
        if await rows(statements.PAID_BACK, claim_id):
            raise RegrantPaidBack
        if await held([claim_id], at=now):
            raise RegrantTooEarly
        return found

    async def _give(
        self,
        operator: Operator,
        claim_id: UUID,
        wish: Mapping[str, Any],
        *,
        now: datetime,
        asked_by: UUID | None = None,
    ) -> Regranted:
        """Inside the open transaction; the member's row is locked before the claim's, as everywhere."""
        seen = await row(statements.SEEN, claim_id)
        assert seen is not None  # noqa: S101 - whoever asks has just seen it
        member_id = await standing(as_uuid(seen["owner_id"]))
        old = await self._allowed(claim_id, now)
        offer = await _offer_of(old, wish["days"])
        if offer.state is OfferState.PAUSED or offer.benefit.is_paused:
            raise OfferPaused(title=offer.title)
        until = ends_at(offer.terms.validity, now, self._zone)
        if until is not None and until <= now:
            raise RegrantOver
        spoilt = await self._ended(operator, old, now)
        issued = await self._issue(operator, offer, old, member_id, now)
        by, approver = (asked_by, operator.id) if asked_by else (operator.id, None)
        kept = (new_id(), now, claim_id, issued.id, spoilt, wish["reason"], by, approver)
        if not await rows(statements.KEEP_REGRANT, *kept):
            raise SerializationConflict("somebody else was quicker")
        told = {"reason": wish["reason"], "for": claim_id, "asked_by": by, "code_spoilt": spoilt is not None}
        place = as_uuid(seen["organization_id"])
        await record(operator, "claim.regranted", "claim", issued.id, at=now, organization_id=place, **told)
        if wish["is_told"]:
            facts = {"member_id": str(member_id), "title": issued.name, "count": 1, "until": issued.expires_at}
            await later("say_granted", key=f"regranted:{claim_id}", at=now, order_key=f"chat:{member_id}", **facts)
        return Regranted(claim_id, issued.id, issued.expires_at)

    async def _ended(self, operator: Operator, old: Mapping[str, Any], now: datetime) -> UUID | None:
        """The old claim is over from here on, and its unit stays with it; the code that did not work, if any."""
        before, claim_id = ClaimState(old["state"]), as_uuid(old["id"])
        if before not in OPEN:
            return None
        is_spoilt = _stands(old, now) in USABLE
        to, reason = (ClaimState.REVOKED, SPOILT) if is_spoilt else (ClaimState.EXPIRED, "time")
        await transition({claim_id: before}, to, reason=reason, actor=operator, at=now)
        code = await PoolCode.get_or_none(claim_id=claim_id) if is_spoilt else None
        return code.id if code else None

    async def _issue(
        self, operator: Operator, offer: PublishedOffer, old: Mapping[str, Any], member_id: UUID, now: datetime
    ) -> Issued:
        """The old claim's unit serves the new one; where it went back, another is taken."""
        buckets: tuple[str, ...] = ()
        if old["is_returned"] and TOTAL in str(old["stock_buckets"]).split(","):
            if not await rows(statements.TAKE_AGAIN, offer.id):
                raise OfferSoldOut(title=offer.title, next_at=None, more="暂无下一批")
            buckets = (TOTAL,)
        choices = await _choices(old, offer)
        if not all(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, [choices], now=now)):
            raise OfferSoldOut(title=offer.title, next_at=None, more="暂无下一批")
        wanted = Wanted(member_id, ClaimSource.GRANT, operator, choices)
        (claims,) = await issue(
            offer, [wanted], at=now, zone=self._zone, vault=self._vault, buckets=buckets, reason="regranted"
        )
        return claims[0]


def _stands(found: Mapping[str, Any], now: datetime) -> ClaimState:
    return stands(ClaimState(found["state"]), as_instant(found["expires_at"]) if found["expires_at"] else None, now)


async def _benefit(claim_id: UUID) -> Mapping[str, Any]:
    found = await row(statements.BENEFIT_OF, claim_id)
    assert found is not None  # noqa: S101 - a claim has its benefit
    return found


async def _offer_of(old: Mapping[str, Any], days: int | None) -> PublishedOffer:
    """The offer under the version of the old claim, giving the old claim's own benefit, which may be a part's."""
    offer_id, version = as_uuid(old["offer_id"]), int(old["offer_version"])
    offer = (await published([offer_id]))[offer_id]
    terms = (await terms_of([(offer_id, version)]))[offer_id, version]
    if days is not None:
        terms = replace(terms, validity=Validity(ValidityKind.DAYS, days=days))
    found = await _benefit(as_uuid(old["id"]))
    benefit = BenefitFacts(
        id=as_uuid(found["id"]),
        code=found["code"],
        name=found["name"],
        kind=BenefitKind(found["kind"]),
        terms=benefit_terms(found["kind"], found["terms"]),
        merchant_id=as_uuid(found["merchant_id"]) if found["merchant_id"] else None,
        state=BenefitState(found["state"]),
        is_paused=bool(found["is_paused"]),
    )
    if old["package_id"]:
        terms = replace(terms, title="")
    return replace(offer, version=version, terms=terms, benefit=benefit)


async def _choices(old: Mapping[str, Any], offer: PublishedOffer) -> tuple[str, ...]:
    """Of a package k of n the parts that were chosen for the old claim."""
    terms = offer.benefit.terms
    if not isinstance(terms, PackageTerms) or terms.choose is None:
        return ()
    parts = [each for each in await family([as_uuid(old["id"])]) if each["package_id"]]
    return tuple(sorted({each["code"] for each in parts}))
