"""The short way for typed messages reads exactly what wechatpy reads."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy import parse_message

from bot import payload
from bot.payload import look

NAMES = st.sampled_from(["ToUserName", "FromUserName", "CreateTime", "Content", "MsgId", "Encrypt", "bizmsgmenuid"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=30).map(
    lambda text: text.replace("]]>", "]] >")
)


def document(fields: list[tuple[str, str]], stray: str = "") -> str:
    inner = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in fields)
    return f"<xml>{stray}<MsgType><![CDATA[text]]></MsgType>{inner}</xml>"


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=7))
def test_a_text_has_the_fields_that_wechatpy_finds(fields):
    text = document([("FromUserName", "o-1"), ("CreateTime", "1"), *fields])
    assert look(text).fields() == parse_message(text)._data


ODD = st.sampled_from("]>[<&;!/CDATA \t\n\r\x00\x1f\ufffe\u3000")
SIGNS = st.text(st.one_of(ODD, st.characters(codec="utf-8")), max_size=12)
VALUES = st.one_of(SIGNS.map(lambda text: f"<![CDATA[{text}]]>"), SIGNS, st.integers(0, 10**21).map(str))
PIECES = st.tuples(NAMES, VALUES, NAMES | st.none()).map(lambda one: f"<{one[0]}>{one[1]}</{one[2] or one[0]}>")
SPACES = st.sampled_from(["", "\n", " ", "\t", "\r\n", "\u00a0", "x"])


@given(st.lists(st.tuples(SPACES, PIECES), max_size=5), SPACES, SPACES)
def test_the_shortest_way_finds_what_expat_finds_or_leaves_it_to_expat(pieces, before, after):
    text = f"{before}<xml>{''.join(space + piece for space, piece in pieces)}{after}</xml>"
    assert outcome(look, text) == outcome(by_expat, text)


def test_the_shortest_way_is_the_one_that_typed_messages_take(monkeypatch):
    def unexpected(_):
        raise AssertionError("the long way")

    monkeypatch.setattr(payload, "_look_through", unexpected)
    assert look(document([("Content", "你好 & <b>"), ("MsgId", "1")])).top_level["Content"] == "你好 & <b>"


def outcome(read, text):
    try:
        found = read(text)
        return found.top_level, found.is_flat, found.fields()
    except payload.PayloadRefused as refusal:
        return refusal.reason


def by_expat(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload, "_SIMPLE", re.compile("(?!)"))
        return look(text)


def test_what_is_not_flat_takes_the_long_way():
    for odd in (
        document([("Content", "a"), ("Content", "b")]),
        document([("Content", "a")], stray="stray"),
        document([]).replace("<MsgType>", "<List><Item>x</Item></List><MsgType>"),
        document([("Content", "a")]).replace("<Content>", '<Content kind="x">'),
    ):
        payload = look(odd)
        assert not payload.is_flat
        assert payload.fields() == parse_message(odd)._data
