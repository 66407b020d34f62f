"""Opening and answering pushes in every mode, and the platform's GET check."""

from datetime import timedelta

import pytest

from bot import envelope
from bot.envelope import DoorKeys, PushRefused, Refusal, open_push, render, verify_echo
from bot.replies import Nothing, Text
from models.words import AccountMode
from tests.bot import pushing
from tests.bot.pushing import (
    COMPATIBLE,
    HELLO,
    NOW,
    PLAIN,
    SAFE,
    TOKEN,
    Sent,
    answered,
    compatible,
    document,
    plain,
    safe,
)

GOLDEN_ENCRYPTED = (
    "9s4gMv99m88kKTh/H8IdkNYz81q2a9TZ7FWkNWrZQa9WGBLdTHAjTq/iOsCfaKUt1bSVRO8nmFdMQaZDvdLXQBuJs4bZs8d0HJ7xua3WuTmNV7LD1UWI"
    "MU2XcZ8k+SRN"
)


def refusal(opening: DoorKeys, sent: Sent) -> PushRefused:
    with pytest.raises(PushRefused) as refused:
        sent.opened_with(opening)
    return refused.value


# --- the published vectors


@pytest.mark.parametrize(
    ("timestamp", "nonce", "signature"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_the_published_signatures_are_accepted_and_the_echo_comes_back_as_it_is(timestamp, nonce, signature):
    query = {"timestamp": timestamp, "nonce": nonce, "signature": signature, "echostr": "4375120948345356249"}
    assert verify_echo(SAFE, query) == "4375120948345356249"


def test_the_published_ciphertext_opens_to_the_published_message():
    assert SAFE.ciphers[0].open(GOLDEN_ENCRYPTED) == "<xml><Content>你好</Content></xml>"


def test_the_published_message_is_sealed_to_the_published_ciphertext_and_signature(monkeypatch):
    monkeypatch.setattr(SAFE.ciphers[0]._frames, "get_random_string", lambda: "1234567890123456")
    sealed = SAFE.ciphers[0].seal("<xml><Content>你好</Content></xml>", nonce="1514711492", timestamp=1714036504)
    assert {element.tag: element.text for element in document(sealed.encode())} == {
        "Encrypt": GOLDEN_ENCRYPTED,
        "MsgSignature": "0bd2e7eabcadacc18961a657ff34b3413d1745c1",
        "TimeStamp": "1714036504",
        "Nonce": "1514711492",
    }


def test_the_published_msg_signature_lets_the_published_ciphertext_through():
    query = {
        "timestamp": "1714036504",
        "nonce": "1514711492",
        "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
        "msg_signature": "0bd2e7eabcadacc18961a657ff34b3413d1745c1",
    }
    body = pushing.xml({"ToUserName": "", "Encrypt": GOLDEN_ENCRYPTED})
    # It decrypts; that its message has no MsgType is the only thing wrong with it.
    assert refusal(SAFE, Sent(query, body)).reason is Refusal.MALFORMED
    assert refusal(SAFE, Sent(query | {"msg_signature": "0" * 40}, body)).reason is Refusal.SIGNATURE


# --- the GET check


@pytest.mark.parametrize("lost", ["signature", "timestamp", "nonce"])
def test_an_unsigned_check_is_forbidden(lost):
    query = pushing.query() | {"echostr": "123"}
    del query[lost]
    with pytest.raises(PushRefused) as refused:
        verify_echo(SAFE, query)
    assert (refused.value.status, refused.value.reason) == (403, Refusal.SIGNATURE)


def test_a_check_signed_with_another_token_is_forbidden():
    with pytest.raises(PushRefused) as refused:
        verify_echo(SAFE, pushing.query(token="BBBBB") | {"echostr": "123"})
    assert refused.value.status == 403


@pytest.mark.parametrize("echo", ["", "a b", "<script>\n", "x" * 257])
def test_only_an_echostr_as_the_platform_sends_it_is_echoed(echo):
    with pytest.raises(PushRefused) as refused:
        verify_echo(SAFE, pushing.query() | {"echostr": echo})
    assert refused.value.status == 400


# --- modes


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("opening", [SAFE, COMPATIBLE, pushing.keys(AccountMode.PLAIN, aes_key=pushing.AES_KEY)])
def test_an_encrypted_push_opens_wherever_there_is_a_key(opening, as_json):
    push = safe(as_json=as_json).opened_with(opening)
    assert push.is_encrypted
    assert (push.inbound.openid, push.inbound.content) == (pushing.OPENID, "我的权益")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("opening", [PLAIN, COMPATIBLE])
def test_a_plain_push_opens_in_plain_and_compatible_mode(opening, as_json):
    push = plain(as_json=as_json).opened_with(opening)
    assert not push.is_encrypted
    assert push.inbound == safe(as_json=as_json).opened_with(SAFE).inbound


@pytest.mark.parametrize("as_json", [False, True])
def test_a_plain_push_to_a_safe_account_is_forbidden_although_its_signature_is_right(as_json):
    assert refusal(SAFE, plain(as_json=as_json)).reason is Refusal.PLAIN_REFUSED
    assert refusal(SAFE, plain(as_json=as_json)).status == 403


@pytest.mark.parametrize("opening", [SAFE, COMPATIBLE])
def test_of_a_push_in_both_forms_the_encrypted_one_counts(opening):
    forged = HELLO | {"FromUserName": "o_somebody_else", "Content": "退出"}
    push = compatible(forged, encrypted_fields=HELLO).opened_with(opening)
    assert (push.inbound.openid, push.inbound.content, push.is_encrypted) == (pushing.OPENID, "我的权益", True)


def test_of_a_push_in_both_forms_an_account_without_a_key_takes_the_plain_one():
    push = compatible().opened_with(PLAIN)
    assert (push.inbound.content, push.is_encrypted) == ("我的权益", False)


def test_an_encrypted_push_to_an_account_without_a_key_says_so():
    assert refusal(PLAIN, safe()).reason is Refusal.KEY_MISSING


@pytest.mark.parametrize("wrong", ["signature", "msg_signature"])
@pytest.mark.parametrize("value", [None, "", "0" * 40, "é"])
def test_an_encrypted_push_needs_both_signatures(wrong, value):
    sent = safe()
    query = {name: given for name, given in sent.query.items() if name != wrong}
    if value is not None:
        query[wrong] = value
    assert refusal(SAFE, Sent(query, sent.body)).reason is Refusal.SIGNATURE


def test_the_decision_about_a_signature_is_made_by_the_constant_time_comparison_alone(monkeypatch):
    forged = Sent(pushing.query(token="BBBBB"), plain().body)
    assert refusal(PLAIN, forged).reason is Refusal.SIGNATURE
    monkeypatch.setattr(envelope.hmac, "compare_digest", lambda _a, _b: True)
    assert forged.opened_with(PLAIN).inbound.content == "我的权益"


@pytest.mark.parametrize(("timestamp", "nonce"), [("714036504", "15147114921"), ("21714036504", "151471149")])
def test_digits_cannot_wander_between_the_nonce_and_the_timestamp(timestamp, nonce):
    # WeChat joins the sorted parts without separators: these have one and the same signature as the true ones.
    assert pushing.sign(TOKEN, timestamp, nonce) == pushing.query()["signature"]
    query = pushing.query() | {"timestamp": timestamp, "nonce": nonce}
    assert refusal(PLAIN, Sent(query, plain().body)).reason is Refusal.SIGNATURE


# --- keys


def test_a_push_under_the_previous_key_opens_and_is_answered_under_that_key():
    rotated = pushing.keys(aes_key=pushing.OLD_AES_KEY, previous_aes_key=pushing.AES_KEY)
    push = safe().opened_with(rotated)
    answer = document(answered(push, Text("好"), rotated))
    assert "好" in pushing.decrypt(answer.findtext("Encrypt", ""), aes_key=pushing.AES_KEY)


def test_a_push_under_the_new_key_opens_while_the_previous_one_is_kept():
    rotated = pushing.keys(aes_key=pushing.AES_KEY, previous_aes_key=pushing.OLD_AES_KEY)
    answer = document(answered(safe().opened_with(rotated), Text("好"), rotated))
    assert "好" in pushing.decrypt(answer.findtext("Encrypt", ""), aes_key=pushing.AES_KEY)


def test_a_push_under_a_key_that_is_gone_is_forbidden():
    assert refusal(SAFE, safe(aes_key=pushing.OLD_AES_KEY)).reason is Refusal.UNDECRYPTABLE
    assert refusal(SAFE, safe(aes_key=pushing.OLD_AES_KEY)).status == 403


def test_a_push_encrypted_for_another_app_is_forbidden():
    wrong = refusal(SAFE, safe(app_id="wx0000000000000000"))
    assert (wrong.status, wrong.reason) == (403, Refusal.WRONG_APP)


@pytest.mark.parametrize("sent", [safe(HELLO | {"ToUserName": "gh_other"}), plain(HELLO | {"ToUserName": "gh_other"})])
def test_a_push_to_another_original_id_is_forbidden_once_ours_is_known(sent):
    known, unknown = pushing.keys(AccountMode.COMPATIBLE), pushing.keys(AccountMode.COMPATIBLE, original_id="")
    assert refusal(known, sent).reason is Refusal.WRONG_APP
    assert sent.opened_with(unknown).inbound.original_id == "gh_other"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aes_key": "short"},
        {"aes_key": "x" * 44},
        {"aes_key": "é" * 43},
        {"previous_aes_key": "short"},
        {"aes_key": ""},
        {"token": ""},
        {"token": "a b c"},
        {"app_id": ""},
    ],
)
def test_keys_that_cannot_work_are_refused_when_they_are_made(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DoorKeys(**({"app_id": "wx1", "token": TOKEN, "mode": AccountMode.SAFE, "aes_key": pushing.AES_KEY} | wrong))


def test_no_secret_shows_in_what_is_logged():
    rotated = pushing.keys(previous_aes_key=pushing.OLD_AES_KEY)
    push = safe().opened_with(rotated)
    shown = f"{rotated!r} {push!r}"
    for secret in (TOKEN, pushing.AES_KEY, pushing.OLD_AES_KEY, pushing.OPENID, "我的权益"):
        assert secret not in shown


# --- freshness


@pytest.mark.parametrize(("seconds", "is_stale"), [(0, False), (300, False), (-300, False), (301, True), (-301, True)])
def test_a_push_is_stale_when_it_was_signed_more_than_300_seconds_away(seconds, is_stale):
    push = safe().opened_with(SAFE, now=NOW + timedelta(seconds=seconds))
    assert push.is_stale is is_stale


@pytest.mark.parametrize(("hours", "is_stale"), [(24, False), (25, True)])
def test_card_events_stay_fresh_for_the_day_in_which_they_come_again(hours, is_stale):
    card = HELLO | {"MsgType": "event", "Event": "user_get_card", "CardId": "p1", "UserCardCode": "123"}
    assert safe(card).opened_with(SAFE, now=NOW + timedelta(hours=hours)).is_stale is is_stale


def test_a_stale_push_still_tells_its_dedupe_key_so_that_a_repeat_can_be_answered():
    fresh, late = safe().opened_with(SAFE), safe().opened_with(SAFE, now=NOW + timedelta(hours=1))
    assert (late.is_stale, late.dedupe_key) == (True, fresh.dedupe_key)


def test_age_is_that_of_the_signature_not_of_the_message():
    old_message = HELLO | {"CreateTime": pushing.CREATED - 86_400}
    assert not safe(old_message).opened_with(SAFE).is_stale


# --- answers


def test_an_encrypted_push_is_answered_encrypted_and_signed_with_our_own_nonce_and_time():
    answer = document(answered(safe().opened_with(SAFE), Text("您好")))
    encrypted = answer.findtext("Encrypt", "")
    parts = (answer.findtext("TimeStamp", ""), answer.findtext("Nonce", ""))
    assert answer.findtext("MsgSignature") == pushing.sign(TOKEN, *parts, encrypted)
    assert parts == (pushing.TIMESTAMP, "a-nonce_1")
    inner = document(pushing.decrypt(encrypted).encode())
    assert (inner.findtext("ToUserName"), inner.findtext("FromUserName")) == (pushing.OPENID, pushing.GH)
    assert (inner.findtext("Content"), inner.findtext("CreateTime")) == ("您好", pushing.TIMESTAMP)


def test_a_plain_push_is_answered_in_plain_even_where_there_is_a_key():
    answer = document(answered(plain().opened_with(COMPATIBLE), Text("您好"), COMPATIBLE))
    assert answer.findtext("Content") == "您好"


@pytest.mark.parametrize("reply", [None, Nothing(), Text(""), Text(" \n")])
@pytest.mark.parametrize("sent", [safe(), compatible()])
def test_silence_is_success_in_clear_text_in_every_mode(sent, reply):
    assert answered(sent.opened_with(COMPATIBLE), reply, COMPATIBLE) == b"success"


@pytest.mark.parametrize("sent", [safe(as_json=True), plain(as_json=True)])
def test_a_push_in_json_is_answered_success_whatever_the_reply(sent):
    assert answered(sent.opened_with(COMPATIBLE), Text("您好"), COMPATIBLE) == b"success"


@pytest.mark.parametrize("nonce", ["", "]]>", "a" * 65, "é"])
def test_a_nonce_that_could_break_the_answer_is_a_mistake_of_the_caller(nonce):
    with pytest.raises(ValueError, match="nonce"):
        render(SAFE, safe().opened_with(SAFE), Text("好"), now=NOW, nonce=nonce)


def test_the_same_answer_is_never_encrypted_twice_to_the_same_bytes():
    push = safe().opened_with(SAFE)
    assert answered(push, Text("好")) != answered(push, Text("好"))


def test_bytes_in_and_bytes_out_need_no_more_than_the_query_and_the_body():
    sent = safe()
    push = open_push(SAFE, sent.query, sent.body, now=NOW)
    assert (push.timestamp, push.nonce) == (int(pushing.TIMESTAMP), pushing.NONCE)
