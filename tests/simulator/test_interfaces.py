import asyncio

import orjson
import pytest

from simulator import DeliveryRules, markup
from simulator.chats import Side
from simulator.crypto import decrypt_message

JPEG_OR_PNG = b"\x89PNG\r\n\x1a\n"


def text_to(person, account, text="您好"):
    return {"touser": person.openid(account), "msgtype": "text", "text": {"content": text}}


async def test_the_door_is_strict_about_token_method_and_body(wechat, oa, mp, token_of):
    async def errcode(method, path, token=None, data=None):
        params = {} if token is None else {"access_token": token}
        answer = await wechat.request(method, path, params=params, data=data)
        assert answer.status == 200
        body = await answer.json()
        assert "rid: " in body["errmsg"]
        return body["errcode"]

    send = "/cgi-bin/message/custom/send"
    assert await errcode("POST", "/cgi-bin/menu/create") == 41001
    assert await errcode("POST", "/cgi-bin/menu/create", "x") == 40014
    assert await errcode("POST", "/cgi-bin/menu/create", token_of(mp), b"{}") == 40001
    assert await errcode("GET", send, token_of(oa)) == 43002
    assert await errcode("POST", "/cgi-bin/user/info", token_of(oa)) == 43001
    assert await errcode("POST", send, token_of(oa), b"{") == 47001
    assert await errcode("POST", send, token_of(oa), b"[]") == 47001
    assert await errcode("POST", send, token_of(oa)) == 44002
    assert await errcode("POST", send, token_of(oa), b'{"touser": "\\u4e2d"}') == 40033


async def test_user_info_tells_followers_from_others(person, oa, ask):
    query = {"openid": person.openid(oa)}
    assert await ask(oa, "GET", "/cgi-bin/user/info", query=query) == {
        "subscribe": 0,
        "openid": person.openid(oa),
        "unionid": person.unionid(oa),
    }
    await person.follow(oa)
    info = await ask(oa, "GET", "/cgi-bin/user/info", query=query)
    assert info["subscribe"] == 1
    assert info["unionid"] == person.unionid(oa)
    assert "errcode" not in info
    assert "nickname" not in info
    many = await ask(oa, "POST", "/cgi-bin/user/info/batchget", body={"user_list": [query]})
    assert many == {"user_info_list": [info]}
    assert (await ask(oa, "GET", "/cgi-bin/user/info", query={"openid": "oX"}))["errcode"] == 40003


async def test_scene_codes_have_pictures_until_they_expire(oa, ask, wechat, clock):
    async def create(action, expire_seconds=600, **scene):
        body = {"action_name": action, "expire_seconds": expire_seconds, "action_info": {"scene": scene}}
        return await ask(oa, "POST", "/cgi-bin/qrcode/create", body=body)

    code = await create("QR_STR_SCENE", scene_str="store_7")
    picture = await wechat.get("/cgi-bin/showqrcode", params={"ticket": code["ticket"]})
    assert (await picture.read()).startswith(JPEG_OR_PNG)
    clock.advance(600)
    assert (await wechat.get("/cgi-bin/showqrcode", params={"ticket": code["ticket"]})).status == 404
    assert "expire_seconds" not in await create("QR_LIMIT_SCENE", scene_id=7)
    assert (await create("QR_LIMIT_SCENE", scene_id=100_001))["errcode"] == 40053
    assert (await create("QR_STR_SCENE", scene_str="x" * 65))["errcode"] == 40053
    assert (await create("QR", scene_id=1))["errcode"] == 40052


@pytest.mark.parametrize(
    ("button", "errcode"),
    [
        ({"name": "一二三四五六", "type": "click", "key": "k"}, 40018),
        ({"name": "签到", "type": "poem", "key": "k"}, 40017),
        ({"name": "签到", "type": "click"}, 40019),
        ({"name": "签到", "type": "click", "key": "k" * 129}, 40019),
        ({"name": "商城", "type": "view", "url": "ftp://x"}, 40055),
        ({"name": "小程序", "type": "miniprogram", "appid": "MP", "pagepath": "p"}, 40020),
        ({"name": "小程序", "type": "miniprogram", "appid": "wx9", "pagepath": "p", "url": "https://x"}, 45064),
        ({"name": "小程序", "type": "miniprogram", "appid": "MP", "pagepath": "p", "url": "https://x"}, 0),
        ({"name": "更多", "sub_button": [{"name": "二" * 20, "type": "click", "key": "k"}] * 5}, 0),
        ({"name": "更多", "sub_button": [{"name": "二" * 21, "type": "click", "key": "k"}]}, 40025),
        ({"name": "更多", "sub_button": [{"name": "二", "type": "click", "key": "k"}] * 6}, 40023),
        ({"name": "更多", "sub_button": [{"name": "二", "sub_button": []}]}, 40022),
    ],
)
async def test_a_menu_is_checked_as_the_platform_does(oa, mp, ask, button, errcode):
    if button.get("appid") == "MP":
        button = {**button, "appid": mp.app_id}
    answer = await ask(oa, "POST", "/cgi-bin/menu/create", body={"button": [button]})
    assert answer["errcode"] == errcode


