"""Accounts read under their locks into a `Book`, and what it decided written down by set-based statements.

The locks are those of the owners' rows, in the order of ids, whoever asks; an account of the programme is never locked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import TransferUnknown
from handlers.rules.book import Balance, Book, Changes, Reversible
from handlers.rules.ledger import OWNED, Move, Side, Unit, floor_of, has_lots
from handlers.rules.lots import Lot, Use
from models.database import put, remember, remembered, require_atomic, rows
from models.ids import new_id
from models.sql import Both, as_instant, as_uuid, dump_rows, instant_text
from models.statements import ledger as statements
from models.words import LedgerAccountKind

Place = tuple[Unit, Side]
_KINDS = {each.value: each for each in LedgerAccountKind}


@dataclass(frozen=True, slots=True)
class OpenBook:
    """A book, and the accounts that it was opened for."""

    book: Book
    balances: Mapping[Place, Balance]


async def open_book(
    places: Iterable[Place],
    *,
    at: datetime,
    needs: Mapping[Place, int] | None = None,
    reverses: Collection[UUID] = (),
    lot_ids: Collection[UUID] = (),
    debited: Collection[Place] | None = None,
) -> OpenBook:
    """Bring these accounts into being, lock those with an owner, and read what stands on them.

    `needs`: how much may go out of which, so that the lots for it are read; those that are over are read anyway.
    `debited`: of which something may go out (None: of all); lots of other owners and units are not read.
    Raises NotInTransaction, TransferUnknown (one of `reverses`).
    """
    require_atomic()
    wanted = list(dict.fromkeys(places))
    balances = await _accounts(wanted, at)
    lots: dict[UUID, Lot] = {}
    wants = {balances[place].id: amount for place, amount in (needs or {}).items() if balances[place].has_lots}
    of = None if debited is None else {(unit, side.member_id) for unit, side in debited}
    with_lots = {
        each.id: each
        for (unit, side), each in balances.items()
        if each.has_lots and (each.id in wants or each.posted) and (of is None or (unit, side.member_id) in of)
    }
    if with_lots:
        text = dump_rows([{"account_id": each, "need": wants.get(each, 0)} for each in with_lots])
        for found in await rows(statements.LOTS, text, at, list(reverses), list(lot_ids)):
            lot = lots[as_uuid(found["id"])] = _lot(found)
            with_lots[as_uuid(found["account_id"])].lots.append(lot)
    reversible = await _reversible(reverses, lots)
    return OpenBook(Book(balances, reversible, at=at, new_id=new_id), balances)


async def _accounts(wanted: Sequence[Place], at: datetime) -> dict[Place, Balance]:
    found = await _look(wanted)
    if missing := [place for place in wanted if place not in found]:
        text = dump_rows(
            [
                {
                    "id": new_id(),
                    "programme_id": unit.programme_id,
                    "unit": unit.code,
                    "kind": side.kind,
                    "member_id": side.member_id,
                    "has_lots": side.kind in OWNED and has_lots(unit.code),
                    "opening": 0 if side.kind in OWNED else None,
                    "floor": floor_of(side.kind),
                }
                for unit, side in missing
            ]
        )
        await rows(statements.KEEP_ACCOUNTS, text, at)
        found = await _look(wanted)
    return found


async def _look(wanted: Sequence[Place]) -> dict[Place, Balance]:
    found: dict[Place, Balance] = {}
    if members := sorted({side.member_id for _, side in wanted if side.member_id is not None}):
        for each in await rows(statements.LOCK_OWNED, members):
            found[_place(each)] = _balance(each)
    own = {place: remembered(place) for place in wanted if place[1].member_id is None}
    if unknown := sorted({unit.programme_id for (unit, _), known in own.items() if known is None}):
        for each in await rows(statements.OWN, unknown):
            place, account_id = _place(each), as_uuid(each["id"])
            remember(place, account_id)
            own[place] = account_id
    found |= {place: Balance(account_id) for place, account_id in own.items() if account_id is not None}
    # By the caller's own objects, which are quicker to compare.
    return found | {place: found.pop(place) for place in wanted if place in found}


async def _reversible(transfer_ids: Collection[UUID], lots: dict[UUID, Lot]) -> dict[UUID, Reversible]:
    if not transfer_ids:
        return {}
    ids = sorted(set(transfer_ids))
    found = {
        as_uuid(each["id"]): Reversible(int(each["amount"]), int(each["amount"]) - int(each["reversed"]))
        for each in await rows(statements.REVERSIBLE, ids)
    }
    if len(found) < len(ids):
        raise TransferUnknown
    for each in await rows(statements.USES_OF_TRANSFERS, ids):
        found[as_uuid(each["transfer_id"])].uses.append(use_of(each, lots))
    return found


def use_of(found: Mapping[str, Any], lots: dict[UUID, Lot]) -> Use:
    """One row of a use with its lot; a lot that was read before is the same object."""
    lot = lots.setdefault(as_uuid(found["lot_id"]), _lot({**found, "id": found["lot_id"]}))
    account_id = as_uuid(found["account_id"])
    return Use(as_uuid(found["id"]), lot, account_id, int(found["amount"]), found["expired_at"] is not None)


def _place(found: Mapping[str, Any]) -> Place:
    member_id = as_uuid(found["member_id"]) if found.get("member_id") else None
    return Unit(as_uuid(found["programme_id"]), found["unit"]), Side(_KINDS[found["kind"]], member_id)


def _balance(found: Mapping[str, Any]) -> Balance:
    return Balance(
        id=as_uuid(found["id"]),
        posted=int(found["posted"]),
        held=int(found["held"]),
        floor=int(found["floor"]),
        has_lots=bool(found["has_lots"]),
    )


def _lot(found: Mapping[str, Any]) -> Lot:
    return Lot(
        id=as_uuid(found["id"]),
        origin_id=as_uuid(found["origin_id"]),
        left=int(found["left_amount"]),
        expires_at=as_instant(found["expires_at"]) if found["expires_at"] else None,
        available_at=as_instant(found["available_at"]) if found["available_at"] else None,
    )


# --- writing


async def write(changes: Changes, balances: Mapping[Place, Balance], *, at: datetime) -> None:
    """What was decided, each kind of row by one guarded statement.

    Where an act was done by another transaction meanwhile, this one ends in SerializationConflict; decide again.
    """
    await _write(statements.ADD_TRANSFERS, [_transfer(*each, balances) for each in changes.transfers], at)
    await _write(statements.MOVE, _movements(changes))
    reverse = [{"id": new_id(), "transfer_id": each, "amount": n} for each, n in sorted(changes.reversed.items())]
    await _write(statements.REVERSE, reverse, at)
    await _write(statements.ADD_LOTS, _new_lots(changes, at), at)
    touched = [
        {"id": lot_id, "delta": delta, "expired_at": _swept(changes, lot_id, at)}
        for lot_id, delta in sorted(changes.lots.items())
    ]
    await _write(statements.CHANGE_LOTS, touched)
    uses = [
        {"id": each.id, "lot_id": each.lot_id, "transfer_id": each.transfer_id, "hold_id": each.hold_id,
         "amount": each.amount} for each in changes.uses
    ]  # fmt: skip
    await _write(statements.ADD_USES, uses, at)
    await _write(statements.RETURN_USES, [{"id": each, "back": n} for each, n in sorted(changes.back.items())])


async def _write(statement: Both, wanted: Sequence[Mapping[str, object]], *values: object) -> None:
    if wanted:
        moved = "the ledger moved while its accounts were locked"
        await put(statement, dump_rows(wanted), *values, count=len(wanted), conflict=moved)


def _transfer(transfer_id: UUID, move: Move, balances: Mapping[Place, Balance]) -> dict[str, object]:
    return {
        "id": transfer_id,
        "debit_id": balances[move.unit, move.debit].id,
        "credit_id": balances[move.unit, move.credit].id,
        "amount": move.amount,
        "cause_kind": move.cause.kind,
        "cause_id": move.cause.id,
        "leg": move.leg,
        "reverses_id": move.reverses,
    }


def _movements(changes: Changes) -> list[dict[str, object]]:
    moved: defaultdict[UUID, list[int]] = defaultdict(lambda: [0, 0])
    for column, deltas in enumerate((changes.posted, changes.held)):
        for account_id, delta in deltas.items():
            moved[account_id][column] += delta
    return [
        {"id": account_id, "posted": posted, "held": held}
        for account_id, (posted, held) in sorted(moved.items())
        if posted or held
    ]


def _swept(changes: Changes, lot_id: UUID, at: datetime) -> str | None:
    return instant_text(at) if lot_id in changes.swept else None


def _new_lots(changes: Changes, at: datetime) -> list[dict[str, object]]:
    return [
        {
            "id": each.lot.id,
            "account_id": each.account_id,
            "transfer_id": each.transfer_id,
            "origin_id": each.lot.origin_id,
            "amount": each.amount,
            "left_amount": each.lot.left,
            "expires_at": instant_text(each.lot.expires_at) if each.lot.expires_at else None,
            "available_at": instant_text(each.lot.available_at) if each.lot.available_at else None,
            "expired_at": _swept(changes, each.lot.id, at),
        }
        for each in changes.new_lots.values()
    ]
