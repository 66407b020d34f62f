"""What a person sees on the pretend phone, `/phone`, while both doors are ours."""

import os
import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from handlers.actors import CommandLine
from simulator.chats import FAULT
from tests.browser import a_page

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "phone.png"
TELEPHONE, DESKTOP = (375, 812), (1440, 900)

pytestmark = pytest.mark.timeout(180)  # a browser, three deliveries, and a machine that may be busy


class Phone:
    """The page as its user knows it: what can be seen, and what fingers do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answers = self.see("bubble-account")

    def see(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def show(self, pane: str) -> None:
        """Bring a pane to the front: `chat`, `mini` or `bench`. On a wide screen all three are there."""
        tab = self.see(f"tab-{pane}")
        if await tab.is_visible():
            await tab.click()

    async def scan(self, scene: str) -> None:
        await self.see("scan").click()
        await self.page.locator(f'[data-testid="scan-code"][data-scene="{scene}"]').click()

    async def tap(self, word: str) -> None:
        button = self.page.locator(f'[data-testid="menu-button"][data-key="{word}"]')
        if not await button.is_visible():
            await self.page.locator(".top-button", has=button).locator('[data-testid="menu-top"]').click()
        await button.click()

    async def say(self, words: str) -> None:
        if await self.see("to-input").is_visible():
            await self.see("to-input").click()
        await self.see("chat-input").fill(words)
        await self.see("chat-send").click()

    async def hear(self, words: str | re.Pattern[str]) -> str:
        """Wait until the last thing the account said holds these words."""
        await expect(self.answers.last).to_contain_text(words)
        return await self.answers.last.locator(".bubble").inner_text()

    async def become(self, name: str) -> None:
        options = self.see("person-select").locator("option")
        label = next(label for label in await options.all_inner_texts() if label.startswith(name))
        await self.see("person-select").select_option(label=label)

    async def appear(self, name: str, phone: str = "") -> None:
        """Make a new person, who is then the one that holds the phone."""
        await self.see("person-new").click()
        await self.see("new-name").fill(name)
        await self.see("new-phone").fill(phone)
        await self.see("new-create").click()
        await expect(self.see("sheet")).to_be_hidden()

    async def switch(self, name: str, value: str) -> None:
        """Set a switch of the fault board, for everything that follows; return to the chat."""
        await self.show("bench")
        await self.see("view-switches").click()
        await self.see(f"switch-{name}").fill(value)
        await self.see("tamper-always").click()
        await expect(self.see("toast")).to_be_visible()
        await self.see("view-pushes").click()
        await self.show("chat")

    async def fits(self) -> bool:
        """Whether nothing sticks out sideways."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture(params=[TELEPHONE, DESKTOP], ids=["telephone", "desktop"])
async def phone(request, town):
    """The page, held by 小明; the store's code has been printed and the default menu published."""
    town.person("小明", phone="13800000001")
    town.platform.scene_codes.make(town.oa, "store_7")
    await town.house.handlers.menus.publish(CommandLine("root"), "oa")
    async with a_page(*request.param) as page:
        await page.goto(f"{town.platform_address}/phone")
        yield Phone(page)


async def test_people_join_through_either_door_and_faults_are_seen(phone, town, tmp_path):
    see = phone.see

    # 小明 scans the store's code, is welcomed, and joins in the chat.
    await phone.scan("store_7")
    await phone.hear("欢迎来到江南书店")
    await phone.tap("绑卡")
    await phone.hear("您还不是会员")
    await phone.say("入会")
    await phone.hear("同意请回复“同意”")
    await phone.say("同意")
    number = re.search(r"会员号(\w+)", await phone.hear("入会成功")).group(1)

    # The mini-program knows him at once, by the same number.
    await phone.show("mini")
    await see("mini-open").click()
    await expect(see("member-number")).to_have_text(number)
    await expect(see("standing-points")).to_have_text("0")
    await expect(see("standing-level")).to_have_text("还没有")
    assert await phone.fits()

    # 小红 begins at the other door: one tap, with her phone; then the chat knows her.
    await phone.appear("小红", "13912345670")
    await phone.show("mini")
    await see("mini-open").click()
    await see("join-phone").click()
    await expect(see("member-phone-row")).to_have_text("*******5670")
    other = await see("member-number").inner_text()
    assert other != number
    await phone.show("chat")
    await see("follow").click()
    await phone.hear("您已经是会员")
    await phone.say("我的")
    assert other in await phone.hear("手机尾号5670")

    # The platform delivers everything three times: 老王 joins once, and every copy hears what the first one heard.
    await phone.appear("老王")
    await phone.switch("duplicates", "2")
    await see("follow").click()
    await phone.hear("欢迎来到江南书店")
    await phone.say("入会")
    await phone.hear("同意请回复“同意”")
    await phone.say("同意")
    joined = await phone.hear("入会成功")
    await phone.show("bench")
    push = see("push").first
    await expect(push).to_contain_text("老王 text 同意")
    await expect(push).to_contain_text("3 次投递")
    await push.locator("summary").click()
    await expect(push.locator("pre", has_text=joined)).to_have_count(3)
    await push.locator("summary").click()
    await phone.show("chat")
    assert await phone.answers.count() == 3
    await phone.switch("duplicates", "0")

    # Our server is gone: the platform says so in our place.
    await phone.become("小明")
    await phone.say("我的")
    await phone.hear(number)
    await town.shut()
    await phone.say("还在吗")
    await expect(see("bubble-fault")).to_have_text(FAULT)
    await expect(phone.answers).to_have_count(5)
    await phone.show("bench")
    await expect(see("push").first).to_contain_text("故障提示")
    await phone.show("chat")
    assert await phone.fits()
    await take_picture(phone, tmp_path)


async def take_picture(phone: Phone, folder: Path) -> None:
    """A picture of the end of the story; the wide one is kept in the documentation when that is asked for."""
    is_wide = phone.page.viewport_size["width"] == DESKTOP[0]
    path = PICTURE if is_wide and os.environ.get("FANPIAO_TEST_SCREENSHOTS") == "1" else folder / "phone.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    await expect(phone.see("toast")).to_be_hidden()
    await phone.page.screenshot(path=path)
    assert path.stat().st_size > 10_000
