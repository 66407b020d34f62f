"""城市 in 我的 on the pretend phone: chosen, what is offered there appears; and gone again without one."""

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_phone import TELEPHONE, Phone

__all__ = ["desk", "market"]

pytestmark = pytest.mark.timeout(180)


async def test_a_city_is_chosen_and_its_offers_appear(market):
    town = market.town
    made = await market.desk.made("/organizations", {"code": "ningbo", "name": "宁波", "kind": "city"})
    await market.offer("海鲜市集券", organization_id=made["id"])
    await market.offer("茶")
    town.person("小明", phone="13800000001")
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see, tabs = phone.see, page.locator("#mini-tabs")
        await phone.show("mini")
        await see("mini-open").click()
        await see("join-no-phone").click()
        await expect(see("city").locator("option")).to_have_text(["不限城市", "宁波"])
        await expect(see("city")).to_have_value("")
        await tabs.locator('[data-page="offers"]').click()
        await expect(see("offer").locator("h3")).to_have_text(["茶"])
        await tabs.locator('[data-page="me"]').click()
        await see("city").select_option(label="宁波")
        await expect(see("toast")).to_have_text("已选宁波")
        await expect(see("city")).to_have_value(made["id"])
        assert await phone.fits()
        await tabs.locator('[data-page="offers"]').click()
        await expect(see("offer").locator("h3")).to_have_text(["茶", "海鲜市集券"])
        await tabs.locator('[data-page="me"]').click()
        await see("city").select_option(label="不限城市")
        await expect(see("toast")).to_have_text("已不限城市")
        await tabs.locator('[data-page="offers"]').click()
        await expect(see("offer").locator("h3")).to_have_text(["茶"])
