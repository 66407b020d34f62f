"""Sealing against closing, taking back and redeeming; and a sealer that is killed."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from handlers.errors import DayClosed, RedemptionSettled
from handlers.redemptions import reversals
from handlers.settlement import statement_closing, statement_parts
from models import database
from models.database import dialect, rows
from models.redemptions import Redemption
from models.settlement import SettlementEntry, SettlementPart, SettlementStatement
from models.statements import settlement as statements
from models.statements.settlement_parts import SEAL
from models.words import RedemptionKind
from tests.handlers.counter import open_counter
from tests.handlers.settling import Books, breaches
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

ROOT = Path(__file__).parents[2]
# A process that seals and dies where the second part is written and has its entries. `torn` takes the transaction
# away, which the test must see.
SEALER = """
import asyncio, contextlib, os, signal, sys
from uuid import UUID
from gateways.clock import SystemClock
from handlers.settlement import sealing, statement_parts
from models import database

address, merchant, now, torn = sys.argv[1:]
real, calls = statement_parts._assign, []

class Clock(SystemClock):
    def now(self):
        return sealing.datetime.fromisoformat(now)

async def dies(*args):
    calls.append(args)
    if len(calls) == 2 and torn:
        os.kill(os.getpid(), signal.SIGKILL)
    await real(*args)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

@contextlib.asynccontextmanager
async def nothing():
    yield

async def main():
    await database.connect(address)
    statement_parts.PART, statement_parts._assign = 2, dies
    if torn:
        sealing.atomic, statement_parts.require_atomic = nothing, lambda: None
    await sealing.Sealing(Clock()).of_merchant(UUID(merchant))

