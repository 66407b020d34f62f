"""What may be answered: it arrives whole in an independent parser, whatever it holds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies import MAX_TEXT_BYTES, Article, Image, Text, ToHuman, cut
from tests.bot import pushing
from tests.bot.pushing import HELLO, PLAIN, SAFE, answered, document, plain, safe, said

PUSH = plain().opened_with(PLAIN)
SAFE_PUSH = safe().opened_with(SAFE)
ARTICLE = Article("领取成功", "满减券一张", "https://example.com/a.png", "https://example.com/?a=1&b=2")

NASTY = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("]>[<&!\r\n\t\x00\x08\x0b\ufffe\uffff\ud800😀权")), max_size=300
)


def legal(text):
    """What XML 1.0 can hold of a text, line ends as its parsers read them; written apart from the code under test."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        sign
        for sign in text
        if sign in "\t\n" or " " <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign >= "\U00010000"
    )


@given(NASTY)
def test_any_short_text_arrives_as_it_is_but_for_what_xml_cannot_hold(text):
    answer = answered(PUSH, Text(text))
    expected = legal(text)
    assert answer == b"success" if not expected.strip() else said(answer) == expected


@given(NASTY)
def test_any_text_arrives_through_encryption_too(text):
    answer = answered(SAFE_PUSH, Text("。" + text))
    inner = pushing.decrypt(said(answer, "Encrypt"))
    assert said(inner.encode()) == "。" + legal(text)


@given(NASTY, NASTY)
def test_any_words_arrive_in_an_article_a_picture_and_an_agent(text, other):
    article = document(answered(PUSH, Article("题" + text, other, text, other)))
    assert article.findtext("Articles/item/Title") == "题" + legal(text)
    assert article.findtext("Articles/item/Description") == legal(other)
    picture = document(answered(PUSH, Image("m" + text)))
    assert picture.findtext("Image/MediaId") == "m" + legal(text)
    human = document(answered(PUSH, ToHuman("a" + text)))
    assert human.findtext("TransInfo/KfAccount") == "a" + legal(text)


@given(st.text(alphabet="aé权😀", min_size=1).filter(lambda piece: len(piece.encode()) > 1), st.integers(200, 3000))
def test_a_long_text_is_cut_to_2048_bytes_between_characters(piece, times):
    text = piece * times
    content = said(answered(PUSH, Text(text)))
    assert len(content.encode()) <= MAX_TEXT_BYTES
    if len(text.encode()) <= MAX_TEXT_BYTES:
        assert content == text
    else:
        assert content.endswith("…")
        assert text.startswith(content.removesuffix("…"))
        assert len(content.encode()) > MAX_TEXT_BYTES - 4


@pytest.mark.parametrize("room", range(2030, 2050))
def test_a_text_of_exactly_the_limit_is_not_cut(room):
    text = "a" * room
    assert (cut(text) == text) is (room <= 2048)


def test_a_link_is_cut_as_a_whole_and_never_shown_as_its_source():
    text = "先" * 600 + '<a href="https://example.com/' + "x" * 300 + '">领取</a>'
    content = cut(text)
    assert content == "先" * 600 + "…"
    whole = '<a href="https://example.com/">领取</a>' + "后" * 1000
    assert cut(whole).startswith('<a href="https://example.com/">领取</a>后')


def test_the_answer_goes_back_to_whom_it_came_from():
    answer = document(answered(PUSH, Text("好")))
    assert (answer.findtext("ToUserName"), answer.findtext("FromUserName")) == (pushing.OPENID, pushing.GH)
    assert answer.findtext("CreateTime") == pushing.TIMESTAMP
    assert answer.findtext("MsgType") == "text"


def test_a_sender_with_markup_in_the_name_cannot_break_the_answer():
    push = plain(HELLO | {"FromUserName": "o]]><x>"}).opened_with(PLAIN)
    assert said(answered(push, Text("好")), "ToUserName") == "o]]><x>"


@pytest.mark.parametrize("kind", ["text", "image", "voice", "video", "location", "link", "event"])
def test_an_article_is_one_whatever_was_said(kind):
    push = plain(HELLO | {"MsgType": kind, "Event": "CLICK"}).opened_with(PLAIN)
    answer = document(answered(push, ARTICLE))
    assert (answer.findtext("MsgType"), answer.findtext("ArticleCount")) == ("news", "1")
    [item] = answer.findall("Articles/item")
    assert {part.tag: part.text for part in item} == {
        "Title": "领取成功",
        "Description": "满减券一张",
        "PicUrl": "https://example.com/a.png",
        "Url": "https://example.com/?a=1&b=2",
    }


def test_a_picture_names_its_media():
    answer = document(answered(PUSH, Image("media_1")))
    assert (answer.findtext("MsgType"), answer.findtext("Image/MediaId")) == ("image", "media_1")


def test_a_conversation_is_handed_to_anybody_or_to_one_agent():
    anybody, agent = document(answered(PUSH, ToHuman())), document(answered(PUSH, ToHuman("kf2001@gh")))
    assert {anybody.findtext("MsgType"), agent.findtext("MsgType")} == {"transfer_customer_service"}
    assert anybody.find("TransInfo") is None
    assert agent.findtext("TransInfo/KfAccount") == "kf2001@gh"


@pytest.mark.parametrize("reply", [Text("\x00\x08"), Article("", "d", "p", "u"), Article(" ", "", "", ""), Image("")])
def test_a_reply_without_its_substance_is_success_because_wechat_would_take_it_for_a_fault(reply):
    assert answered(PUSH, reply) == b"success"


def test_what_is_sent_starts_with_its_root_as_the_platform_wants_it():
    assert re.match(rb"<xml>", answered(PUSH, Text("好")))
