"""What members have when two become one, when they are two again, and when they leave: paired transfers, no rewriting.

Called inside an open transaction that holds the members' rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.ledger.books import Place, open_book, write
from handlers.ledger.posting import beside, post, settle, write_down_what_is_due
from handlers.rules.book import Balance
from handlers.rules.ledger import FEN, Cause, Move, Side, Unit
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid
from models.statements import ledger as statements
from models.words import LedgerAccountKind

MERGE, UNMERGE = "member_merge", "member_unmerge"
_ALL = 2**62  # as many lots as there are


async def carry(from_id: UUID, to_id: UUID, *, cause: Cause, at: datetime) -> int:
    """Everything that a member has, held amounts excepted, goes to another one; lots keep their ends.

    How many transfers it took. What is held goes when its hold ends.
    """
    from_places = await _places_of([from_id])
    places = {place: (place[0], Side(place[1].kind, to_id)) for place in from_places}
    return await _empty(places, causes={place: (cause, leg) for leg, place in enumerate(from_places)}, at=at)


async def carry_back(merge_id: UUID, *, winner_id: UUID, loser_id: UUID, at: datetime) -> None:
    """What came with a merge and is still there goes back; what was spent or expired meanwhile was the survivor's."""
    settled = await settle(await _places_of([winner_id, loser_id]), at=at)
    moves: list[Move] = []
    for found in await rows(statements.CARRIED, MERGE, str(merge_id)):
        unit = Unit(as_uuid(found["programme_id"]), found["unit"])
        kind, transfer_id = LedgerAccountKind(found["kind"]), as_uuid(found["id"])
        for side, amount, lot_ids in await _still_there(found, settled.get((unit, Side(kind, winner_id))), winner_id):
            moves.append(
                Move(
                    unit,
                    Side(side, winner_id),
                    Side(side, loser_id),
                    amount,
                    Cause(UNMERGE, str(merge_id)),
                    leg=len(moves),
                    reverses=transfer_id,
                    lot_ids=frozenset(lot_ids),
                )
            )
    if moves:
        await post(moves, at=at)


async def expire_all(member_ids: Sequence[UUID], *, at: datetime) -> int:
    """Whoever leaves leaves what they have: by transfer, so that sums stay whole. How many transfers it took."""
    places = await _places_of(member_ids)
    expired = {place: (place[0], Side(LedgerAccountKind.EXPIRED)) for place in places}
    return await _empty(expired, causes={place: (Cause("departed", str(new_id())), 0) for place in places}, at=at)


async def require_no_money(member_ids: Sequence[UUID], *, at: datetime, but_fen: int = 0) -> None:
    """That they have so much money and wait for none, their accounts locked: until the end of the open transaction.

    Raises SerializationConflict: some came since whoever calls looked (look again).
    """
    money = [place for place in await _places_of(member_ids) if place[0].code == FEN]
    balances = await settle(money, at=at)
    if sum(max(balances[place].posted or 0, 0) for place in money) != but_fen:
        raise SerializationConflict("money came for somebody who is leaving")


async def _empty(places: Mapping[Place, Place], *, causes: Mapping[Place, tuple[Cause, int]], at: datetime) -> int:
    if not places:
        return 0
    wanted = [*places, *places.values(), *(each for place in places for each in beside(*place))]
    opened = await open_book(wanted, at=at, needs=dict.fromkeys(places, _ALL))
    write_down_what_is_due(opened, list(places))
    moved = 0
    for place, to in places.items():
        balance = opened.balances[place]
        # What a floor below zero allows is credit, not something that somebody has.
        if (amount := min(balance.available, (balance.posted or 0) - balance.held)) > 0:
            cause, leg = causes[place]
            opened.book.decide([Move(place[0], place[1], to[1], amount, cause, leg)])
            moved += 1
    await write(opened.book.changes, opened.balances, at=at)
    return moved


async def _places_of(member_ids: Sequence[UUID]) -> list[Place]:
    """The accounts of these members."""
    return [
        (
            Unit(as_uuid(each["programme_id"]), each["unit"]),
            Side(LedgerAccountKind(each["kind"]), as_uuid(each["member_id"])),
        )
        for each in await rows(statements.OWNED, sorted(member_ids))
    ]


async def _still_there(
    found: Mapping[str, Any], balance: Balance | None, winner_id: UUID
) -> list[tuple[LedgerAccountKind, int, list[UUID]]]:
    """Of one transfer of a merge: from which kinds of account how much can go back, and which lots that is."""
    kind, room = LedgerAccountKind(found["kind"]), int(found["amount"])
    if balance is None:
        return []
    if not balance.has_lots:
        amount = min(room, balance.available, (balance.posted or 0) - balance.held)
        return [(kind, amount, [])] if amount > 0 else []
    there: dict[LedgerAccountKind, tuple[int, list[UUID]]] = {}
    for lot in await rows(statements.LEFT_OF_CARRIED, as_uuid(found["id"]), winner_id):
        amount, lot_ids = there.get(LedgerAccountKind(lot["kind"]), (0, []))
        part = min(int(lot["left_amount"]), room)
        if part:
            room -= part
            there[LedgerAccountKind(lot["kind"])] = amount + part, [*lot_ids, as_uuid(lot["id"])]
    return [(each, amount, lot_ids) for each, (amount, lot_ids) in there.items()]
