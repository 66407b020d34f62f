import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import wechatpy
from aiohttp import web
from prometheus_client import REGISTRY

from gateways.wechat import WeChatApi
from gateways.wechat_errors import OPERATOR_HINTS, RETRY_AFTER, STALE_TOKEN, USER_REFUSED
from handlers.ports import (
    CodeSession,
    FollowerInfo,
    PhoneNumber,
    SceneQr,
    WeChat,
    WeChatError,
    WeChatGaveUp,
    WeChatOutcomeUnknown,
    WeChatRetryLater,
    WeChatUserRefused,
)
from tests.gateways.platform import TOKEN_PATH

LOGIN = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"
SEND = "/cgi-bin/message/custom/send"
MENU = "/cgi-bin/menu/get"
OPENID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
CODE = "/wxa/getwxacodeunlimit"


async def every_call(wechat: WeChat, app) -> list[object]:
    """Each endpoint once."""
    calls = (
        wechat.exchange_login_code(app, "login-code"),
        wechat.phone_number(app, "phone-code"),
        wechat.follower(app, OPENID),
        wechat.send_text(app, OPENID, "text"),
        wechat.send_template(app, OPENID, "template", {"thing1": "x"}, dedupe_id="d"),
        wechat.send_subscribe_message(app, OPENID, "template", {"thing1": "x"}),
        wechat.scene_qr(app, "scene", expires_in=None),
        wechat.mini_program_code(app, "scene", page="pages/index"),
        wechat.url_link(app, "/pages/index", "a=1", expires_in=timedelta(days=1)),
        wechat.current_menu(app),
        wechat.publish_menu(app, []),
        wechat.js_ticket(app),
    )
    return [await asyncio.gather(call, return_exceptions=True) for call in calls]


async def test_a_login_code_becomes_a_session_without_any_access_token(wechat, platform, app):
    platform.on(LOGIN, {"openid": "o1", "unionid": "u1", "session_key": "key=="})
    assert await wechat.exchange_login_code(app, "code") == CodeSession("o1", "u1", "key==")
    asked = platform.last(LOGIN)
    assert (asked.method, asked.query) == (
        "GET",
        {"appid": app.app_id, "secret": app.secret, "js_code": "code", "grant_type": "authorization_code"},
    )
    assert platform.count(TOKEN_PATH) == 0


@pytest.mark.parametrize(
    "answer", [{"openid": "o1", "session_key": "k"}, {"openid": "o1", "session_key": "k", "unionid": ""}]
)
async def test_a_person_without_unionid_has_none(wechat, platform, app, answer):
    platform.on(LOGIN, answer)
    assert (await wechat.exchange_login_code(app, "code")).unionid is None


@pytest.mark.parametrize("errcode", [40029, 40163, 40226])
async def test_a_bad_login_code_is_the_persons_matter(wechat, platform, app, errcode):
    platform.on(LOGIN, {"errcode": errcode, "errmsg": "invalid code, rid: 1"})
    with pytest.raises(WeChatUserRefused) as caught:
        await wechat.exchange_login_code(app, "code")
    assert (caught.value.errcode, caught.value.endpoint) == (errcode, "sns/jscode2session")


@pytest.mark.parametrize("country_code", [86, "86"])
async def test_a_phone_code_becomes_a_number(wechat, platform, app, country_code):
    facts = {"phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": country_code}
    platform.on(PHONE, {"errcode": 0, "phone_info": {**facts, "watermark": {"timestamp": 1, "appid": app.app_id}}})
    assert await wechat.phone_number(app, "code") == PhoneNumber("13800138000", "86")
    assert platform.last(PHONE).body == {"code": "code"}


async def test_a_phone_number_with_another_mini_programs_watermark_is_refused(wechat, platform, app):
    facts = {"purePhoneNumber": "13800138000", "countryCode": "86", "watermark": {"appid": "wx0"}}
    platform.on(PHONE, {"errcode": 0, "phone_info": facts})
    with pytest.raises(WeChatUserRefused):
        await wechat.phone_number(app, "code")


