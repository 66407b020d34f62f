"""Holds: an amount set aside for an act, then posted in part or whole, voided, or given back by the clock.

Called inside an open transaction. Each is done once: asking again gets the first answer, asking for something else
after that a refusal of its own.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from handlers.errors import (
    CauseReused,
    DomainError,
    HoldExpired,
    HoldPosted,
    HoldTooSmall,
    HoldUnknown,
    HoldVoided,
    NotSignedIn,
)
from handlers.ledger.books import open_book, use_of, write
from handlers.ledger.carrying import carry
from handlers.ledger.posting import beside, refusal, write_down_what_is_due
from handlers.ports import Clock
from handlers.retrying import again
from handlers.rules.ledger import Cause, Move, Side, Unit
from handlers.rules.lots import Lot
from handlers.standing import canonical
from models.database import atomic, put, row, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import ledger as statements
from models.words import HoldState, LedgerAccountKind

BATCH = 200


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands. `posted`: how much of it went out."""

    id: UUID
    unit: Unit
    side: Side
    credit: Side
    amount: int
    state: HoldState
    expires_at: datetime
    posted: int = 0
    transfer_id: UUID | None = None


async def hold(
    unit: Unit, side: Side, amount: int, *, for_: Side, cause: Cause, expires_at: datetime, at: datetime, leg: int = 0
) -> Hold:
    """Set `amount` aside for `for_`, until `expires_at`; the lots that it is of are taken now.

    Again for the same cause: the hold as it stands. Raises BalanceShort, CauseReused (another amount),
    SerializationConflict.
    """
    if amount <= 0:
        raise ValueError("a hold is of more than nothing")
    opened = await open_book([(unit, side), (unit, for_), *beside(unit, side)], at=at, needs={(unit, side): amount})
    if (found := await row(statements.HOLD_BY_CAUSE, cause.kind, cause.id, leg)) is not None:
        known = _hold(found)
        if (known.amount, known.unit) != (amount, unit):
            raise CauseReused
        return known
    write_down_what_is_due(opened, [(unit, side)])
    made = Hold(new_id(), unit, side, for_, amount, HoldState.OPEN, expires_at)
    if (short := opened.book.hold(unit, side, amount, made.id)) is not None:
        raise refusal(short)
    accounts = opened.balances[unit, side].id, opened.balances[unit, for_].id
    facts = made.id, at, *accounts, amount, cause.kind, cause.id, leg, expires_at
    await put(statements.ADD_HOLD, *facts, count=1, conflict="the same act was held for meanwhile")
    await write(opened.book.changes, opened.balances, at=at)
    return made


async def post_hold(hold_id: UUID, amount: int | None = None, *, at: datetime) -> Hold:
    """Let what was held go out, `amount` of it or all; the rest is there again.

    Raises HoldUnknown, HoldTooSmall, HoldVoided, HoldExpired (also when nobody has written it down yet), HoldPosted
    (another amount was).
    """
    held, found = await _locked(hold_id)
    wanted = held.amount if amount is None else amount
    if held.state is HoldState.POSTED and held.posted == wanted:
        return held
    if (refused := _why_closed(held, found)) is not None:
        raise refused
    if not 0 < wanted <= held.amount:
        raise HoldTooSmall(held=held.amount)
    if held.expires_at <= at:
        raise HoldExpired(expired_at=held.expires_at.isoformat())
    move = Move(held.unit, held.side, held.credit, wanted, Cause("hold", str(held.id)))
    transfer_id = await _close(held, HoldState.POSTED, at=at, move=move)
    return replace(held, state=HoldState.POSTED, posted=wanted, transfer_id=transfer_id)


async def void_hold(hold_id: UUID, *, at: datetime) -> Hold:
    """Give back what was held. Raises HoldUnknown, HoldPosted; one whose time was over is as good as voided."""
    held, _ = await _locked(hold_id)
    if held.state is HoldState.POSTED:
        raise HoldPosted(posted=held.posted)
    if held.state is not HoldState.OPEN:
        return held
    await _close(held, HoldState.VOIDED, at=at)
    return replace(held, state=HoldState.VOIDED)