asyncio.run(main())
"""


@pytest.fixture
async def books(rooms, clock, monkeypatch):
    monkeypatch.setattr(statement_parts, "PART", 2)
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def redeemed(books, ming, *prices: int) -> list:
    return [await books.redeemed(ming, price_fen=price, share_bp=10_000) for price in prices]


# --- taking back what is sealed


async def test_a_reversal_of_what_is_sealed_makes_the_closing_wait(books, ming, monkeypatch):
    mine, _ = await redeemed(books, ming, 100, 200)
    await books.seal()
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, reversals, "transition")  # after it has asked whether the day is closed
    back = asyncio.create_task(books.counter.reverse(mine, by=books.counter.manager))
    await held.reached.wait()
    closing = asyncio.create_task(books.close(monday))
    await somebody_waits_for_a_lock()
    assert not closing.done()
    held.go.set()
    await asyncio.gather(back, closing)
    await books.close(books.next_day())
    first, second = await SettlementStatement.all().order_by("business_on")
    assert (first.redeemed_fen, first.reversed_fen, second.reversed_fen) == (300, 0, 100)
    assert await breaches() == []


async def test_without_holding_the_part_a_day_is_closed_under_a_reversals_hands(books, ming, monkeypatch):
    """The negative control of the one above."""
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever reverses holds the whole database")
    monkeypatch.setattr(statements, "HOLD_PART", statements.HOLD_PART.sqlite)
    mine, _ = await redeemed(books, ming, 100, 200)
    await books.seal()
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, reversals, "transition")
    back = asyncio.create_task(books.counter.reverse(mine, by=books.counter.manager))
    await held.reached.wait()
    assert await books.close(monday) == 1
    held.go.set()
    await back
    assert (await books.statement_of(mine)).business_on == monday.isoformat()  # and it was taken back afterwards


async def test_a_closing_under_way_makes_the_reversal_of_what_is_sealed_wait_and_refuses_it(books, ming, monkeypatch):
    mine, _ = await redeemed(books, ming, 100, 200)
    await books.seal()
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, statement_closing, "record")  # everything written, nothing committed
    closing = asyncio.create_task(books.close(monday))
    await held.reached.wait()
    back = asyncio.create_task(books.counter.reverse(mine, by=books.counter.manager))
    await somebody_waits_for_a_lock()
    assert not back.done()
    held.go.set()
    assert await closing == 1
    with pytest.raises(RedemptionSettled):
        await back
    assert await Redemption.filter(kind=RedemptionKind.REVERSAL).count() == 0


async def test_a_reversal_under_way_makes_sealing_wait(books, ming, monkeypatch):
    mine, _ = await redeemed(books, ming, 100, 200)
    held = Held(monkeypatch, reversals, "transition")
    back = asyncio.create_task(books.counter.reverse(mine))
    await held.reached.wait()
    sealing = asyncio.create_task(books.seal())
    await somebody_waits_for_a_lock()
    assert not sealing.done()
    held.go.set()
    await back
    assert await sealing == 1
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    assert (made.redeemed_fen, made.reversed_fen) == (300, 100)
    assert await breaches() == []


# --- sealing and closing


async def meet(books, ming, monkeypatch) -> None:
    """A part of the day that is over is added up and not written yet when closing comes."""
    await redeemed(books, ming, 100, 200, 400)
    monday = books.next_day(hours=1)
    held = Held(monkeypatch, statement_parts, "_assign")
    sealing = asyncio.create_task(books.seal())
    await held.reached.wait()
    closing = asyncio.create_task(books.close(monday))
    if statements.LOCK_MERCHANT is UNLOCKED:
        await closing
    else:
        await somebody_waits_for_a_lock()
        assert not closing.done()
    held.go.set()
    await asyncio.gather(sealing, closing, return_exceptions=True)


UNLOCKED = statements.LOCK_MERCHANT.sqlite


async def test_closing_waits_for_a_part_that_is_being_sealed_and_takes_it(books, ming, monkeypatch):
    await meet(books, ming, monkeypatch)
    assert [each.redeemed_fen for each in await SettlementStatement.all()] == [700]
    assert sorted(await SettlementPart.all().values_list("entry_count", flat=True)) == [1, 2]
    assert await breaches() == []


async def test_without_the_merchants_lock_a_part_that_was_overtaken_counts_and_leaves_nothing(books, ming, monkeypatch):
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever seals holds the whole database")
    monkeypatch.setattr(statements, "LOCK_MERCHANT", UNLOCKED)
    await meet(books, ming, monkeypatch)
    assert [each.redeemed_fen for each in await SettlementStatement.all()] == [700]
    assert await breaches() == []


async def test_without_lock_and_count_a_part_says_what_it_does_not_have(books, ming, monkeypatch):
    """The negative control of both."""
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever seals holds the whole database")

    async def unlooked(*where):
        for seal in SEAL:
            await rows(seal, *where[:-1])

    monkeypatch.setattr(statements, "LOCK_MERCHANT", UNLOCKED)
    monkeypatch.setattr(statement_parts, "_assign", unlooked)
    await meet(books, ming, monkeypatch)
    assert any(each.startswith("结算分段") for each in await breaches())


async def test_fifty_at_once_seal_close_redeem_and_take_back_and_each_row_is_in_one_statement(books, ming):
    count = 10
    done = await redeemed(books, ming, *range(100, 100 + count))
    await books.seal()
    done += await redeemed(books, ming, *range(200, 200 + count))
    fresh = [await books.counter.claim(ming, price_fen=1000 + number) for number in range(count)]
    monday = books.next_day(hours=0)
    acts = [books.counter.reverse(each, by=books.counter.manager) for each in done]
    acts += [books.counter.redeem(books.counter.typed(each)) for each in fresh]
    acts += [books.close(monday) for _ in range(10)]
    acts += [books.seal() for _ in range(10)]
    random.Random(1).shuffle(acts)
    answers = await asyncio.gather(*acts, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, BaseException)]
    assert {type(each) for each in refused} <= {RedemptionSettled, DayClosed}, refused
    await books.close(books.next_day())
    first, second = await SettlementStatement.all().order_by("business_on")
    backs = 2 * count - sum(isinstance(each, RedemptionSettled) for each in refused)
    assert (first.redeemed_count, first.reversed_count) == (2 * count, 0)
    assert (second.redeemed_count, second.reversed_count, second.late_count) == (count, backs, backs)
    assert await SettlementEntry.filter(part_id=None).count() == 0
    assert await breaches() == []


# --- killed


async def killed(books, address: str, torn: str = "") -> None:
    """The sealer runs beside nobody, and dies."""
    await database.disconnect()
    try:
        told = [address, str(books.counter.merchant.id), books.clock.now().isoformat(), torn]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SEALER, *told, cwd=ROOT, env=dict(os.environ)
        )
        assert await child.wait() == -signal.SIGKILL
    finally:
        await database.connect(address)


async def test_killed_in_the_midst_of_sealing_it_goes_on_and_doubles_nothing(books, ming, database):
    await redeemed(books, ming, 100, 200, 400, 800, 1600)
    await killed(books, database)
    assert await SettlementPart.all().count() == 1
    assert await SettlementEntry.filter(part_id=None).count() == 3
    assert await breaches() == []
    assert await books.seal() == 1
    await books.close(books.next_day())
    assert (await SettlementStatement.get()).redeemed_fen == 3100
    assert await breaches() == []


async def test_without_its_transaction_a_part_would_say_what_it_does_not_have(books, ming, database):
    """The negative control of the one above."""
    await redeemed(books, ming, 100, 200, 400, 800, 1600)
    await killed(books, database, "torn")
    assert await SettlementPart.all().count() == 2
    assert any(each.startswith("结算分段") for each in await breaches())