@pytest.mark.parametrize("errcode", [40029, 40013])
async def test_a_bad_phone_code_is_the_persons_matter(wechat, platform, app, errcode):
    platform.on(PHONE, {"errcode": errcode, "errmsg": "x"})
    with pytest.raises(WeChatUserRefused):
        await wechat.phone_number(app, "code")


async def test_a_bad_app_id_elsewhere_is_a_matter_for_operators(wechat, platform, app):
    platform.on(LOGIN, {"errcode": 40013, "errmsg": "invalid appid"})
    with pytest.raises(WeChatGaveUp):
        await wechat.exchange_login_code(app, "code")


async def test_a_follower_is_known_by_unionid_and_a_stranger_is_not(wechat, platform, app):
    platform.on("/cgi-bin/user/info", {"subscribe": 1, "openid": "o", "unionid": "u"}, {"subscribe": 0, "openid": "o"})
    assert await wechat.follower(app, "o") == FollowerInfo(is_following=True, unionid="u")
    assert await wechat.follower(app, "o") == FollowerInfo(is_following=False, unionid=None)


async def test_control_characters_in_an_answer_do_not_break_it(wechat, platform, app):
    platform.on("/cgi-bin/user/info", web.Response(body=b'{"subscribe": 1, "remark": "a\x01\nb\xff", "unionid": "u"}'))
    assert (await wechat.follower(app, "o")).unionid == "u"


async def test_chinese_goes_out_as_it_is(wechat, platform, app):
    await wechat.send_text(app, "o", "您好，饭票 🎉")
    raw = platform.last(SEND).raw
    assert "您好，饭票 🎉".encode() in raw
    assert b"\\u" not in raw
    assert json.loads(raw) == {"touser": "o", "msgtype": "text", "text": {"content": "您好，饭票 🎉"}}


async def test_a_text_that_cannot_be_written_is_given_up_unasked(wechat, platform, app):
    with pytest.raises(WeChatGaveUp):
        await wechat.send_text(app, "o", "\ud800")
    assert platform.count(SEND) == 0


@pytest.mark.parametrize("errcode", [45015, 45047, 48002])
async def test_a_closed_window_is_the_persons_matter(wechat, platform, app, errcode):
    platform.on(SEND, {"errcode": errcode, "errmsg": "response out of time limit"})
    with pytest.raises(WeChatUserRefused):
        await wechat.send_text(app, "o", "text")


async def test_template_values_are_fitted_to_what_wechat_takes(wechat, platform, app):
    values = {
        "thing1": "很长的名称" * 5,
        "character_string2": "A" * 32,
        "short_thing3": "六个汉字以上",
        "time4": "2026-01-02\n15:04",
    }
    await wechat.send_template(app, "o", "T", values, page="https://example.com/a", dedupe_id="job-1")
    body = platform.last("/cgi-bin/message/template/send").body
    assert body == {
        "touser": "o",
        "template_id": "T",
        "client_msg_id": "job-1",
        "url": "https://example.com/a",
        "data": {
            "thing1": {"value": ("很长的名称" * 5)[:19] + "…"},
            "character_string2": {"value": "A" * 32},
            "short_thing3": {"value": "六个汉字…"},
            "time4": {"value": "2026-01-02 15:04"},
        },
    }


async def test_a_subscribe_message_that_was_not_accepted_is_the_persons_matter(wechat, platform, app):
    path = "/cgi-bin/message/subscribe/send"
    platform.on(path, {"errcode": 43101, "errmsg": "user refuse to accept the msg"})
    with pytest.raises(WeChatUserRefused):
        await wechat.send_subscribe_message(app, "o", "T", {"thing1": "x"}, page="pages/wallet")
    assert platform.last(path).body["page"] == "pages/wallet"


