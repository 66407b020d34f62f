"""A process that dies between taking a push and answering it, people who may not act, events that are nobody's."""

import asyncio
from datetime import timedelta

import pytest

from bot import app, texts
from handlers.ports import DialogueState
from models.identity import Follower, Member
from models.words import MemberStatus
from tests.stories.conftest import ANSWER_WITHIN


async def asked_to_join(town):
    ming = town.person()
    await ming.follow(town.oa)
    await ming.say(town.oa, "入会")
    return ming


def dying(door, times=1):
    """Takes the push as usual, and is gone before it answers; `times` times."""
    left = [times]
    claim = door.claim

    async def claim_and_die(key):
        found = await claim(key)
        if found is None and left[0]:
            left[0] -= 1
            raise asyncio.CancelledError
        return found

    return claim_and_die


async def test_what_a_dying_process_had_taken_is_done_by_the_next_delivery(town, monkeypatch):
    ming = await asked_to_join(town)
    answers = town.house.answers
    answers._claims._milliseconds = 300
    claim = dying(answers)
    monkeypatch.setattr(type(answers), "claim", lambda _, key: claim(key))
    push = await ming.say(town.oa, "同意")
    await asyncio.sleep(0.3)
    await town.work()
    assert (await Member.get()).joined_at is not None
    assert "入会成功" in ming.chat(town.oa).texts()[-1]
    assert not push.is_fault_shown


async def test_an_answer_that_cannot_be_made_is_made_for_the_next_delivery(town, monkeypatch):
    ming = await asked_to_join(town)
    render, left = app.render, [1]

    def broken(*args, **named):
        if left[0]:
            left[0] -= 1
            raise RuntimeError("out of memory")
        return render(*args, **named)

    monkeypatch.setattr(app, "render", broken)
    push = await ming.say(town.oa, "同意")
    number = (await Member.get()).number
    assert number in push.text
    assert len(push.deliveries) == 2


async def test_a_frozen_persons_leaving_is_recorded_and_not_answered(town):
    ming = town.person()
    await ming.follow(town.oa)
    await Member.all().update(status=MemberStatus.FROZEN)
    push = await ming.unfollow(town.oa)
    assert push.reply is None
    assert (await Follower.get()).unfollowed_at is not None


async def test_a_frozen_person_is_told_so_when_they_speak_and_not_at_every_event(town):
    ming = town.person()
    await ming.follow(town.oa)
    await Member.all().update(status=MemberStatus.FROZEN)
    assert "不能使用" in (await ming.say(town.oa, "我的")).text
    push = await ming.raw(town.oa, {"MsgType": "event", "Event": "VIEW", "EventKey": "https://example.com/"})
    assert push.taken is not None
    assert push.reply is None


@pytest.mark.parametrize("event", ["naming_verify_success", "MASSSENDJOBFINISH", "card_pass_check"])
async def test_the_platform_itself_does_not_become_a_person(town, event):
    ming = town.person()
    push = await ming.raw(town.oa, {"MsgType": "event", "Event": event, "MsgID": "1"})
    assert push.taken is not None
    assert await Member.all().count() == 0
    assert town.platform.call_counts["/cgi-bin/user/info"] == 0


async def test_agreeing_to_a_text_that_changed_meanwhile_shows_the_new_one(town):
    ming = await asked_to_join(town)
    member_id = str((await Member.get()).id)
    old = DialogueState("join", "consent", {"version": "2020-01"}, member_id)
    await town.house.dialogues.keep("oa", ming.openid(town.oa), old, lasting=timedelta(minutes=10))
    assert "《会员协议》" in (await ming.say(town.oa, "同意")).text
    assert (await Member.get()).joined_at is None
    assert "入会成功" in (await ming.say(town.oa, "同意")).text


async def test_what_was_asked_of_somebody_else_behind_the_openid_is_not_answered(town):
    """Whoever left and came back is somebody new: nothing said before counts."""
    ming = await asked_to_join(town)
    before = DialogueState("join", "consent", {"version": "2020-01"}, "01900000-0000-7000-8000-000000000000")
    await town.house.dialogues.keep("oa", ming.openid(town.oa), before, lasting=timedelta(minutes=10))
    await ming.say(town.oa, "同意")
    assert (await Member.get()).joined_at is None


async def test_asking_for_a_person_while_everything_is_slow_is_not_met_with_silence(town, monkeypatch):
    ming = town.person()
    await ming.follow(town.oa)
    dialogues = type(town.house.dialogues)
    drop = dialogues.drop

    async def slow(*args):
        await asyncio.sleep(ANSWER_WITHIN + 0.2)
        await drop(*args)

    monkeypatch.setattr(dialogues, "drop", slow)
    push = await ming.say(town.oa, "人工")
    assert push.reply is None
    await town.work_to_come()
    assert ming.chat(town.oa).texts()[-1] == texts.HUMAN_MISSED
