"""作废: a claim is taken back for good, with a reason; above a set value by two.

A manager voids what the own merchant gives (a counterfeit, goods withdrawn), up to the limit in the merchant's terms;
above it a manager asks an operator (`void_requests.py`). An operator voids what the own subtree gives, and above the
limit proposes it to a second one, as with stock. What is voided does not go back to the stock.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk, Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.errors import ManagerNeeded, VoidTooValuable
from handlers.ports import Clock
from handlers.redemptions.counter import lock_clerk
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.voiding import ALONE_FEN
from handlers.scopes import allowed
from handlers.serving.void_acts import (
    manager_limit,
    of_merchant,
    of_subtree,
    own_of,
    place_of,
    revoke,
    state_of,
    voidable,
    worth_of,
)
from models.words import ClaimState, ClerkRole

KIND = "void"


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
    """Voids claims, and decides what operators proposed. `alone_fen`: worth more is not voided by one alone.

    For managers it holds where the terms of their merchant name no limit of their own.
    """

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
            now = self._clock.now()
            held = voidable(await of_merchant(clerk.merchant_id, claim_id), claim_id, now)
            worth = worth_of(held)
            limit = await manager_limit(clerk.merchant_id, own_of(held, claim_id), now, otherwise=self._alone_fen)
            if worth > limit:
                raise VoidTooValuable(limit_fen=limit)
            place = place_of(held, claim_id, None)
            await revoke(clerk, claim_id, held, worth, reason, now=now, place=place)
            return Voided(claim_id, ClaimState.REVOKED, worth)

        facts = {"claim": claim_id, "reason": reason}
        return await once(clerk, "claim.void", request_id, facts=facts, result=Voided, effect=effect)

    async def propose(self, operator: Operator, claim_id: UUID, *, reason: str, request_id: str) -> Answer[Voided]:
        """By an operator: done at once up to the limit, above it proposed to a second one.

        Raises RoleMissing, ClaimUnknown, ClaimNotVoidable, KeyReused.
        """
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> Voided:
            now = self._clock.now()
            held = voidable(await of_subtree(scope, claim_id), claim_id, now)
            worth, place = worth_of(held), place_of(held, claim_id, scope)
            if worth <= self._alone_fen:
                await revoke(operator, claim_id, held, worth, reason, now=now, place=place)
                return Voided(claim_id, ClaimState.REVOKED, worth)
            facts = {"worth_fen": worth}
            approval_id = await propose(operator, KIND, claim_id, place=place, facts=facts, reason=reason)
            told = {**facts, "reason": reason, "approval": approval_id}
            await record(operator, "claim.void_proposed", "claim", claim_id, at=now, organization_id=place, **told)
            return Voided(claim_id, state_of(held, claim_id), worth, approval_id)

        facts = {"claim": claim_id, "reason": reason}
        return await once(operator, "claim.void", request_id, facts=facts, result=Voided, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PendingVoid, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.BENEFITS)
        found = await waiting(KIND, scope, after=after, limit=limit)
        return tuple(
            PendingVoid(
                id=each.id,
                claim_id=each.subject_id,
                worth_fen=int(each.facts["worth_fen"]),
                reason=each.reason,
                proposed_by=each.proposed_by,
                proposed_at=each.proposed_at,
            )
            for each in found
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
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            claim_id, worth = proposed.subject_id, int(proposed.facts["worth_fen"])
            found, place = await of_subtree(scope, claim_id), proposed.organization_id
            if outcome == "approved":
                held, reason, by = voidable(found, claim_id, now), proposed.reason, proposed.proposed_by
                await revoke(operator, claim_id, held, worth, reason, now=now, place=place, proposed_by=by)
                return Voided(claim_id, ClaimState.REVOKED, worth)
            told = {"approval": approval_id}
            await record(operator, "claim.void_rejected", "claim", claim_id, at=now, organization_id=place, **told)
            return Voided(claim_id, state_of(found, claim_id), worth)

        return await once(operator, f"void.{outcome}", request_id, facts=approval_id, result=Voided, effect=effect)