async def test_a_temporary_scene_code_says_when_it_ends(wechat, platform, app, clock):
    path = "/cgi-bin/qrcode/create"
    platform.on(path, {"ticket": "a+b/c=", "expire_seconds": 3600, "url": "http://weixin.qq.com/q/x"})
    code = await wechat.scene_qr(app, "p_abc-1", expires_in=timedelta(hours=1))
    assert code == SceneQr(
        url="http://weixin.qq.com/q/x",
        image_url=f"{platform.url.rstrip('/')}/cgi-bin/showqrcode?ticket=a%2Bb%2Fc%3D",
        expires_at=clock.now() + timedelta(hours=1),
    )
    scene = {"scene": {"scene_str": "p_abc-1"}}
    assert platform.last(path).body == {"action_name": "QR_STR_SCENE", "action_info": scene, "expire_seconds": 3600}


async def test_a_permanent_scene_code_has_no_end(wechat, platform, app):
    path = "/cgi-bin/qrcode/create"
    platform.on(path, {"ticket": "t", "url": "http://weixin.qq.com/q/x"})
    assert (await wechat.scene_qr(app, "p", expires_in=None)).expires_at is None
    assert platform.last(path).body["action_name"] == "QR_LIMIT_STR_SCENE"


@pytest.mark.parametrize(
    ("scene", "expires_in"),
    [("", None), ("x" * 65, None), ("a b", None), ("店", None), ("p", timedelta(days=31)), ("p", timedelta(0))],
)
async def test_scenes_that_wechat_would_not_honour_are_refused_unasked(wechat, platform, app, scene, expires_in):
    with pytest.raises(WeChatGaveUp):
        await wechat.scene_qr(app, scene, expires_in=expires_in)
    assert platform.asked == []


async def test_pictures_come_from_wechats_own_host_when_the_api_is_wechats(
    session, commands, vault, clock, app, monkeypatch
):
    wechat = WeChatApi("https://api.weixin.qq.com", session, commands, vault, clock)

    async def answer(*_: object) -> dict[str, str]:
        return {"ticket": "t", "url": "u", "access_token": "T", "expires_in": 7200}

    monkeypatch.setattr(wechat._http, "call", answer)
    code = await wechat.scene_qr(app, "p", expires_in=None)
    assert code.image_url == "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=t"


async def test_a_mini_program_code_is_a_picture(wechat, platform, app):
    platform.on(CODE, web.Response(body=b"\x89PNG...", content_type="image/png"))
    assert await wechat.mini_program_code(app, "s=1&t=2", page="/pages/index") == b"\x89PNG..."
    assert platform.last(CODE).body == {"scene": "s=1&t=2", "page": "pages/index"}


async def test_a_mini_program_code_for_an_unknown_page_is_given_up(wechat, platform, app):
    platform.on(CODE, {"errcode": 41030, "errmsg": "invalid page"})
    with pytest.raises(WeChatGaveUp) as caught:
        await wechat.mini_program_code(app, "s", page="pages/none")
    assert caught.value.errcode == 41030


async def test_a_stale_token_is_replaced_for_pictures_too(wechat, platform, app):
    picture = web.Response(body=b"picture", content_type="image/jpeg")
    platform.on(CODE, {"errcode": 42001, "errmsg": "access_token expired"}, lambda _: picture)
    assert await wechat.mini_program_code(app, "s", page="p") == b"picture"


@pytest.mark.parametrize("scene", ["", "x" * 33, "a b", "店", "a%20b"])
async def test_mini_program_scenes_outside_wechats_alphabet_are_refused_unasked(wechat, platform, app, scene):
    with pytest.raises(WeChatGaveUp):
        await wechat.mini_program_code(app, scene, page="p")
    assert platform.asked == []


