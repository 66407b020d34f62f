"""Every known defect of wechatpy: each test shows it first (the control), then that ours is free of it.

Where a control fails after an upgrade, the defect is mended and the code around it may go.
"""

import binascii
import random
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

import pytest
from wechatpy import parse_message
from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.replies import ArticlesReply, TextReply, TransferCustomerServiceReply
from wechatpy.utils import check_signature

from bot.envelope import DoorKeys, PushRefused, Refusal
from bot.replies import Article, Text, ToHuman
from models.words import AccountMode
from tests.bot import pushing
from tests.bot.pushing import (
    APP_ID,
    GH,
    HELLO,
    NONCE,
    OPENID,
    PLAIN,
    SAFE,
    TIMESTAMP,
    TOKEN,
    Sent,
    answered,
    plain,
    said,
)

EVENT = {"ToUserName": GH, "FromUserName": OPENID, "CreateTime": 1, "MsgType": "event"}
PUSH = plain().opened_with(PLAIN)
THEIRS = WeChatCrypto(TOKEN, pushing.AES_KEY, APP_ID)
MISSING_EVENTS = [
    "subscribe_msg_popup_event",
    "subscribe_msg_change_event",
    "subscribe_msg_sent_event",
    "user_info_modified",
    "user_authorization_revoke",
    "user_authorization_cancellation",
    "PUBLISHJOBFINISH",
    "wxa_punish_event",
    "trade_manage_remind_access_api",
    "trade_manage_remind_shipping",
    "trade_manage_order_settlement",
]


def theirs(fields):
    return parse_message(pushing.xml(fields))


def refusal(body):
    with pytest.raises(PushRefused) as refused:
        Sent(pushing.query(), body).opened_with(PLAIN)
    return refused.value.reason


def reads(answer):
    return ET.fromstring(answer)  # noqa: S314 - what a reply became


# --- signatures


def test_its_signature_check_is_not_constant_time():
    class Watched(str):
        compared = 0

        def __ne__(self, _other):
            Watched.compared += 1
            return False

        __hash__ = str.__hash__

    check_signature(TOKEN, Watched("forged"), TIMESTAMP, NONCE)
    assert Watched.compared == 1
    forged = pushing.query() | {"signature": Watched("forged")}
    with pytest.raises(PushRefused):
        Sent(forged, plain().body).opened_with(PLAIN)
    assert Watched.compared == 1


def test_its_decryption_ignores_the_signature_of_the_query():
    encrypted = pushing.encrypt(pushing.xml(HELLO))
    sent = pushing.wrapped(encrypted)
    assert "我的权益" in THEIRS.decrypt_message(sent.body, sent.query["msg_signature"], TIMESTAMP, NONCE)
    with pytest.raises(PushRefused):
        Sent(sent.query | {"signature": "0" * 40}, sent.body).opened_with(SAFE)


# --- keys and frames


@pytest.mark.parametrize(
    ("bad", "raised"), [("A" * 42, binascii.Error), ("A" * 47, AssertionError), ("", AssertionError)]
)
def test_its_constructor_answers_a_bad_key_with_an_assertion_or_worse(bad, raised):
    with pytest.raises(raised):
        WeChatCrypto(TOKEN, bad, APP_ID)
    with pytest.raises(ValueError, match="aes_key"):
        DoorKeys(APP_ID, TOKEN, AccountMode.SAFE, bad)


@pytest.mark.parametrize("pad", [33, 48, 64])
def test_it_takes_padding_that_no_frame_has(pad):
    unpadded = b"1234567890123456" + (4).to_bytes(4, "big") + b"four" + APP_ID.encode()
    filled = unpadded + b"?" * (-(len(unpadded) + pad) % 16)
    encrypted = pushing.seal(
        unpadded + b"?" * (pad - 1 + len(filled) - len(unpadded)) + bytes([pad + len(filled) - len(unpadded)])
    )
    assert PrpCrypto(THEIRS.key).decrypt(encrypted, APP_ID) == "four"
    with pytest.raises(ValueError, match="padding"):
        SAFE.ciphers[0].open(encrypted)


