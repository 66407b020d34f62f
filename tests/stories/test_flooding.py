"""One person who sends without end does not use up what the others need."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from bot import texts
from bot.flood import CHAT, Flood
from models.identity import Follower, Member

ALLOWED = 5


@pytest.fixture(autouse=True)
def a_low_limit(town):
    """Five at once, and in effect none afterwards: the story may take its time."""
    town.house.rate_limiter._limits[CHAT] = (86_400.0, ALLOWED)


def counted_pushes(outcome: Flood, account: str = "oa") -> float:
    return REGISTRY.get_sample_value("fanpiao_pushes_total", {"account": account, "outcome": outcome.value}) or 0.0


async def test_a_flood_is_taken_in_silence_and_nothing_is_looked_up_for_it(town, monkeypatch):
    ming, hong = town.person(), town.person("小红")
    await ming.follow(town.oa)
    await hong.follow(town.oa)
    asked, answers = [], type(town.house.answers)
    claim = answers.claim

    async def counted(self, key):
        asked.append(key)
        return await claim(self, key)

    monkeypatch.setattr(answers, "claim", counted)
    for _ in range(ALLOWED):
        assert "可以办理" in (await ming.say(town.oa, "菜单")).text
    assert len(asked) == ALLOWED
    before = counted_pushes(Flood.TOLD), counted_pushes(Flood.SILENT)
    assert (await ming.say(town.oa, "菜单")).text == texts.TOO_FAST
    for _ in range(10):
        push = await ming.say(town.oa, "菜单")
        assert (len(push.deliveries), push.reply, push.is_fault_shown) == (1, None, False)
    assert len(asked) == ALLOWED
    assert "可以办理" in (await hong.say(town.oa, "菜单")).text
    assert (counted_pushes(Flood.TOLD), counted_pushes(Flood.SILENT)) == (before[0] + 1, before[1] + 10)


async def test_who_flooded_and_leaves_has_left(town):
    ming = town.person()
    await ming.follow(town.oa)
    for _ in range(ALLOWED + 2):
        await ming.say(town.oa, "菜单")
    await ming.unfollow(town.oa)
    assert (await Follower.get()).unfollowed_at is not None
    town.wait(timedelta(seconds=2))  # events of one second are one event
    await ming.follow(town.oa)
    assert (await Follower.get()).unfollowed_at is None
    assert await Member.all().count() == 1


async def test_a_mini_program_is_never_answered_not_even_that_it_is_too_much(town):
    ming = town.person()
    for turn in range(ALLOWED + 3):
        push = await ming.raw(town.mp, {"MsgType": "text", "Content": "在吗", "MsgId": 1_000 + turn})
        assert push.taken is not None
        assert push.reply is None
    assert counted_pushes(Flood.TOLD, "mp") >= 1
