"""The short way for typed messages reads exactly what wechatpy reads."""

from hypothesis import given
from hypothesis import strategies as st
from wechatpy import parse_message

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
