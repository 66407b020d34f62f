"""Ladders as levels are decided by them: published versions, which never change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.rules.levels import Ladder, Level
from models.database import remember, remembered, require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import levels as statements
from models.words import DowngradePolicy, PointsExpiry

MAIN = "main"  # the programme; named here again because cards, which know it too, stand above

_versions: dict[tuple[UUID, int], Ladder] = {}  # of which an installation has a handful


@dataclass(frozen=True, slots=True)
class LadderHeld:
    """The ladder that holds now. `number` is its version; 0: none was ever published, and nobody has a level."""

    programme_id: UUID
    organization_id: UUID
    programme: str
    number: int
    ladder: Ladder


async def ladder_now() -> LadderHeld:
    """That of the main programme. One read; one more when a version is met for the first time in this process."""
    found = await row(statements.PROGRAMME, MAIN)
    if found is None:
        raise LookupError("there is no programme")
    programme_id, number = as_uuid(found["programme_id"]), int(found["number"] or 0)
    ladder = await ladder_of(programme_id, number)
    return LadderHeld(programme_id, as_uuid(found["organization_id"]), found["name"], number, ladder)


async def main_programme() -> UUID:
    """The main programme, which stays what it is as long as the database does: read once."""
    known: UUID | None = remembered(MAIN)
    if known is None:
        known = (await ladder_now()).programme_id
        remember(MAIN, known)
    return known


async def ladder_of(programme_id: UUID, number: int) -> Ladder:
    """One version. Version 0 has no levels."""
    if not number:
        return Ladder(())
    known = _versions.get((programme_id, number))
    if known is None:
        found = await rows(statements.VERSION, programme_id, number)
        known = _versions[programme_id, number] = Ladder(
            tuple(
                Level(
                    each["code"],
                    each["name"],
                    int(each["threshold"]),
                    PointsExpiry(each["validity"]),
                    int(each["validity_count"]),
                    int(each["keep_growth"]),
                )
                for each in found
            ),
            DowngradePolicy(found[0]["downgrade"]),
        )
    return known


async def keep_version(held: LadderHeld, ladder: Ladder, *, at: datetime, operator_id: UUID | None = None) -> int:
    """Publish a ladder that was checked as the version after the one that holds; its number.

    Inside the open transaction. Raises SerializationConflict: somebody else published meanwhile.
    """
    require_atomic()
    ladder_id, number = new_id(), held.number + 1
    if not await rows(statements.PUBLISH, ladder_id, at, held.programme_id, number, ladder.downgrade, operator_id):
        raise SerializationConflict("another version was published meanwhile")
    levels = [
        {
            "id": new_id(),
            "ladder_id": ladder_id,
            "rank": rank,
            "code": each.code,
            "name": each.name,
            "threshold": each.threshold,
            "validity": each.validity.value,
            "validity_count": each.validity_count,
            "keep_growth": each.keep_growth,
        }
        for rank, each in enumerate(ladder.levels)
    ]
    await rows(statements.ADD_LEVELS, dump_rows(levels), at)
    return number
