"""付款批次: what merchants have confirmed is paid in batches; one proposes, another approves, the bank pays.

A statement is in one batch at a time. What a merchant owes from days on which more was taken back is netted; where
nothing is left to pay, its statements wait for more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import ApprovalOwn, PayoutEmpty, PayoutStateWrong, PayoutUnknown
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.payout_states import EDGES, Due, Line, lines_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.settlement.merchant_money import paid
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.payouts import PayoutBatch
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import payouts as statements
from models.words import PayoutState

_AFTER_ALL = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class PayoutHead:
    """One batch. Who proposed and approved it are logins; `reference` is the bank's word for what it paid."""

    id: UUID
    number: str
    until_on: date
    state: PayoutState
    amount_fen: int
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    reference: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PayoutLineView:
    """What one merchant gets: of so many statements, from the first day to the last.

    `plan_share_fen`: of it, what are shares of plans' fees; below zero where more of those went back.
    """

    merchant: str
    merchant_name: str
    amount_fen: int
    statements: int
    from_on: date
    to_on: date
    plan_share_fen: int = 0


@dataclass(frozen=True, slots=True)
class PayoutView:
    """One batch and its lines, by merchant."""

    head: PayoutHead
    lines: tuple[PayoutLineView, ...]


@refusing
class Payouts:
    """Makes batches and moves them along."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def propose(self, operator: Operator, *, until_on: date, request_id: str) -> Answer[PayoutView]:
        """Everything that the merchants of the subtree have confirmed, up to this business day, and nobody has paid.

        Raises RoleMissing, PayoutEmpty, KeyReused.
        """
        scope = await allowed(operator, Capability.PAYOUTS)

        async def effect() -> PayoutView:
            now = self._clock.now()
            found = await rows(statements.DUE, sorted(scope.organization_ids), until_on.isoformat())
            lines = lines_of(
                Due(as_uuid(each["id"]), as_uuid(each["merchant_id"]), int(each["payable_fen"])) for each in found
            )
            if not lines:
                raise PayoutEmpty
            batch_id = await _write(operator, lines, until_on, now)
            await self._note(operator, "proposed", batch_id, now)
            return await _view(batch_id)

        facts = {"until_on": until_on}
        return await once(operator, "payout.propose", request_id, facts=facts, result=PayoutView, effect=effect)

    async def approve(self, operator: Operator, batch_id: UUID, *, request_id: str) -> Answer[PayoutView]:
        """By a second operator. Raises RoleMissing, PayoutUnknown, ApprovalOwn, PayoutStateWrong, KeyReused."""

        async def effect(found: Mapping[str, Any], now: datetime) -> None:
            if as_uuid(found["proposed_by_id"]) == operator.id:
                raise ApprovalOwn
            _require_edge(found, PayoutState.APPROVED)
            await _taken(statements.APPROVE, batch_id, operator.id, now)

        return await self._move(operator, batch_id, "approved", effect, {}, request_id)

    async def paid(self, operator: Operator, batch_id: UUID, *, reference: str, request_id: str) -> Answer[PayoutView]:
        """The bank has paid it. Raises RoleMissing, PayoutUnknown, PayoutStateWrong, KeyReused."""

        async def effect(found: Mapping[str, Any], now: datetime) -> None:
            _require_edge(found, PayoutState.PAID)
            await _taken(statements.PAID, batch_id, reference, now)
            await paid(batch_id, int(found["amount_fen"]), at=now)

        return await self._move(operator, batch_id, "paid", effect, {"reference": reference}, request_id)

    async def cancel(self, operator: Operator, batch_id: UUID, *, request_id: str) -> Answer[PayoutView]:
        """Nothing of it is paid; its statements wait for another. Raises as `paid`."""

        async def effect(found: Mapping[str, Any], now: datetime) -> None:
            _require_edge(found, PayoutState.CANCELLED)
            await _taken(statements.CANCEL, batch_id, now)
            await rows(statements.RELEASE, batch_id, now)

        return await self._move(operator, batch_id, "cancelled", effect, {}, request_id)

    async def listing(self, operator: Operator, *, before: UUID | None, limit: int) -> tuple[PayoutHead, ...]:
        """Those of the subtree, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.PAYOUTS)
        found = await rows(statements.BATCHES, sorted(scope.organization_ids), before or _AFTER_ALL, limit)
        return tuple(_head(each) for each in found)

    async def view(self, operator: Operator, batch_id: UUID) -> PayoutView:
        """One with its lines. Raises RoleMissing, PayoutUnknown."""
        scope = await allowed(operator, Capability.PAYOUTS)
        _seen(await row(statements.BATCH, batch_id), scope)
        return await _view(batch_id)

    async def _move(
        self, operator: Operator, batch_id: UUID, what: str, act: Any, facts: Mapping[str, object], request_id: str
    ) -> Answer[PayoutView]:
        scope = await allowed(operator, Capability.PAYOUTS)

        async def effect() -> PayoutView:
            now = self._clock.now()
            await act(_seen(await row(statements.LOCK_BATCH, batch_id), scope), now)
            await self._note(operator, what, batch_id, now, **facts)
            return await _view(batch_id)

        told = {"batch": batch_id, **facts}
        return await once(operator, f"payout.{what}", request_id, facts=told, result=PayoutView, effect=effect)

    async def _note(self, operator: Operator, what: str, batch_id: UUID, now: datetime, **facts: object) -> None:
        found = await row(statements.BATCH, batch_id)
        assert found is not None  # noqa: S101 - batches are never deleted
        told = {"number": found["number"], "amount_fen": int(found["amount_fen"]), **facts}
        place = as_uuid(found["organization_id"])
        await record(operator, f"payout.{what}", "payout", batch_id, at=now, organization_id=place, **told)