async def test_a_menu_is_published_read_and_removed(oa, wechat, token_of, ask, platform):
    escaped = b'{"button": [{"type": "click", "name": "\\u7b7e", "key": "k"}]}'
    params = {"access_token": token_of(oa)}
    refused = await wechat.post("/cgi-bin/menu/create", params=params, data=escaped)
    assert (await refused.json())["errcode"] == 40033
    assert (await ask(oa, "GET", "/cgi-bin/menu/get"))["errcode"] == 46003
    plain = '{"button": [{"type": "click", "name": "签到\\\\u", "key": "k"}]}'.encode()
    published = await wechat.post("/cgi-bin/menu/create", params=params, data=plain)
    assert await published.json() == {"errcode": 0, "errmsg": "ok"}
    menu = await ask(oa, "GET", "/cgi-bin/menu/get")
    assert menu["menu"]["button"][0]["key"] == "k"
    assert (await ask(oa, "GET", "/cgi-bin/get_current_selfmenu_info"))["is_menu_open"] == 1
    await ask(oa, "GET", "/cgi-bin/menu/delete")
    assert oa.app_id not in platform.menus


@pytest.fixture
def send(ask):
    """Send a customer-service text; gives the errcode."""

    async def send(account, person, text="您好"):
        body = text_to(person, account, text)
        return (await ask(account, "POST", "/cgi-bin/message/custom/send", body=body))["errcode"]

    return send


