"""Withdrawals as operators see them, within their own organizations: agreed to, refused, or taken back.

From an amount on it takes two operators (`handlers/approvals.py`): the first one's word is a proposal, and nobody is
the second one to their own.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide_latest, propose
from handlers.audit import record
from handlers.errors import WithdrawalNotReviewed, WithdrawalUnknown
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.withdrawals import eyes
from handlers.scopes import allowed
from handlers.withdrawals.moving import be_sent, go, take_back
from handlers.withdrawals.withdrawal_terms import TERMS
from handlers.withdrawals.withdrawal_views import OperatedWithdrawal, withdrawal_seen
from models.database import row, rows
from models.operators import Approval
from models.sql import as_uuid
from models.statements import withdrawals as statements
from models.words import WithdrawalState

KIND = "withdrawal"  # of the proposals


@refusing
class WithdrawalReviews:
    """Looks at withdrawals and decides about them; each decision happens once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def page(
        self, operator: Operator, *, state: WithdrawalState | None, after: UUID | None, limit: int
    ) -> list[OperatedWithdrawal]:
        """The newest first, in one state or all. Raises RoleMissing."""
        scope = await allowed(operator, Capability.WITHDRAWALS)
        places = sorted(scope.organization_ids)
        return await _operated(await rows(statements.SEEN, places, state.value if state else "", after, limit))

    async def one(self, operator: Operator, withdrawal_id: UUID) -> OperatedWithdrawal:
        """Raises RoleMissing, WithdrawalUnknown (also outside of their organizations)."""
        scope = await allowed(operator, Capability.WITHDRAWALS)
        found = await row(statements.ONE, withdrawal_id)
        if found is None or not scope.sees(as_uuid(found["organization_id"])):
            raise WithdrawalUnknown
        return (await _operated([found]))[0]

    async def approve(self, operator: Operator, withdrawal_id: UUID, *, request_id: str) -> Answer[OperatedWithdrawal]:
        """Have it sent, or be the first of two who want that.

        Raises RoleMissing, WithdrawalUnknown, WithdrawalNotReviewed, ApprovalOwn (the second one is somebody else),
        KeyReused.
        """

        async def act(found: Mapping[str, Any], scope: Scope) -> str:
            now, place = self._clock.now(), as_uuid(found["organization_id"])
            _require_review(found)
            if eyes(TERMS.read(found["terms"]), int(found["amount_fen"])) > 1:
                if not await Approval.filter(kind=KIND, subject_id=str(withdrawal_id), outcome="").exists():
                    told = {"amount_fen": int(found["amount_fen"])}
                    await propose(operator, KIND, withdrawal_id, place=place, facts=told, reason="")
                    return "withdrawal.proposed"
                await decide_latest(operator, KIND, withdrawal_id, "approved", scope=scope, at=now)
            await go(found, WithdrawalState.WAITING, "approved", operator, at=now)
            await be_sent(withdrawal_id, at=now)
            return "withdrawal.approved"

        return await self._act(operator, withdrawal_id, "approve", "", request_id, act)

    async def refuse(
        self, operator: Operator, withdrawal_id: UUID, *, reason: str, request_id: str
    ) -> Answer[OperatedWithdrawal]:
        """The money is on the balance again.

        Raises RoleMissing, WithdrawalUnknown, WithdrawalNotReviewed, KeyReused.
        """

        async def act(found: Mapping[str, Any], scope: Scope) -> str:
            now = self._clock.now()
            _require_review(found)
            waiting = Approval.filter(kind=KIND, subject_id=str(withdrawal_id), outcome="")
            await waiting.update(outcome="rejected", decided_at=now, decided_by_id=operator.id)
            await go(
                found, WithdrawalState.REFUSED, "refused", operator, at=now
            )  # why is on record, not for the member
            return "withdrawal.refused"

        return await self._act(operator, withdrawal_id, "refuse", reason, request_id, act)

    async def take_back(
        self, operator: Operator, withdrawal_id: UUID, *, reason: str, request_id: str
    ) -> Answer[OperatedWithdrawal]:
        """Have it back, as the member may: at once, or as soon as the payment service has given it up.

        Raises RoleMissing, WithdrawalUnknown, WithdrawalNotOpen, WithdrawalMoving, KeyReused.
        """

        async def act(found: Mapping[str, Any], scope: Scope) -> str:
            await take_back(found, "taken_back", operator, at=self._clock.now())
            return "withdrawal.taken_back"

        return await self._act(operator, withdrawal_id, "take_back", reason, request_id, act)

    async def _act(
        self,
        operator: Operator,
        withdrawal_id: UUID,
        what: str,
        reason: str,
        request_id: str,
        act: Callable[[Mapping[str, Any], Scope], Awaitable[str]],
    ) -> Answer[OperatedWithdrawal]:
        scope = await allowed(operator, Capability.WITHDRAWALS)

        async def effect() -> OperatedWithdrawal:
            found = await row(statements.LOCKED_BY_ID, withdrawal_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise WithdrawalUnknown
            action, place = await act(found, scope), as_uuid(found["organization_id"])
            told = {"amount_fen": int(found["amount_fen"]), "reason": reason}
            now = self._clock.now()
            await record(operator, action, "withdrawal", withdrawal_id, at=now, organization_id=place, **told)
            return (await _operated([await row(statements.ONE, withdrawal_id) or found]))[0]

        facts = {"withdrawal": withdrawal_id, "reason": reason}
        operation = f"withdrawal.{what}"
        return await once(operator, operation, request_id, facts=facts, result=OperatedWithdrawal, effect=effect)


def _require_review(found: Mapping[str, Any]) -> None:
    if found["state"] != WithdrawalState.REVIEW:
        raise WithdrawalNotReviewed(state=str(found["state"]))


async def _operated(found: list[Mapping[str, Any]] | list[dict[str, Any]]) -> list[OperatedWithdrawal]:
    subjects = [str(as_uuid(each["id"])) for each in found]
    open_ = await Approval.filter(kind=KIND, subject_id__in=subjects, outcome="") if subjects else []
    proposed: dict[str, UUID] = {each.subject_id: each.proposed_by_id for each in open_}  # type: ignore[attr-defined]
    return [
        OperatedWithdrawal(
            withdrawal=withdrawal_seen(each),
            member_id=as_uuid(each["member_id"]),
            organization_id=as_uuid(each["organization_id"]),
            bill_id=each["bill_id"],
            eyes=eyes(TERMS.read(each["terms"]), int(each["amount_fen"])),
            proposed_by=proposed.get(str(as_uuid(each["id"]))),
        )
        for each in found
    ]
