"""A top-up on the pretend phone: the number is asked for, the supplier is told to keep quiet, and it arrives."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_phone import TELEPHONE, Phone
from tests.stories.test_top_up import charging, offered

__all__ = ["charging", "desk", "market"]

pytestmark = pytest.mark.timeout(180)


async def test_a_top_up_is_claimed_followed_and_arrives(charging):
    town = charging.town
    await offered(charging)
    town.person("小明", phone="13800000001")
    async with a_page(*TELEPHONE, patience=20.0) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone, asked = Phone(page), []
        see = phone.see

        async def answer(dialog) -> None:
            asked.append((dialog.message, dialog.default_value))
            await dialog.accept("13912345670")

        page.on("dialog", answer)
        await phone.show("bench")
        await see("view-switches").click()
        await see("supplier-is_silent").check()
        await see("supplier-always").click()
        await expect(see("toast")).to_have_text("以后的订单都生效")
        assert town.platform.supplier.standing.is_silent

        await phone.show("mini")
        await see("mini-open").click()
        await see("join-phone").click()
        await expect(see("card-row")).to_have_count(1)
        await see("page-offers").click()
        await see("claim").click()
        await expect(see("toast")).to_contain_text("领取成功")
        assert asked == [("充值到哪个手机号？", "13800000001")]
        await see("page-wallet").click()
        await see("wallet-item").click()
        await expect(see("top-up")).to_have_text("等待充值")
        await town.work()
        await see("claim-refresh").click()
        await expect(see("top-up")).to_have_text("正在充值")
        await town.platform.supplier.settle()
        town.wait(timedelta(minutes=1))
        await town.house.handlers.top_up_orders.poll()
        await see("claim-refresh").click()
        await expect(see("top-up")).to_have_text("已到账")
        assert await phone.fits()
