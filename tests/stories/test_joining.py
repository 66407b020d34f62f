"""One person, two doors: however they come in, both doors know them afterwards."""

import asyncio

from models.identity import Attribution, Follower, Member


async def test_follow_by_qr_then_join_in_the_mini_program_is_the_same_member_in_chat(town):
    ming = town.person()
    welcome = await ming.follow(town.oa, scene="store_7")
    assert "欢迎来到江南书店" in welcome.text
    joined = await ming.open_mini_program(town.mp).join(with_phone=False)
    assert joined.status == 201
    assert joined.fact("already_member") is False
    number = joined.fact("member")["number"]
    assert number in (await ming.say(town.oa, "我的")).text
    assert await Member.all().count() == 1
    assert (await Attribution.get()).scene == "store_7"


async def test_join_in_chat_and_the_mini_program_knows(town):
    ming = town.person()
    await ming.follow(town.oa)
    assert "同意请回复“同意”" in (await ming.say(town.oa, "入会")).text
    answer = await ming.say(town.oa, "同意")
    assert "入会成功" in answer.text
    screen = ming.open_mini_program(town.mp)
    login = await screen.login()
    assert login.status == 201
    assert login.fact("member")["number"] in answer.text
    assert (await screen.join(with_phone=False)).status == 200


async def test_join_in_the_mini_program_first_then_follow(town):
    hong = town.person("小红", phone="13912345670")
    joined = await hong.open_mini_program(town.mp, scene="poster").join(with_phone=True)
    assert joined.status == 201
    assert joined.fact("phone_status") == "attached"
    assert joined.fact("member")["phone"] == "*******5670"
    assert "您已经是会员" in (await hong.follow(town.oa)).text
    assert joined.fact("member")["number"] in (await hong.say(town.oa, "我的")).text


async def test_the_second_join_says_so_and_changes_nothing(town):
    ming = town.person()
    screen = ming.open_mini_program(town.mp)
    first = await screen.join(with_phone=False)
    again = await screen.join(with_phone=False)
    assert (first.status, again.status) == (201, 200)
    assert again.fact("already_member") is True
    assert again.fact("member") == first.fact("member")


async def test_two_devices_joining_at_once_are_one_member(town):
    ming = town.person()
    phone, tablet = ming.open_mini_program(town.mp), ming.open_mini_program(town.mp)
    answers = await asyncio.gather(phone.join(with_phone=False), tablet.join(with_phone=False))
    assert sorted(answer.status for answer in answers) == [200, 201]
    assert len({answer.fact("member")["number"] for answer in answers}) == 1
    assert await Member.all().count() == 1


async def test_unfollow_and_come_back(town):
    ming = town.person()
    await ming.follow(town.oa, scene="first")
    await ming.say(town.oa, "入会")
    await ming.say(town.oa, "同意")
    await ming.unfollow(town.oa)
    assert (await Follower.get()).unfollowed_at is not None
    back = await ming.follow(town.oa, scene="second")
    assert "欢迎回来" in back.text
    assert (await Follower.get()).unfollowed_at is None
    assert (await Attribution.get()).scene == "first"
