"""Orders under way at the same moment, the order of things forced; and without its guard each race is lost."""

import asyncio

import pytest

from handlers.errors import OrderRefundTooMuch, RefundNothing
from handlers.orders import moving, refunding, settling
from handlers.orders.watching import OrderWatch
from handlers.rules.order_states import Money
from models.database import dialect, rows
from models.orders import Order, OrderRefund
from models.sql import of_rows
from models.statements import orders as statements
from models.words import OrderState
from tests.handlers.buying import PRICE, a_buyer, breaches, claims, for_sale, stands
from tests.handlers.test_orders import MINUTES, an_operator
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

SOLD = "库存：领走等于没有退回的领取和等待付款的订单"
BACK = "订单退款的合计等于它的退款记录"


@pytest.fixture
async def ordered(rooms):
    rooms.offer, rooms.ming = await for_sale(rooms, stock=1), await a_buyer(rooms)
    rooms.order = (await rooms.ming.order(rooms.offer)).value.order
    return rooms


def of_another_process(watch: OrderWatch) -> OrderWatch:
    """Within one, what is said of one order goes one after the other."""
    return OrderWatch(watch._clock, watch._vault, watch._services)


async def two_notices(rooms, monkeypatch) -> list[OrderState]:
    """The second comes while the first is inside its transaction."""
    held = Held(monkeypatch, settling, "note_all")
    watch, notice = rooms.handlers.order_watch, rooms.payments.pay(rooms.order.number)
    first = asyncio.create_task(watch.hear({}, notice))
    await held.reached.wait()
    second = asyncio.create_task(of_another_process(watch).hear({}, notice))
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(first, second))


async def test_two_notices_at_once_make_one_claim_and_one_entry(ordered, monkeypatch):
    assert await two_notices(ordered, monkeypatch) == [OrderState.PAID] * 2
    assert await claims() == 1
    assert await breaches() == []


def without_the_guards(monkeypatch) -> None:
    """Whoever hears of money gives something for it, whatever was given before."""
    again = of_rows(
        "UPDATE sales_order SET state = r.after, transaction_id = r.transaction_id, paid_at = $2 FROM {rows}"
        " WHERE sales_order.id = r.id RETURNING sales_order.id",
        {"id": "uuid", "after": "text", "transaction_id": "text"},
    )
    monkeypatch.setattr(statements, "PAY", again)
    monkeypatch.setattr(settling, "on_money", lambda _: Money.FULFIL)
    monkeypatch.setattr(settling, "require_edge", lambda *_: None)


async def test_without_the_guards_two_notices_make_two_claims(ordered, monkeypatch):
    without_the_guards(monkeypatch)
    await two_notices(ordered, monkeypatch)
    assert await claims() == 2
    assert SOLD in await breaches()


async def told_and_asked(rooms, monkeypatch) -> tuple[int, OrderState]:
    """The notice comes while the answer to our question is inside its transaction."""
    held, watch = Held(monkeypatch, settling, "note_all"), rooms.handlers.order_watch
    notice = rooms.payments.pay(rooms.order.number)
    rooms.clock.advance(MINUTES)
    asking = asyncio.create_task(watch.poll())
    await held.reached.wait()
    hearing = asyncio.create_task(of_another_process(watch).hear({}, notice))
    await somebody_waits_for_a_lock()
    held.go.set()
    return await asking, await hearing


async def test_a_notice_and_the_question_at_once_have_one_effect(ordered, monkeypatch):
    assert await told_and_asked(ordered, monkeypatch) == (1, OrderState.PAID)
    assert (await claims(), await breaches()) == (1, [])


async def test_without_the_guards_a_notice_and_the_question_make_two_claims(ordered, monkeypatch):
    without_the_guards(monkeypatch)
    await told_and_asked(ordered, monkeypatch)
    assert await claims() == 2
    assert SOLD in await breaches()


async def expired_while_it_is_paid(rooms, monkeypatch) -> None:
    """The time runs out, and the sweep comes while the money is inside its transaction."""
    held, watch = Held(monkeypatch, settling, "note_all"), rooms.handlers.order_watch
    hearing = asyncio.create_task(watch.hear({}, rooms.payments.pay(rooms.order.number)))
    await held.reached.wait()
    rooms.clock.advance(16 * MINUTES)
    expiring = asyncio.create_task(watch._expire(rooms.order.id))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(hearing, expiring)


