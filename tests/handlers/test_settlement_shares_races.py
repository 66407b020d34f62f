"""Refunds of fused plans while a statement is being closed: each share, and what goes back of it, is in one of them."""

import asyncio
import random

import pytest

from handlers.errors import OrderRefundTooMuch
from handlers.orders import refunding
from handlers.retrying import DatabaseBusy
from handlers.settlement import statement_closing, statement_parts
from models.database import dialect, rows
from models.fee_shares import PlanShareEntry
from models.settlement import SettlementStatement, ShareEntry
from models.statements.settlement_parts import SEAL
from models.words import EntryKind
from tests.handlers.fusing import FEE, OF_BOOKS, fused
from tests.handlers.settling import breaches
from tests.handlers.test_settlement_races import Held, but_the_last_once, somebody_waits_for_a_lock

SHARE, BACK = EntryKind.PLAN_SHARE, EntryKind.PLAN_SHARE_REFUND


@pytest.fixture
async def pair(rooms, clock):
    return await fused(rooms, clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def backs(pair) -> list[tuple[int, int]]:
    """What each statement of the bookshop gives and takes back, in their order."""
    return [(each.redeemed_operator_fen, each.reversed_operator_fen) for each in await pair.stated(pair.books)]


async def refunded_of_yesterday(pair, order_id, fen: int, monkeypatch) -> tuple[Held, asyncio.Task]:
    """A refund that looked at the clock before midnight, and is inside its transaction when the day is closed."""
    held = Held(monkeypatch, refunding, "take_back_shares")
    refund = asyncio.create_task(pair.give(order_id, fen))
    await held.reached.wait()
    return held, refund


async def test_a_refund_that_is_committed_after_the_closing_is_in_the_next_statement(pair, ming, monkeypatch):
    order_id = await pair.buy(ming)
    held, refund = await refunded_of_yesterday(pair, order_id, FEE, monkeypatch)
    monday = pair.next_day()
    closing = asyncio.create_task(pair.settle(until=monday))
    if dialect() == "postgres":  # it does not wait for the refund, and does not see it
        await closing
    held.go.set()
    await asyncio.gather(refund, closing)
    await pair.settle()
    if dialect() == "postgres":
        assert await backs(pair) == [(OF_BOOKS, 0), (0, OF_BOOKS)]
        assert [each.late_count for each in await pair.stated(pair.books)] == [0, 1]
    else:
        assert await backs(pair) == [(OF_BOOKS, OF_BOOKS)]
    assert await ShareEntry.filter(part__statement_id=None).count() == 0
    assert await breaches() == []


async def closed_while_it_is_refunded(pair, ming, monkeypatch) -> None:
    """It goes back between what closing has read and what it assigns: on SQLite nobody gets in between."""
    order_id = await pair.buy(ming)
    held = Held(monkeypatch, statement_parts, "_assign")
    refund_held, refund = await refunded_of_yesterday(pair, order_id, FEE, monkeypatch)
    if dialect() == "sqlite":
        refund_held.go.set()
        await refund
    closing = asyncio.create_task(pair.settle(pair.books, until=pair.next_day()))
    await held.reached.wait()
    refund_held.go.set()
    await refund
    held.go.set()
    await closing
    await pair.settle(pair.books)


async def test_a_refund_between_reading_and_assigning_makes_the_closing_look_again(pair, ming, monkeypatch):
    await closed_while_it_is_refunded(pair, ming, monkeypatch)
    assert await backs(pair) == [(OF_BOOKS, OF_BOOKS)]
    assert await breaches() == []


async def unlooked(*where) -> None:
    """Assigning that does not count."""
    for seal in SEAL:
        await rows(seal, *where[:-1])


async def test_without_counting_what_was_assigned_a_refund_would_be_in_no_sum(pair, ming, monkeypatch):
    """The negative control: the merchant would keep what went back."""
    if dialect() == "sqlite":
        but_the_last_once(monkeypatch)
    monkeypatch.setattr(statement_parts, "_assign", unlooked)
    await closed_while_it_is_refunded(pair, ming, monkeypatch)
    assert (OF_BOOKS, 0) in await backs(pair)
    assert await ShareEntry.filter(merchant=pair.books, part_id=None).count() == 0
    assert await breaches() != []


async def test_a_closing_under_way_keeps_no_refund_waiting_and_does_not_have_it(pair, ming, monkeypatch):
    order_id = await pair.buy(ming)
    monday = pair.next_day()
    held = Held(monkeypatch, statement_closing, "record")  # everything written, nothing committed
    closing = asyncio.create_task(pair.settle(until=monday))
    await held.reached.wait()
    refund = asyncio.create_task(pair.give(order_id, FEE))
    if dialect() == "postgres":
        await refund
    else:
        await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(closing, refund)
    await pair.settle()
    assert await backs(pair) == [(OF_BOOKS, 0), (0, OF_BOOKS)]
    assert await breaches() == []


async def test_many_at_once_buy_give_back_seal_and_close_and_each_share_is_in_one_statement(pair, rooms, monkeypatch):
    monkeypatch.setattr(statement_parts, "PART", 3)
    orders = [await pair.buy(await rooms.member(f"o-{number}")) for number in range(6)]
    fresh = [await rooms.member(f"o-new-{number}") for number in range(4)]
    monday = pair.next_day(hours=0)
    acts = [pair.give(each, part) for each in orders for part in (FEE, 5_000, FEE - 5_000)]
    acts += [pair.buy(each) for each in fresh]
    acts += [pair.closing.up_to(each.id, monday) for each in (pair.books, pair.cinema) for _ in range(3)]
    acts += [pair.sealing.of_merchant(each.id) for each in (pair.books, pair.cinema)]
    random.Random(1).shuffle(acts)
    answers = await asyncio.gather(*acts, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, BaseException)]
    assert {type(each) for each in refused} <= {OrderRefundTooMuch, DatabaseBusy}, refused
    await pair.settle()
    for merchant in (pair.books, pair.cinema):
        net = sum(each.redeemed_operator_fen - each.reversed_operator_fen for each in await pair.stated(merchant))
        assert net == sum(each.amount_fen for each in await PlanShareEntry.filter(merchant=merchant))
    assert await ShareEntry.filter(part__statement_id=None).count() == 0
    assert await SettlementStatement.all().count() == 4
    assert await breaches() == []
