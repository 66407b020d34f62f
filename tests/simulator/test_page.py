import pytest
from aiohttp import web
from playwright.async_api import expect

from simulator import markup
from simulator.chats import FAULT
from tests.browser import a_page

HOSTILE = '<script>document.title="x"</script><img src=x onerror="document.title=1"><a href="javascript:x">点</a>'
LINKED = (
    '请读<a href="https://example.com/terms">《协议》</a>或<a data-miniprogram-appid="{}" href="https://x">进入</a>'
)


@pytest.fixture
async def page(wechat, person, platform, oa):
    """The /phone page on a small telephone's screen, with one person and a menu."""
    assert person.id in platform.people
    button = {"type": "click", "name": "今日可领", "key": "today"}
    platform.menus[oa.app_id] = {"button": [{"name": "领权益", "sub_button": [button]}]}
    async with a_page(375, 667, patience=5.0) as page:
        await page.goto(str(wechat.make_url("/phone")))
        yield page


async def test_a_person_follows_chats_taps_and_sees_links_but_no_scripts(page, backend, mp):
    answers = {"坏": HOSTILE, "链接": LINKED.format(mp.app_id), "today": "今日有咖啡"}

    async def answer(_request, body):
        asked = markup.parse(body)
        words = answers.get(asked.get("Content") or asked.get("EventKey"))
        if words is None:
            return web.Response(text="success")
        head = {"ToUserName": asked["FromUserName"], "FromUserName": asked["ToUserName"], "CreateTime": 1}
        return web.Response(body=markup.build({**head, "MsgType": "text", "Content": words}))

    backend.answer = answer
    see = page.get_by_test_id
    await see("follow").click()
    await see("menu-top").click()
    await see("menu-button").click()
    await expect(see("bubble-account").last).to_contain_text("今日有咖啡")
    await see("to-input").click()
    for words in ("坏", "链接"):
        await see("chat-input").fill(words)
        await see("chat-send").click()
    await expect(see("chat-link")).to_have_attribute("href", "https://example.com/terms")
    await expect(see("bubble-account").nth(1)).to_contain_text(HOSTILE)
    assert await page.title() == "微信模拟器"
    await see("mini-program-link").click()
    await expect(see("mini-program")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 375


async def test_a_fault_shows_the_bubble_and_every_delivery(page, backend):
    see = page.get_by_test_id
    backend.always(lambda: web.Response(status=500, text="oops"))
    await see("follow").click()
    await expect(see("bubble-fault")).to_have_text(FAULT)
    await see("tab-bench").click()
    await see("push").first.locator("summary").click()
    await expect(see("delivery")).to_have_count(3)
    await see("view-switches").click()
    await see("switch-lost_answers").fill("1")
    await see("tamper-once").click()
    await expect(see("toast")).to_be_visible()


async def test_reading_an_old_chat_hides_no_follow_button_from_the_next_person(page, platform):
    other = platform.person("小红")
    see = page.get_by_test_id
    await see("follow").click()
    await see("unfollow").click()
    await see("show-history").click()
    await expect(see("chat")).to_contain_text("已取消关注")
    await see("person-select").select_option(other.id)
    await expect(see("follow")).to_be_visible()


async def test_what_is_being_typed_on_the_switchboard_stays_while_people_act(page, platform):
    see = page.get_by_test_id
    await see("tab-bench").click()
    await see("view-switches").click()
    await see("switch-duplicates").fill("2")
    platform.person("小红")
    await expect(see("person-select").locator("option")).to_have_count(2)
    await expect(see("switch-duplicates")).to_have_value("2")
    await see("tamper-always").click()
    await expect(see("tab-bench")).to_have_class("on warned")
    await see("behave").click()
    await expect(see("switch-duplicates")).to_have_value("0")
    await expect(see("tab-bench")).to_have_class("on")
