"""作废申请: what is worth more than a manager voids alone is asked for at the counter and decided by an operator.

The wish waits as a row, one per claim, and lapses after three days; nothing is held meanwhile: the member may use the
claim, and then there is nothing left to void. The operator is the second person, so one is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk, Operator
from handlers.audit import record
from handlers.errors import ManagerNeeded, VoidRequested, VoidRequestOver, VoidRequestUnknown, VoidWithinLimit
from handlers.ports import Clock
from handlers.redemptions.counter import lock_clerk
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.voiding import ALONE_FEN, WAITS
from handlers.scopes import allowed
from handlers.serving.void_acts import (
    manager_limit,
    of_merchant,
    of_subtree,
    own_of,
    place_of,
    revoke,
    voidable,
    worth_of,
)
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import voiding as statements
from models.words import ClerkRole, VoidOutcome

_FIRST, _AFTER_ALL = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class VoidRequestView:
    """One wish, and what became of it; `outcome` is by the clock. `worth_fen`: of what was left when it was made."""

    id: UUID
    claim_id: UUID
    merchant: str
    benefit: str
    clerk: str
    worth_fen: int
    reason: str
    outcome: VoidOutcome
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None


@refusing
class VoidRequests:
    """Taken from managers, listed, and decided by operators of those who brought the benefit in."""

    def __init__(self, clock: Clock, *, alone_fen: int = ALONE_FEN) -> None:
        self._clock = clock
        self._alone_fen = alone_fen

    async def ask(self, clerk: Clerk, claim_id: UUID, *, reason: str, request_id: str) -> Answer[VoidRequestView]:
        """By a manager of the merchant whose benefit it is.

        Raises ManagerNeeded, ClaimUnknown (also of another merchant), ClaimNotVoidable, VoidWithinLimit, VoidRequested,
        ClerkNotSignedIn, KeyReused.
        """
        _require_manager(clerk)

        async def effect() -> VoidRequestView:
            await lock_clerk(clerk)
            now = self._clock.now()
            held = voidable(await of_merchant(clerk.merchant_id, claim_id), claim_id, now)
            worth = worth_of(held)
            limit = await manager_limit(clerk.merchant_id, own_of(held, claim_id), now, otherwise=self._alone_fen)
            if worth <= limit:
                raise VoidWithinLimit(limit_fen=limit)
            await rows(statements.LAPSE, claim_id, now)
            made, until, place = new_id(), now + WAITS, place_of(held, claim_id, None)
            of_it = (claim_id, clerk.merchant_id, place, clerk.id, worth, reason)
            if not await rows(statements.ASK, made, now, until, *of_it):
                raise await _already(claim_id)
            told = {"reason": reason, "worth_fen": worth, "request": made}
            await record(clerk, "claim.void_requested", "claim", claim_id, at=now, organization_id=place, **told)
            return await _stored(made, now)

        facts = {"claim": claim_id, "reason": reason}
        return await once(clerk, "void_request.ask", request_id, facts=facts, result=VoidRequestView, effect=effect)

    async def of_manager(self, clerk: Clerk, *, after: UUID | None, limit: int) -> tuple[VoidRequestView, ...]:
        """Those of the own merchant, the newest first. Raises ManagerNeeded."""
        _require_manager(clerk)
        now = self._clock.now()
        found = await rows(statements.REQUESTS_OF_MERCHANT, clerk.merchant_id, after or _AFTER_ALL, limit)
        return tuple(_view(each, now) for each in found)

    async def waiting(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[VoidRequestView, ...]:
        """What is to be decided in the subtree, the oldest first. Raises RoleMissing."""
        scope, now = await allowed(operator, Capability.BENEFITS), self._clock.now()
        places = sorted(scope.organization_ids)
        found = await rows(statements.REQUESTS_IN_SIGHT, places, now, after or _FIRST, limit)
        return tuple(_view(each, now) for each in found)

    async def approve(self, operator: Operator, void_request_id: UUID, *, request_id: str) -> Answer[VoidRequestView]:
        """Void the claim as the manager asked.

        Raises RoleMissing, VoidRequestUnknown, VoidRequestOver, ClaimNotVoidable (used or over meanwhile: the wish
        stays to be rejected), KeyReused.
        """
        return await self._decide(operator, void_request_id, VoidOutcome.APPROVED, request_id)

    async def reject(self, operator: Operator, void_request_id: UUID, *, request_id: str) -> Answer[VoidRequestView]:
        """Leave the claim as it is. Raises RoleMissing, VoidRequestUnknown, VoidRequestOver, KeyReused."""
        return await self._decide(operator, void_request_id, VoidOutcome.REJECTED, request_id)

    async def _decide(
        self, operator: Operator, void_request_id: UUID, outcome: VoidOutcome, request_id: str
    ) -> Answer[VoidRequestView]:
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> VoidRequestView:
            now = self._clock.now()
            found = await row(statements.REQUEST, void_request_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise VoidRequestUnknown
            # One conditional UPDATE picks who decides, and in time.
            if not await rows(statements.DECIDE, void_request_id, outcome.value, operator.id, now):
                raise VoidRequestOver(outcome=(await _stored(void_request_id, now)).outcome.value)
            claim_id, place = as_uuid(found["claim_id"]), as_uuid(found["organization_id"])
            if outcome is VoidOutcome.APPROVED:
                held = voidable(await of_subtree(scope, claim_id), claim_id, now)
                by, worth = as_uuid(found["clerk_id"]), worth_of(held)
                await revoke(operator, claim_id, held, worth, found["reason"], now=now, place=place, proposed_by=by)
            else:
                told = {"request": void_request_id}
                await record(operator, "claim.void_refused", "claim", claim_id, at=now, organization_id=place, **told)
            return await _stored(void_request_id, now)

        operation = f"void_request.{outcome.value}"
        return await once(operator, operation, request_id, facts=void_request_id, result=VoidRequestView, effect=effect)


def _require_manager(clerk: Clerk) -> None:
    if clerk.role is not ClerkRole.MANAGER:
        raise ManagerNeeded


async def _already(claim_id: UUID) -> VoidRequested:
    """Raises SerializationConflict: it was decided in this moment, and there is room again."""
    found = await row(statements.WAITING_FOR, claim_id)
    if found is None:
        raise SerializationConflict("a void request was decided meanwhile")
    until = as_instant(found["expires_at"]).isoformat()
    return VoidRequested(void_request_id=str(as_uuid(found["id"])), expires_at=until)


async def _stored(void_request_id: UUID, now: datetime) -> VoidRequestView:
    found = await row(statements.REQUEST, void_request_id)
    assert found is not None  # noqa: S101 - nobody deletes them
    return _view(found, now)


def _view(found: Mapping[str, Any], now: datetime) -> VoidRequestView:
    outcome, expires_at = VoidOutcome(found["outcome"]), as_instant(found["expires_at"])
    is_late = outcome is VoidOutcome.WAITING and expires_at <= now
    return VoidRequestView(
        id=as_uuid(found["id"]),
        claim_id=as_uuid(found["claim_id"]),
        merchant=found["merchant"],
        benefit=found["benefit"],
        clerk=found["clerk"],
        worth_fen=int(found["worth_fen"]),
        reason=found["reason"],
        outcome=VoidOutcome.LAPSED if is_late else outcome,
        requested_at=as_instant(found["created_at"]),
        expires_at=expires_at,
        decided_at=as_instant(found["decided_at"]) if found["decided_at"] else None,
    )
