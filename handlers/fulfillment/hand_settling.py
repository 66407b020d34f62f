"""A supplier says nothing for a day: two operators say what became of an order, as they learned it by telephone.

One proposes, another approves, and the order moves by the one way in which orders move: what is done is used and told,
what failed gives the unit and the slots back, or goes to the second supplier. What the supplier says afterwards is kept
with the order and moves nothing; where it contradicts, that is for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.errors import (
    TopUpNotUnderWay,
    TopUpProofMissing,
    TopUpProposed,
    TopUpTooSoon,
    TopUpUnknown,
)
from handlers.fulfillment.settling import settle
from handlers.ports import Clock, SupplierSays
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.fulfillment_states import UNDER_WAY, by_hand_from
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row
from models.fulfillments import Fulfillment
from models.operators import Approval
from models.sql import as_instant, as_uuid
from models.statements import fulfillments as statements
from models.words import FulfillmentAct, FulfillmentState, Heard

KIND = "top_up"


@dataclass(frozen=True, slots=True)
class HandSettlement:
    """What operators say of an order: done, or failed. With an `approval_id` a second one has yet to agree."""

    order_id: UUID
    order_no: str
    state: FulfillmentState
    is_done: bool
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PendingSettlement:
    """What waits for a second operator. `proof`: the supplier's own number of what it did."""

    id: UUID
    order_id: UUID
    order_no: str
    is_done: bool
    proof: str
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@refusing
class HandSettling:
    """Orders at suppliers of the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def propose(
        self, operator: Operator, order_id: UUID, *, is_done: bool, proof: str, reason: str, request_id: str
    ) -> Answer[HandSettlement]:
        """Ask a second operator to agree. Nothing moves. `proof`: at most 64 characters.

        Raises RoleMissing, TopUpUnknown, TopUpNotUnderWay, TopUpTooSoon, TopUpProposed, TopUpProofMissing, KeyReused.
        """
        scope = await allowed(operator, Capability.SUPPLIERS)
        if is_done and not proof:
            raise TopUpProofMissing

        async def effect() -> HandSettlement:
            now = self._clock.now()
            found = await _ready(await locked(scope, order_id), now)
            earlier = await Approval.filter(kind=KIND, subject_id=str(order_id), outcome="").first()
            if earlier is not None:
                raise TopUpProposed(approval_id=str(earlier.id))
            said = {"order_no": found["order_no"], "is_done": is_done, "proof": proof}
            place = as_uuid(found["organization_id"])
            approval_id = await propose(operator, KIND, order_id, place=place, facts=said, reason=reason)
            told = {**said, "reason": reason, "approval": approval_id}
            await record(operator, "top_up.proposed", "top_up", order_id, at=now, organization_id=place, **told)
            return HandSettlement(order_id, found["order_no"], FulfillmentState(found["state"]), is_done, approval_id)

        facts = {"id": order_id, "is_done": is_done, "proof": proof, "reason": reason}
        return await once(operator, "top_up.propose", request_id, facts=facts, result=HandSettlement, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PendingSettlement, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        found = await waiting(KIND, scope, after=after, limit=limit)
        return tuple(
            PendingSettlement(
                id=each.id,
                order_id=each.subject_id,
                order_no=each.facts["order_no"],
                is_done=each.facts["is_done"],
                proof=each.facts["proof"],
                reason=each.reason,
                proposed_by=each.proposed_by,
                proposed_at=each.proposed_at,
            )
            for each in found
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[HandSettlement]:
        """Settle it as another operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, TopUpNotUnderWay (the supplier was quicker:
        the proposal stays to be rejected), TopUpTooSoon (it moved meanwhile), KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[HandSettlement]:
        """Go on asking the supplier. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(
        self, operator: Operator, approval_id: UUID, outcome: str, request_id: str
    ) -> Answer[HandSettlement]:
        scope = await allowed(operator, Capability.SUPPLIERS)

        async def effect() -> HandSettlement:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            order_id, is_done = proposed.subject_id, bool(proposed.facts["is_done"])
            found = await locked(scope, order_id)
            told = {"order_no": found["order_no"], "approval": approval_id, "proposed_by": proposed.proposed_by}
            place = proposed.organization_id
            if outcome == "rejected":
                await record(operator, "top_up.rejected", "top_up", order_id, at=now, organization_id=place, **told)
                return HandSettlement(order_id, found["order_no"], FulfillmentState(found["state"]), is_done)
            state = await _settled(await _ready(found, now), proposed.facts, now)
            said = {**told, "is_done": is_done, "proof": proposed.facts["proof"], "state": state}
            await record(operator, "top_up.settled", "top_up", order_id, at=now, organization_id=place, **said)
            return HandSettlement(order_id, found["order_no"], state, is_done)

        operation = f"top_up.{outcome}"
        return await once(operator, operation, request_id, facts=approval_id, result=HandSettlement, effect=effect)


async def locked(scope: Scope, order_id: UUID) -> Mapping[str, Any]:
    """Its row, which whoever hears of it meanwhile waits for. Raises TopUpUnknown."""
    number = await Fulfillment.filter(id=order_id).values_list("order_no", flat=True)
    found = await row(statements.LOCKED, number[0]) if number else None
    if found is None or not scope.sees(as_uuid(found["organization_id"])):
        raise TopUpUnknown
    return found


async def _ready(found: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Raises TopUpNotUnderWay, TopUpTooSoon."""
    if FulfillmentState(found["state"]) not in UNDER_WAY:
        raise TopUpNotUnderWay(state=found["state"])
    news = await row(statements.NEWS, as_uuid(found["id"])) or {}
    first = as_instant(found["sent_at"])
    moved_at, sent_at = (as_instant(news[name]) if news.get(name) else first for name in ("moved_at", "sent_at"))
    possible_at = by_hand_from(moved_at, sent_at)
    if now < possible_at:
        raise TopUpTooSoon(possible_at=possible_at.isoformat())
    return found


async def _settled(found: Mapping[str, Any], facts: Mapping[str, Any], now: datetime) -> FulfillmentState:
    """As if the supplier had said so. Raises TopUpNotUnderWay."""
    heard = Heard.DONE if facts["is_done"] else Heard.FAILED
    says = SupplierSays(heard, found["order_no"], int(found["face_value_fen"]), facts["proof"])
    supplier_id = as_uuid(found["supplier_id"])
    settled = await settle(found["order_no"], says, FulfillmentAct.HAND, at=now, supplier_id=supplier_id)
    if settled is None or not settled.has_moved:
        raise TopUpNotUnderWay(state=settled.state if settled else found["state"])
    return settled.state
