"""kill -9 around every call about an order's money, and while it is told of: of each number one trade or one refund."""

import pytest

from gateways.clock import SystemClock
from handlers.rules.offer_terms import Price
from models import database
from models.claims import Claim
from models.orders import Order, OrderRefund
from simulator import PayConduct
from tests.handlers.buying import breaches
from tests.handlers.claimable import an_offer
from tests.paying import merchant
from tests.processes import failing, stored
from tests.processes.test_withdrawal_killing import paying, serving, until

PRICE = 1_990
PLANT = failing.PLANT_OUTSIDE  # polls often


class Shop:
    """One installation that dies at a point, starts again, and is asked again by whoever got no answer."""

    def __init__(self, site, screen, offer_id: str, plant: str) -> None:
        self.site, self.screen, self.offer_id, self.plant = site, screen, offer_id, plant
        self.pay = site.platform.pay
        self.server = None

    async def starts(self) -> None:
        self.server = await serving(self.site, self.plant)
        await self.screen.login()  # the session went with the process, where Redis is inside it

    def dies_at(self, act: str, point: str) -> None:
        """The next one who comes there, once."""
        (self.site.home / failing.ARMED).write_text(f"{act} {point}")

    async def died(self, act: str = "", *points: str) -> None:
        """It did; and another one is there, for which everything is due. So does that one, at each of the points."""
        await self.server.ended()
        assert not (self.site.home / failing.ARMED).exists()
        await self.due()
        if not points:
            await self.starts()
            return
        self.dies_at(act, points[0])  # before it is there: it may come to the point before it answers anybody
        self.server = await self.site.start("serve", planted=self.plant, **paying(self.site))
        await self.died(act, *points[1:])

    async def due(self) -> None:
        """Nobody has to wait here for the lease of the dead, nor for the next look."""
        await stored.damage(
            self.site.database_url,
            "UPDATE job SET lease_until = run_at WHERE state = 'running'",
            "UPDATE sales_order SET look_at = created_at WHERE look_at IS NOT NULL AND state <> 'waiting'",
            "UPDATE order_refund SET look_at = created_at WHERE look_at IS NOT NULL",
        )

    async def buy(self, key: str):
        return await self.screen.buy(self.offer_id, key=key)

    async def order(self, key: str):
        bought = await self.buy(key)
        assert bought.status == 201, bought.answer
        return bought.answer["order"]

    async def state(self, order) -> str:
        return (await self.screen.call("GET", f"/orders/{order['id']}")).answer["order"]["state"]


async def opened(site, plant: str) -> Shop:
    """The server makes the root known and somebody joins; what is sold is written as it is stored."""
    server = await site.serve()
    screen = site.platform.person("小明").open_mini_program(site.mp)
    assert (await screen.join(with_phone=False)).is_fine
    await server.stop()
    site.platform.pay.merchant = merchant()
    await database.connect(site.database_url)
    try:
        offer = await an_offer(SystemClock().now(), stock=9, limits=(), price=Price(fen=PRICE))
    finally:
        await database.disconnect()
    shop = Shop(site, screen, str(offer.id), plant)
    await shop.starts()
    return shop


@pytest.mark.timeout(300)
async def test_killed_around_every_call_there_is_one_trade_and_one_refund_of_each_number(site):
    shop = await opened(site, PLANT)
    orders = [await announced(shop, point) for point in failing.CALLING]
    await paid(shop, orders[0], "before_commit")
    await paid(shop, orders[1], "after_commit")
    await ended(shop, orders[2], failing.SENDING)
    await ended(shop, await shop.order("closed"), ("before_commit",))
    await given_back(shop, orders[0], failing.SENDING)
    await given_back(shop, orders[1], ("before_commit",))
    await told_that_it_is_back(shop, await shop.order("told"))
    await shop.server.stop()
    await database.connect(site.database_url)
    try:
        pay = site.platform.pay
        came = {each.number: each.amount_fen for each in pay.trades.values() if each.transaction_id}
        assert {each.number: each.amount_fen for each in await Order.exclude(transaction_id=None)} == came
        back = {each.number: each.amount_fen for each in pay.refunds.values()}
        assert {each.number: each.amount_fen for each in await OrderRefund.filter(state="done")} == back
        assert (len(came), len(back), len(pay.trades), await Order.all().count()) == (3, 3, 5, 5)
        assert await Claim.all().count() == 3
        assert await breaches() == []
    finally:
        await database.disconnect()


async def announced(shop: Shop, point: str):
    """Ordered into the death of whoever announces it, and again with the same key: the same order, here and there."""
    before = len(shop.pay.trades)
    shop.dies_at("prepay", point)
    assert (await shop.buy(point)).status == 0
    assert len(shop.pay.trades) == before + (point != "before_sending")
    await shop.died()
    order = await shop.order(point)
    assert (len(shop.pay.trades), shop.pay.trades[order["number"]].state) == (before + 1, "NOTPAY")
    return order


