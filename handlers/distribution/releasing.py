"""Commissions become available: first their day is found out, then, once it has come, they are the member's own.

The recurring job. A batch is read under its locks (what somebody else holds is left for the next time), decided in
memory, and written by one statement per kind of row: a thousand commissions cost as many statements as one.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.distribution.money import RELEASED, net, pending
from handlers.errors import DomainError
from handlers.ledger.passing import Way, pass_on
from handlers.ledger.posting import post_each
from handlers.outbox import Later, later_many
from handlers.points.points_terms import fen
from handlers.ports import Clock
from handlers.retrying import again
from handlers.rules.commission import SELDOM, available_from, next_look
from handlers.rules.ledger import Cause, Move, of_member
from handlers.rules.order_states import REFUNDABLE_FOR
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.sql import Both, as_instant, as_uuid, dump_rows, instant_text
from models.statements import distribution as statements
from models.words import CommissionState, LedgerAccountKind

BATCH = 2_000
_MOVED = "a commission moved while its row was locked"

log = logging.getLogger(__name__)


class CommissionReleasing:
    """Looks at what is due, as often as one likes: each commission is released once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self, *, batch: int = BATCH) -> int:
        """Find out days, release, and net what is owed; how many commissions were released."""
        while await again(lambda: self._find_days(batch)) == batch:
            pass
        released = 0
        while (looked := await again(lambda: self._release(batch)))[0]:
            released += looked[1]
        while await again(lambda: self._net(batch)):
            pass
        return released

    async def _find_days(self, batch: int) -> int:
        """Pending ones whose order was looked at long enough ago; how many were looked at."""
        async with atomic():
            now = self._clock.now()
            found = await rows(statements.PENDING_DUE, now, batch)
            moves, told = [], []
            for each in found:
                until = _until(each)
                if each["is_open"] and until > now:
                    earned_at = as_instant(each["earned_at"])
                    moves.append(_move(each, CommissionState.PENDING, due_at=next_look(earned_at, now, until)))
                else:
                    moves.append(_move(each, CommissionState.FROZEN, frozen_until=until, due_at=until))
                    told.append(_told(each, until, now))
            await _write(moves)
            await later_many(told)
        return len(found)

    async def _release(self, batch: int) -> tuple[int, int]:
        """Frozen ones whose day has come: how many were looked at, and how many of them were released."""
        async with atomic():
            now = self._clock.now()
            found = await rows(statements.FROZEN_DUE, now, batch, now - REFUNDABLE_FOR)
            # What was redeemed may have been taken back since: then it can be given back again.
            reopened = [each for each in found if each["is_reopened"]]
            ready = {as_uuid(each["id"]): each for each in found if not each["is_reopened"]}
            refused = await _pay(ready, now)
            await _write([_move(each, CommissionState.PENDING, due_at=now) for each in reopened])
            await _all_of(statements.RELEASE, [each for each in ready if each not in refused], now)
            await _all_of(statements.POSTPONE, list(refused), now + SELDOM)
            await net([as_uuid(each["member_id"]) for each in ready.values()], at=now)
        return len(found), len(ready) - len(refused)

    async def _net(self, batch: int) -> int:
        """Whoever owes and has something again, as after a withdrawal that came back; how much was paid."""
        async with atomic():
            found = [as_uuid(each["member_id"]) for each in await rows(statements.OWING, batch)]
            return await net(found, at=self._clock.now()) if found else 0


async def _pay(ready: Mapping[UUID, Mapping[str, Any]], now: datetime) -> set[UUID]:
    """Book what is left of each as the member's own; those that the books refuse, one by one where it is not all."""
    unit = await fen()
    way = Way(unit, LedgerAccountKind.PENDING, LedgerAccountKind.MEMBER, RELEASED)
    amounts = [
        (commission_id, as_uuid(each["member_id"]), int(each["left_fen"]))
        for commission_id, each in ready.items()
        if each["left_fen"]
    ]
    if await pass_on(way, amounts, at=now):
        return set()
    moves = {
        commission_id: Move(unit, pending(member_id), of_member(member_id), amount, Cause(RELEASED, str(commission_id)))
        for commission_id, member_id, amount in amounts
    }
    decided = await post_each([*moves.values()], at=now)
    refused = {each for each, move in moves.items() if isinstance(decided[move.cause], DomainError)}
    if refused:
        log.error("commissions_not_released", extra={"number": len(refused)})
    return refused


def _until(each: Mapping[str, Any]) -> datetime:
    return available_from(
        int(each["hold_days"]),
        int(each["freeze_days"]),
        earned_at=as_instant(each["earned_at"]),
        used_at=as_instant(each["used_at"]) if each["used_at"] else None,
        is_open=bool(each["is_open"]),
        refundable_until=_refundable_until(each),
    )


def _refundable_until(each: Mapping[str, Any]) -> datetime:
    return as_instant(each["earned_at"]) + REFUNDABLE_FOR


def _move(
    each: Mapping[str, Any], after: CommissionState, *, due_at: datetime, frozen_until: datetime | None = None
) -> dict[str, object]:
    return {
        "id": as_uuid(each["id"]),
        "before": each["state"],
        "after": after.value,
        "frozen_until": instant_text(frozen_until) if frozen_until else None,
        "due_at": instant_text(due_at),
    }


async def _write(moves: Sequence[Mapping[str, object]]) -> None:
    if moves and len(await rows(statements.MOVE, dump_rows(moves))) < len(moves):
        raise SerializationConflict(_MOVED)


async def _all_of(statement: Both, commission_ids: list[UUID], at: datetime) -> None:
    if commission_ids and len(await rows(statement, commission_ids, at)) < len(commission_ids):
        raise SerializationConflict(_MOVED)


def _told(each: Mapping[str, Any], until: datetime, now: datetime) -> Later:
    member_id, commission_id = str(as_uuid(each["member_id"])), as_uuid(each["id"])
    amount = int(each["amount_fen"]) - int(each["back_fen"])
    payload = {"member_id": member_id, "number": each["number"], "amount_fen": amount, "until": until.isoformat()}
    # Once for each commission, even if its day is found out anew.
    return Later("say_commission", f"commission:{commission_id}", now, payload, f"chat:{member_id}")
