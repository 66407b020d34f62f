"""我的: cards and consents, and taking a consent back in the chat."""

import pytest

from models.consents import Consent
from models.words import ConsentPurpose


@pytest.fixture
async def hong(town):
    """Somebody who joined in the mini-program with her phone, and follows."""
    person = town.person("小红", phone="13912345670")
    await person.open_mini_program(town.mp).join(with_phone=True)
    await person.follow(town.oa)
    return person


async def test_mine_shows_number_phone_cards_and_consents(town, hong):
    said = (await hong.say(town.oa, "我的")).text
    screen = hong.open_mini_program(town.mp)
    await screen.login()
    (card,) = (await screen.call("GET", "/me/cards")).answer["items"]
    assert "会员号" in said
    assert "手机尾号5670" in said
    assert f"{card['name']}（尾号{card['last4']}）" in said
    assert "已同意：会员协议、使用手机号" in said or "已同意：使用手机号、会员协议" in said
    assert "撤回授权" in said


async def test_a_consent_is_taken_back_in_two_messages(town, hong):
    asked = (await hong.say(town.oa, "撤回授权")).text
    assert "1 使用手机号：撤回后" in asked
    assert "会员协议" not in asked.split("\n", 1)[1]
    assert "列表里的数字" in (await hong.say(town.oa, "好的")).text
    assert "已撤回“使用手机号”" in (await hong.say(town.oa, "1")).text
    open_ones = await Consent.filter(withdrawn_at=None).values_list("purpose", flat=True)
    assert open_ones == [ConsentPurpose.MEMBERSHIP]
    mine = (await hong.say(town.oa, "我的")).text
    assert "未留手机号" in mine
    assert "使用手机号" not in mine
    assert "没有可以单独撤回" in (await hong.say(town.oa, "撤回授权")).text


async def test_cancelling_takes_nothing_back(town, hong):
    await hong.say(town.oa, "撤回授权")
    assert "已取消" in (await hong.say(town.oa, "取消")).text
    assert await Consent.filter(withdrawn_at=None).count() == 2


async def test_who_is_no_member_has_nothing_to_take_back(town):
    ming = town.person()
    await ming.follow(town.oa)
    assert "还不是会员" in (await ming.say(town.oa, "撤回授权")).text
