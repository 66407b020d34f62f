"""kill -9 in the midst of closing: what was committed stays, the rest is closed anew, and nothing is in it twice."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from models import database
from models.ledger import Transfer
from models.settlement import SettlementEntry, SettlementPart, SettlementStatement, ShareEntry
from tests.handlers.counter import open_counter
from tests.handlers.fusing import FEE, OF_BOOKS, fused
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


@pytest.fixture
async def pair(rooms, clock):
    """Two days of a merchant with a share of a plan's fee, and on the second half of it goes back."""
    pair = await fused(rooms, clock)
    await pair.buy(await rooms.member("o-hong"))
    pair.next_day()
    order_id = await pair.buy(await rooms.member("o-ming"))
    await pair.redeemed(await rooms.member("o-ming"), price_fen=700, share_bp=10_000)
    await pair.give(order_id, FEE // 2)
    pair.until = pair.next_day()
    return pair


async def test_killed_while_shares_of_plans_are_closed_they_are_closed_anew_and_doubled_nowhere(pair, database):
    await killed(pair, database)
    assert await SettlementStatement.all().count() == 1
    assert await ShareEntry.filter(merchant=pair.books, part_id=None).count() == 2
    assert await SettlementPart.filter(statement_id=None).count() == 0
    assert (await pair.close(pair.until), await pair.close(pair.until)) == (1, 0)
    found = [(each.redeemed_fen, each.reversed_fen) for each in await pair.stated(pair.books)]
    assert found == [(OF_BOOKS, 0), (OF_BOOKS + 700, 1_666)]
    booked = {each.amount for each in await Transfer.filter(cause_kind="statement")}
    assert booked == {OF_BOOKS, OF_BOOKS + 700 - 1_666}
    await pair.settle(pair.cinema, until=pair.until)
    assert await ShareEntry.filter(part_id=None).count() == 0
    assert await breaches() == []


async def test_without_its_transaction_shares_would_be_stated_and_not_booked(pair, database):
    """The negative control of the one above."""
    await killed(pair, database, "torn")
    assert await ShareEntry.filter(merchant=pair.books, part_id=None).count() == 0
    assert "每张结算单在账上记了一次：运营方承担的金额和手续费" in await breaches()
