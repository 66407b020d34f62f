"""What was won and not asked for in time goes back to the stock it came from, each thing by a promise of its own."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.draws.commitments import STOCK, commit, open_day
from handlers.draws.held import hold
from handlers.draws.seeds import Seeds
from handlers.retrying import again
from models.database import atomic, row, rows
from models.sql import as_uuid
from models.statements import draws as statements

Gone = Mapping[str, Any]


async def return_late(
    lapsing: str,
    lapse: str,
    seeds: Seeds,
    *,
    now: datetime,
    zone: ZoneInfo,
    then: Callable[[Gone], Awaitable[None]] | None = None,
) -> int:
    """How many went back. `lapsing` finds what is late by `now`, `lapse` ends one of them, once; both tell its draw.

    `then` sees each row that was ended, inside its transaction.
    """
    lapsed, more = 0, True
    while more:  # they come by the page, and most of them at the same midnight
        more = False
        for each in await rows(lapsing, now):

            async def attempt(late: Gone = each) -> int:
                draw_id = as_uuid(late["draw_id"])
                async with atomic():
                    # The draw first, as spins do.
                    held = await hold(draw_id)
                    if held is None:
                        return 0
                    day, at = await open_day(held, seeds, now=now, zone=zone)
                    gone = await row(lapse, as_uuid(late["id"]), now)
                    if gone is None:
                        return 0
                    if await rows(statements.RETURN_UNIT, draw_id, gone["code"]):
                        await commit(held, STOCK, {gone["code"]: 1}, day=day, at=at, zone=zone)
                    if then is not None:
                        await then(gone)
                    return 1

            if await again(attempt):
                lapsed, more = lapsed + 1, True
    return lapsed
