"""签到 on the pretend phone: pressed, shown in the month, and a missed day mended."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.desk import at_the_desk
from tests.stories.test_phone import TELEPHONE, Phone

pytestmark = pytest.mark.timeout(180)

TERMS = {"daily": [{"kind": "makeup_card", "amount": 1}], "streak": [], "days_back": 3}


async def test_a_day_is_pressed_shown_and_a_missed_one_mended(town):
    async with at_the_desk(town) as desk:
        assert (await desk.ask("POST", "/check-ins/terms", TERMS))[0] == 201
    ming = town.person("小明", phone="13800000001")
    await ming.open_mini_program(town.mp).join(with_phone=False)
    if (town.clock.now() + timedelta(hours=8)).day > 26:  # the three days are in one month, where the page shows them
        town.wait(timedelta(days=6))
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("page-checkins").click()
        await expect(see("streak")).to_have_text("已连续 0 天，本月 0 天，补签卡 0 张")
        await see("check-in").click()
        await expect(see("toast")).to_contain_text("签到成功，已连续1天")
        await expect(see("check-in")).to_be_disabled()
        await expect(see("day-done")).to_have_count(1)
        assert await phone.fits()
        town.wait(timedelta(days=2))
        await see("page-me").click()
        await see("mini-logout").click()
        await see("mini-login").click()
        await expect(see("mini-logout")).to_be_visible()
        await see("page-checkins").click()
        await see("check-in").click()
        await expect(see("day-done")).to_have_count(2)
        await see("mend").last.click()
        await expect(see("toast")).to_contain_text("补签成功，已连续3天")
        await expect(see("day-done")).to_have_count(3)
        assert await phone.fits()
