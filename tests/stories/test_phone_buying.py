"""Buying on the pretend phone: a sheet that asks for the money, paid or left."""

import pytest
from playwright.async_api import expect

from models.orders import Order
from models.words import OrderState
from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_buying import priced, takes_money
from tests.stories.test_phone import TELEPHONE, Phone

__all__ = ["desk", "market", "takes_money"]

pytestmark = pytest.mark.timeout(180)


async def test_a_sheet_asks_for_the_money_and_it_is_left_and_then_paid(market):
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
        await expect(see("offer-price")).to_have_text("¥19.90")
        await see("buy").click()
        await expect(see("pay-amount")).to_have_text("¥19.90")
        await see("pay-cancel").click()
        await expect(see("toast")).to_contain_text("没有扣款")
        await see("buy").click()
        assert await phone.fits()
        await see("pay-confirm").click()
        await expect(see("toast")).to_contain_text("支付成功")
        await expect(see("buy")).to_be_disabled()
        await see("page-wallet").click()
        await expect(see("wallet-item")).to_have_count(1)
    states = {each.state for each in await Order.all()}
    assert states == {OrderState.CANCELLED, OrderState.PAID}


async def test_no_answer_is_not_taken_for_a_yes(market):
    town = market.town
    await market.offer("洗车")
    await town.person("小明").open_mini_program(town.mp).join(with_phone=False)
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        await phone.show("mini")
        await phone.see("page-offers").click()
        await expect(phone.see("claim")).to_be_enabled()
        await town.shut()
        await phone.see("claim").click()
        await expect(phone.see("toast")).to_contain_text("没有连上服务")