def test_it_takes_base64_with_rubbish_in_it():
    encrypted = pushing.encrypt(b"four")
    rubbish = encrypted[:8] + "!\n é" + encrypted[8:]
    assert PrpCrypto(THEIRS.key).decrypt(rubbish, APP_ID) == "four"
    with pytest.raises(ValueError):
        SAFE.ciphers[0].open(rubbish)


@pytest.mark.parametrize(
    ("encrypted", "raised"),
    [("", IndexError), ("AAAA", ValueError), (pushing.seal(b"\x00" * 32), Exception), ("A", binascii.Error)],
)
def test_it_answers_a_frame_that_is_none_with_whatever_breaks_first(encrypted, raised):
    with pytest.raises(raised):
        PrpCrypto(THEIRS.key).decrypt(encrypted, APP_ID)
    with pytest.raises(ValueError):
        SAFE.ciphers[0].open(encrypted)


def test_it_answers_a_push_without_a_ciphertext_with_a_key_error():
    with pytest.raises(KeyError):
        THEIRS.decrypt_message(pushing.xml(HELLO), "0" * 40, TIMESTAMP, NONCE)
    with pytest.raises(InvalidSignatureException):
        THEIRS.decrypt_message(pushing.wrapped("x").body, "0" * 40, TIMESTAMP, NONCE)
    with pytest.raises(PushRefused) as refused:
        plain().opened_with(SAFE)
    assert refused.value.reason is Refusal.PLAIN_REFUSED


def test_its_random_bytes_can_be_foretold():
    def seeded(seal):
        random.seed(7)
        return seal()

    def theirs_sealed():
        return THEIRS.encrypt_message("<xml/>", NONCE, TIMESTAMP)

    def ours_sealed():
        return SAFE.ciphers[0].seal("<xml/>", nonce=NONCE, timestamp=int(TIMESTAMP))

    assert seeded(theirs_sealed) == seeded(theirs_sealed)
    assert seeded(ours_sealed) != seeded(ours_sealed)
    assert pushing.decrypt(said(ours_sealed().encode(), "Encrypt")) == "<xml/>"


# --- parsing


@pytest.mark.parametrize("name", MISSING_EVENTS)
def test_it_does_not_know_events_that_we_need(name):
    assert theirs(EVENT | {"Event": name}).type == "unknown"
    assert not hasattr(theirs(EVENT | {"Event": name}), "event")
    inbound = plain(EVENT | {"Event": name}).opened_with(PLAIN).inbound
    assert (inbound.kind, inbound.event) == ("event", name.lower())


def test_it_does_not_know_files():
    fields = HELLO | {"MsgType": "file", "Title": "a.pdf"}
    assert theirs(fields).type == "unknown"
    assert plain(fields).opened_with(PLAIN).inbound.kind == "file"


@pytest.mark.parametrize(("key", "event"), [("qrscene_7", "subscribe_scan"), ("scanimage|1", "subscribe_scan_product")])
def test_it_rewrites_the_event_of_a_follow_by_code(key, event):
    fields = EVENT | {"Event": "subscribe", "EventKey": key}
    assert theirs(fields)._data["Event"] == event
    inbound = plain(fields).opened_with(PLAIN).inbound
    assert (inbound.event, inbound.key, inbound.fields["Event"]) == ("subscribe", key, "subscribe")


def test_it_gives_all_events_the_message_id_zero():
    fields = EVENT | {"Event": "CLICK", "EventKey": "a"}
    assert theirs(fields).id == theirs(fields | {"EventKey": "b"}).id == 0
    assert plain(fields).opened_with(PLAIN).inbound.message_id == ""


