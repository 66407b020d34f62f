"""抽奖次数: chances of one draw, itemised in the ledger: each with its source, its end, and a cause that comes once.

Called inside an open transaction; members are named by the canonical id. They are spent soonest to end first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.draws.held import read
from handlers.ledger.posting import Posted, post
from handlers.rules.ledger import CHANCES, Cause, Move, Side, Unit, of_member
from models.database import rows
from models.statements import draws as statements
from models.words import DrawState, LedgerAccountKind

ISSUED, SPENT = Side(LedgerAccountKind.ISSUED), Side(LedgerAccountKind.SPENT)
GIVEN = "chances"  # the kind of cause; its id begins with the source


@dataclass(frozen=True, slots=True)
class Chances:
    """`amount` chances for a member, from a source (a short word), once for `key`: the act's own row.

    `expires_at`: the first instant at which they are gone; None: with the draw.
    """

    member_id: UUID
    amount: int
    source: str
    key: str
    expires_at: datetime | None = None

    @property
    def cause(self) -> Cause:
        """What makes it happen once."""
        return Cause(GIVEN, f"{self.source}:{self.key}")


@dataclass(frozen=True, slots=True)
class OpenDraw:
    """A draw that can be spun, or will be: published and not ended, paused or not."""

    id: UUID
    organization_id: UUID
    title: str
    closes_at: datetime
    takes_chances: bool


async def open_draws(codes: Collection[str]) -> Mapping[str, OpenDraw]:
    """By code, as they stand; nothing is locked."""
    found = [await read(each) for each in await rows(statements.BY_CODES, sorted(codes))]
    return {
        each.code: OpenDraw(
            each.id,
            each.organization_id,
            each.version.terms.rules.title,
            each.version.terms.rules.closes_at,
            each.version.terms.rules.price.takes_chances,
        )
        for each in found
        if each.state in {DrawState.PUBLISHED, DrawState.PAUSED}
    }


def unit_of(programme_id: UUID, draw_id: UUID) -> Unit:
    """The unit in which the chances of one draw are counted."""
    return Unit(programme_id, f"{CHANCES}:{draw_id}")


def given(unit: Unit, each: Chances, closes_at: datetime) -> Move:
    """As the ledger takes it; no chance outlives its draw."""
    ends_at = closes_at if each.expires_at is None else min(each.expires_at, closes_at)
    return Move(unit, ISSUED, of_member(each.member_id), each.amount, each.cause, expires_at=ends_at)


async def give_chances(
    programme_id: UUID, draw_id: UUID, chances: Sequence[Chances], *, closes_at: datetime, at: datetime
) -> dict[Cause, Posted]:
    """All of them; what was given before is told again and counts once.

    Raises CauseReused, NotInTransaction, SerializationConflict.
    """
    unit = unit_of(programme_id, draw_id)
    return await post([given(unit, each, closes_at) for each in chances], at=at)
