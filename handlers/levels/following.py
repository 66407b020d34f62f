"""Levels of people who become one, are two again, or leave. Growth itself goes by the ledger's own transfers.

Called inside the open transaction that does it, after the ledger has moved.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from handlers.levels.floors import floors_of
from handlers.levels.ladders import LadderHeld, ladder_now
from handlers.levels.levels import Place, Step, place_of, places_of, settle, write
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import levels as statements
from models.words import LevelCause

_NEVER = datetime.max.replace(tzinfo=UTC)


async def join_levels(merge_id: UUID, *, winner_id: UUID, loser_id: UUID, at: datetime) -> None:
    """The survivor has the higher of the two, or what the growth of both reaches; the other's row stays as it is.

    Of two that are equal the one that was earned counts, then the one that lasts longer: whoever is merged first.
    """
    held = await ladder_now()
    if not held.number:
        return
    theirs = (await _rows([loser_id], held)).get(loser_id)
    ours = (await places_of([winner_id], held))[winner_id]
    if theirs is not None and _height(theirs, held) > _height(ours, held):
        after = replace(
            ours,
            code=theirs.code,
            version=theirs.version,
            began_at=theirs.began_at,
            judged_at=theirs.judged_at,
            override_until=theirs.override_until,
            sequence=ours.sequence + 1,
        )
        await write([Step(ours, after, LevelCause.MERGED, str(merge_id))], held, at=at)
    await settle([winner_id], at=at, cause_id=str(merge_id))


async def part_levels(merge_id: UUID, *, winner_id: UUID, at: datetime) -> None:
    """With nothing in between the survivor stands where they stood; what happened since the merge was theirs."""
    held = await ladder_now()
    if not held.number:
        return
    found = await rows(statements.STEPS, winner_id, held.programme_id)
    came = 0
    while came < len(found) and found[came]["cause_id"] == str(merge_id):
        came += 1
    if not came:
        return
    ours = (await places_of([winner_id], held))[winner_id]
    after = replace(ours, code=held.ladder.reached(0), version=held.number, began_at=at, judged_at=None)
    if came < len(found):
        before = found[came]
        after = replace(
            ours,
            code=before["code"],
            version=int(before["version"]),
            began_at=as_instant(before["began_at"]),
            judged_at=as_instant(before["judged_at"]) if before["judged_at"] else None,
            override_until=as_instant(before["override_until"]) if before["override_until"] else None,
        )
    after = replace(after, sequence=ours.sequence + 1)
    await write([Step(ours, after, LevelCause.UNMERGED, str(merge_id))], held, at=at)
    if await floors_of([winner_id], held, at):
        await settle([winner_id], at=at)  # what they have paid for carries them


async def leave_levels(member_ids: Sequence[UUID], *, at: datetime) -> None:
    """Whoever leaves has no level. Again, it changes nothing."""
    held = await ladder_now()
    steps = [
        Step(
            place,
            replace(place, code="", began_at=at, judged_at=None, override_until=None, sequence=place.sequence + 1),
            LevelCause.DEPARTED,
        )
        for place in (await _rows(member_ids, held)).values()
        if place.code
    ]
    await write(steps, held, at=at)


async def _rows(member_ids: Sequence[UUID], held: LadderHeld) -> dict[UUID, Place]:
    found = await rows(statements.ROWS, list(member_ids), held.programme_id)
    return {as_uuid(each["member_id"]): place_of(each, held) for each in found}


def _height(place: Place, held: LadderHeld) -> tuple[int, bool, datetime]:
    return held.ladder.rank(place.code), place.override_until is None, place.judged_at or _NEVER