async def test_a_message_allows_five_answers_for_two_days(person, oa, send, clock):
    await person.follow(oa)
    clock.advance(61)
    assert await send(oa, person) == 45015
    await person.say(oa, "在吗")
    assert [await send(oa, person) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    await person.say(oa, "在吗")
    clock.advance(48 * 3600 - 1)
    assert await send(oa, person) == 0
    clock.advance(1)
    assert await send(oa, person) == 45015
    assert person.chat(oa).texts() == ["您好"] * 6


async def test_following_allows_three_answers_for_a_minute(person, oa, send, clock):
    await person.follow(oa)
    assert [await send(oa, person) for _ in range(4)] == [0, 0, 0, 45047]
    await person.scan(oa, "store_7")
    clock.advance(60)
    assert await send(oa, person) == 45015
    await person.say(oa, "二", menu_id="2")
    assert await send(oa, person) == 0
    clock.advance(60)
    assert await send(oa, person) == 45015


async def test_entering_a_mini_programs_session_allows_two_answers_for_a_minute(person, mp, send):
    await person.enter_session(mp)
    assert [await send(mp, person) for _ in range(3)] == [0, 0, 45047]


@pytest.mark.parametrize(
    ("change", "errcode"),
    [({}, 0), ({"appid": "wx0"}, 40013), ({"pagepath": ""}, 40165), ({"thumb_media_id": ""}, 40007)],
)
async def test_a_card_opens_a_linked_mini_program_and_has_a_picture(person, oa, mp, ask, change, errcode):
    await person.follow(oa)
    card = {"title": "选座", "appid": mp.app_id, "pagepath": "pages/a", "thumb_media_id": "m1", **change}
    body = {"touser": person.openid(oa), "msgtype": "miniprogrampage", "miniprogrampage": card}
    assert (await ask(oa, "POST", "/cgi-bin/message/custom/send", body=body))["errcode"] == errcode


async def test_who_left_or_refuses_gets_nothing(person, oa, send):
    await person.follow(oa)
    person.refuses.add(oa.app_id)
    assert await send(oa, person) == 48002
    person.refuses.clear()
    assert await send(oa, person, "好" * 683) == 45002
    assert await send(oa, person, "") == 44004
    await person.unfollow(oa)
    assert await send(oa, person) == 45015


async def test_a_template_message_is_checked_sent_once_and_reported(person, oa, ask, backend, platform):
    fine = {"thing1": {"value": "咖啡券"}, "time2": {"value": "2026-01-02 15:04"}}

    async def send(template="TM-1", data=fine, **extra):
        body = {"touser": person.openid(oa), "template_id": template, "data": data, **extra}
        return await ask(oa, "POST", "/cgi-bin/message/template/send", body=body)

    assert (await send())["errcode"] == 43004
    await person.follow(oa)
    assert (await send("TM-9"))["errcode"] == 40037
    long = await send(data={**fine, "thing1": {"value": "咖" * 21}})
    assert long["errcode"] == 47003
    assert long["errmsg"].startswith("argument invalid! data.thing1.value invalid rid: ")
    first = await send(client_msg_id="r-1")
    again = await send(client_msg_id="r-1")
    assert first["msgid"] == again["msgid"]
    await platform.settle()
    reports = [markup.parse(body) for _, _, body in backend.requests[1:]]
    assert [(one["Event"], one["MsgID"], one["Status"]) for one in reports] == [
        ("TEMPLATESENDJOBFINISH", str(first["msgid"]), "success")
    ]
    assert person.chat(oa).texts() == ["thing1：咖啡券\ntime2：2026-01-02 15:04"]


async def test_one_acceptance_allows_one_subscribe_message_and_json_reports_it(person, json_mp, ask, backend, platform):
    async def send():
        body = {"touser": person.openid(json_mp), "template_id": "SUB-1", "data": {"thing1": {"value": "x"}}}
        return (await ask(json_mp, "POST", "/cgi-bin/message/subscribe/send", body=body))["errcode"]

    assert await send() == 43101
    await person.answer_popup(json_mp, "SUB-1")
    assert [await send(), await send()] == [0, 43101]
    await platform.settle()
    popup, sent = (
        orjson.loads(decrypt_message(json_mp.aes_key, json_mp.app_id, orjson.loads(body)["Encrypt"]))
        for _, _, body in backend.requests
    )
    assert popup["List"]["SubscribeStatusString"] == "accept"
    assert (sent["Event"], sent["List"]["ErrorCode"]) == ("subscribe_msg_sent_event", "0")
    await person.answer_popup(json_mp, "SUB-1")
    await person.switch_off(json_mp, "SUB-1")
    assert await send() == 43101


async def test_quotas_are_counted_reported_and_cleared(oa, ask, platform):
    path = "/cgi-bin/ticket/getticket"
    platform.quotas.limits[path] = 2
    codes = [(await ask(oa, "GET", path, query={"type": "jsapi"}))["errcode"] for _ in range(3)]
    assert codes == [0, 0, 45009]
    quota = await ask(oa, "POST", "/cgi-bin/openapi/quota/get", body={"cgi_path": path})
    assert quota["quota"] == {"daily_limit": 2, "used": 2, "remain": 0}
    clears = [(await ask(oa, "POST", "/cgi-bin/clear_quota", body={"appid": oa.app_id}))["errcode"] for _ in range(11)]
    assert clears == [0] * 10 + [48006]
    assert (await ask(oa, "GET", path, query={"type": "jsapi"}))["errcode"] == 0


async def test_ordered_faults_happen_in_turn_and_end(oa, ask, wechat, token_of, platform, person):
    path, query = "/cgi-bin/user/info", {"openid": person.openid(oa)}
    platform.faults.fail(path, -1, times=2)
    platform.faults.http_status(path, 504)
    assert (await ask(oa, "GET", path, query=query))["errcode"] == -1
    assert (await ask(oa, "GET", path, query=query))["errcode"] == -1
    broken = await wechat.get(path, params={"access_token": token_of(oa), **query})
    assert broken.status == 504
    assert (await ask(oa, "GET", path, query=query))["subscribe"] == 0
    platform.faults.hang(path, 5)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(ask(oa, "GET", path, query=query), 0.05)


async def test_an_interface_can_do_its_work_and_answer_too_late(person, oa, ask, platform):
    await person.follow(oa)
    platform.faults.hang_after_doing("/cgi-bin/message/custom/send", 5)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(ask(oa, "POST", "/cgi-bin/message/custom/send", body=text_to(person, oa, "ok")), 1.0)
    assert person.chat(oa).texts(Side.ACCOUNT) == ["ok"]


async def test_calls_are_remembered_without_secrets(wechat, platform, oa):
    body = {"grant_type": "client_credential", "appid": oa.app_id, "secret": oa.secret}
    await wechat.post("/cgi-bin/stable_token", json=body)
    (call,) = platform.calls
    assert call.body["secret"] == "…"
    assert call.answer["access_token"] == "…"


def test_the_default_rules_are_the_platforms():
    assert (DeliveryRules().deadline, DeliveryRules().attempts) == (5.0, 3)
