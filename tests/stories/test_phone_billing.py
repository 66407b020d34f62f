"""Paying on the phone bill with the pretend phone: the SMS is read, a code mistyped, and typed."""

import pytest
from playwright.async_api import expect

from models.orders import Order
from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_on_the_bill import NUMBER, priced, sound, takes_bill, takes_money
from tests.stories.test_phone import TELEPHONE, Phone

__all__ = ["desk", "market", "takes_bill", "takes_money"]

pytestmark = pytest.mark.timeout(180)


async def test_the_code_of_the_sms_is_typed_into_the_sheet(market):
    town, carrier = market.town, market.town.platform.carrier
    await priced(market)
    ming = town.person("小明", phone=NUMBER)
    carrier.sign_up(NUMBER)
    await ming.open_mini_program(town.mp).join(with_phone=False)
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("page-offers").click()
        await expect(see("offer-price")).to_have_text("¥15")
        await see("buy-on-bill").click()
        await expect(see("bill-amount")).to_have_text("¥15")
        await expect(see("bill-sms")).to_contain_text("话费支付验证码")
        assert await phone.fits()
        await see("bill-code").fill("000000")
        await see("bill-confirm").click()
        await expect(see("toast")).to_contain_text("验证码不对")
        await see("bill-code").fill(carrier.code(NUMBER))
        await see("bill-confirm").click()
        await expect(see("toast")).to_contain_text("支付成功")
        await see("page-wallet").click()
        await expect(see("wallet-item")).to_have_count(1)
    assert (await Order.get()).state == "paid"
    await sound(town)
