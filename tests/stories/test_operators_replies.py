"""Operators decide what their accounts say and show; the next message hears it."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from handlers.identity.sessions import hash_token
from models.operators import Operator, OperatorSession
from models.organizations import Organization
from models.words import OperatorRole
from simulator import Account, Kind, Mode

CITY = Account(
    kind=Kind.OFFICIAL_ACCOUNT,
    name="hangzhou",
    title="杭州书店",
    app_id="wx7777777777777777",
    secret="c9d8e7f2a353f1c9a7b5d2e8f604b1a6",
    token="HangzhouAccount1",
    original_id="gh_777777777777",
    aes_key="hWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
    mode=Mode.SAFE,
)
TOKEN = "lin-is-signed-in-with-this-token"


class Desk:
    """The operators' door, as one operator uses it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> tuple[int, dict]:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if method == "POST" else {}
        async with self._session.request(method, f"/api/v1/operator{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else {}

    async def add(self, text: str, *, account: str = "oa", **more: object) -> dict:
        """A text reply; the saved one."""
        body = {"account": account, "trigger": "exact", "content": {"kind": "text", "text": text}, **more}
        status, answer = await self.ask("POST", "/replies", body)
        assert status == 201, answer
        return answer["reply"]


@pytest.fixture
async def desk(town) -> AsyncIterator[Desk]:
    root, now = await Organization.get(parent=None), town.house.clock.now()
    lin = await Operator.create(
        organization=root, login="lin", role=OperatorRole.ADMIN, password_hash="-", totp_cipher="-"
    )
    await OperatorSession.create(
        operator=lin, token_hash=hash_token(TOKEN), expires_at=now + timedelta(hours=1), last_used_at=now
    )
    async with aiohttp.ClientSession(town.address, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield Desk(session)


@pytest.fixture
async def ming(town):
    person = town.person()
    await person.follow(town.oa)
    return person


async def test_an_edited_reply_is_what_the_next_message_hears(town, desk, ming):
    assert "没有明白" in (await ming.say(town.oa, "营业时间")).text
    kept = await desk.add("9点到21点", pattern="营业时间")
    assert (await ming.say(town.oa, "营业时间！")).text == "9点到21点"
    content = {"kind": "text", "text": '春节10点到18点，<a href="https://example.com/map">门店</a>'}
    status, changed = await desk.ask("PATCH", f"/replies/{kept['id']}", {"content": content})
    assert status == 200
    assert changed["reply"]["pattern"] == "营业时间"
    assert (await ming.say(town.oa, "营业时间")).text == content["text"]
    assert (await desk.ask("DELETE", f"/replies/{kept['id']}"))[0] == 204
    assert "没有明白" in (await ming.say(town.oa, "营业时间")).text
    assert (await desk.ask("DELETE", f"/replies/{kept['id']}"))[0] == 404


async def test_our_words_and_dialogues_win_over_keywords_but_not_over_exact_words(town, desk, ming):
    await desk.add("关键词", trigger="contains", pattern="会")
    await desk.add("同意书在柜台", trigger="contains", pattern="同意")
    assert "不需要手机号" in (await ming.say(town.oa, "入会")).text
    assert (await ming.say(town.oa, "我想开会")).text != "关键词"  # a question is open: it is asked again
    assert "入会成功" in (await ming.say(town.oa, "同意")).text
    assert (await ming.say(town.oa, "我想开会")).text == "关键词"
    await desk.add("柜台办理", pattern="入会")
    assert (await ming.say(town.oa, "入会")).text == "柜台办理"
    assert "可以办理" in (await ming.say(town.oa, "菜单")).text
    assert (await ming.say(town.oa, "人工")).reply.kind == "transfer_customer_service"


async def test_following_and_scanning_say_what_the_operator_wants(town, desk):
    await desk.add("杭州的朋友您好", trigger="follow")
    await desk.add("七号店欢迎您", trigger="scene", pattern="store_7")
    hong, lan = town.person("小红"), town.person("小兰")
    assert (await hong.follow(town.oa)).text == "杭州的朋友您好"
    assert (await lan.follow(town.oa, scene="store_7")).text == "七号店欢迎您"
    assert (await hong.scan(town.oa, "store_7")).text == "七号店欢迎您"
    assert "江南书店" in (await hong.scan(town.oa, "poster")).text


async def test_an_article_is_one_card(town, desk, ming):
    content = {
        "kind": "article",
        "title": "春季书展",
        "description": "三月每个周末",
        "picture_url": "https://example.com/a.png",
        "url": "https://example.com/a",
    }
    body = {"account": "oa", "trigger": "exact", "pattern": "书展", "content": content}
    assert (await desk.ask("POST", "/replies", body))[0] == 201
    (card,) = (await ming.say(town.oa, "书展")).reply.articles
    assert (card["Title"], card["Url"]) == ("春季书展", "https://example.com/a")


async def test_a_mini_program_is_a_link_or_with_a_picture_a_card_of_its_own(town, desk, ming):
    content = {"kind": "mini_program", "title": "选座", "app_id": town.mp.app_id, "path": "pages/seat?a=1&b=2"}
    for word, more in (("选座", {}), ("卡片", {"thumb_media_id": "media-1"})):
        body = {"account": "oa", "trigger": "exact", "pattern": word, "content": {**content, **more}}
        assert (await desk.ask("POST", "/replies", body))[0] == 201
    link = (await ming.say(town.oa, "选座")).text
    assert link == (
        f'<a data-miniprogram-appid="{town.mp.app_id}" data-miniprogram-path="pages/seat?a=1&amp;b=2" '
        f'href="{town.address}">选座</a>'
    )
    push = await ming.say(town.oa, "卡片")
    assert push.taken is not None
    assert push.reply is None
    await town.work()
    last = list(ming.chat(town.oa))[-1]
    assert (last.kind, last.content["title"]) == ("miniprogrampage", "选座")
    assert last.content["pagepath"] == "pages/seat?a=1&b=2"
    await town.work()
    assert [each.kind for each in ming.chat(town.oa)].count("miniprogrampage") == 1


async def test_an_account_that_an_operator_adds_answers_at_once_with_its_own_replies(town, desk, ming):
    town.platform.add(CITY)
    body = {
        "key": CITY.name,
        "kind": "official_account",
        "app_id": CITY.app_id,
        "secret": CITY.secret,
        "token": CITY.token,
        "aes_key": CITY.aes_key,
        "original_id": CITY.original_id,
        "open_platform": "main",
        "brand_name": CITY.title,
    }
    status, answer = await desk.ask("POST", "/accounts", body)
    assert status == 201, answer
    assert "杭州书店" in (await ming.follow(CITY)).text
    await desk.add("西湖边", account=CITY.name, pattern="地址")
    assert (await ming.say(CITY, "地址")).text == "西湖边"
    assert "没有明白" in (await ming.say(town.oa, "地址")).text


async def test_a_menu_is_drafted_published_and_rolled_back(town, desk, ming):
    first = [{"type": "click", "name": "营业时间", "key": "营业时间"}]
    second = [{"type": "view", "name": "官网", "url": "https://example.com"}]
    await desk.add("9点到21点", pattern="营业时间")
    status, menu = await desk.ask("PUT", "/menus/oa", {"buttons": [{**first[0], "name": "营业时间表格"}]})
    assert (status, menu["code"]) == (422, "menu.invalid")
    assert menu["problems"] == [{"field": "buttons.0.name", "problem": "too_long"}]
    assert (await desk.ask("GET", "/menus/oa"))[1]["is_default"]
    first[0]["name"] = "时间"
    status, menu = await desk.ask("PUT", "/menus/oa", {"buttons": first})
    assert (status, menu["wanted"], menu["published"]) == (200, first, [])
    status, published = await desk.ask("POST", "/menus/oa/publish", key="p1")
    assert status == 201
    assert (await ming.tap(town.oa, "营业时间")).text == "9点到21点"
    await desk.ask("PUT", "/menus/oa", {"buttons": second})
    assert (await desk.ask("POST", "/menus/oa/publish", key="p1"))[1] == published
    await desk.ask("POST", "/menus/oa/publish")
    assert (await desk.ask("GET", "/menus/oa"))[1]["published"] == second
    status, back = await desk.ask("POST", "/menus/oa/rollback", {"release_id": published["release_id"]})
    assert status == 201
    assert any(line.startswith("+") and "时间" in line for line in back["difference"])
    menu = (await desk.ask("GET", "/menus/oa"))[1]
    assert menu["published"] == menu["wanted"] == first
    assert len(menu["releases"]) == 3


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"pattern": "取消"}, "reply.reserved"),
        ({"pattern": "词", "content": {"kind": "text", "text": "<b>粗</b>"}}, "reply.invalid"),
        ({"pattern": "词", "content": {"kind": "text"}}, "request.invalid"),
        ({"pattern": "词", "content": {"kind": "voice", "text": "x"}}, "request.invalid"),
        ({"pattern": "词", "colour": "red"}, "request.invalid"),
        ({"pattern": "词", "starts_at": "2026-03-02T10:00:00"}, "request.invalid"),
        ({"pattern": "词", "account": "mp"}, "account.not_official"),
        ({"pattern": "词", "account": "nowhere"}, "account.unknown"),
    ],
)
async def test_what_is_not_taken_says_why(desk, more, code):
    body = {"account": "oa", "trigger": "exact", "content": {"kind": "text", "text": "好的"}, **more}
    status, answer = await desk.ask("POST", "/replies", body)
    assert 400 <= status < 500
    assert answer["code"] == code
    assert (await desk.ask("GET", "/replies"))[1]["items"] == []


async def test_a_promise_for_forwarding_is_kept_with_a_warning(desk):
    content = {"kind": "text", "text": "转发有礼"}
    body = {"account": "oa", "trigger": "exact", "pattern": "活动", "content": content}
    status, answer = await desk.ask("POST", "/replies", body)
    assert status == 201
    assert answer["warnings"] == [{"code": "inducement", "words": ["转发"]}]


async def test_nobody_else_gets_in(town):
    async with aiohttp.ClientSession(town.address) as session:
        for method, path in (("GET", "/replies"), ("PUT", "/menus/oa"), ("DELETE", f"/replies/{uuid.uuid4()}")):
            async with session.request(method, f"/api/v1/operator{path}", json={"buttons": None}) as answer:
                assert answer.status == 401
