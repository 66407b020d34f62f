"""The record of winners for the operator and whoever oversees them: who won what, when, and what became of it.

The public log names nobody; this one names members by their numbers, and that it was asked for is on record. It is kept
for as long as spins are.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.draws.draw_views import theirs
from handlers.draws.held import version_of
from handlers.ports import Clock
from handlers.retrying import again, refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import atomic, rows
from models.draws import Draw
from models.sql import as_instant
from models.statements import draws as statements
from models.words import SpinPaid

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class WonRow:
    """One prize that went out. `state`: of the claim, or of the thing that is sent; what is credited has none."""

    sequence: int
    happened_at: datetime
    day: str
    member: str
    prize: str
    prize_name: str
    paid_by: SpinPaid
    points: int
    state: str
    waybill: str


@refusing
class DrawWinners:
    """Tells who won."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def whole(self, operator: Operator, draw_id: UUID) -> tuple[str, AsyncIterator[Sequence[WonRow]]]:
        """The draw's code, and every prize that went out, in the order of spins. Raises RoleMissing, DrawUnknown."""
        draw = await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        names, thanks = await _names(draw)

        async def note() -> None:
            async with atomic():
                now, place = self._clock.now(), draw.organization_id  # type: ignore[attr-defined]
                await record(operator, "draw.winners_exported", "draw", draw_id, at=now, organization_id=place)

        await again(note)
        return draw.code, _pages(draw_id, names, thanks)


async def _names(draw: Draw) -> tuple[dict[str, str], list[str]]:
    """What the prizes of all its versions are called, the newest last; and the codes of what is no prize."""
    names: dict[str, str] = {}
    thanks: set[str] = set()
    for number in range(1, draw.version + 1):
        table = (await version_of(draw.id, number)).table
        names |= {prize.code: prize.name for prize in table.prizes}
        thanks.add(table.prizes[table.thanks].code)
    return names, sorted(thanks)


async def _pages(draw_id: UUID, names: Mapping[str, str], thanks: list[str]) -> AsyncIterator[Sequence[WonRow]]:
    after = 0
    while True:
        found = [_row(each, names) for each in await rows(statements.WON, draw_id, after, PAGE, thanks)]
        yield found
        if len(found) < PAGE:
            return
        after = found[-1].sequence


def _row(found: Mapping[str, Any], names: Mapping[str, str]) -> WonRow:
    return WonRow(
        sequence=int(found["sequence"]),
        happened_at=as_instant(found["happened_at"]),
        day=found["day"],
        member=found["number"] or "",
        prize=found["awarded"],
        prize_name=names.get(found["awarded"], ""),
        paid_by=SpinPaid(found["paid_by"]),
        points=int(found["points"]),
        state=found["state"] or "",
        waybill=found["waybill"] or "",
    )
