"""我的订单 on the pretend phone: what it cost, paid later, and given back after a look at what comes back."""

import pytest
from playwright.async_api import expect

from models.orders import Order
from models.words import OrderState
from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_buying import priced, sound, takes_money
from tests.stories.test_phone import TELEPHONE, Phone
from tests.stories.test_points import earned

__all__ = ["desk", "market", "takes_money"]

pytestmark = pytest.mark.timeout(180)


async def test_what_was_left_is_paid_from_the_orders_and_goes_back_by_its_quote(market):
    town = market.town
    await priced(market)
    ming = town.person("小明", phone="13800000001")
    await ming.open_mini_program(town.mp).join(with_phone=False)
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("page-offers").click()
        await see("buy").click()
        await see("sheet-close").click()
        await see("page-me").click()
        await see("to-orders").click()
        await expect(see("order-state")).to_have_text("待付款")
        assert await phone.fits()
        await see("order-pay").click()
        await expect(see("pay-amount")).to_have_text("¥19.90")
        await see("pay-confirm").click()
        await expect(see("toast")).to_contain_text("支付成功")
        await expect(see("order-state")).to_have_text("已付款")
        await see("order-refund-ask").click()
        await expect(see("refund-amount")).to_have_text("退 ¥19.90")
        await expect(see("refund-line")).to_have_text("手冲咖啡退 ¥19.90")
        await see("refund-leave").click()
        assert (await Order.get()).state is OrderState.PAID
        await see("order-refund-ask").click()
        await see("refund-go").click()
        await expect(see("toast")).to_contain_text("已申请退款")
        await expect(see("order-refund")).to_have_text("¥19.90")
        assert await phone.fits()
    await town.work()
    await town.platform.pay.settle()
    await sound(town)


async def test_the_sheets_say_money_and_points(market):
    town = market.town
    offer = await market.offer("手冲咖啡", price={"fen": 1_990, "points": 30}, limits=[], stock=5)
    screen = await market.member("小明")
    rule = {"code": "visit", "name": "到店"}
    assert (await market.desk.tell("PUT", "/operator/points/rules", rule))[0] == 200
    await earned(town, 60, "first")
    ordered = await screen.buy(offer, quantity=2)
    assert (ordered.answer["order"]["amount_fen"], ordered.answer["order"]["points"]) == (3_980, 60)
    order = ordered.answer["order"]["id"]
    assert (await screen.pay_for(order)).answer["order"]["state"] == "paid"
    assert [each["points"] for each in (await screen.orders.look()).answer["items"]] == [60]
    quoted = (await screen.orders.quote(order)).answer
    assert (quoted["amount_fen"], quoted["points"], len(quoted["lines"])) == (3_980, 60, 2)
    stale = await screen.orders.refund(order, 1)
    assert (stale.status, stale.answer["code"]) == (409, "order.quote_changed")
    assert (await screen.orders.refund(order, 3_980)).status == 201
    (listed,) = screen.orders.listed
    assert (listed["state"], listed["refunded_fen"]) == ("paid", 3_980)
    await town.work()
    await town.platform.pay.settle()
    await screen.orders.look()
    assert screen.orders.listed[0]["state"] == "refunded"
    assert (await screen.look_at_standing()).is_fine
    assert screen.standing["points"] == 60
    await sound(town)