async def test_what_is_being_paid_is_not_given_back(ordered, monkeypatch):
    await expired_while_it_is_paid(ordered, monkeypatch)
    assert (await stands(ordered.order.id), await claims(), await ordered.offer.left()) == ("paid", 1, 0)
    assert await breaches() == []


async def test_without_the_guard_what_is_being_paid_is_given_back_too(ordered, monkeypatch):
    unguarded = "SELECT id, offer_id, quantity, price_points, stock_buckets FROM sales_order WHERE id = $1 AND $2 <> ''"
    monkeypatch.setattr(statements, "LOCK_ORDER", unguarded)
    close = "UPDATE sales_order SET state = $3, closed_at = $4 WHERE id = $1 AND $2 <> '' RETURNING id"
    monkeypatch.setattr(statements, "CLOSE", close)
    await expired_while_it_is_paid(ordered, monkeypatch)
    assert (await claims(), await ordered.offer.left()) == (1, 1)
    assert SOLD in await breaches()


async def test_money_that_comes_while_it_is_given_back_locks_again(ordered, monkeypatch):
    held, watch = Held(monkeypatch, moving, "note"), ordered.handlers.order_watch
    ordered.clock.advance(16 * MINUTES)
    expiring = asyncio.create_task(watch._expire(ordered.order.id))
    await held.reached.wait()
    hearing = asyncio.create_task(watch.hear({}, ordered.payments.pay(ordered.order.number)))
    await somebody_waits_for_a_lock()
    held.go.set()
    assert await asyncio.gather(expiring, hearing) == [OrderState.EXPIRED, OrderState.PAID]
    assert (await claims(), await ordered.offer.left(), await breaches()) == (1, 0, [])


async def two_refunds(rooms, monkeypatch) -> list[object]:
    """Two operators give back 600 of 1,000 each, the second while the first is inside its transaction."""
    order_id, refunds, finance = rooms.order.id, rooms.handlers.order_refunds, await an_operator()
    held = Held(monkeypatch, refunding, "goes_back")
    first, second = (
        refunds.give(finance, order_id, amount_fen=600, reason="送晚了", request_id=key) for key in ("a", "b")
    )
    one = asyncio.create_task(first)
    await held.reached.wait()
    two = asyncio.create_task(second)
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(one, two, return_exceptions=True))


async def test_two_refunds_at_once_give_back_no_more_than_was_paid(ordered, monkeypatch):
    await ordered.ming.told(ordered.order.number)
    _, refused = await two_refunds(ordered, monkeypatch)
    assert isinstance(refused, OrderRefundTooMuch)
    assert (await OrderRefund.all().count(), (await Order.get()).refunded_fen) == (1, 600)
    assert await breaches() == []


async def test_without_the_guarded_sum_two_refunds_give_back_more_than_was_paid(ordered, monkeypatch):
    await ordered.ming.told(ordered.order.number)
    absolute = "UPDATE sales_order SET refunded_fen = $2 WHERE id = $1 RETURNING refunded_fen"
    monkeypatch.setattr(statements, "RESERVE", absolute)
    await two_refunds(ordered, monkeypatch)
    assert sum(await OrderRefund.all().values_list("amount_fen", flat=True)) == 1_200 > PRICE
    assert BACK in await breaches()


async def test_one_claim_goes_back_once_however_often_it_is_asked_for_at_once(ordered):
    await ordered.ming.told(ordered.order.number)
    asked = (ordered.ming.refund(ordered.order.id, PRICE, f"refund-{n}") for n in range(6))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, RefundNothing) for each in answers) == 5
    assert await OrderRefund.all().count() == 1
    await ordered.handlers.order_refunds.poll()
    assert (await stands(ordered.order.id), await breaches()) == ("refunded", [])


async def test_the_last_ones_are_ordered_by_three_of_twelve_at_once(rooms):
    offer = await for_sale(rooms, stock=3)
    buyers = [await a_buyer(rooms, f"o-{number}") for number in range(12)]
    answers = await asyncio.gather(*(each.order(offer) for each in buyers), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in answers) == 3
    assert (await Order.all().count(), await offer.left()) == (3, 0)
    assert await breaches() == []


async def test_the_databases_lock_as_the_races_say(rooms):
    locked = statements.LOCKED if isinstance(statements.LOCKED, str) else getattr(statements.LOCKED, dialect())
    assert ("FOR UPDATE" in locked) == (dialect() == "postgres")
    assert await rows(statements.DUE, rooms.clock.now(), 1) == []
