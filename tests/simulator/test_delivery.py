import asyncio

import pytest
from aiohttp import web

from simulator import Mode, Tampering, markup
from simulator.chats import FAULT, Side
from simulator.crypto import decrypt_message, encrypt_message, signature

AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"


def a_reply(body, **fields):
    """A text reply to a plain push, with changes."""
    asked = markup.parse(body)
    swapped = {"ToUserName": asked["FromUserName"], "FromUserName": asked["ToUserName"], "CreateTime": 1}
    return {**swapped, "MsgType": "text", "Content": "您好", **fields}


@pytest.fixture
def reply_with(backend):
    """Let the server answer every push with a reply of these fields."""

    def order(**fields):
        async def answer(_request, body):
            return web.Response(body=markup.build(a_reply(body, **fields)))

        backend.answer = answer

    return order


async def test_a_message_is_pushed_once_and_the_reply_is_seen(person, oa, backend, reply_with):
    await person.follow(oa)
    reply_with(Content="您好 & <a href='https://example.com'>看这里</a>]]>")
    push = await person.say(oa, "你好]]>")
    assert push.text == "您好 & <a href='https://example.com'>看这里</a>]]>"
    assert person.chat(oa).texts() == [push.text]
    path, query, body = backend.requests[-1]
    assert path == "/wechat/oa"
    assert query["signature"] == signature("AAAAA", query["timestamp"], query["nonce"])
    assert "encrypt_type" not in query
    assert markup.parse(body)["Content"] == "你好]]>"
    assert len(backend.requests) == 2


async def test_three_identical_deliveries_then_the_bubble(person, oa, backend):
    await person.follow(oa)
    backend.requests.clear()
    backend.always(lambda: web.Response(status=500))
    push = await person.say(oa, "你好")
    assert len(backend.requests) == 3
    assert backend.requests[0] == backend.requests[1] == backend.requests[2]
    assert [one.verdict.reason for one in push.deliveries] == ["status 500"] * 3
    assert push.is_fault_shown
    assert person.chat(oa).texts(Side.SYSTEM)[-1] == FAULT


async def test_nobody_sees_a_bubble_after_leaving(person, oa, backend):
    await person.follow(oa)
    backend.always(lambda: web.Response(status=500))
    push = await person.unfollow(oa)
    assert len(push.deliveries) == 3
    assert not push.is_fault_shown


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(status=201, text="success"),
        lambda: web.Response(status=204),
        lambda: web.Response(status=302, headers={"Location": "/"}),
        lambda: web.Response(text="SUCCESS"),
        lambda: web.Response(text='"success"'),
        lambda: web.Response(text="success\n"),
        lambda: web.json_response({"ok": True}),
        lambda: web.Response(text="<html></html>"),
        lambda: web.Response(text="<xml><a></xml>"),
        lambda: web.Response(text='<!DOCTYPE xml [<!ENTITY a "b">]><xml><a>&a;</a></xml>'),
        lambda: web.Response(body=b'<?xml version="1.0" encoding="nonsense"?><xml/>'),
    ],
)
async def test_anything_but_a_proper_answer_is_delivered_again(person, oa, backend, response):
    backend.always(response)
    push = await person.follow(oa)
    assert len(push.deliveries) == 3
    assert push.taken is None


@pytest.mark.parametrize("text", ["", "success"])
async def test_an_account_may_stay_silent(person, oa, safe_oa, backend, text):
    backend.always(lambda: web.Response(text=text))
    for account in (oa, safe_oa):
        push = await person.follow(account)
        assert len(push.deliveries) == 1
        assert push.reply is None
        assert not push.is_fault_shown


