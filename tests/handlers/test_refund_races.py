"""Refunds beside each other and beside withdrawals, the order of things forced; and without its guard each is lost."""

import asyncio
from dataclasses import replace

import pytest

from handlers.distribution import earning
from handlers.errors import MoneyShort, OrderNotWaiting, OrderRefundTooMuch
from handlers.orders import fulfilling, moving, orders, settling
from handlers.retrying import DatabaseBusy
from handlers.rules import book
from handlers.withdrawals import withdrawals
from models.orders import Order, OrderRefund
from models.statements import ledger as ledger_statements
from models.statements import orders as statements
from models.words import OrderState
from tests.handlers.buying import PRICE, breaches, claims, stands
from tests.handlers.test_benefit_machine import like
from tests.handlers.test_distribution import give, released, sold
from tests.handlers.test_order_races import BACK, SOLD, ordered
from tests.handlers.test_orders import an_operator
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock
from tests.handlers.withdrawing import Payee, publish

__all__ = ["ordered", "sold"]

HAS = 100  # fen, of the commission of one order
PARTS = 20


async def one_inside_the_other(held: Held, first, second) -> list[object]:
    """The second begins while the first is inside its transaction."""
    one = asyncio.create_task(first)
    await held.reached.wait()
    two = asyncio.create_task(second)
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(one, two, return_exceptions=True))


# --- over the rest


async def many_parts(rooms) -> list[object]:
    """Twenty operators give back 300 of 1,000 at once."""
    await rooms.ming.told(rooms.order.number)
    finance, refunds = await an_operator(), rooms.handlers.order_refunds
    given = (
        refunds.give(finance, rooms.order.id, amount_fen=300, reason="送晚了", request_id=f"part-{number}")
        for number in range(PARTS)
    )
    return list(await asyncio.gather(*given, return_exceptions=True))


async def test_of_twenty_parts_at_once_as_many_go_back_as_were_paid(ordered):
    refused = [each for each in await many_parts(ordered) if isinstance(each, BaseException)]
    assert {type(each) for each in refused} == {OrderRefundTooMuch}
    assert {each.facts["left_fen"] for each in refused} == {100}
    assert (len(refused), (await Order.get()).refunded_fen) == (PARTS - 3, 900)
    for _ in range(3):
        ordered.clock.advance(fulfilling.KNOWN_AFTER * 13)  # a minute between two refunds of one order
        await ordered.handlers.order_refunds.poll()
    assert sum(each.amount_fen for each in ordered.payments.refunds.values()) == 900
    assert await breaches() == []


async def test_without_the_guarded_sum_all_twenty_go_back(ordered, monkeypatch):
    absolute = "UPDATE sales_order SET refunded_fen = $2 WHERE id = $1 RETURNING refunded_fen"
    monkeypatch.setattr(statements, "RESERVE", absolute)
    assert not [each for each in await many_parts(ordered) if isinstance(each, BaseException)]
    assert sum(await OrderRefund.all().values_list("amount_fen", flat=True)) == PARTS * 300 > PRICE
    assert BACK in await breaches()


# --- beside a withdrawal


@pytest.fixture
async def rich(sold):
    """Hong has the commission of one order, and may take it out."""
    await publish(sold, least_fen=30)
    await released(sold)
    sold.payee = Payee(sold, sold.hong.person)
    return sold


async def taken_out_and_back(rooms, monkeypatch) -> list[object]:
    """The order goes back while its promoter is taking the commission out."""
    held = Held(monkeypatch, withdrawals, "note")
    return await one_inside_the_other(held, rooms.payee.ask(HAS), give(rooms, PRICE))


async def test_what_is_just_being_taken_out_is_owed(rich, monkeypatch):
    asked, given = await taken_out_and_back(rich, monkeypatch)
    assert (asked.value.amount_fen, given.value.amount_fen) == (HAS, PRICE)
    assert (await rich.payee.money(), await rich.hong.totals()) == ((0, HAS), (0, 0, 0, HAS))
    assert await breaches() == []


async def test_without_the_balance_under_the_lock_the_database_itself_refuses_what_goes_below_it(rich, monkeypatch):
    """Not a debt then but a failure, every time: the refund takes what is on its way out already."""
    unguarded = like(
        ledger_statements.MOVE,
        "AND ledger_account.posted + r.posted - ledger_account.held - r.held >= ledger_account.floor",
        "",
    )
    monkeypatch.setattr(ledger_statements, "MOVE", unguarded)
    monkeypatch.setattr(book.Balance, "available", property(lambda _: 1_000_000))
    _, failed = await taken_out_and_back(rich, monkeypatch)
    assert isinstance(failed, DatabaseBusy)
    assert "constraint" in str(failed.__cause__).lower()
    assert (await rich.payee.money(), await breaches()) == ((0, HAS), [])


async def test_what_just_went_back_cannot_be_taken_out(rich, monkeypatch):
    held = Held(monkeypatch, earning, "later")
    given, refused = await one_inside_the_other(held, give(rich, PRICE), rich.payee.ask(HAS))
    assert (given.value.amount_fen, type(refused)) == (PRICE, MoneyShort)
    assert (await rich.payee.money(), await rich.hong.totals()) == ((0, 0), (0, 0, 0, 0))
    assert await breaches() == []


# --- paid and cancelled


def cancelling(rooms):
    return rooms.handlers.orders.cancel(rooms.ming.person, rooms.order.id, request_id="no")


def hearing(rooms):
    return rooms.handlers.order_watch.hear({}, rooms.payments.pay(rooms.order.number))


async def test_what_is_being_paid_cannot_be_cancelled(ordered, monkeypatch):
    held = Held(monkeypatch, settling, "note_all")
    paid, refused = await one_inside_the_other(held, hearing(ordered), cancelling(ordered))
    assert (paid, type(refused)) == (OrderState.PAID, OrderNotWaiting)
    assert (await stands(ordered.order.id), await claims(), await ordered.offer.left()) == ("paid", 1, 0)
    assert await breaches() == []


async def test_money_for_what_is_being_cancelled_goes_back_whole(ordered, monkeypatch):
    held = Held(monkeypatch, moving, "note")
    _, heard = await one_inside_the_other(held, cancelling(ordered), hearing(ordered))
    assert (heard, await claims(), await ordered.offer.left()) == (OrderState.RETURNING, 0, 1)
    await ordered.handlers.order_refunds.poll()
    assert [each.amount_fen for each in ordered.payments.refunds.values()] == [PRICE]
    assert (await stands(ordered.order.id), await breaches()) == ("refunded", [])


async def test_without_the_guards_what_is_paid_is_cancelled_too(ordered, monkeypatch):
    unguarded = "SELECT id, offer_id, quantity, price_points, stock_buckets FROM sales_order WHERE id = $1 AND $2 <> ''"
    monkeypatch.setattr(statements, "LOCK_ORDER", unguarded)
    close = "UPDATE sales_order SET state = $3, closed_at = $4 WHERE id = $1 AND $2 <> '' RETURNING id"
    monkeypatch.setattr(statements, "CLOSE", close)
    seen = orders.order_seen
    monkeypatch.setattr(orders, "order_seen", lambda *facts: replace(seen(*facts), state=OrderState.WAITING))
    await one_inside_the_other(Held(monkeypatch, settling, "note_all"), hearing(ordered), cancelling(ordered))
    assert (await claims(), await ordered.offer.left()) == (1, 1)
    assert SOLD in await breaches()
