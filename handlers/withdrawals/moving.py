"""The edges of a withdrawal: each is taken by one guarded UPDATE and leaves an event; what ends it moves its money.

Inside the caller's open transaction, the withdrawal's row locked. The hold is posted or voided with the edge that ends
it, and such an edge is taken once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.errors import WithdrawalMoving, WithdrawalNotOpen
from handlers.ledger.holding import post_hold, void_hold
from handlers.outbox import later
from handlers.requests import Actor
from handlers.rules.ledger import Side
from handlers.rules.withdrawal_states import HERE, OPEN, require_edge
from models.database import require_atomic, rows
from models.sql import as_uuid
from models.statements import withdrawals as statements
from models.withdrawals import WithdrawalEvent
from models.words import LedgerAccountKind, WithdrawalState

CAUSE = "withdrawal"  # of its hold
PAID_OUT = Side(LedgerAccountKind.PAID_OUT)
SEND, SAY = "send_withdrawal", "say_withdrawal"  # the kinds of its jobs
_TOLD = {WithdrawalState.CONFIRM, WithdrawalState.ARRIVED, WithdrawalState.RETURNED, WithdrawalState.REFUSED}

ENDED = Counter("fanpiao_withdrawals", "Withdrawals by where they went.", ["state"])


async def note(
    withdrawal_id: UUID,
    before: WithdrawalState | None,
    after: WithdrawalState,
    reason: str,
    actor: Actor,
    *,
    at: datetime,
) -> None:
    """An edge that was just gone along; without a `before` it is the first."""
    await WithdrawalEvent.create(
        withdrawal_id=withdrawal_id,
        from_state=before.value if before else "",
        to_state=after.value,
        reason=reason[:64],
        actor_kind=actor.kind,
        actor_id=actor.actor_id,
        happened_at=at,
    )


async def go(found: Mapping[str, Any], to: WithdrawalState, reason: str, actor: Actor, *, at: datetime) -> bool:
    """From where the row stood when it was read; whether it was this call. Where that ends it, the money moves."""
    require_atomic()
    withdrawal_id, before = as_uuid(found["id"]), WithdrawalState(found["state"])
    require_edge(before, to)
    if to in OPEN:
        moved = await rows(statements.MOVE, withdrawal_id, before.value, to.value, reason[:64])
    else:
        moved = await rows(statements.CLOSE, withdrawal_id, before.value, to.value, reason[:64], at)
    if not moved:
        return False
    await note(withdrawal_id, before, to, reason, actor, at=at)
    if to not in OPEN:
        ENDED.labels(to.value).inc()
        hold_id = as_uuid(found["hold_id"])
        await (post_hold if to is WithdrawalState.ARRIVED else void_hold)(hold_id, at=at)
    if to in _TOLD:
        await _tell(found, to, at)
    return True


async def be_sent(withdrawal_id: UUID, *, at: datetime) -> None:
    """From now on; once per withdrawal, whoever asks for it."""
    await rows(statements.LOOK_FROM, withdrawal_id, at)
    await later(SEND, key=f"withdrawal:{withdrawal_id}", at=at, withdrawal_id=str(withdrawal_id))


async def take_back(found: Mapping[str, Any], reason: str, actor: Actor, *, at: datetime) -> None:
    """Whoever wants it back: at once where nobody else has it, otherwise as soon as the payment service gives it up.

    Raises WithdrawalMoving, WithdrawalNotOpen.
    """
    state, withdrawal_id = WithdrawalState(found["state"]), as_uuid(found["id"])
    if state is WithdrawalState.MOVING:
        raise WithdrawalMoving
    if state not in OPEN:
        raise WithdrawalNotOpen(state=state.value)
    if state in HERE:
        await go(found, WithdrawalState.RETURNED, reason, actor, at=at)
    elif await rows(statements.END, withdrawal_id, at):
        await later(SEND, key=f"withdrawal_back:{withdrawal_id}", at=at, withdrawal_id=str(withdrawal_id))


async def _tell(found: Mapping[str, Any], state: WithdrawalState, at: datetime) -> None:
    member_id, withdrawal_id = str(as_uuid(found["member_id"])), as_uuid(found["id"])
    told = {"member_id": member_id, "amount_fen": int(found["amount_fen"]), "withdrawal_id": str(withdrawal_id)}
    key, order_key = f"withdrawal:{withdrawal_id}:{state.value}", f"chat:{member_id}"
    await later(SAY, key=key, at=at, order_key=order_key, state=state.value, **told)
