"""Limits of what operators may make an account say, and of its menu."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.rules.menus import problems_of_menu
from handlers.rules.replies import (
    SaidArticle,
    SaidMiniProgram,
    SaidText,
    inducements,
    is_https,
    is_open,
    problems_of,
    problems_of_trigger,
    problems_of_window,
)
from models.words import ReplyTrigger

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
APP_ID = "wx5b2d4c1a9e8f7061"


def words(found):
    return [(each.field, each.problem) for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "营业时间9点到21点",
        "价格 < 100 元，a<3",
        'x<a href="https://example.com/a?b=1">详情</a>',
        f'<a data-miniprogram-appid="{APP_ID}" data-miniprogram-path="pages/a?x=1" href="https://example.com">进入</a>',
        "好" * 682,
    ],
)
def test_a_text_with_links_of_ours_is_taken(text):
    assert problems_of(SaidText(text)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing"),
        (" \n", "missing"),
        ("好" * 683, "too_long"),
        ("<b>好</b>", "html"),
        ("<script>alert(1)</script>", "html"),
        ("<img src=x>", "html"),
        ("</a>", "html"),
        ('<a href="https://example.com">没有结尾', "html"),
        ('<a href="http://example.com">旧</a>', "forbidden_link"),
        ('<a href="javascript:alert(1)">坏</a>', "forbidden_link"),
        ('<a href="https://example.com" onclick="x">坏</a>', "forbidden_link"),
        ('<a href="https://example.com" href="http://example.com">坏</a>', "forbidden_link"),
        ('<a data-miniprogram-appid="gh_1">坏</a>', "forbidden_link"),
        ('<a data-miniprogram-path="pages/a" href="https://example.com">坏</a>', "forbidden_link"),
        ("铃\x07", "forbidden_characters"),
        ("半\ud800", "forbidden_characters"),
    ],
)
def test_anything_else_in_a_text_is_named(text, problem):
    assert ("text", problem) in words(problems_of(SaidText(text)))


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://example.com", True),
        ("https://example.com:8443/a?b=%E5%A5%BD#c", True),
        ("http://example.com", False),
        ("https://", False),
        ("https://user:pass@example.com", False),
        ("https://example.com/a b", False),
        ('https://example.com/"><b>', False),
        ("https://example.com/" + "a" * 1005, False),
        ("https://example.com:99999", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_only_https_addresses_are_addresses(url, is_fine):
    assert is_https(url) is is_fine


def test_an_article_needs_a_title_and_two_https_addresses():
    good = SaidArticle("春季书展", "三月每个周末", "https://example.com/a.png", "https://example.com/a")
    assert problems_of(good) == []
    bad = SaidArticle("x" * 65, "y" * 121, "http://example.com/a.png", "/a")
    assert words(problems_of(bad)) == [
        ("title", "too_long"),
        ("picture_url", "not_https"),
        ("url", "not_https"),
        ("description", "too_long"),
    ]


def test_a_mini_program_needs_an_app_id_and_a_page():
    assert problems_of(SaidMiniProgram("进入小程序", APP_ID, "pages/index/index?a=1")) == []
    bad = SaidMiniProgram("<b>进入</b>", "gh_1", 'pages/"><b', url="http://example.com")
    assert words(problems_of(bad)) == [
        ("title", "html"),
        ("app_id", "not_an_app_id"),
        ("path", "not_a_path"),
        ("url", "not_https"),
    ]


@pytest.mark.parametrize(
    ("trigger", "pattern", "problem"),
    [
        (ReplyTrigger.EXACT, "营业时间", None),
        (ReplyTrigger.EXACT, "", "missing"),
        (ReplyTrigger.CONTAINS, "长" * 65, "too_long"),
        (ReplyTrigger.SCENE, "store_7", None),
        (ReplyTrigger.SCENE, "门店", "not_a_scene"),
        (ReplyTrigger.SCENE, "a b", "not_a_scene"),
        (ReplyTrigger.FOLLOW, "", None),
        (ReplyTrigger.FOLLOW, "x", "must_be_empty"),
    ],
)
def test_each_trigger_has_its_pattern(trigger, pattern, problem):
    assert words(problems_of_trigger(trigger, pattern)) == ([("pattern", problem)] if problem else [])


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "is_in"),
    [(None, None, True), (0, None, True), (1, None, False), (None, 0, False), (None, 1, True), (-1, 1, True)],
)
def test_a_window_holds_its_first_instant_and_not_its_last(starts_in, ends_in, is_in):
    def at(seconds):
        return None if seconds is None else NOON + timedelta(seconds=seconds)

    assert is_open(at(starts_in), at(ends_in), NOON) is is_in


def test_a_window_that_never_opens_is_a_mistake():
    assert words(problems_of_window(NOON, NOON)) == [("ends_at", "not_after_start")]
    assert problems_of_window(NOON, NOON + timedelta(seconds=1)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("领红包啦", ["红包"]),
        ("转发本条，分享有礼", ["转发", "分享有礼"]),
        ("关注即可领取优惠", ["关注即可领取"]),
        ("邀请好友助力", ["邀请好友", "助力"]),
        ("感谢您的关注，营业时间9点到21点", []),
        ("回复“权益”领取今天的券", []),
    ],
)
def test_words_of_inducement_are_found(text, found):
    assert inducements(SaidText(text)) == found
    assert inducements(SaidArticle(text, "", "", "")) == found


CLICK = {"type": "click", "name": "权益", "key": "权益"}
VIEW = {"type": "view", "name": "官网", "url": "https://example.com"}
MINI = {
    "type": "miniprogram",
    "name": "小程序",
    "appid": APP_ID,
    "pagepath": "pages/a",
    "url": "https://example.com",
}


def test_a_full_menu_is_taken():
    child = {**CLICK, "name": "好" * 20}
    full = {"name": "我的", "sub_button": [child, child, VIEW, MINI, CLICK]}
    assert problems_of_menu([full, full, {**CLICK, "name": "好好好好好", "key": "k" * 128}]) == []


@pytest.mark.parametrize(
    ("buttons", "field", "problem"),
    [
        ([], "buttons", "wrong_number"),
        ([CLICK] * 4, "buttons", "wrong_number"),
        ([{**CLICK, "name": "好" * 6}], "buttons.0.name", "too_long"),
        ([{**CLICK, "name": " "}], "buttons.0.name", "missing"),
        ([{**CLICK, "key": "k" * 129}], "buttons.0.key", "too_long"),
        ([{"type": "click", "name": "权益"}], "buttons.0.key", "missing"),
        ([{"name": "权益"}], "buttons.0.type", "missing"),
        ([{**CLICK, "type": "pic_weixin"}], "buttons.0.type", "unknown_type"),
        ([{**CLICK, "url": "https://example.com"}], "buttons.0.url", "unexpected"),
        ([{**VIEW, "url": "http://example.com"}], "buttons.0.url", "not_https"),
        ([{**VIEW, "url": "https://example.com/" + "a" * 1005}], "buttons.0.url", "not_https"),
        ([{**MINI, "url": ""}], "buttons.0.url", "not_https"),
        ([{**MINI, "appid": "gh_1"}], "buttons.0.appid", "not_an_app_id"),
        ([{**MINI, "pagepath": ""}], "buttons.0.pagepath", "missing"),
        ([{"name": "我的", "sub_button": []}], "buttons.0.sub_button", "wrong_number"),
        ([{"name": "我的", "sub_button": [CLICK] * 6}], "buttons.0.sub_button", "wrong_number"),
        ([{**CLICK, "sub_button": [CLICK]}], "buttons.0.key", "unexpected"),
        ([{"name": "我的", "sub_button": [{**CLICK, "name": "好" * 21}]}], "buttons.0.sub_button.0.name", "too_long"),
        (
            [CLICK, {"name": "我的", "sub_button": [CLICK, {"name": "x", "sub_button": [CLICK]}]}],
            "buttons.1.sub_button.1.sub_button",
            "too_deep",
        ),
    ],
)
def test_what_is_wrong_with_a_menu_is_named_with_its_place(buttons, field, problem):
    assert (field, problem) in words(problems_of_menu(buttons))
