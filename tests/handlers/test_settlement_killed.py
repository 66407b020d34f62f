"""kill -9 in the midst of closing: what was committed stays, the rest is closed anew, and nothing is in it twice."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from models import database
from models.ledger import Transfer
from models.settlement import SettlementEntry, SettlementStatement
from tests.handlers.counter import open_counter
from tests.handlers.settling import Books, breaches

# A process that closes the days of a merchant and dies where the second one is written, its entries are assigned and
# nothing is booked; the first day is closed by then. `torn` takes the transaction away, which the test must see.
CLOSER = """
import asyncio, contextlib, os, signal, sys
from datetime import date
from uuid import UUID
from gateways.clock import SystemClock
from handlers.settlement import statement_closing, statement_parts
from models import database

address, merchant, until, torn = sys.argv[1:]
real, calls = statement_closing.stated, []

async def dies(*args, **kwargs):
    calls.append(args)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return await real(*args, **kwargs)

@contextlib.asynccontextmanager
async def nothing():
    if calls:
        yield
    else:
        async with database.atomic():
            yield

async def main():
    await database.connect(address)
    statement_closing.stated = dies
    if torn == "torn":
        statement_closing.atomic = nothing
        statement_closing.require_atomic = statement_parts.require_atomic = lambda: None
    await statement_closing.StatementClosing(SystemClock()).up_to(UUID(merchant), date.fromisoformat(until))

asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def books(rooms, clock):
    """Two days with three redemptions each, over and open."""
    books = Books(await open_counter(rooms), clock)
    ming = await rooms.member("o-ming")
    for _ in range(2):
        for price in (100, 200, 400):
            await books.redeemed(ming, price_fen=price, share_bp=10_000)
        books.until = books.next_day()
    return books


async def killed(books, address: str, torn: str = "") -> None:
    """The closer runs beside nobody, and dies."""
    await database.disconnect()
    try:
        told = [address, str(books.counter.merchant.id), books.until.isoformat(), torn]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLOSER, *told, cwd=ROOT, env=dict(os.environ)
        )
        assert await child.wait() == -signal.SIGKILL
    finally:
        await database.connect(address)


async def test_killed_in_the_midst_of_a_day_it_is_closed_anew_and_doubled_nowhere(books, database):
    await killed(books, database)
    assert await SettlementStatement.all().count() == 1  # the day before
    assert await SettlementEntry.filter(part_id=None).count() == 3
    assert await books.close(books.until) == 1
    assert await books.close(books.until) == 0
    assert [each.redeemed_fen for each in await SettlementStatement.all()] == [700, 700]
    assert [each.amount for each in await Transfer.filter(cause_kind="statement")] == [700, 700]
    assert await SettlementEntry.filter(part_id=None).count() == 0
    assert await breaches() == []


async def test_without_its_transaction_a_day_would_be_left_half_closed(books, database):
    """The negative control of the one above."""
    await killed(books, database, "torn")
    assert await SettlementStatement.all().count() == 2
    assert await breaches() == [
        "每张结算单在账上记了一次：运营方承担的金额和手续费",
        "试算平衡：账上欠商户的钱等于还没有付的结算单的净额",
    ]
