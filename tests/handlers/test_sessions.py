"""Signing in with a wx.login code, and the sessions that come of it."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import AccountUnknown, LoginBlocked, LoginCodeRefused, NotSignedIn, WeChatUnavailable
from handlers.ports import WeChatGaveUp, WeChatRetryLater, WeChatUserRefused
from models.identity import Attribution, Member


async def test_a_login_makes_the_person_known_and_gives_a_token(rooms):
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming", "u-ming"))
    assert opened.person.is_member is False
    assert await rooms.handlers.sessions.who(opened.token) == opened.person


async def test_the_token_itself_is_stored_nowhere(rooms, redis):
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    async for key in redis.scan_iter():
        assert opened.token.encode() not in key


async def test_a_retried_login_does_not_fail_on_its_used_code(rooms):
    code = rooms.wechat.login_code("o-ming")
    first, again = [await rooms.handlers.sessions.open(code=code) for _ in range(2)]
    assert first.person == again.person
    assert first.token != again.token
    assert rooms.wechat.calls["login"] == 1


async def test_twenty_logins_with_one_code_at_once_ask_wechat_once(rooms):
    rooms.wechat.delay = 0.05
    code = rooms.wechat.login_code("o-ming")
    opened = await asyncio.gather(*(rooms.handlers.sessions.open(code=code) for _ in range(20)))
    assert len({session.person.member_id for session in opened}) == 1
    assert rooms.wechat.calls["login"] == 1
    assert await Member.all().count() == 1


async def test_an_unknown_code_is_refused(rooms):
    with pytest.raises(LoginCodeRefused):
        await rooms.handlers.sessions.open(code="made-up")
    assert await Member.all().count() == 0


@pytest.mark.parametrize(
    ("trouble", "refusal"),
    [
        (WeChatUserRefused(40226, ""), LoginBlocked),
        (WeChatUserRefused(40163, ""), LoginCodeRefused),
        (WeChatUserRefused(45011, ""), WeChatUnavailable),
        (WeChatRetryLater(-1, ""), WeChatUnavailable),
        (WeChatGaveUp(40013, ""), WeChatUnavailable),
    ],
)
async def test_what_wechat_refuses_is_told_in_our_words(rooms, trouble, refusal):
    rooms.wechat.trouble = trouble
    with pytest.raises(refusal):
        await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    assert await Member.all().count() == 0


async def test_only_mini_programs_have_sessions(rooms):
    with pytest.raises(AccountUnknown):
        await rooms.handlers.sessions.open(code="x", account="oa")
    with pytest.raises(AccountUnknown):
        await rooms.handlers.sessions.open(code="x", account="nobody")


async def test_a_session_ends_after_a_week_without_use(rooms):
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    rooms.clock.advance(timedelta(days=31))
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(opened.token)


async def test_logging_out_ends_this_session_alone_and_everywhere_ends_all(rooms):
    sessions = [await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming")) for _ in range(3)]
    await rooms.handlers.sessions.close(sessions[0].person, token=sessions[0].token)
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(sessions[0].token)
    await rooms.handlers.sessions.who(sessions[1].token)
    assert (await rooms.handlers.sessions.close_all(sessions[1].person)).value.count == 2
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(sessions[2].token)


async def test_losing_redis_costs_a_login_and_nothing_else(rooms, redis):
    person = await rooms.member("o-ming")
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    await redis.flushall()
    await asyncio.sleep(1.1)  # what this process remembers for a second
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(opened.token)
    again = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    assert again.person.number == person.number


async def test_the_scene_of_the_first_login_is_the_attribution(rooms):
    await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"), scene="poster")
    await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"), scene="other")
    assert (await Attribution.get()).scene == "poster"