async def void_all(member_ids: Sequence[UUID], *, at: datetime) -> int:
    """Give back everything that is held of these members' accounts; how many holds there were."""
    found = await rows(statements.OPEN_HOLDS_OF, list(member_ids))
    for each in found:
        await void_hold(as_uuid(each["id"]), at=at)
    return len(found)


class HoldExpiry:
    """The recurring job: what nobody posted or voided in time is given back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self) -> int:
        """A hold per transaction, so that whoever posts at this moment is waited for; how many there were."""
        swept = 0
        while True:
            now = self._clock.now()
            found = [as_uuid(each["id"]) for each in await rows(statements.EXPIRED_HOLDS, now, BATCH)]
            for hold_id in found:
                swept += await again(partial(self._expire, hold_id, now))
            if len(found) < BATCH:
                return swept

    async def _expire(self, hold_id: UUID, now: datetime) -> int:
        async with atomic():
            held, _ = await _locked(hold_id)
            if held.state is not HoldState.OPEN:
                return 0
            await _close(held, HoldState.EXPIRED, at=now)
            return 1


async def _locked(hold_id: UUID) -> tuple[Hold, Mapping[str, Any]]:
    """The hold as it stands once its account is ours: whoever closes it holds that lock."""
    found = await row(statements.HOLD, hold_id)
    if found is None:
        raise HoldUnknown
    owners = {as_uuid(found["member_id"]), *([as_uuid(found["credit_member_id"])] if found["credit_member_id"] else [])}
    await rows(statements.LOCK_OWNED, sorted(owners))
    found = await row(statements.HOLD, hold_id)
    if found is None:
        raise HoldUnknown
    return _hold(found), found


async def _close(held: Hold, state: HoldState, *, at: datetime, move: Move | None = None) -> UUID | None:
    opened = await open_book([(held.unit, held.side), (held.unit, held.credit)], at=at)
    lots: dict[UUID, Lot] = {lot.id: lot for lot in opened.balances[held.unit, held.side].lots}
    uses = [use_of(each, lots) for each in await rows(statements.USES_OF_HOLDS, [held.id])]
    transfer_id = opened.book.release(held.unit, held.side, held.amount, uses, move)
    facts = held.id, state, move.amount if move else 0, at
    await put(statements.CLOSE_HOLD, *facts, count=1, conflict="the hold was closed while its account was locked")
    await write(opened.book.changes, opened.balances, at=at)
    if transfer_id is not None:
        await put(statements.POSTED_USES, held.id, transfer_id)
    owner = held.side.member_id
    if owner is not None and (today := await _today(owner)) != owner:
        await carry(owner, today, cause=Cause("hold_ended", str(held.id)), at=at)
    return transfer_id


async def _today(member_id: UUID) -> UUID:
    """Who they are now; whoever left is still who they were."""
    with suppress(NotSignedIn):
        return await canonical(member_id)
    return member_id


def _why_closed(held: Hold, found: Mapping[str, Any]) -> DomainError | None:
    match held.state:
        case HoldState.POSTED:
            return HoldPosted(posted=held.posted)
        case HoldState.VOIDED:
            return HoldVoided()
        case HoldState.EXPIRED:
            return HoldExpired(expired_at=as_instant(found["closed_at"]).isoformat())
    return None


def _hold(found: Mapping[str, Any]) -> Hold:
    member_id = as_uuid(found["member_id"])
    credited = as_uuid(found["credit_member_id"]) if found["credit_member_id"] else None
    return Hold(
        id=as_uuid(found["id"]),
        unit=Unit(as_uuid(found["programme_id"]), found["unit"]),
        side=Side(LedgerAccountKind(found["kind"]), member_id),
        credit=Side(LedgerAccountKind(found["credit_kind"]), credited),
        amount=int(found["amount"]),
        state=HoldState(found["state"]),
        expires_at=as_instant(found["expires_at"]),
        posted=int(found["posted_amount"]),
        transfer_id=as_uuid(found["transfer_id"]) if found["transfer_id"] else None,
    )
