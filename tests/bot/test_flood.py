"""What is asked before a push is worked on: whether this person says too much."""

from datetime import timedelta

import pytest

from bot.flood import CHAT, CHAT_TOLD, ChatLimit, Flood
from bot.inbound import Inbound, read
from bot.kinds import AUTHORIZATION, CARDS, EVENTS, MESSAGES, SUBSCRIBE_MESSAGES
from gateways.stores.limits import Limit, ProcessRateLimiter

MINUTE = timedelta(minutes=1)


@pytest.fixture
def limit(clock) -> ChatLimit:
    """Three a minute."""
    return ChatLimit(ProcessRateLimiter({CHAT: Limit(3, MINUTE), CHAT_TOLD: Limit(1, MINUTE)}, clock))


def said(openid: str = "o-ming", kind: str = "text") -> Inbound:
    return read({"MsgType": kind, "FromUserName": openid, "CreateTime": "1714036503", "MsgId": "1", "Content": "x"})


def happened(event: str) -> Inbound:
    fields = {"MsgType": "event", "Event": event, "FromUserName": "o-ming", "CreateTime": "1714036503"}
    return read({**fields, "OpenID": "o-ming"})


def test_over_the_limit_it_is_said_once_a_minute_and_otherwise_there_is_silence(limit, clock):
    first = [limit.check(said()) for _ in range(6)]
    assert first == [None, None, None, Flood.TOLD, Flood.SILENT, Flood.SILENT]
    clock.advance(timedelta(seconds=59))
    assert [limit.check(said()) for _ in range(5)] == [None, None, Flood.SILENT, Flood.SILENT, Flood.SILENT]
    clock.advance(timedelta(seconds=1))
    assert [limit.check(said()) for _ in range(3)] == [None, Flood.TOLD, Flood.SILENT]


def test_somebody_else_is_answered_as_ever(limit):
    for _ in range(10):
        limit.check(said())
    assert limit.check(said("o-hong")) is None


@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_messages_of_every_kind_count(limit, kind):
    assert [limit.check(said(kind=kind)) for _ in range(4)][-1] is Flood.TOLD


@pytest.mark.parametrize("event", ["click", "view", "scan", "scancode_waitmsg"])
def test_what_people_can_tap_at_will_counts(limit, event):
    assert [limit.check(happened(event)) for _ in range(4)][-1] is Flood.TOLD


def test_a_telephone_that_reports_where_it_is_is_not_spoken_to(limit):
    assert [limit.check(happened("location")) for _ in range(5)][-2:] == [Flood.SILENT, Flood.SILENT]


@pytest.mark.parametrize("event", sorted({"subscribe", "unsubscribe"} | AUTHORIZATION | CARDS | SUBSCRIBE_MESSAGES))
def test_what_has_to_be_heard_is_never_dropped(limit, event):
    assert event in EVENTS
    for _ in range(10):
        limit.check(said())
    assert [limit.check(happened(event)) for _ in range(10)] == [None] * 10