def test_it_gives_one_entry_bare_and_several_as_a_list():
    def popup(entries):
        return EVENT | {"Event": "subscribe_msg_popup_event", "SubscribeMsgPopupEvent": {"List": entries}}

    one, two = popup({"TemplateId": "a"}), popup([{"TemplateId": "a"}, {"TemplateId": "b"}])
    assert isinstance(theirs(one)._data["SubscribeMsgPopupEvent"]["List"], dict)
    assert isinstance(theirs(two)._data["SubscribeMsgPopupEvent"]["List"], list)
    assert [len(plain(fields).opened_with(PLAIN).inbound.items) for fields in (one, two)] == [1, 2]


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        (b"<xml", ExpatError),
        (b'{"MsgType":"text"}', ExpatError),
        (b"<a/>", KeyError),
        (b"<xml/>", TypeError),
        (b"<xml><MsgType></MsgType></xml>", AttributeError),
        (b"<xml><a>1</a></xml>", KeyError),
        (b"<xml>\xff</xml>", UnicodeDecodeError),
        (b'<!DOCTYPE xml [<!ENTITY e "x">]><xml>&e;</xml>', ValueError),
    ],
)
def test_it_answers_what_is_not_a_push_with_whatever_breaks_first(body, raised):
    with pytest.raises(raised):
        parse_message(body)
    assert refusal(body) in {Refusal.MALFORMED, Refusal.ENCODING, Refusal.DTD}


def test_it_answers_an_empty_body_with_nothing():
    assert parse_message(b"") is None
    assert refusal(b"") is Refusal.MALFORMED


def test_it_lets_a_document_type_pass():
    hostile = b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/canary">' + pushing.xml(HELLO)
    assert parse_message(hostile).content == "我的权益"
    assert refusal(hostile) is Refusal.DTD


def test_it_lets_any_depth_pass():
    hostile = pushing.xml(HELLO).replace(b"</xml>", b"<a>" * 500 + b"</a>" * 500 + b"</xml>")
    assert parse_message(hostile).content == "我的权益"
    assert refusal(hostile) is Refusal.TOO_DEEP


@pytest.mark.parametrize("odd", [{"a": "b"}, ["a", "b"]])
def test_it_hands_on_a_content_that_is_no_text(odd):
    fields = HELLO | {"Content": odd}
    assert not isinstance(theirs(fields).content, str)
    assert refusal(pushing.xml(fields)) is Refusal.MALFORMED


def test_it_raises_when_a_field_is_read_that_the_push_lacks():
    fields = EVENT | {"Event": "scancode_push", "EventKey": "k"}
    with pytest.raises(KeyError):
        _ = theirs(fields).scan_type
    assert plain(fields).opened_with(PLAIN).inbound.fields.get("ScanCodeInfo") is None


def test_it_raises_when_a_place_is_no_number():
    fields = EVENT | {"Event": "LOCATION", "Latitude": "north", "Longitude": "1", "Precision": "1"}
    with pytest.raises(ValueError):
        _ = theirs(fields).latitude
    assert plain(fields).opened_with(PLAIN).inbound.latitude is None


# --- replies


@pytest.mark.parametrize("content", ["a]]><b>", "]]>", "a\x08b", "a\x00b", "\uffff."])
def test_its_replies_are_broken_by_what_people_may_have_typed(content):
    with pytest.raises(ET.ParseError):
        reads(TextReply(content=content, source=GH, target=OPENID).render())
    assert said(answered(PUSH, Text(content + "。"))).endswith("。")


def test_a_reply_of_its_can_be_made_to_say_something_else():
    content = "好]]></Content><Content><![CDATA[坏"
    assert [one.text for one in reads(TextReply(content=content).render()).findall("Content")] == ["好", "坏"]
    assert [one.text for one in reads(answered(PUSH, Text(content))).findall("Content")] == [content]


def test_it_sends_empty_and_endless_texts():
    assert reads(TextReply(content="").render()).findtext("Content") == ""
    assert len(reads(TextReply(content="a" * 5000).render()).findtext("Content", "")) == 5000
    assert answered(PUSH, Text("")) == b"success"
    assert len(said(answered(PUSH, Text("a" * 5000))).encode()) == 2048


def test_it_sends_more_articles_than_the_platform_takes():
    ten = ArticlesReply(articles=[{"title": str(number)} for number in range(10)])
    assert reads(ten.render()).findtext("ArticleCount") == "10"
    assert said(answered(PUSH, Article("题", "", "", "")), "ArticleCount") == "1"


def test_it_cannot_name_the_agent_a_conversation_goes_to():
    assert reads(TransferCustomerServiceReply(kf_account="a@b").render()).find("TransInfo") is None
    assert said(answered(PUSH, ToHuman("a@b")), "TransInfo/KfAccount") == "a@b"