async def test_a_link_opens_the_mini_program_until_its_end(wechat, platform, app, clock):
    path = "/wxa/generate_urllink"
    platform.on(path, {"errcode": 0, "url_link": "https://wxaurl.cn/x"})
    assert await wechat.url_link(app, "/pages/a", "b=1", expires_in=timedelta(days=2)) == "https://wxaurl.cn/x"
    end = int((clock.now() + timedelta(days=2)).timestamp())
    assert platform.last(path).body == {"path": "/pages/a", "query": "b=1", "expire_type": 0, "expire_time": end}
    with pytest.raises(WeChatGaveUp):
        await wechat.url_link(app, "/pages/a", "", expires_in=timedelta(days=31))


async def test_no_menu_is_an_empty_menu_and_no_alarm(wechat, platform, app, caplog):
    platform.on(MENU, {"errcode": 46003, "errmsg": "menu no exist"})
    assert await wechat.current_menu(app) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_published_menu_is_what_comes_back(wechat, platform, app):
    buttons = [{"type": "click", "name": "入会", "key": "join"}]
    await wechat.publish_menu(app, buttons)
    assert platform.last("/cgi-bin/menu/create").body == {"button": buttons}
    platform.on(MENU, {"menu": {"button": buttons}})
    assert await wechat.current_menu(app) == buttons


@pytest.mark.parametrize(("errcode", "seconds"), RETRY_AFTER.items())
async def test_a_busy_platform_says_when_to_come_back(wechat, platform, app, errcode, seconds):
    platform.on(SEND, {"errcode": errcode, "errmsg": "busy"})
    with pytest.raises(WeChatRetryLater) as caught:
        await wechat.send_text(app, "o", "text")
    assert caught.value.retry_after == seconds
    assert platform.count(SEND) == 1


@pytest.mark.parametrize("errcode", [40037, 47003, 48001, 99999, "40037"])
async def test_a_code_that_nobody_knows_is_given_up(wechat, platform, app, errcode):
    platform.on(SEND, {"errcode": errcode, "errmsg": "x"})
    with pytest.raises(WeChatGaveUp) as caught:
        await wechat.send_text(app, "o", "text")
    assert caught.value.errcode == int(errcode)


def test_no_code_means_two_things():
    kinds = [set(RETRY_AFTER), set(USER_REFUSED)]
    assert not set.intersection(*kinds)
    assert not STALE_TOKEN & set.union(*kinds)
    assert not set(OPERATOR_HINTS) & set.union(*kinds)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, WeChatRetryLater),
        (502, WeChatRetryLater),
        (503, WeChatRetryLater),
        (429, WeChatRetryLater),
        (504, WeChatOutcomeUnknown),
        (404, WeChatGaveUp),
        (302, WeChatGaveUp),
    ],
)
async def test_an_http_failure_is_an_error_of_its_kind(wechat, platform, app, status, kind):
    elsewhere = {"Location": f"{platform.url}elsewhere"}
    platform.on(SEND, lambda _: web.Response(status=status, text="<html>", headers=elsewhere))
    with pytest.raises(WeChatError) as caught:
        await wechat.send_text(app, "o", "text")
    assert type(caught.value) is kind
    assert platform.count("/elsewhere") == 0


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'"ok"', b'{"errcode": "x"}', b'{"errcode": []}', b"[" * 99999]
)
async def test_an_unreadable_answer_is_an_unknown_outcome(wechat, platform, app, body):
    platform.on(SEND, web.Response(body=body))
    with pytest.raises(WeChatOutcomeUnknown):
        await wechat.send_text(app, "o", "text")


@pytest.mark.parametrize("answer", [{}, {"errcode": 0}, {"openid": 7, "phone_info": [], "menu": [], "ticket": None}])
async def test_an_answer_without_its_data_is_a_wechat_error_everywhere(wechat, platform, app, answer):
    paths = [LOGIN, PHONE, CODE, MENU, "/cgi-bin/user/info", "/cgi-bin/qrcode/create", "/wxa/generate_urllink"]
    for path in [*paths, "/cgi-bin/ticket/getticket"]:
        platform.on(path, answer)
    outcomes = [outcome for (outcome,) in await every_call(wechat, app)]
    unknown = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(unknown) == 8
    assert {type(outcome) for outcome in unknown} == {WeChatOutcomeUnknown}


