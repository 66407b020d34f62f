"""作废: a claim is taken back for good, with a reason; above a set value by two.

A manager voids what the own merchant gives (a counterfeit, goods withdrawn). An operator voids what the own subtree
gives, and above the limit proposes it to a second one, as with stock. What is voided does not go back to the stock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk, Operator
from handlers.audit import record
from handlers.claims.claims import transition
from handlers.claims.paying import return_points
from handlers.codec import from_json
from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    ClaimNotVoidable,
    ClaimUnknown,
    ManagerNeeded,
    VoidTooValuable,
)
from handlers.outbox import later
from handlers.ports import Clock
from handlers.redemptions.counter import lock_clerk
from handlers.requests import Actor, Answer, once
from handlers.retrying import refusing
from handlers.rules.benefit_terms import TERMS_OF
from handlers.rules.claim_states import stands
from handlers.rules.organization_scope import Scope
from handlers.rules.redemption import REDEEMABLE
from handlers.rules.roles import Capability
from handlers.rules.voiding import ALONE_FEN, is_voidable, worth_fen
from handlers.scopes import allowed
from models.database import rows
from models.failures import SerializationConflict
from models.operators import Approval
from models.sql import as_instant, as_uuid
from models.statements import offers as approvals
from models.statements import voiding as statements
from models.words import BenefitKind, ClaimState, ClerkRole

KIND = "void"
VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Voided:
    """The claim is revoked. With an `approval_id` nothing was changed yet: a second operator has to approve."""

    claim_id: UUID
    claim_state: ClaimState
    worth_fen: int
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PendingVoid:
    """What waits for a second operator."""

    id: UUID
    claim_id: UUID
    worth_fen: int
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@refusing
class Voiding:
    """Voids claims, and decides what was proposed. `alone_fen`: worth more is not voided by one alone."""

    def __init__(self, clock: Clock, *, alone_fen: int = ALONE_FEN) -> None:
        self._clock = clock
        self._alone_fen = alone_fen

    async def void(self, clerk: Clerk, claim_id: UUID, *, reason: str, request_id: str) -> Answer[Voided]:
        """By a manager of the merchant whose benefit it is.

        Raises ManagerNeeded, ClaimUnknown (also of another merchant), ClaimNotVoidable, VoidTooValuable,
        ClerkNotSignedIn, KeyReused.
        """
        if clerk.role is not ClerkRole.MANAGER:
            raise ManagerNeeded

        async def effect() -> Voided:
            await lock_clerk(clerk)
            found = await rows(statements.LOCK, claim_id)
            if any(not _is_of(each, clerk.merchant_id) for each in found):
                raise ClaimUnknown
            held = self._voidable(found, claim_id)
            worth = _worth(held)
            if worth > self._alone_fen:
                raise VoidTooValuable(limit_fen=self._alone_fen)
            return await self._apply(clerk, claim_id, held, worth, reason, place=_place(held, claim_id, None))

        facts = {"claim": claim_id, "reason": reason}
        return await once(clerk, "claim.void", request_id, facts=facts, result=Voided, effect=effect)

    async def propose(self, operator: Operator, claim_id: UUID, *, reason: str, request_id: str) -> Answer[Voided]:
        """By an operator: done at once up to the limit, above it proposed to a second one.

        Raises RoleMissing, ClaimUnknown, ClaimNotVoidable, KeyReused.
        """
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> Voided:
            held = self._voidable(await _theirs(scope, claim_id), claim_id)
            worth, place = _worth(held), _place(held, claim_id, scope)
            if worth <= self._alone_fen:
                return await self._apply(operator, claim_id, held, worth, reason, place=place)
            facts = {"worth_fen": worth}
            approval = await Approval.create(
                kind=KIND,
                organization_id=place,
                subject_id=str(claim_id),
                facts=facts,
                reason=reason,
                proposed_by_id=operator.id,
            )
            told = {**facts, "reason": reason, "approval": approval.id}
            now = self._clock.now()
            await record(operator, "claim.void_proposed", "claim", claim_id, at=now, organization_id=place, **told)
            return Voided(claim_id, _state(held, claim_id), worth, approval.id)

        facts = {"claim": claim_id, "reason": reason}
        return await once(operator, "claim.void", request_id, facts=facts, result=Voided, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PendingVoid, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.BENEFITS)
        found = Approval.filter(kind=KIND, outcome="", organization_id__in=list(scope.organization_ids))
        found = found.order_by("id").limit(limit)
        listed: Any = await (found.filter(id__gt=after) if after else found)
        return tuple(
            PendingVoid(
                id=each.id,
                claim_id=UUID(each.subject_id),
                worth_fen=int(each.facts["worth_fen"]),
                reason=each.reason,
                proposed_by=each.proposed_by_id,
                proposed_at=each.created_at,
            )
            for each in listed
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Voided]:
        """Void what a first operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, ClaimNotVoidable (used or over meanwhile; it
        stays to be rejected), KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Voided]:
        """Leave the claim as it is. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(self, operator: Operator, approval_id: UUID, outcome: str, request_id: str) -> Answer[Voided]:
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> Voided:
            now = self._clock.now()
            proposed: Any = await Approval.get_or_none(
                id=approval_id, kind=KIND, organization_id__in=list(scope.organization_ids)
            )
            if proposed is None:
                raise ApprovalUnknown
            # One conditional UPDATE picks who decides; nobody decides about their own.
            if not await rows(approvals.DECIDE, approval_id, operator.id, outcome, now):
                await proposed.refresh_from_db()
                raise ApprovalDecided(outcome=proposed.outcome) if proposed.outcome else ApprovalOwn()
            claim_id, worth = UUID(proposed.subject_id), int(proposed.facts["worth_fen"])
            found, place = await _theirs(scope, claim_id), proposed.organization_id
            if outcome == "approved":
                held, reason, by = self._voidable(found, claim_id), proposed.reason, proposed.proposed_by_id
                return await self._apply(operator, claim_id, held, worth, reason, place=place, proposed_by=by)
            told = {"approval": approval_id}
            await record(operator, "claim.void_rejected", "claim", claim_id, at=now, organization_id=place, **told)
            return Voided(claim_id, _state(found, claim_id), worth)

        return await once(operator, f"void.{outcome}", request_id, facts=approval_id, result=Voided, effect=effect)

    def _voidable(self, found: Sequence[Mapping[str, Any]], claim_id: UUID) -> list[Mapping[str, Any]]:
        """The claim and those of its parts that still stand. Raises ClaimUnknown, ClaimNotVoidable."""
        now = self._clock.now()
        held = []
        for each in found:
            state, expires_at = (
                ClaimState(each["state"]),
                as_instant(each["expires_at"]) if each["expires_at"] else None,
            )
            if is_voidable(state, expires_at, now):
                held.append(each)
            elif as_uuid(each["id"]) == claim_id:
                raise ClaimNotVoidable(state=stands(state, expires_at, now).value)
        if not held:
            raise ClaimUnknown
        return held

    async def _apply(
        self,
        actor: Actor,
        claim_id: UUID,
        held: Sequence[Mapping[str, Any]],
        worth: int,
        reason: str,
        *,
        place: UUID,
        proposed_by: UUID | None = None,
    ) -> Voided:
        now = self._clock.now()
        states = {as_uuid(each["id"]): ClaimState(each["state"]) for each in held}
        moved = await transition(states, ClaimState.REVOKED, reason=VOIDED, actor=actor, at=now)
        if len(moved) < len(held):
            raise SerializationConflict("a claim moved meanwhile")
        await return_points(moved, at=now)
        told = {"reason": reason, "worth_fen": worth, "claims": len(held), "proposed_by": proposed_by}
        await record(actor, "claim.voided", "claim", claim_id, at=now, organization_id=place, **told)
        own = next(each for each in held if as_uuid(each["id"]) == claim_id)
        owner_id = str(own["owner_id"])
        said = {"member_id": owner_id, "benefit": own["name"]}
        await later("say_voided", key=f"voided:{claim_id}", at=now, order_key=f"chat:{owner_id}", **said)
        return Voided(claim_id, ClaimState.REVOKED, worth)


def _is_of(found: Mapping[str, Any], merchant_id: UUID) -> bool:
    is_theirs = bool(found["merchant_id"]) and as_uuid(found["merchant_id"]) == merchant_id
    return is_theirs and BenefitKind(found["kind"]) in REDEEMABLE


async def _theirs(scope: Scope, claim_id: UUID) -> Sequence[Mapping[str, Any]]:
    """Of a benefit or an offer of the subtree. Raises ClaimUnknown."""
    found = await rows(statements.LOCK, claim_id)
    own = next((each for each in found if as_uuid(each["id"]) == claim_id), None)
    if own is None or not any(
        scope.sees(as_uuid(own[column])) for column in ("benefit_organization_id", "offer_organization_id")
    ):
        raise ClaimUnknown
    return found


def _worth(held: Sequence[Mapping[str, Any]]) -> int:
    return sum(
        worth_fen(
            from_json(TERMS_OF[BenefitKind(each["kind"])], each["terms"]),
            price_fen=int(each["settlement_price_fen"]),
            uses_left=int(each["uses_left"]),
            uses_total=int(each["uses_total"]),
        )
        for each in held
    )


def _place(found: Sequence[Mapping[str, Any]], claim_id: UUID, scope: Scope | None) -> UUID:
    """Where the act is on record: with who offered it where the operator sees them, else with who brought it in."""
    own = next(each for each in found if as_uuid(each["id"]) == claim_id)
    offered_by = as_uuid(own["offer_organization_id"])
    return offered_by if scope and scope.sees(offered_by) else as_uuid(own["benefit_organization_id"])


def _state(found: Sequence[Mapping[str, Any]], claim_id: UUID) -> ClaimState:
    return ClaimState(next(each for each in found if as_uuid(each["id"]) == claim_id)["state"])
