"""What members have paid for carries them: a floor under their level until its end, whatever growth says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.levels.ladders import LadderHeld
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import plans as statements


@dataclass(frozen=True, slots=True)
class Floor:
    """The level that somebody has paid for, and until when."""

    code: str
    until: datetime


async def floors_of(member_ids: Collection[UUID], held: LadderHeld, at: datetime) -> dict[UUID, Floor]:
    """Of those of these members (canonical ids) who have one: the highest, of equal ones the one that lasts longest."""
    best: dict[UUID, Floor] = {}
    for each in await rows(statements.RUNNING, list(member_ids), held.programme_id, at):
        owner, floor = as_uuid(each["owner_id"]), Floor(each["level"], as_instant(each["ends_at"]))
        known = best.get(owner)
        if held.ladder.rank(floor.code) >= 0 and (known is None or _height(floor, held) > _height(known, held)):
            best[owner] = floor
    return best


def _height(floor: Floor, held: LadderHeld) -> tuple[int, datetime]:
    return held.ladder.rank(floor.code), floor.until
