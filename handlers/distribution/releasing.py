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
from models.sql import as_instant, as_uuid, dump_rows, instant_text
from models.statements import distribution as statements
from models.words import CommissionState

BATCH = 1_000

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
            found = await rows(statements.FROZEN_DUE, now, batch)
            # What was redeemed may have been taken back since: then it can be given back again.
            reopened = [each for each in found if each["is_open"] and _refundable_until(each) > now]
            ready = [each for each in found if not each["is_open"] or _refundable_until(each) <= now]
            refused = await _pay(ready, now)
            moves = [_move(each, CommissionState.PENDING, due_at=now) for each in reopened]
            for each in ready:
                frozen_until = as_instant(each["frozen_until"])
                if as_uuid(each["id"]) in refused:
                    state, when, due_at = CommissionState.FROZEN, None, now + SELDOM
                else:
                    state, when, due_at = CommissionState.AVAILABLE, now, None
                moves.append(_move(each, state, frozen_until=frozen_until, released_at=when, due_at=due_at))
            await _write(moves)
            await net([as_uuid(each["member_id"]) for each in ready], at=now)
        return len(found), len(ready) - len(refused)

    async def _net(self, batch: int) -> int:
        """Whoever owes and has something again, as after a withdrawal that came back; how much was paid."""
        async with atomic():
            found = [as_uuid(each["member_id"]) for each in await rows(statements.OWING, batch)]
            return await net(found, at=self._clock.now()) if found else 0


async def _pay(ready: Sequence[Mapping[str, Any]], now: datetime) -> set[UUID]:
    """Book what is left of each as the member's own; those that the books refuse."""
    unit = await fen()
    causes = {_released_cause(each): each for each in ready if int(each["amount_fen"]) > int(each["back_fen"])}
    moves = [
        Move(
            unit,
            pending(as_uuid(each["member_id"])),
            of_member(as_uuid(each["member_id"])),
            int(each["amount_fen"]) - int(each["back_fen"]),
            cause,
        )
        for cause, each in causes.items()
    ]
    decided = await post_each(moves, at=now)
    refused = {as_uuid(causes[cause]["id"]) for cause, each in decided.items() if isinstance(each, DomainError)}
    if refused:
        log.error("commissions_not_released", extra={"number": len(refused)})
    return refused


def _released_cause(each: Mapping[str, Any]) -> Cause:
    return Cause(RELEASED, str(as_uuid(each["id"])))


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
    each: Mapping[str, Any],
    after: CommissionState,
    *,
    due_at: datetime | None,
    frozen_until: datetime | None = None,
    released_at: datetime | None = None,
) -> dict[str, object]:
    return {
        "id": as_uuid(each["id"]),
        "before": each["state"],
        "after": after.value,
        "frozen_until": instant_text(frozen_until) if frozen_until else None,
        "due_at": instant_text(due_at) if due_at else None,
        "released_at": instant_text(released_at) if released_at else None,
    }


async def _write(moves: Sequence[Mapping[str, object]]) -> None:
    if moves and len(await rows(statements.MOVE, dump_rows(moves))) < len(moves):
        raise SerializationConflict("a commission moved while its row was locked")


def _told(each: Mapping[str, Any], until: datetime, now: datetime) -> Later:
    member_id, commission_id = str(as_uuid(each["member_id"])), as_uuid(each["id"])
    amount = int(each["amount_fen"]) - int(each["back_fen"])
    payload = {"member_id": member_id, "number": each["number"], "amount_fen": amount, "until": until.isoformat()}
    # Once for each commission, even if its day is found out anew.
    return Later("say_commission", f"commission:{commission_id}", now, payload, f"chat:{member_id}")
