"""What a member has in chances of a draw, gift by gift: where each came from, what is left of it, and when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.draws.chances import GIVEN, unit_of
from handlers.draws.held import seen_by
from handlers.draws.prizes import WON
from handlers.points.points_terms import terms
from handlers.ports import Clock
from handlers.retrying import refusing
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import draws as statements

PRIZE = "prize"  # the source of what was won


@dataclass(frozen=True, slots=True)
class ChanceView:
    """`amount` came at once, `left` can still be spun by the clock. `source`: who gave it, in a word."""

    id: UUID
    source: str
    amount: int
    left: int
    given_at: datetime
    expires_at: datetime | None


@refusing
class OwnChances:
    """Reads; changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listed(self, person: Person, draw_id: UUID, *, before: UUID | None, limit: int) -> tuple[ChanceView, ...]:
        """The newest first, over everybody that the person is; `before` is the last id of the page before.

        Raises DrawUnknown.
        """
        await seen_by(person, draw_id)
        unit = unit_of((await terms()).programme_id, draw_id)
        values = unit.code, person.member_id, self._clock.now(), before, limit
        return tuple(_view(each) for each in await rows(statements.CHANCE_GIFTS, *values))


def _view(found: Mapping[str, Any]) -> ChanceView:
    return ChanceView(
        id=as_uuid(found["id"]),
        source=_source(found["cause_kind"], found["cause_id"]),
        amount=int(found["amount"]),
        left=int(found["left_amount"]),
        given_at=as_instant(found["happened_at"]),
        expires_at=as_instant(found["expires_at"]) if found["expires_at"] else None,
    )


def _source(kind: str, cause_id: str) -> str:
    match kind:
        case _ if kind == GIVEN:
            return cause_id.partition(":")[0]
        case _ if kind == WON:
            return PRIZE
    return kind
