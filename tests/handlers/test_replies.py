"""Operators' replies: which one speaks, when a change is heard, and what may not be said."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from handlers.actors import Operator
from handlers.chat import replies as replies_module
from handlers.chat import reply_editing
from handlers.chat.replies import Replies
from handlers.chat.reply_editing import ReplyDraft
from handlers.errors import (
    AccountUnknown,
    KeyReused,
    NotAnOfficialAccount,
    RepliesFull,
    ReplyInvalid,
    ReplyReserved,
    ReplyUnknown,
    RoleMissing,
)
from handlers.rules.replies import SaidArticle, SaidMiniProgram, SaidText
from models.accounts import Account
from models.operators import AuditEntry
from models.organizations import Organization
from models.replies import Reply
from models.words import OperatorRole, ReplyTrigger

EXACT, CONTAINS, SCENE, FOLLOW = ReplyTrigger


async def operator_of(organization, role=OperatorRole.OPERATOR) -> Operator:
    return Operator(uuid4(), organization.id, role, "lin", uuid4())


@pytest.fixture
async def lin(rooms):
    return await operator_of(await Organization.get(parent=None))


@pytest.fixture
async def account_id(rooms):
    return (await rooms.handlers.accounts.get("oa")).id


@pytest.fixture
def editing(rooms):
    return rooms.handlers.reply_editing


@pytest.fixture
def heard(rooms, account_id):
    """What a message, a scene or a follow is answered with; the text alone."""

    async def hear(trigger, said=""):
        replies = rooms.handlers.replies
        ask = {EXACT: replies.exact, CONTAINS: replies.containing, SCENE: replies.on_scene}
        found = await (replies.on_follow(account_id) if trigger is FOLLOW else ask[trigger](account_id, said))
        return found.text if found else None

    return hear


def draft(text="好的", trigger=EXACT, pattern="营业时间", **more):
    return ReplyDraft(trigger=trigger, content=SaidText(text), pattern=pattern, **more)


async def add(editing, lin, wanted, **more):
    return (await editing.create(lin, account="oa", draft=wanted, **more)).value.reply


@pytest.mark.parametrize(
    ("trigger", "pattern", "said", "other"),
    [
        (EXACT, "营业时间", "营业时间", "营业时间是"),
        (EXACT, " Wi-Fi！", "wi-fi", "wifi"),
        (EXACT, "ＷＩＦＩ", "WiFi", "wi"),
        (EXACT, "會員日", "会员日", "会员"),
        (CONTAINS, "停车", "请问停车免费吗", "停 车"),
        (SCENE, "store_7", "store_7", "STORE_7"),
    ],
)
async def test_each_trigger_answers_what_it_is_for(editing, lin, heard, trigger, pattern, said, other):
    await add(editing, lin, draft(trigger=trigger, pattern=pattern))
    assert await heard(trigger, said) == "好的"
    assert await heard(trigger, other) is None
    for another in {EXACT, CONTAINS, SCENE, FOLLOW} - {trigger}:
        assert await heard(another, said) is None


async def test_on_follow_needs_no_pattern(editing, lin, heard):
    await add(editing, lin, draft(trigger=FOLLOW, pattern=""))
    assert await heard(FOLLOW) == "好的"


async def test_the_higher_priority_speaks_and_among_equals_the_older(editing, lin, heard):
    for text, priority in (("低", 1), ("先", 5), ("后", 5)):
        await add(editing, lin, draft(text, priority=priority))
    assert await heard(EXACT, "营业时间") == "先"


async def test_a_reply_speaks_from_its_first_instant_to_before_its_last(rooms, editing, lin, heard):
    now = rooms.clock.now()
    starts_at, ends_at = now + timedelta(hours=1), now + timedelta(hours=2)
    await add(editing, lin, draft("春节", starts_at=starts_at, ends_at=ends_at, priority=1))
    await add(editing, lin, draft("平时"))
    second = timedelta(seconds=1)
    for instant, text in (
        (starts_at - second, "平时"),
        (starts_at, "春节"),
        (ends_at - second, "春节"),
        (ends_at, "平时"),
    ):
        rooms.clock.advance(instant - rooms.clock.now())
        assert await heard(EXACT, "营业时间") == text


async def test_a_switched_off_reply_is_silent(editing, lin, heard):
    kept = await add(editing, lin, draft())
    await editing.change(lin, kept.id, changes={"is_enabled": False})
    assert await heard(EXACT, "营业时间") is None


async def test_another_account_says_nothing_of_it(rooms, editing, lin):
    await add(editing, lin, draft())
    assert await rooms.handlers.replies.exact(uuid4(), "营业时间") is None


async def test_every_kind_of_content_comes_back_as_it_was_given(rooms, editing, lin, account_id):
    contents = [
        SaidArticle("书展", "周末", "https://example.com/a.png", "https://example.com/a"),
        SaidMiniProgram("进入", "wx5b2d4c1a9e8f7061", "pages/a", "media-1", "https://example.com"),
        SaidText("好的"),
    ]
    for place, content in enumerate(contents):
        await add(editing, lin, ReplyDraft(trigger=EXACT, content=content, pattern=f"词{place}"))
        assert await rooms.handlers.replies.exact(account_id, f"词{place}") == content
    assert [each.content for each in await editing.page(lin)] == contents


async def test_another_process_hears_a_change_within_two_seconds(rooms, editing, lin, account_id, monkeypatch):
    elapsed = [1000.0]
    monkeypatch.setattr(replies_module, "monotonic", lambda: elapsed[0])
    elsewhere = Replies(rooms.clock)
    assert await elsewhere.exact(account_id, "营业时间") is None
    await add(editing, lin, draft())
    elapsed[0] += 1.9
    assert await elsewhere.exact(account_id, "营业时间") is None  # remembered: no read per message
    elapsed[0] += 0.1
    assert await elsewhere.exact(account_id, "营业时间") == SaidText("好的")
    assert replies_module.REMEMBERED_SECONDS <= 2


@pytest.mark.parametrize("word", ["取消", "人工", "菜单", "同意", " 人工！", "同意。"])
async def test_the_ways_out_cannot_be_taken(editing, lin, word):
    with pytest.raises(ReplyReserved):
        await add(editing, lin, draft(pattern=word))
    assert await Reply.all().count() == 0


async def test_a_reserved_word_that_got_into_the_table_is_not_heard(editing, lin, heard):
    kept = await add(editing, lin, draft())
    await Reply.filter(id=kept.id).update(pattern="人工")
    editing._replies.forget()
    assert await heard(EXACT, "人工") is None


async def test_what_hides_a_word_of_ours_or_induces_is_taken_with_a_warning(editing, lin):
    saved = (await editing.create(lin, account="oa", draft=draft("转发领红包", pattern="我的"))).value
    assert {each.code: each.words for each in saved.warnings} == {"inducement": ("转发", "红包"), "command": ("我的",)}
    saved = (await editing.create(lin, account="oa", draft=draft())).value
    assert saved.warnings == ()


async def test_an_invalid_reply_names_every_problem_and_changes_nothing(rooms, editing, lin):
    now = rooms.clock.now()
    bad = draft("<b>x</b>", pattern="！", starts_at=now, ends_at=now, priority=1001)
    with pytest.raises(ReplyInvalid) as refused:
        await add(editing, lin, bad)
    assert {each["field"] for each in refused.value.facts["problems"]} == {"pattern", "text", "ends_at", "priority"}
    assert await Reply.all().count() == await AuditEntry.all().count() == 0
    kept = await add(editing, lin, draft())
    with pytest.raises(ReplyInvalid):
        await editing.change(lin, kept.id, changes={"content": SaidText("")})
    assert (await editing.page(lin))[0].content == SaidText("好的")


async def test_changing_parts_leaves_the_rest_and_null_opens_the_window(rooms, editing, lin, heard):
    now = rooms.clock.now()
    kept = await add(editing, lin, draft(ends_at=now + timedelta(hours=1), priority=3))
    changed = await editing.change(lin, kept.id, changes={"content": SaidText("新的"), "ends_at": None})
    assert changed.value.reply == replace(kept, content=SaidText("新的"), ends_at=None)
    assert await heard(EXACT, "营业时间") == "新的"


async def test_every_write_is_recorded_and_a_change_of_nothing_is_none(editing, lin):
    kept = await add(editing, lin, draft())
    await editing.change(lin, kept.id, changes={"priority": 2})
    await editing.change(lin, kept.id, changes={"priority": 2})
    await editing.delete(lin, kept.id)
    entries = await AuditEntry.all().order_by("id")
    assert [each.action for each in entries] == ["reply.created", "reply.changed", "reply.deleted"]
    assert {each.subject_id for each in entries} == {str(kept.id)}
    assert {each.actor_id for each in entries} == {lin.actor_id}


async def test_asking_twice_with_one_key_makes_one_reply(editing, lin):
    answers = await asyncio.gather(
        *[editing.create(lin, account="oa", draft=draft(), request_id="k1") for _ in range(5)]
    )
    assert len({each.value.reply.id for each in answers}) == 1
    assert sorted(each.replayed for each in answers) == [False, True, True, True, True]
    assert await Reply.all().count() == await AuditEntry.all().count() == 1
    with pytest.raises(KeyReused):
        await editing.create(lin, account="oa", draft=draft("别的"), request_id="k1")


async def test_two_operators_changing_different_parts_at_once_both_stay(editing, lin):
    kept = await add(editing, lin, draft())
    await asyncio.gather(
        editing.change(lin, kept.id, changes={"priority": 7}),
        editing.change(lin, kept.id, changes={"content": SaidText("新的")}),
    )
    (after,) = await editing.page(lin)
    assert (after.priority, after.content) == (7, SaidText("新的"))


async def test_another_subtrees_replies_do_not_exist(editing, lin):
    root = await Organization.get(parent=None)
    west, east = [await Organization.create(code=code, name=code, parent=root) for code in ("west", "east")]
    oa = await Account.get(key="oa")
    await Account.filter(id=oa.id).update(organization_id=west.id)
    kept = await add(editing, lin, draft())  # the root sees everything below it
    stranger, local = await operator_of(east), await operator_of(west)
    assert await editing.page(stranger) == ()
    with pytest.raises(AccountUnknown):
        await editing.page(stranger, account="oa")
    with pytest.raises(AccountUnknown):
        await add(editing, stranger, draft())
    for attempt in (editing.change(stranger, kept.id, changes={"priority": 1}), editing.delete(stranger, kept.id)):
        with pytest.raises(ReplyUnknown):
            await attempt
    with pytest.raises(ReplyUnknown):
        await editing.delete(local, uuid4())
    assert [each.id for each in await editing.page(local)] == [kept.id]
    await editing.delete(local, kept.id)


@pytest.mark.parametrize("role", [OperatorRole.SUPPORT, OperatorRole.FINANCE])
async def test_only_those_who_may_change_what_is_said_do(editing, role):
    reader = await operator_of(await Organization.get(parent=None), role)
    with pytest.raises(RoleMissing):
        await add(editing, reader, draft())


async def test_a_mini_program_has_no_replies_and_an_unknown_account_none_either(editing, lin):
    with pytest.raises(NotAnOfficialAccount):
        await editing.create(lin, account="mp", draft=draft())
    with pytest.raises(AccountUnknown):
        await editing.create(lin, account="nowhere", draft=draft())


async def test_an_account_has_room_for_so_many(editing, lin, monkeypatch):
    monkeypatch.setattr(reply_editing, "MOST_PER_ACCOUNT", 1)
    await add(editing, lin, draft())
    with pytest.raises(RepliesFull):
        await add(editing, lin, draft("再来"))


async def test_pages_go_on_where_the_last_one_ended(editing, lin):
    made = [(await add(editing, lin, draft(pattern=f"词{place}"))).id for place in range(5)]
    first = await editing.page(lin, limit=2)
    rest = await editing.page(lin, after=first[-1].id)
    assert [each.id for each in (*first, *rest)] == made
