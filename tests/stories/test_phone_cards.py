"""Binding a card, seen at both doors side by side on the pretend phone."""

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.old_cards import number, take_in
from tests.stories.test_phone import DESKTOP, TELEPHONE, Phone

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def old_cards(town, tmp_path):
    """The shop's old cards: one of a PIN, one of a name and a store, one of 小明's phone."""
    await take_in(town, tmp_path)


@pytest.fixture(params=[TELEPHONE, DESKTOP], ids=["telephone", "desktop"])
async def phone(request, town, old_cards):
    town.person("小明", phone="13800000001")
    async with a_page(*request.param) as page:
        await page.goto(f"{town.platform_address}/phone")
        yield Phone(page)


async def old_tails(phone) -> list[str]:
    rows = phone.page.locator('[data-testid="card-row"][data-kind="old"]')
    return [
        text.strip().removeprefix("尾号 ").strip() for text in await rows.locator("span:last-child").all_inner_texts()
    ]


async def test_a_card_begun_in_chat_is_proven_in_the_mini_program_and_both_show_it(phone, town):
    see = phone.see
    await see("follow").click()
    await phone.hear("欢迎来到江南书店")
    await phone.say("入会")
    await phone.hear("同意请回复")
    await phone.say("同意")
    await phone.hear("入会成功")
    await phone.say("我的")
    await phone.hear("会员卡（尾号")

    # In chat: the number, and a link for the proof.
    await phone.say("绑卡")
    if "要绑定哪张卡" in await phone.hear("卡"):
        await phone.say("老会员卡")
    await phone.hear("请输入老会员卡的卡号")
    await phone.say(number(1))
    await phone.hear("还差一步核实")
    await see("mini-program-link").last.click()

    # In the mini-program: a wrong PIN, then the right one.
    await expect(see("bind-ticket")).to_be_visible()
    await expect(see("bind-go")).to_be_in_viewport()
    await see("bind-proof").select_option("pin")
    await see("bind-pin").fill("0000")
    await see("bind-go").click()
    await expect(see("mini-problem")).to_contain_text("不一致")
    await expect(see("mini-problem")).to_be_in_viewport()  # below the form, where the person looks
    await expect(see("toast")).to_be_hidden()
    await expect(see("bind-pin")).to_have_value("0000")
    await see("bind-pin").fill("4321")
    await see("bind-go").click()
    await expect(see("bind-ticket")).to_be_hidden()
    assert await old_tails(phone) == [number(1)[-4:]]
    assert await phone.fits()
    await town.work()
    if await see("tab-chat").is_visible():  # on a wide screen the chat stands beside it all the time
        await see("tab-chat").click()
    await phone.hear(f"老会员卡（尾号{number(1)[-4:]}）绑好了，会员卡也已一并识别，不用再绑。")
    await phone.show("mini")

    # The other two ways of proving, with kind and number typed here.
    await see("bind-kind").select_option("old")
    await see("bind-number").fill(number(2))
    await see("bind-proof").select_option("name")
    await see("bind-name").fill("李明")
    await see("bind-store").select_option(label="湖滨店")
    await see("bind-go").click()
    rows = phone.page.locator('[data-testid="card-row"][data-kind="old"]')
    await expect(rows).to_have_count(2)
    await see("bind-number").fill(number(3))
    await see("bind-proof").select_option("phone")
    await see("bind-go").click()
    await expect(rows).to_have_count(3)

    # 会员码 is a picture, and the chat knows the cards.
    await see("show-code").click()
    await expect(see("member-code")).to_be_visible()
    assert await see("member-code").evaluate("image => image.complete && image.naturalWidth > 0")
    assert await phone.fits()
    await phone.show("chat")
    await phone.say("我的")
    assert f"老会员卡（尾号{number(1)[-4:]}）" in await phone.hear("老会员卡")


async def test_a_consent_is_withdrawn_in_the_mini_program(phone, town):
    see = phone.see
    await phone.show("mini")
    await see("mini-open").click()
    await see("join-phone").click()
    await expect(see("consent-row")).to_have_count(2)
    await expect(see("card-row")).to_have_count(1)
    await see("withdraw-phone").click()
    await expect(see("toast")).to_contain_text("撤回后")
    await expect(see("consent-row")).to_have_count(1)
    await expect(see("member-phone-row")).to_have_count(0)