async def paid(shop: Shop, order, point: str) -> None:
    """Whoever is told dies, before or after it is stored; told again, it is paid once."""
    shop.dies_at("notice", point)
    shop.pay.once(PayConduct(is_silent=True))  # it is told by hand, when somebody is there to hear it
    shop.pay.pay_number(order["number"])
    trade = shop.pay.trades[order["number"]]
    assert await shop.pay.tell_trade(trade) == 0
    await shop.died()
    assert await shop.state(order) == ("waiting" if point == "before_commit" else "paid")
    assert [await shop.pay.tell_trade(trade) for _ in range(2)] == [204, 204]
    assert await shop.state(order) == "paid"


async def ended(shop: Shop, order, points: tuple[str, ...]) -> None:
    """Cancelled, and whoever closes it there dies on the way; it is closed in the end, and nobody pays it."""
    shop.dies_at("close", points[0])
    cancelled = await shop.screen.call("POST", f"/orders/{order['id']}/cancel", key=f"no-{order['id']}")
    assert cancelled.status in {200, 0}, cancelled.answer  # 0: dead before it had answered
    await shop.died("close", *points[1:])
    trade = shop.pay.trades[order["number"]]

    async def nobody_asks_any_more() -> bool:
        await shop.due()
        left = "SELECT count(*) FROM sales_order WHERE look_at IS NOT NULL AND state = 'cancelled'"
        return await stored.number(shop.site.database_url, left) == 0

    await until(nobody_asks_any_more, points)
    assert (trade.state, await shop.state(order)) == ("CLOSED", "cancelled")


async def given_back(shop: Shop, order, points: tuple[str, ...]) -> None:
    """Whoever sends the money back dies on the way; it is sent under one number, and arrives once."""
    shop.pay.once(PayConduct(is_silent=True), times=20)  # nobody hears of it without asking
    shop.dies_at("refund", points[0])
    asked = await shop.screen.orders.refund(order["id"], PRICE, key=f"back-{order['id']}")
    assert asked.status in {201, 0}, asked.answer
    await shop.died("refund", *points[1:])

    async def is_back() -> bool:
        await shop.due()
        return await shop.state(order) == "refunded"

    await until(is_back, points)
    (refund,) = [each for each in shop.pay.refunds.values() if each.trade.number == order["number"]]
    assert (refund.state, refund.amount_fen, refund.trade.refunded_fen) == ("SUCCESS", PRICE, PRICE)
    shop.pay.behave()


async def told_that_it_is_back(shop: Shop, order) -> None:
    """Whoever hears it dies, before or after it is stored; told again, it is closed once."""
    pay = shop.pay
    pay.once(PayConduct(is_silent=True), times=2)  # of the payment, and of what goes back
    pay.pay_number(order["number"])
    assert await pay.tell_trade(pay.trades[order["number"]]) == 204
    asked = await shop.screen.orders.refund(order["id"], PRICE, key=f"back-{order['id']}")
    assert asked.status == 201, asked.answer

    async def is_sent() -> bool:
        sent = "SELECT count(*) FROM order_refund WHERE state = 'sent' AND said <> ''"
        return await stored.number(shop.site.database_url, sent) == 1

    await until(is_sent, "sent")
    pay.always(PayConduct(is_silent=True, refuses="SYSTEM_ERROR"))  # nobody hears of it by asking
    (refund,) = [each for each in pay.refunds.values() if each.trade.number == order["number"]]
    for point, becomes in (("before_commit", "paid"), ("after_commit", "refunded")):
        shop.dies_at("refund_notice", point)
        assert await pay.tell_refund(refund) == 0
        await shop.died()
        assert await shop.state(order) == becomes
    assert [await pay.tell_refund(refund) for _ in range(2)] == [204, 204]
    assert await shop.state(order) == "refunded"
    pay.behave()


@pytest.mark.timeout(180)
async def test_a_build_that_announces_anew_under_another_number_has_two_trades_of_one_order(site):
    """Negative control: killed after it was announced, it takes another number for what it has no answer to."""
    shop = await opened(site, failing.PLANT_NEW_ORDERS)
    shop.dies_at("prepay", "after_sending")
    assert (await shop.buy("once")).status == 0
    await shop.died()
    order = await shop.order("once")
    assert len(shop.pay.trades) == 2  # both can be paid
    assert order["number"] not in shop.pay.trades
    assert await stored.number(site.database_url, "SELECT count(*) FROM sales_order") == 1
    await shop.server.stop()