@pytest.mark.parametrize(
    "fields",
    [
        {"ToUserName": "somebody"},
        {"FromUserName": "gh_other"},
        {"CreateTime": "now"},
        {"MsgType": "poem"},
        {"Content": ""},
        {"Content": "好" * 683},
        {"MsgType": "image"},
        {"MsgType": "news", "ArticleCount": 2, "Articles": {"item": {"Title": "一"}}},
        {"MsgType": "news", "ArticleCount": 2, "Articles": {"item": [{"Title": "一"}, {"Title": "二"}]}},
        {"Content": "\x08"},
    ],
)
async def test_a_wrong_reply_to_a_message_fails(person, oa, reply_with, fields):
    await person.follow(oa)
    reply_with(**fields)
    push = await person.say(oa, "你好")
    assert push.taken is None
    assert push.is_fault_shown


async def test_an_event_may_be_answered_with_several_articles(person, oa, reply_with):
    reply_with(MsgType="news", ArticleCount=2, Articles={"item": [{"Title": "一"}, {"Title": "二"}]})
    push = await person.follow(oa)
    assert [article["Title"] for article in push.reply.articles] == ["一", "二"]


async def test_an_answer_after_the_deadline_is_lost(person, oa, backend):
    await person.follow(oa)
    backend.requests.clear()

    async def slow_at_first(_request, _body):
        await asyncio.sleep(1.5 if len(backend.requests) == 1 else 0)
        return web.Response(text="success")

    backend.answer = slow_at_first
    push = await person.say(oa, "你好")
    assert [one.status for one in push.deliveries] == [None, 200]
    assert not push.is_fault_shown


async def test_a_server_that_is_down_leads_to_the_bubble(person, oa, platform):
    platform.line.backend = "http://127.0.0.1:9"
    push = await person.follow(oa)
    assert [one.status for one in push.deliveries] == [None] * 3
    assert push.is_fault_shown


async def test_a_lost_answer_is_delivered_again(person, oa, platform, reply_with):
    await person.follow(oa)
    reply_with()
    platform.pusher.switches.once(Tampering(lost_answers=2))
    push = await person.say(oa, "你好")
    assert [one.verdict.is_taken for one in push.deliveries] == [False, False, True]
    assert push.text == "您好"
    assert len((await person.say(oa, "再见")).deliveries) == 1


@pytest.mark.parametrize("parallel", [False, True])
async def test_duplicates_carry_the_same_bytes(person, oa, platform, backend, parallel):
    platform.pusher.switches.once(Tampering(duplicates=2, parallel=parallel))
    push = await person.follow(oa)
    assert len(backend.requests) == 3
    assert backend.requests[0] == backend.requests[1] == backend.requests[2]
    assert [one.is_duplicate for one in push.deliveries].count(True) == 2


async def test_a_replay_repeats_an_earlier_push_verbatim(person, oa, platform, backend, clock):
    push = await person.follow(oa)
    clock.advance(3600)
    again = await platform.pusher.replay(push)
    assert backend.requests[0] == backend.requests[1]
    assert again.replay_of == push.id


async def test_the_address_is_verified_by_an_echo(oa, platform, backend):
    async def echo(request, _body):
        query = request.query
        assert query["signature"] == signature("AAAAA", query["timestamp"], query["nonce"])
        return web.Response(text=query["echostr"])

    backend.answer = echo
    assert await platform.pusher.verify(oa)
    backend.always(lambda: web.Response(text="success"))
    assert not await platform.pusher.verify(oa)


async def test_a_safe_push_can_be_read_and_answered(person, safe_oa, backend):
    async def answer(request, body):
        encrypted = markup.parse(body)["Encrypt"]
        query = request.query
        assert query["msg_signature"] == signature("AAAAA", query["timestamp"], query["nonce"], encrypted)
        plain = decrypt_message(AES_KEY, safe_oa.app_id, encrypted)
        reply = encrypt_message(AES_KEY, safe_oa.app_id, markup.build(a_reply(plain)))
        sealed = {"Encrypt": reply, "MsgSignature": signature("AAAAA", "1", "2", reply), "TimeStamp": 1, "Nonce": "2"}
        return web.Response(body=markup.build(sealed))

    backend.answer = answer
    push = await person.follow(safe_oa)
    assert push.text == "您好"
    assert markup.parse(backend.requests[0][2]).keys() == {"ToUserName", "Encrypt"}


