"""付费会员 on the pretend phone: tried, bought, and given back; a code makes somebody a member."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_buying import sound, takes_money
from tests.stories.test_membership_year import BLACK, GOLD, LEVELS, sold
from tests.stories.test_phone import TELEPHONE, Phone

__all__ = ["desk", "market", "takes_money"]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def plans(market) -> dict[str, str]:
    """Gold with a trial, and black above it; by their codes."""
    for path, body, method in (("/draft", {"levels": LEVELS}, "PUT"), ("/publish", {}, "POST")):
        assert (await market.desk.tell(method, f"/operator/levels{path}", body))[0] == 200
    return {each["code"]: await sold(market.desk, each) for each in (GOLD, BLACK)}


async def test_a_plan_is_tried_bought_and_given_back(market, plans):
    town = market.town
    ming = town.person("小明", phone="13800000001")
    await ming.open_mini_program(town.mp).join(with_phone=False)
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("to-membership").click()
        gold, black = see("plan").filter(has_text="金卡年卡"), see("plan").filter(has_text="黑金年卡")
        await expect(gold.get_by_test_id("plan-amount")).to_have_text("¥366")
        await expect(black.get_by_test_id("plan-try")).to_have_count(0)
        assert await phone.fits()
        await gold.get_by_test_id("plan-try").click()
        await expect(see("toast")).to_have_text("试用已开始，还有7天")
        await expect(see("term")).to_contain_text("试用")
        await expect(black.get_by_test_id("plan-buy")).to_have_text("升级")
        await gold.get_by_test_id("plan-buy").click()
        await expect(see("pay-amount")).to_have_text("¥366")
        await see("pay-confirm").click()
        await expect(see("toast")).to_contain_text("会员已生效")
        await expect(see("membership-until")).to_contain_text("还有 373 天")
        assert await phone.fits()
        await see("term-refund").click()
        await expect(see("refund-amount")).to_have_text("退 ¥366")
        await see("refund-go").click()
        await expect(see("toast")).to_contain_text("已申请退款")
        await expect(see("membership-until")).to_contain_text("还有 7 天")
        await expect(see("term").first).to_contain_text("已退")
    await town.work()
    await town.platform.pay.settle()
    await sound(town)


async def test_a_code_makes_a_member_and_what_lies_below_is_not_sold_to_them(market, plans):
    wanted = {"code_count": 1, "expires_at": (market.town.clock.now() + timedelta(days=9)).isoformat(), "note": ""}
    status, made = await market.desk.tell("POST", f"/operator/plans/{plans['black-year']}/code-batches", wanted)
    assert status == 201, made
    screen = await market.member("小明")
    wrong = await screen.membership.use_code("00000-00000-00000-00000")
    assert (wrong.answer["code"], screen.membership.mine["level"]) == ("plan.code_invalid", "")
    assert (await screen.membership.use_code(made["codes"][0])).status == 201
    assert screen.membership.mine["name"] == "黑金会员"
    ways = {each["name"]: each["way"] for each in screen.membership.plans}
    assert ways == {"金卡年卡": None, "黑金年卡": "extend"}
    assert (await screen.membership.buy(plans["gold-year"])).answer["code"] == "plan.not_above"
    assert (await screen.membership.buy(plans["black-year"], 1)).answer["code"] == "order.price_changed"
    tried = await screen.membership.begin_trial(plans["gold-year"])
    assert tried.answer["code"] == "plan.trial_not_now"
