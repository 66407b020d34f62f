"""A third party's code on the pretend phone: claimed in the chat, shown in the mini-program alone."""

import pytest
from playwright.async_api import expect

from tests.browser import a_page
from tests.stories.test_claiming_kinds_in_chat import cinema
from tests.stories.test_phone import TELEPHONE, Phone
from tests.stories.test_service_desk import desk

__all__ = ["cinema", "desk"]

pytestmark = pytest.mark.timeout(180)


async def test_the_link_of_the_chat_opens_the_code_once_and_binds_no_card(town, cinema):
    town.person("小明", phone="13800000001")
    async with a_page(*TELEPHONE) as page:
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        await phone.see("follow").click()
        for words, answer in (("入会", "同意请回复"), ("同意", "入会成功"), ("领电影", "券码已备好")):
            await phone.say(words)
            await phone.hear(answer)
        await phone.see("mini-program-link").last.click()
        await expect(phone.see("third-party-code")).to_have_text("FILM-7731")
        assert await phone.fits()

        # The same link again: the code is not shown, and where it is now is said.
        await phone.show("chat")
        await phone.see("mini-program-link").last.click()
        await expect(phone.see("toast")).to_contain_text("链接已经用过")
        await expect(phone.see("third-party-code")).to_be_hidden()
        await expect(phone.see("wallet-item")).to_have_count(1)
        await expect(phone.see("bind-ticket")).to_have_count(0)