async def _write(operator: Operator, lines: Sequence[Line], until_on: date, now: datetime) -> UUID:
    """Raises SerializationConflict: another batch has one of them meanwhile; look again."""
    batch_id = new_id()
    await PayoutBatch.create(
        id=batch_id,
        organization_id=operator.organization_id,
        number=f"P{until_on:%Y%m%d}-{batch_id.hex[-8:]}",
        until_on=until_on.isoformat(),
        amount_fen=sum(line.amount_fen for line in lines),
        proposed_by_id=operator.id,
    )
    made = {new_id(): line for line in lines}
    told = [{"id": key, "merchant_id": each.merchant_id, "amount_fen": each.amount_fen} for key, each in made.items()]
    await rows(statements.ADD_LINES, dump_rows(told), now, batch_id)
    places = [
        {"id": new_id(), "line_id": key, "statement_id": statement_id}
        for key, line in made.items()
        for statement_id in line.statement_ids
    ]
    if len(await rows(statements.ADD_STATEMENTS, dump_rows(places), now)) < len(places):
        raise SerializationConflict("a statement is in another batch meanwhile")
    return batch_id


async def _taken(statement: str, *values: object) -> None:
    if not await rows(statement, *values):
        raise SerializationConflict("a batch moved while it was locked")


def _require_edge(found: Mapping[str, Any], to: PayoutState) -> None:
    state = PayoutState(found["state"])
    if to not in EDGES[state]:
        raise PayoutStateWrong(state=state.value)


def _seen(found: Mapping[str, Any] | None, scope: Scope) -> Mapping[str, Any]:
    if found is None or not scope.sees(as_uuid(found["organization_id"])):
        raise PayoutUnknown
    return found


async def _view(batch_id: UUID) -> PayoutView:
    found = await row(statements.BATCH, batch_id)
    assert found is not None  # noqa: S101 - batches are never deleted
    lines = tuple(
        PayoutLineView(
            merchant=each["code"],
            merchant_name=each["name"],
            amount_fen=int(each["amount_fen"]),
            statements=int(each["statements"]),
            from_on=date.fromisoformat(each["from_on"]),
            to_on=date.fromisoformat(each["to_on"]),
            plan_share_fen=int(each["plan_share_fen"]),
        )
        for each in await rows(statements.LINES, batch_id)
    )
    return PayoutView(_head(found), lines)


def _head(found: Mapping[str, Any]) -> PayoutHead:
    return PayoutHead(
        id=as_uuid(found["id"]),
        number=found["number"],
        until_on=date.fromisoformat(found["until_on"]),
        state=PayoutState(found["state"]),
        amount_fen=int(found["amount_fen"]),
        proposed_by=found["proposed_by"],
        proposed_at=as_instant(found["created_at"]),
        approved_by=found["approved_by"],
        approved_at=as_instant(found["approved_at"]) if found["approved_at"] else None,
        reference=found["reference"],
        closed_at=as_instant(found["closed_at"]) if found["closed_at"] else None,
    )
