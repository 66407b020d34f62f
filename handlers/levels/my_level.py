"""What members see of their level: which it is, what is missing to the next, and what keeps it until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.levels.ladders import ladder_now, ladder_of
from handlers.levels.levels import places_of
from handlers.ports import Clock
from handlers.retrying import refusing
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import levels as statements
from models.words import DowngradePolicy, LevelCause


@dataclass(frozen=True, slots=True)
class NextLevel:
    """The next higher level, and how much growth is missing to it."""

    code: str
    name: str
    missing: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """What keeps the level: so much growth within the period, `missing` of it yet, judged at that instant."""

    growth: int
    earned: int
    missing: int
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class LevelView:
    """`code` and `name` are empty without a level. `keep` is None where nothing has to be kept."""

    code: str
    name: str
    growth: int
    next: NextLevel | None
    keep: Keeping | None
    override_until: datetime | None
    is_due: bool = False  # the clock has decided something that nobody has written down yet


@dataclass(frozen=True, slots=True)
class LevelStep:
    """One step of a member's level, as operators and the member's own export see it."""

    id: UUID
    cause: LevelCause
    from_code: str
    code: str
    version: int
    growth: int
    judged_at: datetime | None
    override_until: datetime | None
    reason: str
    operator_id: UUID | None
    approved_by_id: UUID | None
    happened_at: datetime


@refusing
class LevelViews:
    """Reads a member's level; of a member id of any time, that of the person it means today."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of_member(self, member_id: UUID) -> LevelView:
        """How it stands now. Changes nothing."""
        held = await ladder_now()
        place = (await places_of([member_id], held))[member_id]
        level, above = held.ladder.level(place.code), held.ladder.above(place.code)
        coming = NextLevel(above.code, above.name, max(above.threshold - place.growth, 0)) if above else None
        keep = None
        by = await ladder_of(held.programme_id, place.version)
        asked = by.level(place.code)
        if place.judged_at and asked and asked.keep_growth and by.downgrade is not DowngradePolicy.NONE:
            found = await row(statements.EARNED, place.member_id, held.programme_id, place.began_at, place.judged_at)
            earned = max(int(found["earned"]), 0) if found else 0
            keep = Keeping(asked.keep_growth, earned, max(asked.keep_growth - earned, 0), place.judged_at)
        return LevelView(
            code=place.code,
            name=level.name if level else "",
            growth=place.growth,
            next=coming,
            keep=keep,
            override_until=place.override_until,
            is_due=place.is_due(self._clock.now()),
        )

    async def history(self, member_id: UUID, *, before: UUID | None, limit: int) -> tuple[LevelStep, ...]:
        """Every step, the newest first; `before` is the last id of the page before."""
        return tuple(_step(each) for each in await rows(statements.HISTORY, member_id, before, limit))


def _step(found: Mapping[str, Any]) -> LevelStep:
    return LevelStep(
        id=as_uuid(found["id"]),
        cause=LevelCause(found["cause"]),
        from_code=found["from_code"],
        code=found["code"],
        version=int(found["version"]),
        growth=int(found["growth"]),
        judged_at=as_instant(found["judged_at"]) if found["judged_at"] else None,
        override_until=as_instant(found["override_until"]) if found["override_until"] else None,
        reason=found["reason"],
        operator_id=as_uuid(found["operator_id"]) if found["operator_id"] else None,
        approved_by_id=as_uuid(found["approved_by_id"]) if found["approved_by_id"] else None,
        happened_at=as_instant(found["happened_at"]),
    )