async def test_an_answer_larger_than_any_is_not_taken_in(wechat, platform, app, monkeypatch):
    monkeypatch.setattr("gateways.wechat_http.LARGEST_ANSWER", 1000)
    platform.on(SEND, web.Response(body=b" " * 2000))
    with pytest.raises(WeChatOutcomeUnknown):
        await wechat.send_text(app, "o", "text")


async def test_no_answer_in_time_is_an_unknown_outcome(wechat_of, commands, platform, app):
    nobody_waits = asyncio.Event()

    async def slow(_: object) -> dict[str, int]:
        await nobody_waits.wait()
        return {"errcode": 0}

    platform.on(SEND, slow)
    with pytest.raises(WeChatOutcomeUnknown):
        await wechat_of(commands, total_seconds=0.5).send_text(app, "o", "text")
    nobody_waits.set()


async def test_a_connection_that_breaks_after_the_request_is_an_unknown_outcome(
    wechat_of, session, commands, vault, clock, app
):
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(WeChatOutcomeUnknown):
        await WeChatApi(url, session, commands, vault, clock).send_text(app, "o", "text")
    server.close()
    await server.wait_closed()


async def test_a_platform_that_cannot_be_reached_did_certainly_nothing(
    session, commands, vault, clock, app, unused_tcp_port
):
    wechat = WeChatApi(f"http://127.0.0.1:{unused_tcp_port}", session, commands, vault, clock)
    with pytest.raises(WeChatRetryLater) as caught:
        await wechat.exchange_login_code(app, "code")
    assert type(caught.value) is WeChatRetryLater


async def test_waiting_for_a_free_connection_ends_too_and_nothing_was_sent(platform, commands, vault, clock, app):
    arrived, refused = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> dict[str, int]:
        arrived.set()
        await refused.wait()
        return {"errcode": 0}

    platform.on(LOGIN, slow)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        wechat = WeChatApi(platform.url, session, commands, vault, clock, connect_seconds=0.5)
        first = asyncio.create_task(wechat.exchange_login_code(app, "a"))
        await arrived.wait()
        with pytest.raises(WeChatRetryLater) as caught:
            await wechat.exchange_login_code(app, "b")
        refused.set()
        assert type(caught.value) is WeChatRetryLater
        with pytest.raises(WeChatOutcomeUnknown):
            await first  # an answer without openid
    assert platform.count(LOGIN) == 1


async def test_every_call_raises_wechat_errors_and_nothing_else(wechat, platform, app, session):
    await session.close()
    outcomes = [outcome for (outcome,) in await every_call(wechat, app)]
    assert all(isinstance(outcome, WeChatError) for outcome in outcomes)


async def test_wechatpys_own_client_is_never_made(wechat, platform, app, monkeypatch):
    from wechatpy.client import base

    def never(*_: object, **__: object) -> None:
        raise AssertionError("wechatpy's client was made")

    monkeypatch.setattr(base.BaseWeChatClient, "__new__", never)
    monkeypatch.setattr(base.BaseWeChatClient, "__init__", never)
    with pytest.raises(AssertionError):  # the trap works
        wechatpy.WeChatClient("app", "secret")
    platform.on(LOGIN, {"openid": "o", "session_key": "k"})
    outcomes = [outcome for (outcome,) in await every_call(wechat, app)]
    assert not any(isinstance(outcome, AssertionError) for outcome in outcomes)
    with pytest.raises(WeChatUserRefused):
        wechat.decrypt_phone(app, "a", "b", "c", now=datetime.now(UTC))


