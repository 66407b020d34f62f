"""Notices find a person at the official account that they follow; where no message can be sent, by its template."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.accounts.accounts import NoticeTemplate
from handlers.accounts.operator_accounts import AccountChange
from handlers.errors import AccountOfSettings
from handlers.ports import WeChatUserRefused
from models.accounts import Account
from models.operators import AuditEntry
from models.words import AccountKind
from tests.operating import first_operator, sign_in

WORDS = "您的洗车券三天后到期，到店前请留意营业时间。"
CARRIES = NoticeTemplate("template-1", "thing1", "time2")


@pytest.fixture
async def root(rooms):
    worker = await first_operator(rooms.handlers)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    return operator


@pytest.fixture
async def city(rooms, root):
    """A city's own official account."""
    main = (await rooms.handlers.accounts.get("oa")).open_platform  # so that people are the same at both
    facts = AccountChange(secret="s" * 32, token="t" * 8, open_platform=main)
    made = await rooms.handlers.operator_accounts.add(
        root,
        key="city",
        kind=AccountKind.OFFICIAL_ACCOUNT,
        app_id="wx" + "c" * 16,
        organization_id=None,
        facts=facts,
        request_id="add",
    )
    return made.value


async def follows(rooms, account: str, openid: str, unionid: str = "u-ming"):
    person = await rooms.person(openid, unionid, account=account)
    await rooms.handlers.following.follow(person, await rooms.handlers.accounts.get(account))
    rooms.clock.advance(timedelta(hours=2))  # so that the next is seen later
    return person


def windows(rooms, *shut: str) -> None:
    """Nothing can be said to these."""
    real = rooms.wechat.send_text

    async def send_text(app, openid, text):
        if openid in shut:
            raise WeChatUserRefused(45015, "response out of time limit")
        await real(app, openid, text)

    rooms.wechat.send_text = send_text


async def told(rooms, person) -> None:
    await rooms.handlers.notices.tell(member_id=str(person.member_id), text=WORDS)


async def test_who_follows_a_citys_account_alone_is_told_there(rooms, city):
    await told(rooms, await follows(rooms, "city", "o-city"))
    assert rooms.wechat.sent == [("o-city", WORDS)]


async def test_who_follows_two_is_told_where_they_were_seen_last(rooms, city):
    await follows(rooms, "oa", "o-first")
    person = await follows(rooms, "city", "o-city")
    await told(rooms, person)
    rooms.clock.advance(timedelta(hours=2))
    await follows(rooms, "oa", "o-first")
    await told(rooms, person)
    assert rooms.wechat.sent == [("o-city", WORDS), ("o-first", WORDS)]


async def test_where_no_window_is_open_the_next_one_is_tried(rooms, city):
    await follows(rooms, "oa", "o-first")
    person = await follows(rooms, "city", "o-city")
    windows(rooms, "o-city")
    await told(rooms, person)
    assert rooms.wechat.sent == [("o-first", WORDS)]


async def test_the_template_carries_what_no_message_may(rooms, root, city):
    person = await follows(rooms, "city", "o-city")
    windows(rooms, "o-city")
    await told(rooms, person)
    assert rooms.wechat.templates == []  # none is set
    await rooms.handlers.operator_accounts.change(root, city.id, AccountChange(notice=CARRIES), request_id="n")
    await told(rooms, person)
    ((openid, template, values, again),) = rooms.wechat.templates
    assert (openid, template, values["thing1"]) == ("o-city", "template-1", WORDS)
    assert values["time2"] == rooms.clock.now().astimezone(rooms.handlers.notices._zone).strftime("%Y-%m-%d %H:%M")
    assert len(again) == 32


async def test_who_left_an_account_is_not_sought_there(rooms, city):
    person = await follows(rooms, "city", "o-city")
    await rooms.handlers.following.unfollow(person, await rooms.handlers.accounts.get("city"))
    await told(rooms, person)
    assert (rooms.wechat.sent, rooms.wechat.calls["send_text"]) == ([], 0)


async def test_who_left_for_good_is_told_nothing_and_no_job_fails(rooms, city):
    person = await follows(rooms, "city", "o-city")
    await rooms.handlers.departures.leave(person)
    await told(rooms, person)
    assert rooms.wechat.sent == []


async def test_operators_name_the_template_of_an_account_of_the_settings_and_nothing_else_of_it(rooms, root):
    handlers = rooms.handlers.operator_accounts
    account = await Account.get(key="oa")
    with pytest.raises(AccountOfSettings):
        change = AccountChange(notice=CARRIES, brand_name="x")
        await handlers.change(root, account.id, change, request_id=None)
    changed = await handlers.change(root, account.id, AccountChange(notice=CARRIES), request_id=None)
    assert changed.value.notice == CARRIES
    entry = await AuditEntry.filter(action="account.changed").get()
    assert "template-1" in str(entry.facts["after"])
    gone = AccountChange(notice=replace(CARRIES, id=""))
    assert (await handlers.change(root, account.id, gone, request_id=None)).value.notice is None
    entry = await AuditEntry.filter(action="account.changed").order_by("-id").first()
    assert "template" in str(entry.facts["after"])
    assert CARRIES.text not in str(entry.facts["after"])  # what holds now: none