async def test_a_compatible_push_travels_twice_and_may_be_answered_plainly(
    person, platform, compatible_oa, backend, reply_with
):
    platform.add(compatible_oa)
    reply_with()
    push = await person.follow(compatible_oa)
    assert push.text == "您好"
    body = markup.parse(backend.requests[0][2])
    assert body["Event"] == "subscribe"
    assert markup.parse(decrypt_message(AES_KEY, compatible_oa.app_id, body["Encrypt"]))["Event"] == "subscribe"


async def test_a_safe_account_must_answer_encrypted_and_signed(person, safe_oa, backend):
    key, app_id = AES_KEY, safe_oa.app_id

    async def plain(_request, body):
        asked = decrypt_message(key, app_id, markup.parse(body)["Encrypt"])
        return web.Response(body=markup.build(a_reply(asked)))

    async def badly_signed(_request, body):
        asked = decrypt_message(key, app_id, markup.parse(body)["Encrypt"])
        reply = encrypt_message(key, app_id, markup.build(a_reply(asked)))
        sealed = {"Encrypt": reply, "MsgSignature": "0" * 40, "TimeStamp": 1, "Nonce": "2"}
        return web.Response(body=markup.build(sealed))

    async def for_another_app(_request, body):
        asked = decrypt_message(key, app_id, markup.parse(body)["Encrypt"])
        reply = encrypt_message(key, "wx0000000000000000", markup.build(a_reply(asked)))
        sealed = {"Encrypt": reply, "MsgSignature": signature("AAAAA", "1", "2", reply), "TimeStamp": 1, "Nonce": "2"}
        return web.Response(body=markup.build(sealed))

    await person.follow(safe_oa)
    for answer in (plain, badly_signed, for_another_app):
        backend.answer = answer
        assert (await person.say(safe_oa, "你好")).taken is None


async def test_tampering_reaches_the_wire(person, safe_oa, platform, backend, clock):
    switches = platform.pusher.switches
    ordered = [
        Tampering(wrong_signature=True),
        Tampering(stale_seconds=900),
        Tampering(wrong_app_id=True),
        Tampering(truncated=True),
        Tampering(old_aes_key=True),
        Tampering(mode=Mode.PLAIN),
    ]
    await person.follow(safe_oa)
    for tampering in ordered:
        switches.once(tampering)
        await person.say(safe_oa, "你好")
    forged, stale, elsewhere, short, old, plain = backend.requests[1:]
    assert forged[1]["signature"] != signature("AAAAA", forged[1]["timestamp"], forged[1]["nonce"])
    assert int(stale[1]["timestamp"]) == int(clock.now()) - 900
    assert decrypt_message(AES_KEY, "wx0000000000000000", markup.parse(elsewhere[2])["Encrypt"])
    with pytest.raises(markup.MarkupError):
        markup.parse(short[2])
    assert decrypt_message("0" * 43, safe_oa.app_id, markup.parse(old[2])["Encrypt"])
    assert markup.parse(plain[2])["Content"] == "你好"


async def test_two_events_may_share_a_second(person, oa, platform, clock):
    first = await person.follow(oa)
    clock.advance(5)
    platform.pusher.switches.once(Tampering(same_second=True))
    second = await person.scan(oa, "store_7")
    assert first.fields["CreateTime"] == second.fields["CreateTime"]


async def test_a_delayed_push_is_overtaken(person, oa, platform, backend):
    await person.follow(oa)
    platform.pusher.switches.once(Tampering(delay=0.1))
    await asyncio.gather(person.say(oa, "一"), person.say(oa, "二"))
    assert [markup.parse(body)["Content"] for _, _, body in backend.requests[1:]] == ["二", "一"]