async def test_no_secret_shows_in_errors_logs_or_reprs(
    wechat_of, wechat, commands, platform, app, caplog, session, vault, clock
):
    caplog.set_level(logging.DEBUG)
    canaries = {app.secret, "TOKEN-1", "TOKEN-2", "login-code", "phone-code", OPENID}
    shown = [repr(app), repr(CodeSession("o", None, "session-key")), repr(PhoneNumber("13800138000", "86"))]
    canaries |= {"session-key", "13800138000"}

    def telling(asked) -> dict[str, object]:
        # A platform that repeats all it was told, under a code that is not known.
        told = f"{asked.query} {asked.raw.decode()}"
        return {"errcode": 99, "errmsg": told, "ticket": "t"}

    async def late(_: object) -> None:
        await asyncio.sleep(1)

    every_path = [
        LOGIN,
        PHONE,
        SEND,
        MENU,
        CODE,
        "/cgi-bin/user/info",
        "/cgi-bin/qrcode/create",
        "/cgi-bin/menu/create",
    ]
    every_path += ["/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/send", "/wxa/generate_urllink"]
    for answer in (telling, {"errcode": 40001}, web.Response(status=500), late, web.Response(body=b"x")):
        for path in every_path:
            platform.on(
                path, (lambda _, body=b"x": web.Response(body=body)) if isinstance(answer, web.Response) else answer
            )
        for (outcome,) in await every_call(wechat_of(commands, total_seconds=0.1), app):
            while isinstance(outcome, BaseException):
                shown += [str(outcome), repr(outcome)]
                outcome = outcome.__context__
    platform.on(TOKEN_PATH, telling)
    await every_call(wechat_of(commands), type(app)("wx1", app.secret))
    shown += [repr(vars(part)) for part in (wechat, wechat._http, wechat._tokens, wechat._tickets)]
    formatter = logging.Formatter()
    shown += [formatter.format(record) for record in caplog.records if record.name != "aiohttp.access"]
    assert any("***" in text for text in shown)
    text = "\n".join(shown)
    assert {canary for canary in canaries if canary in text} == set()


async def test_operators_are_told_what_to_do(wechat, platform, app, caplog):
    platform.on(
        TOKEN_PATH, {"errcode": 40164, "errmsg": "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 1"}
    )
    with pytest.raises(WeChatGaveUp):
        await wechat.send_text(app, "o", "text")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "1.2.3.4" in record.getMessage()
    assert OPERATOR_HINTS[40164] in record.getMessage()
    assert record.app_id == app.app_id


def count(endpoint: str, errcode: str) -> float:
    return REGISTRY.get_sample_value("fanpiao_wechat_calls_total", {"endpoint": endpoint, "errcode": errcode}) or 0


async def test_a_mini_program_card_goes_as_a_customer_service_message(wechat, platform, app):
    platform.on(SEND, {"errcode": 0})
    await wechat.send_mini_program_card(
        app, OPENID, app_id="wx1", path="pages/a?b=1", title="选座", thumb_media_id="m1"
    )
    assert platform.last(SEND).body == {
        "touser": OPENID,
        "msgtype": "miniprogrampage",
        "miniprogrampage": {"title": "选座", "appid": "wx1", "pagepath": "pages/a?b=1", "thumb_media_id": "m1"},
    }


async def test_calls_are_counted_by_endpoint_and_outcome(wechat, platform, app):
    endpoint = "cgi-bin/message/custom/send"
    codes = ("0", "45015", "http_500")
    before = {code: count(endpoint, code) for code in codes}
    platform.on(SEND, {"errcode": 0}, {"errcode": 45015}, web.Response(status=500))
    for _ in range(3):
        await asyncio.gather(wechat.send_text(app, "o", "text"), return_exceptions=True)
    assert {code: count(endpoint, code) - before[code] for code in codes} == dict.fromkeys(codes, 1.0)
    assert REGISTRY.get_sample_value("fanpiao_wechat_call_seconds_count", {"endpoint": endpoint}) >= 3
