"""The main programme is there from the first start on, however many processes start at once."""

import asyncio

from handlers.cards.card_kinds import ensure_programme
from models.database import rows


async def test_processes_that_start_together_make_one_programme(rooms, clock):
    for table in ("card_kind", "programme"):
        await rows(f"DELETE FROM {table}")

    await asyncio.gather(*(ensure_programme("江南书店", clock) for _ in range(8)))

    assert len(await rows("SELECT id FROM programme")) == 1
    assert len(await rows("SELECT id FROM card_kind")) == 1
