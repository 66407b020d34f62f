"""抽奖 in chat: what can be drawn, spun by a number or a word, ten at once, and points only after 确认."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import OutcomeUnknown, Overloaded
from handlers.rules.draw_rules import WHOLE, Pity, SpinPrice
from models.draws import Spin
from models.requests import Request
from models.words import SpinPaid, Touchpoint
from tests.handlers.asking import hamper
from tests.handlers.drawing import fair_of, goods, points
from tests.stories.test_claiming import member

ONCE = SpinPrice(free_daily=1, takes_chances=True, points=50)


@pytest.fixture
async def ming(town):
    return await member(town, "小明")


@pytest.fixture
async def fair(town, ming):
    """Its members' doings go through the very handlers that the doors call."""
    return await fair_of(town.house)


async def who(town, person):
    return await town.house.handlers.identity.known(
        "oa", town.oa.app_id, person.openid(town.oa), through=Touchpoint.CHAT
    )


async def test_what_can_be_drawn_is_listed_and_spun_by_its_number_or_its_word(town, ming, fair):
    assert "没有可以参加的抽奖" in (await ming.say(town.oa, "抽奖")).text
    await fair.published(points(amount=7), title="开业转盘", price=SpinPrice(free_daily=2))
    await fair.published(goods(stock=9), title="周末刮刮卡", price=SpinPrice(free_daily=1))
    said = (await ming.say(town.oa, "抽獎")).text
    assert said.startswith("可以参加的抽奖（回复数字抽一次）：\n1 周末刮刮卡（免费1次）\n2 开业转盘（免费2次）\n")
    said = (await ming.say(town.oa, "2")).text
    assert said == "抽中7积分，7分已到账，回复“积分”查看。\n免费1次。结果编号1，可在小程序“抽奖”里核对。"
    said = (await ming.say(town.oa, "抽 开业")).text
    assert said.endswith("\n次数已用完。结果编号2，可在小程序“抽奖”里核对。")
    assert (await ming.say(town.oa, "抽开业转盘")).text == "今天的次数已用完，明天再来。"
    assert (await ming.say(town.oa, "抽 火箭")).text == "没有找到抽奖“火箭”。回复“抽奖”看可以参加的。"
    said = (await ming.say(town.oa, "抽奖 周末")).text
    assert said.startswith("抽中水壶。请在")
    assert "前到小程序“抽奖”里填写收货地址，逾期视为放弃。" in said
    assert await Spin.all().count() == 3


async def test_what_asks_something_is_told_what_once_for_each_kind_and_nothing_is_asked_in_chat(town, ming, fair):
    basket = await hamper(fair, choose=2, stock=2)
    await fair.published(basket, title="开业转盘", price=SpinPrice(free_daily=20))
    said = (await ming.say(town.oa, "抽 开业")).text
    assert said.startswith("抽中三选礼包。请在")
    assert "前到小程序“抽奖”里选好要领的内容，逾期视为放弃。" in said
    lines = (await ming.say(town.oa, "十连 开业")).text.split("\n")
    assert lines[1:3] == ["谢谢参与 9次", "三选礼包 1次"]
    assert lines[3].startswith("抽中三选礼包。请在")
    await town.work()
    told = [text for text in ming.chat(town.oa).texts() if "点这里</a>选好要领的内容" in text]
    assert len(told) == 2  # each has a deadline of its own


async def test_the_message_is_the_key_and_the_nonce_so_that_a_second_delivery_spins_nothing(town, ming, fair):
    await fair.published(points(amount=7), title="开业转盘")
    push = await ming.say(town.oa, "抽 开业")
    again = await town.platform.pusher.replay(push)
    assert again.text == push.text
    (spin,) = await Spin.all()
    (asked,) = await Request.filter(operation="spin")
    assert asked.key.startswith("msg:")
    assert f'"{asked.key}"' in spin.row


