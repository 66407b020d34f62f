"""Menus: what is published against what is wanted."""

import pytest

from bot.routes import all_routes
from handlers.actors import CommandLine
from handlers.chat.menus import default_menu
from models.accounts import Account


def as_the_platform_tells(buttons):
    """What `menu/get` makes of a menu: fields of its own, empty lists, an order of its own."""
    told = []
    for button in buttons:
        children = as_the_platform_tells(button.get("sub_button", []))
        own = {"sub_button": children, "app_version": 0, "news_info": {"list": []}, "status": 1}
        told.append({**own, **{name: button[name] for name in sorted(button) if name != "sub_button"}})
    return told


@pytest.fixture
def published(rooms):
    menu = []

    async def current(_app):
        return as_the_platform_tells(menu)

    async def publish(_app, buttons):
        menu[:] = buttons

    rooms.wechat.current_menu, rooms.wechat.publish_menu = current, publish
    return menu


async def test_a_published_menu_does_not_differ_whatever_the_platform_adds(rooms, published):
    assert await rooms.handlers.menus.difference("oa")
    await rooms.handlers.menus.publish(CommandLine("root"), "oa")
    assert published
    assert await rooms.handlers.menus.difference("oa") == []


async def test_children_in_the_consoles_form_are_the_same_children(rooms, published):
    await rooms.handlers.menus.publish(CommandLine("root"), "oa")
    for button in published:
        if "sub_button" in button:
            button["sub_button"] = {"list": button["sub_button"]}
    rooms.wechat.current_menu = lambda _app: _given(published)
    assert await rooms.handlers.menus.difference("oa") == []


async def _given(menu):
    return menu


@pytest.mark.parametrize(
    ("kind", "name"),
    [("click", "key"), ("view", "url"), ("media_id", "media_id"), ("article_id", "article_id")],
)
async def test_a_button_that_leads_elsewhere_is_a_difference(rooms, published, kind, name):
    published[:] = [{"type": kind, "name": "活动", name: "old"}]
    await Account.filter(key="oa").update(menu=[{"type": kind, "name": "活动", name: "new"}])
    rooms.handlers.accounts._remembered.clear()
    changed = [line for line in await rooms.handlers.menus.difference("oa") if line[:1] in "+-" and name in line]
    assert any("old" in line for line in changed)
    assert any("new" in line for line in changed)


def test_every_name_and_key_of_the_default_menu_fits_what_wechat_takes():
    menu = default_menu("wx5b2d4c1a9e8f7061", "https://example.com/")
    assert len(menu) <= 3
    for button in menu:
        assert len(button["name"].encode()) <= 16
        assert len(button.get("sub_button", [])) <= 5
        for child in button.get("sub_button", []):
            assert len(child["name"].encode()) <= 60
            assert len(child["key"].encode()) <= 128


@pytest.mark.parametrize("mini_program", ["wx5b2d4c1a9e8f7061", None])
def test_the_default_menu_is_the_promised_one_and_every_word_of_it_is_answered(mini_program):
    today, code, mine = default_menu(mini_program, "https://example.com/")
    assert (today["name"], code["name"], mine["name"]) == ("领权益", "会员码", "我的")
    assert [child["name"] for child in today["sub_button"]] == ["今日可领", "限时抢购", "签到", "抽奖"]
    assert [child["name"] for child in mine["sub_button"]] == ["我的权益", "绑卡", "积分", "人工"]
    assert code["type"] == ("miniprogram" if mini_program else "click")
    assert code.get("pagepath", "pages/code/index") == "pages/code/index"
    keys = {child["key"] for button in (today, mine) for child in button["sub_button"]}
    assert keys | {"会员码"} <= all_routes().words


def test_what_earlier_default_menus_had_is_still_answered():
    """A published menu stays in phones for a day, and whoever has the account open may tap an old one."""
    assert {"入会", "今日可领", "任务", "我的会员", "会员码"} <= all_routes().words
