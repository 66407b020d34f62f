"""How a chat behaves: words, lists, dialogues, and everything people send that is no word."""

import pytest

from handlers.actors import CommandLine
from models.identity import Member


@pytest.fixture
async def ming(town):
    person = town.person()
    await person.follow(town.oa)
    return person


async def test_unknown_words_get_four_that_are_known(town, ming):
    answer = (await ming.say(town.oa, "今天天气怎么样")).text
    assert all(word in answer for word in ("权益", "我的", "绑卡", "人工"))


@pytest.mark.parametrize("said", [" 入会！", "入會", "“入会”", "入会。", "ＨＥＬＰ", "我要入会"])
async def test_words_are_understood_however_they_are_written(town, ming, said):
    answer = (await ming.say(town.oa, said)).text
    assert "没有明白" not in answer


async def test_a_list_is_answered_by_number(town, ming):
    answer = (await ming.say(town.oa, "菜单")).text
    assert "1 入会" in answer
    assert "同意请回复" in (await ming.say(town.oa, "1")).text


async def test_a_number_without_a_list_says_so(town, ming):
    assert "编号已经过期" in (await ming.say(town.oa, "3")).text


async def test_cancelling_leaves_the_dialogue(town, ming):
    await ming.say(town.oa, "入会")
    assert "已取消" in (await ming.say(town.oa, "取消")).text
    assert "重新回复“入会”" in (await ming.say(town.oa, "同意")).text
    assert (await Member.get()).joined_at is None


async def test_anything_but_consent_is_no_consent(town, ming):
    await ming.say(town.oa, "入会")
    assert "同意请回复" in (await ming.say(town.oa, "好吧")).text
    assert (await Member.get()).joined_at is None
    assert "入会成功" in (await ming.say(town.oa, "同意")).text


async def test_three_words_beat_any_dialogue(town, ming):
    await ming.say(town.oa, "入会")
    assert "可以办理" in (await ming.say(town.oa, "菜单")).text
    await ming.say(town.oa, "入会")
    assert (await ming.say(town.oa, "人工")).reply.kind == "transfer_customer_service"


async def test_a_menu_tap_is_the_word_on_it_and_leaves_a_dialogue(town, ming):
    await town.house.handlers.menus.publish(CommandLine("root"), "oa")
    await ming.say(town.oa, "入会")
    for word in ("今日可领", "限时抢购", "绑卡", "积分"):
        assert "还不是会员" in (await ming.tap(town.oa, word)).text
    assert "重新回复“入会”" in (await ming.say(town.oa, "同意")).text


async def test_pictures_voices_and_places_get_an_answer(town, ming):
    assert "文字" in (await ming.send_image(town.oa)).text
    assert "文字" in (await ming.send_voice(town.oa)).text
    assert "没有" in (await ming.send_location(town.oa, 31.23, 121.47)).text  # no store says where it is
    assert "没有明白" in (await ming.send_sticker(town.oa)).text


async def test_events_nobody_knows_are_taken_silently(town, ming):
    push = await ming.raw(town.oa, {"MsgType": "event", "Event": "something_new", "EventKey": "x"})
    assert push.taken is not None
    assert push.reply is None


@pytest.mark.parametrize("text", ["]]>", "a]]><b>x</b>", "\x07铃", "<a href='x'>", "😀" * 700, "同意" * 600])
async def test_nothing_people_write_breaks_an_answer(town, ming, text):
    assert (await ming.say(town.oa, text)).text


async def test_joining_twice_in_chat_says_so(town, ming):
    await ming.say(town.oa, "入会")
    first = (await ming.say(town.oa, "同意")).text
    again = (await ming.say(town.oa, "入会")).text
    assert "不用重复办理" in again
    assert any(word.isdigit() for word in first)


async def test_scanning_as_a_follower_greets_and_keeps_the_first_scene(town):
    hong = town.person("小红")
    await hong.follow(town.oa, scene="store_7")
    assert "江南书店" in (await hong.scan(town.oa, "poster")).text


async def test_a_push_to_the_mini_program_is_acknowledged(town, ming):
    push = await ming.raw(town.mp, {"MsgType": "event", "Event": "user_authorization_revoke", "RevokeInfo": "301"})
    assert push.taken is not None