async def test_points_are_spent_after_the_word_to_the_number_that_was_named_and_on_nothing_else(town, ming, fair):
    await fair.published(points(0), title="开业转盘", price=ONCE)
    person = await who(town, ming)
    await fair.earn(person, 60)
    assert (await ming.say(town.oa, "抽 开业")).text.startswith("这次没有抽中，谢谢参与。\n每次50分。")
    asked = (await ming.say(town.oa, "抽 开业")).text
    assert asked == "开业转盘抽1次需要50分，确认请回复“确认”；不想抽了，回复“取消”。"
    assert (await ming.say(town.oa, "好")).text == asked
    assert await fair.has(person) == 60
    assert "已取消" in (await ming.say(town.oa, "取消")).text
    assert (await ming.say(town.oa, "确认")).text.startswith("没有明白")
    await ming.say(town.oa, "抽 开业")
    assert (await ming.say(town.oa, "确认")).text.startswith("这次没有抽中")
    assert await fair.has(person) == 10
    assert (await ming.say(town.oa, "抽 开业")).text == "这次需要50分，您有10分。回复“签到”或“任务”可以得积分。"
    assert [spin.paid_by for spin in await Spin.all().order_by("sequence")] == [SpinPaid.FREE, SpinPaid.POINTS]


async def test_two_messages_at_once_spend_one_free_spin_and_no_points(town, ming, fair):
    """Both are decided by what the same look saw: one spin is free, and the other one asks."""
    draw_id = await fair.published(points(0), title="开业转盘", price=ONCE)
    person = await who(town, ming)
    await fair.earn(person, 500)
    seen, both = town.house.handlers.draws.view, asyncio.Barrier(2)

    async def look(*facts):
        found = await seen(*facts)
        if not (await Spin.exists()):
            await both.wait()  # neither spins before the other has seen the free one
        return found

    town.house.handlers.draws.view = look
    try:
        said = await asyncio.gather(*(ming.say(town.oa, word) for word in ("抽 开业", "抽 开业转盘")))
    finally:
        town.house.handlers.draws.view = seen
    assert sorted(each.text.split("\n")[0] for each in said) == sorted(
        ["这次没有抽中，谢谢参与。", "开业转盘抽1次需要50分，确认请回复“确认”；不想抽了，回复“取消”。"]
    )
    assert (await fair.has(person), await Spin.filter(draw_id=draw_id).count()) == (500, 1)
    # Without what was agreed to the engine takes the points: this is what the asking holds back.
    await fair.spin(person, draw_id)
    assert await fair.has(person) == 450


async def test_ten_at_once_are_told_together_with_how_far_the_guarantee_is(town, ming, fair):
    pity, kettle = Pity(rarity=1, guaranteed_at=10), goods(1, rarity=1, stock=9, unlock_after=9)
    draw_id = await fair.published(kettle, title="开业转盘", pity=pity, price=SpinPrice(points=20))
    person = await who(town, ming)
    await fair.chances(person, draw_id, 3)
    said = (await ming.say(town.oa, "抽奖")).text
    assert "1 开业转盘（抽奖次数3个，之后每次20分，最多再抽10次必得保底奖品）" in said
    assert (await ming.say(town.oa, "十连")).text == "这次需要140分，您有0分。回复“签到”或“任务”可以得积分。"
    await fair.earn(person, 150)
    assert "抽10次需要140分" in (await ming.say(town.oa, "十连 开业")).text
    lines = (await ming.say(town.oa, "确认")).text.split("\n")
    assert lines[:3] == ["开业转盘抽了10次：", "谢谢参与 9次", "水壶 1次"]
    assert lines[3].startswith("抽中水壶。请在")
    assert lines[4] == "每次20分，最多再抽10次必得保底奖品。结果编号1至10，可在小程序“抽奖”里核对。"
    assert await fair.has(person) == 10


