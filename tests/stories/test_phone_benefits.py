"""Claiming and redeeming on the pretend phone: the member's screen, the clerk's, and what each is told."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.market import desk, market
from tests.stories.test_phone import DESKTOP, TELEPHONE, Phone

__all__ = ["desk", "market"]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=[TELEPHONE, DESKTOP], ids=["telephone", "desktop"])
async def phone(request, town, market):
    soon = (town.clock.now() + timedelta(hours=2)).isoformat()
    await market.offer("明日早鸟", opens_at=soon, stock=5, is_flash_sale=True)
    await market.offer("洗车", uses=2, stock=9)
    town.person("小明", phone="13800000001")
    async with a_page(*request.param) as page:
        await page.goto(f"{town.platform_address}/phone")
        yield Phone(page)


async def test_a_coupon_is_claimed_shown_scanned_redeemed_and_taken_back(phone, town, market):
    see = phone.see

    # 小明 joins and sees what there is, and why one of them is not his yet.
    await phone.show("mini")
    await see("mini-open").click()
    await see("join-phone").click()
    await expect(see("card-row")).to_have_count(1)
    await see("page-offers").click()
    wash, early = see("offer").filter(has_text="洗车"), see("offer").filter(has_text="明日早鸟")
    await expect(early.get_by_test_id("claim")).to_be_disabled()
    await expect(early.locator(".until")).to_contain_text("距开抢 01:5")
    await expect(early.get_by_test_id("offer-reason")).to_contain_text("开始领取")
    await expect(wash.get_by_test_id("offer-price")).to_have_text("免费")
    assert await phone.fits()
    await wash.get_by_test_id("claim").click()
    await expect(see("toast")).to_contain_text("领取成功")
    await expect(wash.get_by_test_id("claim")).to_be_disabled()
    await expect(wash.get_by_test_id("offer-reason")).to_contain_text("已领1份")

    # In the wallet it opens with a pass, which counts down.
    await see("page-wallet").click()
    await expect(see("wallet-held")).to_have_text("可使用 1")
    await see("wallet-item").click()
    await expect(see("pass")).to_be_visible()
    assert await see("pass").evaluate("image => image.complete && image.naturalWidth > 0")
    await expect(see("pass-left")).to_have_text(re.compile(r"^(\d|[1-5]\d|60) 秒$"))
    typed = await see("typed-code").inner_text()
    assert await phone.fits()

    # Another person is invited, signs in, scans the phone of 小明 and takes one of two uses.
    body = {"merchant": "books", "store": "S1", "name": "小林"}
    invited = await market.desk.made("/clerks/invitations", body)
    await phone.appear("小林", "13800000004")
    await phone.show("mini")
    await see("mini-open").click()
    await see("page-counter").click()
    await see("clerk-sign-in").click()
    await expect(see("counter-problem")).to_contain_text("您还不是店员")
    await see("invitation").fill(invited["token"])
    await see("accept").click()
    await expect(see("clerk-name")).to_have_text("小林 · 店员")
    await see("counter-scan").click()
    await see("nearby-pass").filter(has_text="小明").click()
    await expect(see("preview")).to_contain_text("湖滨店")
    assert await phone.fits()
    await see("redeem").click()
    await expect(see("receipt")).to_contain_text("1 次，还剩 1 次")
    await expect(see("entry")).to_have_count(1)

    # The typed code takes the second; a third time is told who, when and where.
    await see("typed").fill(typed.lower())
    await see("typed-go").click()
    await see("redeem").click()
    await expect(see("receipt")).to_contain_text("还剩 0 次")
    await see("typed").fill(typed)
    await see("typed-go").click()
    await expect(see("refusal")).to_contain_text("此码已经核销过")
    await expect(see("refusal")).to_contain_text("湖滨店")
    await expect(see("refusal")).to_contain_text("小林")
    assert await phone.fits()

    # It was a mistake: the last one goes back to 小明, who sees it.
    await see("entry-reverse").first.click()
    await see("reverse-go").click()
    await expect(see("entry")).to_have_count(3)
    await phone.become("小明")
    await phone.show("mini")
    await see("claim-refresh").click()
    await expect(see("claim-state")).to_have_text("使用中，剩 1/2 次")
    await see("claim-close").click()
    await expect(see("wallet-item")).to_contain_text("剩 1/2 次")

    # 小明 shows the 会员码. 小林, on shift, sees who it is and redeems the last use without a code.
    await see("page-me").click()
    await see("show-code").click()
    await expect(see("member-code")).to_be_visible()
    await phone.become("小林")
    await phone.show("mini")
    await see("shift-open").click()
    await expect(see("shift")).to_contain_text("当班中")
    await see("member-scan").click()
    await see("nearby-code").filter(has_text="小明").click()
    await expect(see("identified")).to_contain_text("会员尾号")
    assert await phone.fits()
    await see("redeem-held").click()
    await expect(see("receipt")).to_contain_text("还剩 0 次")
    await see("shift-look").click()
    await expect(see("shift")).to_contain_text("1 笔")
    await see("shift-close").click()
    await expect(see("shift")).to_contain_text("已交班")
    assert await phone.fits()
