"""Hostile and broken pushes: each is refused with its reason, and nothing is expanded, fetched or believed."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.envelope import MAX_BODY_BYTES, PushRefused, Refusal
from tests.bot import pushing
from tests.bot.pushing import COMPATIBLE, HELLO, NOW, PLAIN, SAFE, Sent, compatible, plain, safe, said

BODY = pushing.xml(HELLO)
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
DTDS = {
    "bare": "<!DOCTYPE xml>",
    "file": '<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "address": '<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/canary">',
    "parameter": '<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://127.0.0.1:9/canary"> %p;]>',
    "laughs": f'<!DOCTYPE xml [<!ENTITY a0 "ha">{LAUGHS}]>',
    "quadratic": f'<!DOCTYPE xml [<!ENTITY e "{"x" * 30_000}">]>',
    "declared": '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY e "x">]>',
    "behind a comment": "<!-- <![CDATA[ --><!DOCTYPE xml><!-- ]]> -->",
    "behind an instruction": "<?a <![CDATA[ ?><!DOCTYPE xml><?b ]]> ?>",
    "behind a control character": "\x01<!DOCTYPE xml>",
    "torn by a control character": "<!DOC\x01TYPE xml>",
}
INSIDE = {"laughs": "&a11;", "quadratic": "&e;" * 8_000, "file": "&e;", "declared": "&e;"}


def reason(opening, sent):
    with pytest.raises(PushRefused) as refused:
        sent.opened_with(opening)
    return refused.value.status, refused.value.reason


def signed(body):
    return Sent(pushing.query(), body)


# --- document types


@pytest.mark.parametrize("name", DTDS)
def test_a_document_type_is_refused_at_once_plain_or_encrypted(name):
    hostile = (DTDS[name] + BODY.decode().replace("我的权益]]>", f"]]>{INSIDE.get(name, '')}")).encode()
    since = time.perf_counter()
    assert reason(PLAIN, signed(hostile)) == (400, Refusal.DTD)
    encrypted = pushing.safe_bytes(hostile)
    in_size = len(encrypted.body) <= MAX_BODY_BYTES
    assert reason(SAFE, encrypted) == (400, Refusal.DTD if in_size else Refusal.TOO_LARGE)
    assert time.perf_counter() - since < 1  # what grows with the depth, or expands, takes minutes


def test_a_document_type_around_the_encrypted_part_is_refused_too():
    sent = safe()
    assert reason(SAFE, Sent(sent.query, b"<!DOCTYPE xml>" + sent.body)) == (400, Refusal.DTD)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_a_document_type_cannot_hide_in_another_encoding(encoding):
    hostile = (DTDS["file"] + BODY.decode()).encode(encoding)
    assert reason(PLAIN, signed(hostile)) == (400, Refusal.ENCODING)
    assert reason(SAFE, pushing.safe_bytes(hostile))[0] == 400


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_ascii_in_a_wide_encoding_is_refused_although_it_is_valid_utf_8(encoding):
    wide = pushing.xml(HELLO | {"Content": "ascii"}).decode().encode(encoding)
    assert wide.decode("utf-8").count("\x00")
    assert reason(PLAIN, signed(wide)) == (400, Refusal.ENCODING)


def test_a_document_that_claims_another_encoding_is_read_as_utf_8_nevertheless():
    # Read as UTF-7 this would hold a document type.
    hostile = b'<?xml version="1.0" encoding="UTF-7"?>' + BODY.replace("我的权益".encode(), b"+ADwAIQ-DOCTYPE x+AD4-")
    assert signed(hostile).opened_with(PLAIN).inbound.raw_content == "+ADwAIQ-DOCTYPE x+AD4-"


@pytest.mark.parametrize(
    "typed", ["<!DOCTYPE html>", "<!ENTITY e SYSTEM 'file:///etc/passwd'>&e;", "<![CDATA[x", "<!--"]
)
def test_somebody_who_types_markup_is_understood(typed):
    assert plain(HELLO | {"Content": typed}).opened_with(PLAIN).inbound.raw_content == typed


def test_somebody_who_types_the_end_of_a_cdata_section_is_understood():
    assert plain(HELLO | {"Content": "a]]>b"}).opened_with(PLAIN).inbound.raw_content == "a]]>b"


@pytest.mark.parametrize("control", ["\x01", "\x08", "\x0b", "\x1f", "\ufffe"])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_control_character_somebody_pasted_is_left_out(control, as_json):
    sent = plain(HELLO | {"Content": f"我{control}的"}, as_json=as_json)
    assert sent.opened_with(PLAIN).inbound.content == "我的"


def test_a_zero_in_json_text_is_left_out_because_no_database_takes_it():
    assert plain(HELLO | {"Content": "我\x00的"}, as_json=True).opened_with(PLAIN).inbound.raw_content == "我的"


# --- form


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"success",
        b"<",
        b"<xml/>",
        b"<xml></xml>",
        b"<html>" + BODY + b"</html>",
        BODY.replace(b"xml>", b"XML>"),
        BODY + BODY,
        BODY + b"x",
        b"&lt;xml&gt;",
        BODY.replace(b"</xml>", b"<Content>twice</Content></xml>"),
        BODY.replace(b"<MsgType>", b'<MsgType a="b">'),
        BODY.replace("我的权益]]>".encode(), b"]]>&undefined;"),
        BODY.replace("我的权益]]>".encode(), b"]]>&#0;"),
        b"{",
        b"{}",
        b"[]",
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":"\x01"}',
    ],
)
def test_what_is_not_a_push_is_malformed(body):
    assert reason(PLAIN, signed(body)) == (400, Refusal.MALFORMED)


def test_a_ciphertext_in_another_document_is_malformed():
    sent = safe()
    other = sent.body.replace(b"<xml>", b"<XML>").replace(b"</xml>", b"</XML>")
    assert reason(SAFE, Sent(sent.query, other)) == (400, Refusal.MALFORMED)


@pytest.mark.parametrize("sent", [plain(), safe(), compatible()])
def test_line_ends_and_indentation_between_the_elements_mean_nothing(sent):
    spread = sent.body.replace(b"><", b">\r\n  <") + b"\n"
    assert Sent(sent.query, spread).opened_with(COMPATIBLE).inbound == sent.opened_with(COMPATIBLE).inbound


@pytest.mark.parametrize("body", [b"\xff\xfe", BODY[:-1] + b"\x80", "我".encode("gb18030"), b"<xml>\xed\xa0\x80</xml>"])
def test_what_is_not_utf_8_is_refused(body):
    assert reason(PLAIN, signed(body)) == (400, Refusal.ENCODING)


def test_a_byte_order_mark_of_utf_8_does_no_harm():
    assert signed(b"\xef\xbb\xbf" + BODY).opened_with(PLAIN).inbound == plain().opened_with(PLAIN).inbound
    as_json = plain(as_json=True)
    assert signed(b"\xef\xbb\xbf" + as_json.body).opened_with(PLAIN).inbound == as_json.opened_with(PLAIN).inbound


@pytest.mark.parametrize("opening", [PLAIN, COMPATIBLE, SAFE])
@pytest.mark.parametrize("sent", [plain(), safe(), compatible(), plain(as_json=True), safe(as_json=True)])
def test_every_truncation_is_refused(opening, sent):
    for length in range(len(sent.body)):
        assert reason(opening, Sent(sent.query, sent.body[:length]))[0] in {400, 403}


def test_a_body_may_have_64_kib_and_not_a_byte_more():
    room = MAX_BODY_BYTES - len(pushing.xml(HELLO | {"Content": ""}))
    assert plain(HELLO | {"Content": "a" * room}).opened_with(PLAIN).inbound.raw_content == "a" * room
    assert reason(PLAIN, plain(HELLO | {"Content": "a" * (room + 1)})) == (400, Refusal.TOO_LARGE)


def test_an_unsigned_body_is_not_even_measured():
    assert reason(PLAIN, Sent({}, b"x" * (MAX_BODY_BYTES + 1))) == (403, Refusal.SIGNATURE)


def nested(levels):
    """Fields of which the deepest element, counted from the root as 1, is at this level."""
    value = "x"
    for _ in range(levels - 2):
        value = {"a": value}
    return HELLO | {"Deep": value}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("send", [plain, safe])
def test_ten_levels_are_taken_and_eleven_are_not(send, as_json):
    assert send(nested(10), as_json=as_json).opened_with(COMPATIBLE).inbound.content == "我的权益"
    assert reason(COMPATIBLE, send(nested(11), as_json=as_json)) == (400, Refusal.TOO_DEEP)


def test_sixty_thousand_levels_are_refused_in_no_time():
    deep_json = b'{"a":' + b"[" * 60_000 + b"]" * 100 + b"}"
    deep_xml = b"<xml>" + b"<a>" * 20_000
    since = time.perf_counter()
    assert reason(PLAIN, signed(deep_xml)) == (400, Refusal.TOO_DEEP)
    assert reason(PLAIN, signed(deep_json))[0] == 400
    assert time.perf_counter() - since < 1  # what grows with the depth, or expands, takes minutes


# --- frames


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "x",
        "====",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "é",
        pushing.seal(b"\x00" * 32),
        pushing.seal(b"\x20" * 32),
        pushing.seal(b"\x21" * 64),
        pushing.seal(pushing.frame(BODY)[:-1] + b"\x00"),
        pushing.seal(pushing.frame(BODY)[:-1] + b"\x21"),
        pushing.seal(b"1" * 16 + b"\xff\xff\xff\xff" + b"x" * 11 + b"\x01"),
        pushing.encrypt(BODY)[:-24],
        pushing.encrypt(BODY) + "\n",
        pushing.encrypt(BODY) + "!!!!",
    ],
)
def test_a_frame_that_is_not_one_is_refused_although_its_signature_is_right(encrypted):
    assert reason(SAFE, pushing.wrapped(encrypted))[0] in {400, 403}
    assert reason(COMPATIBLE, pushing.wrapped(encrypted))[0] in {400, 403}


def test_padding_whose_bytes_differ_is_refused():
    framed = pushing.frame(BODY)
    assert framed[-1] > 1
    torn = pushing.wrapped(pushing.seal(framed[:-2] + b"?" + framed[-1:]))
    assert reason(SAFE, torn) == (403, Refusal.UNDECRYPTABLE)


def test_a_length_beyond_the_frame_is_no_matter_of_another_app():
    framed = b"1" * 16 + b"\x7f\xff\xff\xff" + b"x" * 11 + b"\x01"
    assert reason(SAFE, pushing.wrapped(pushing.seal(framed))) == (403, Refusal.UNDECRYPTABLE)


@pytest.mark.parametrize("app_id", ["", "x", pushing.APP_ID + "x", pushing.APP_ID[1:], pushing.APP_ID.upper()])
def test_the_tail_must_be_our_app_id_and_nothing_else(app_id):
    assert reason(SAFE, safe(app_id=app_id)) == (403, Refusal.WRONG_APP)


def test_encrypted_bytes_that_are_not_utf_8_are_refused():
    assert reason(SAFE, pushing.safe_bytes(b"<xml>\xff</xml>")) == (400, Refusal.ENCODING)


# --- anything at all


@given(st.binary(max_size=400))
@example(b"{" * 2000)
@example(b"<" * 2000)
def test_arbitrary_signed_bytes_are_refused_and_nothing_else_happens(body):
    for opening in (PLAIN, COMPATIBLE, SAFE):
        reason(opening, signed(body))


@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_encrypted_bytes_are_refused_and_nothing_else_happens(inner, as_json):
    reason(SAFE, pushing.safe_bytes(inner, as_json=as_json))


XMLISH = st.recursive(
    st.text(st.sampled_from("ab<>&;#x[]!?-/=\"' \n"), max_size=8),
    lambda inner: st.tuples(
        st.sampled_from(["MsgType", "Event", "EventKey", "Encrypt", "List", "a:b", "xml"]), st.lists(inner)
    ).map(lambda parts: f"<{parts[0]}>{''.join(parts[1])}</{parts[0]}>"),
    max_leaves=12,
)
KNOWN = "<FromUserName>o</FromUserName><CreateTime>1</CreateTime>"


@given(XMLISH, st.sampled_from(["", "<MsgType>text</MsgType>", "<MsgType>event</MsgType><Event>subscribe</Event>"]))
@example("<EventKey>qrscene_</EventKey>", "<MsgType>event</MsgType><Event>subscribe</Event>")
def test_documents_that_are_almost_pushes_are_understood_or_refused(inner, kind):
    try:
        push = signed(f"<xml>{KNOWN}{kind}{inner}</xml>".encode()).opened_with(pushing.keys(PLAIN.mode, original_id=""))
    except PushRefused as refused:
        assert refused.status in {400, 403}  # noqa: PT017 - understood is as good
    else:
        assert push.inbound.openid


JSONISH = st.dictionaries(
    st.sampled_from([*HELLO, "Event", "EventKey", "Encrypt", "List", "OpenID"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    ),
)


@given(JSONISH)
def test_objects_that_are_almost_pushes_are_understood_or_refused(odd):
    body = json.dumps(dict(HELLO) | odd).encode("utf-8", "replace")
    try:
        push = signed(body).opened_with(pushing.keys(PLAIN.mode, original_id=""))
    except PushRefused as refused:
        assert refused.status in {400, 403}  # noqa: PT017 - understood is as good
    else:
        assert push.inbound.openid


# --- one byte changed


@given(st.data())
def test_a_changed_byte_of_an_encrypted_push_never_changes_what_is_understood(data):
    sent = data.draw(st.sampled_from([safe(), safe(as_json=True), compatible()]))
    position, mask = data.draw(st.integers(0, len(sent.body) - 1)), data.draw(st.integers(1, 255))
    changed = bytearray(sent.body)
    changed[position] ^= mask
    try:
        push = Sent(sent.query, bytes(changed)).opened_with(SAFE)
    except PushRefused:
        return
    # What stands around the ciphertext (ToUserName, plain copies of the fields) is signed by nobody, and not read.
    assert push.inbound == sent.opened_with(SAFE).inbound


@pytest.mark.parametrize("sent", [safe(), safe(as_json=True), compatible()])
def test_every_changed_byte_of_the_ciphertext_is_refused(sent):
    ciphertext = json.loads(sent.body)["Encrypt"] if sent.body.startswith(b"{") else said(sent.body, "Encrypt")
    start = sent.body.index(ciphertext.encode())
    end = start + len(ciphertext)
    for position in range(start, end):
        for mask in (0x01, 0x20, 0x80):
            changed = bytearray(sent.body)
            changed[position] ^= mask
            assert reason(SAFE, Sent(sent.query, bytes(changed)))[0] in {400, 403}


@pytest.mark.parametrize("name", ["signature", "msg_signature", "timestamp", "nonce"])
def test_every_changed_character_of_the_query_is_refused(name):
    sent = safe()
    for position, sign in enumerate(sent.query[name]):
        changed = sent.query[name][:position] + ("0" if sign != "0" else "1") + sent.query[name][position + 1 :]
        assert reason(SAFE, Sent(sent.query | {name: changed}, sent.body)) == (403, Refusal.SIGNATURE)


def test_the_openid_of_the_query_is_believed_by_nobody():
    sent = safe()
    push = Sent(sent.query | {"openid": "o_somebody_else"}, sent.body).opened_with(SAFE, now=NOW)
    assert push.inbound.openid == pushing.OPENID