async def test_what_ran_out_is_said_with_what_came_instead(town, ming, fair):
    draw_id = await fair.published(
        goods(WHOLE, stock=1, fallback="points"), points(0), title="开业转盘", price=SpinPrice(free_daily=10)
    )
    assert (await ming.say(town.oa, "抽 开业")).text.startswith("抽中水壶。")
    assert await fair.left(draw_id, "kettle") == 0
    said = (await ming.say(town.oa, "抽 开业")).text
    assert said.startswith("抽中7积分，7分已到账，回复“积分”查看。（抽到的“水壶”已发完或已到上限，按规则改为这一项）\n")


async def test_ten_that_cannot_be_paid_spin_none(town, ming, fair):
    draw_id = await fair.published(points(0), title="开业转盘", price=SpinPrice(free_daily=4))
    assert (await ming.say(town.oa, "十连")).text == "连抽10次，次数不够，您还有4次。请一次一次抽。"
    assert not await Spin.filter(draw_id=draw_id).exists()


async def test_whoever_is_no_member_reads_how_to_become_one_and_help_names_what_there_is(town, ming, fair):
    await fair.published(points(0), title="开业转盘")
    hong = town.person("小红")
    await hong.follow(town.oa)
    assert "还不是会员" in (await hong.say(town.oa, "抽奖")).text
    assert "还不是会员" in (await hong.say(town.oa, "十连")).text
    said = (await ming.say(town.oa, "菜单")).text
    assert all(f"\n{place} {word}" in said for place, word in ((2, "签到"), (3, "抽奖"), (4, "任务")))
    assert (await ming.say(town.oa, "3")).text.startswith("可以参加的抽奖")


async def test_a_draw_that_is_paused_or_announced_says_so(town, ming, fair):
    opens = fair.rooms.clock.now().replace(microsecond=0)
    draw_id = await fair.published(points(0), title="开业转盘")
    await fair.handlers.draw_editing.pause(fair.operator, draw_id, reason="核对", request_id="pause")
    assert "1 开业转盘（暂停中）" in (await ming.say(town.oa, "抽奖")).text
    assert (await ming.say(town.oa, "抽 开业")).text == "开业转盘暂停中，次数不会减少，请稍后再来。"
    await fair.published(points(0), title="中秋抽奖", opens_at=opens + timedelta(days=1))
    said = (await ming.say(town.oa, "抽奖")).text
    assert "1 中秋抽奖（" in said
    assert "开始）" in said
    assert (await ming.say(town.oa, "1")).text.endswith("开始，请到时再来。")


async def test_a_spin_that_fails_takes_nothing_and_says_so(town, ming, fair, monkeypatch):
    draw_id = await fair.published(points(amount=7), title="开业转盘", price=ONCE)
    person, spinning = await who(town, ming), town.house.handlers.spinning
    await fair.earn(person, 60)
    with monkeypatch.context() as broken:

        async def fails(_wishes):
            raise RuntimeError("the shelf is gone")

        broken.setattr(spinning._lane, "_decide", fails)
        assert (await ming.say(town.oa, "抽 开业")).text == "这次没有抽成，次数和积分已退回。"
    assert (await fair.has(person), await Spin.exists()) == (60, False)
    with monkeypatch.context() as busy:

        async def refuses(*_args, **_facts):
            raise Overloaded(retry_after=1)

        busy.setattr(spinning, "spin", refuses)
        assert (await ming.say(town.oa, "抽 开业")).text == "这次没有抽成，次数和积分已退回。"
    with monkeypatch.context() as doubtful:

        async def is_in_doubt(*_args, **_facts):
            raise OutcomeUnknown(retry_after=1)

        doubtful.setattr(spinning, "spin", is_in_doubt)
        assert "结果还没有确认" in (await ming.say(town.oa, "抽 开业")).text
    assert (await ming.say(town.oa, "抽 开业")).text.startswith("抽中7积分")
    assert await Spin.filter(draw_id=draw_id).count() == 1
