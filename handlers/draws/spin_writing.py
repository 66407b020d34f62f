"""A folded batch written down: each kind of row by one statement, every counter guarded."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.draws import players as players_of
from handlers.draws.players import Player
from handlers.draws.prizes import Given, Shelf, send
from handlers.draws.reopening import waits
from handlers.draws.spin_folding import Folding
from handlers.outbox import Later, later_many
from models.database import put
from models.sql import dump_rows
from models.statements import draws as statements


async def write(folding: Folding, shelf: Shelf, played: Sequence[Player]) -> Mapping[UUID, Given]:
    """Everything of a batch; what the winners were given, by spin. What moved meanwhile ends the transaction in
    SerializationConflict (decide again)."""
    held, at = folding.held, folding.at
    facts = held.id, held.last_sequence, folding.sequence, folding.chain, at
    await put(statements.ADVANCE, *facts, count=1, conflict="the draw moved while it was locked")
    await folding.till.write()
    await _take_stock(folding)
    given = await shelf.give(folding.won, address_days=held.version.terms.address_days, at=at)
    spins = [
        {
            "id": each.id,
            "draw_id": held.id,
            "sequence": each.sequence,
            "member_id": each.player.member_id,
            "act_id": each.act_id,
            "day": folding.day,
            "commitment": each.row.commitment,
            "rolled": each.row.rolled,
            "awarded": each.row.awarded,
            "paid_by": each.payment.by,
            "points": each.payment.points,
            "row": each.text,
            "chain_hash": each.chain,
            "claim_id": given[each.id].claim_id if each.id in given else None,
        }
        for each in folding.folded
    ]
    await put(statements.ADD_SPINS, dump_rows(spins), at)
    await send(held.id, folding.won, given, at=at)
    await players_of.save(held, list({each.member_id: each for each in played}.values()), folding.day, at=at)
    await _tell_winners(folding, given)
    return given


async def _take_stock(folding: Folding) -> None:
    taken = [
        {"draw_id": folding.held.id, "code": code, "units": units, "day": folding.day}
        for code, units in sorted(folding.taken.items())
    ]
    if taken:
        moved = "a stock moved while the draw was locked"
        await put(statements.AWARD, dump_rows(taken), count=len(taken), conflict=moved)


async def _tell_winners(folding: Folding, given: Mapping[UUID, Given]) -> None:
    """What waits for a word waits only so long: whoever won such a thing is told besides what the screen says."""
    told: list[Later] = []
    for each in folding.won:
        there, key = given.get(each.spin_id, Given()), f"won:{each.spin_id}"
        if there.parcel_id is not None:
            facts = {"member_id": each.member_id, "prize": each.prize.name, "until": there.until}
            told.append(Later("say_parcel_waits", key, folding.at, facts))
        elif there.prize_id is not None:
            told.append(waits(there.prize_id, each.member_id, key=key, at=folding.at))
    await later_many(told)
