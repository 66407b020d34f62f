"""Money that one operator wants given back and a second one gives: whatever is more than one may give alone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.errors import OrderRefundTooMuch, OrderUnknown
from handlers.orders.order_views import RefundSeen, refund_of
from handlers.orders.returning import give_part, payable
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row
from models.sql import as_uuid
from models.statements import orders as statements

KIND = "order_refund"  # of approvals


@dataclass(frozen=True, slots=True)
class ProposedRefund:
    """What waits for a second operator, or was rejected by one."""

    id: UUID
    order_id: UUID
    amount_fen: int
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@refusing
class RefundProposals:
    """Proposes, lists and decides within the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def propose(
        self, operator: Operator, order_id: UUID, *, amount_fen: int, reason: str, request_id: str
    ) -> Answer[ProposedRefund]:
        """Nothing has changed yet.

        Raises RoleMissing, OrderUnknown, RefundNothing, RefundTooLate, OrderRefundTooMuch, KeyReused.
        """
        scope = await allowed(operator, Capability.REFUNDS)

        async def effect() -> ProposedRefund:
            now, found = self._clock.now(), await row(statements.LOCKED_BY_ID, order_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise OrderUnknown
            payable(found, now)
            if amount_fen > (left := int(found["amount_fen"]) - int(found["refunded_fen"])):
                raise OrderRefundTooMuch(left_fen=left)
            place, facts = as_uuid(found["organization_id"]), {"amount_fen": amount_fen}
            made = await propose(operator, KIND, order_id, place=place, facts=facts, reason=reason)
            told = {**facts, "reason": reason, "approval": made}
            await record(operator, "order.refund_proposed", "order", order_id, at=now, organization_id=place, **told)
            return ProposedRefund(made, order_id, amount_fen, reason, operator.id, now)

        facts = {"order": order_id, "amount_fen": amount_fen, "reason": reason}
        return await once(
            operator, "order.refund_propose", request_id, facts=facts, result=ProposedRefund, effect=effect
        )

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[ProposedRefund, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.REFUNDS)
        return tuple(
            ProposedRefund(
                each.id,
                each.subject_id,
                int(each.facts["amount_fen"]),
                each.reason,
                each.proposed_by,
                each.proposed_at,
            )
            for each in await waiting(KIND, scope, after=after, limit=limit)
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[RefundSeen]:
        """Give what a first operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided; RefundNothing, RefundTooLate and
        OrderRefundTooMuch (it stays to be rejected), KeyReused.
        """
        scope = await allowed(operator, Capability.REFUNDS)

        async def effect() -> RefundSeen:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, "approved", scope=scope, at=now)
            found = await row(statements.LOCKED_BY_ID, proposed.subject_id)
            if found is None:
                raise OrderUnknown
            amount, by = int(proposed.facts["amount_fen"]), proposed.proposed_by
            return await refund_of(await give_part(operator, found, amount, proposed.reason, at=now, proposed_by=by))

        return await once(
            operator, "order.refund_approve", request_id, facts=approval_id, result=RefundSeen, effect=effect
        )

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[ProposedRefund]:
        """Leave it. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        scope = await allowed(operator, Capability.REFUNDS)

        async def effect() -> ProposedRefund:
            now = self._clock.now()
            each = await decide(operator, KIND, approval_id, "rejected", scope=scope, at=now)
            amount, place = int(each.facts["amount_fen"]), each.organization_id
            told = {"amount_fen": amount, "approval": approval_id}
            about = each.subject_id
            await record(operator, "order.refund_rejected", "order", about, at=now, organization_id=place, **told)
            return ProposedRefund(each.id, about, amount, each.reason, each.proposed_by, each.proposed_at)

        return await once(
            operator, "order.refund_reject", request_id, facts=approval_id, result=ProposedRefund, effect=effect
        )
