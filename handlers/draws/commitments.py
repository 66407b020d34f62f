"""What the house binds itself to: appended under the lock of the draw's row, each naming the one before it.

Called inside an open transaction that holds the draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.draws.held import HeldDraw, moment
from handlers.draws.seeds import Seeds
from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import milliseconds
from handlers.rules.fairness import OPEN, Commitment, commitment_facts, commitment_hash
from handlers.rules.validity import begins
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.statements import draws as statements

STOCK, RULES = "stock", "rules"


@dataclass(slots=True)
class Units:
    """One prize as its row stands. None: no limit."""

    left: int | None
    awarded: int
    day: str
    day_count: int

    def on(self, day: str) -> int:
        """Awarded on this business day."""
        return self.day_count if self.day == day else 0


async def units_of(draw_id: UUID) -> dict[str, Units]:
    """Every prize of the draw, by code. One statement."""
    return {
        each["code"]: Units(
            None if each["left_count"] is None else int(each["left_count"]),
            int(each["awarded_count"]),
            each["day"],
            int(each["day_count"]),
        )
        for each in await rows(statements.PRIZES, draw_id)
    }


async def open_day(held: HeldDraw, seeds: Seeds, *, now: datetime, zone: ZoneInfo) -> tuple[str, datetime]:
    """The business day of now, with its seed and its first commitment if nobody has opened it; and the instant.

    It is opened before anything else happens on it, and then no earlier day ever comes again.
    """
    day, at = moment(held, now, zone)
    if held.day < day:
        await seeds.keep(held.id, day, at=now)
        await commit(held, OPEN, {}, day=day, at=at, zone=zone)
    return day, at


async def commit(
    held: HeldDraw,
    kind: str,
    change: Mapping[str, int],
    *,
    day: str,
    at: datetime,
    zone: ZoneInfo,
) -> Commitment:
    """Append one for the version that the draw is held with; `change` has been made to its stock.

    Raises SerializationConflict.
    """
    units = await units_of(held.id)
    found = await row(statements.DAY, held.id, day)
    if found is None:
        raise SerializationConflict("the seed of the day is not there")
    codes: Sequence[str] = held.version.codes
    begun = date.fromisoformat(day)
    made = Commitment(
        draw=held.key,
        number=held.commitment_count,
        kind=kind,
        sequence=held.last_sequence + 1,
        at=milliseconds(at),
        day=day,
        day_begins=milliseconds(begins(begun, zone)),
        day_ends=milliseconds(begins(begun + timedelta(days=1), zone)),
        seed_hash=found["seed_hash"],
        version=held.version.number,
        rules_hash=held.version.rules_hash,
        stock=tuple(units[code].left if code in units else None for code in codes),
        change=tuple(change.get(code, 0) for code in codes),
        previous=held.committed,
    )
    document, digest = canonical(commitment_facts(made)).decode(), commitment_hash(made)
    facts = held.id, made.number, day, made.sequence, kind, document, digest
    await rows(statements.ADD_COMMITMENT, new_id(), at, *facts)
    if not await rows(statements.COMMITTED, held.id, made.number, digest, day):
        raise SerializationConflict("the draw moved while it was locked")
    held.commitment_count, held.committed, held.day = made.number + 1, digest, day
    return made
