"""A month of check-ins: pressed in chat and in the mini-program, with a clock that moves, a missed day, and its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from handlers.recurring import BUSINESS_ZONE
from models.checkins import FinishedTask
from tests.stories.desk import SignedIn, at_the_desk

TERMS = {
    "daily": [{"kind": "points", "amount": 1, "code": "check_in"}],
    "streak": [{"days": 7, "rewards": [{"kind": "makeup_card", "amount": 1, "days": 30}]}],
    "month": [{"days": 30, "rewards": [{"kind": "points", "amount": 100, "code": "check_in"}]}],
    "days_back": 7,
}
PROFILE = {
    "code": "profile",
    "kind": "profile",
    "title": "完善资料",
    "rewards": [{"kind": "points", "amount": 20, "code": "check_in"}],
}


@pytest.fixture
async def ming(town):
    """Somebody who joined and follows."""
    person = town.person("小明")
    await person.open_mini_program(town.mp).join(with_phone=False)
    await person.follow(town.oa)
    return person


def wait_for_a_long_month(town) -> None:
    """Until the first morning of a month of thirty-one days."""
    now = town.clock.now().astimezone(BUSINESS_ZONE)
    first = now.replace(day=1, hour=9, minute=0, second=0, microsecond=0)
    while first <= now or (first + timedelta(days=30)).month != first.month:
        first = (first + timedelta(days=32)).replace(day=1)
    town.wait(first - now)


async def screen_of(town, person):
    screen = person.open_mini_program(town.mp)
    await screen.login()
    return screen


@asynccontextmanager
async def published(town, terms=TERMS) -> AsyncIterator[SignedIn]:
    async with at_the_desk(town) as desk:
        assert (await desk.ask("PUT", "/points/rules", {"code": "check_in", "name": "签到"}))[0] == 200
        status, held = await desk.ask("POST", "/check-ins/terms", terms)
        assert (status, held["number"], held["is_open"]) == (201, 1, True)
        assert [each["number"] for each in (await desk.ask("GET", "/check-ins/terms"))[1]["items"]] == [1]
        wrong = await desk.ask("POST", "/check-ins/terms", {"daily": [{"kind": "gold", "amount": 1}]})
        assert (wrong[0], wrong[1]["problems"][0]["field"]) == (422, "daily")
        yield desk


async def test_a_month_of_check_ins_with_a_missed_day_mended_ends_with_the_months_reward(town, ming):
    async with published(town):
        wait_for_a_long_month(town)
    first = await ming.say(town.oa, "签到")
    assert first.text == "签到成功，已连续1天，本月第1天。\n每日签到：1分"
    assert (await ming.say(town.oa, "签到")).text == "今天已经签过到了，明天再来。"
    screen = await screen_of(town, ming)
    town.clock.moved -= timedelta(days=1)  # the server's clock is set back
    await screen.call("GET", "/check-ins")  # to the limit on requests it is as if all had been made at once
    town.clock.moved += timedelta(minutes=1)
    back = await screen.call("POST", "/check-ins", key="back")
    assert (back.status, back.answer["code"]) == (409, "check_in.already")
    town.clock.moved += timedelta(days=1)
    for _ in range(6):
        town.wait(timedelta(days=1))
        said = (await ming.say(town.oa, "签到")).text
    assert said == "签到成功，已连续7天，本月第7天。\n每日签到：1分\n连续7天：补签卡1张"
    town.wait(timedelta(days=1))  # the eighth is missed
    for _ in (9, 10):
        town.wait(timedelta(days=1))
        said = (await ming.say(town.oa, "签到")).text
    assert said == "签到成功，已连续2天，本月第9天。\n每日签到：1分"
    asked = (await ming.say(town.oa, "补签")).text
    assert asked.startswith("您有1张补签卡。要补签哪一天？1 ")
    assert "8日" in asked
    assert "8日补签成功，用了1张补签卡，已连续10天。" in (await ming.say(town.oa, "1")).text
    screen = await screen_of(town, ming)
    for day in range(11, 31):
        town.wait(timedelta(days=1))
        screen = await screen_of(town, ming) if day % 6 == 0 else screen
        done = await screen.call("POST", "/check-ins", key=f"day-{day}")
        assert (done.status, done.answer["streak"], done.answer["in_month"]) == (201, day, day)
    parts = [(each["part"], each["kind"], each["amount"]) for each in done.answer["rewards"]]
    assert parts == [("daily", "points", 1), ("month:30", "points", 100)]
    again = await screen.call("POST", "/check-ins", key="another")
    assert (again.status, again.answer["code"]) == (409, "check_in.already")
    month = (await screen.call("GET", "/check-ins")).answer
    assert (month["streak"], month["in_month"], month["is_done_today"], len(month["days"])) == (30, 30, True, 30)
    assert [each["on"][-2:] for each in month["days"] if each["is_made_up"]] == ["08"]
    assert month["card_count"] == 3  # of the fourteenth, the twenty-first and the twenty-eighth
    points = (await screen.call("GET", "/me/points")).answer
    assert points["available"] == 29 + 100
    assert (await screen.call("GET", "/check-ins?month=2026-13")).status == 400
    assert (await ming.say(town.oa, "补签")).text == "最近没有需要补签的日子。回复“签到”完成今天的签到。"


async def test_a_missed_day_is_mended_in_the_mini_program_once(town, ming):
    async with published(town, {**TERMS, "daily": [{"kind": "makeup_card", "amount": 1}]}):
        screen = await screen_of(town, ming)
    await screen.call("POST", "/check-ins", key="one")
    town.wait(timedelta(days=2))
    screen = await screen_of(town, ming)
    (day,) = (await screen.call("GET", "/check-ins")).answer["mendable"]
    for wrong in ("2026-02-31", "soon"):
        assert (await screen.call("POST", "/check-ins/make-ups", {"business_on": wrong}, key=wrong)).status == 400
    done = await screen.call("POST", "/check-ins/make-ups", {"business_on": day}, key="mend")
    replayed = await screen.call("POST", "/check-ins/make-ups", {"business_on": day}, key="mend")
    assert (done.status, done.answer["is_made_up"], replayed.answer) == (201, True, done.answer)
    other = await screen.call("POST", "/check-ins/make-ups", {"business_on": day}, key="other")
    assert (other.status, other.answer["code"]) == (409, "check_in.day_not_mendable")


async def test_a_task_goes_from_draft_to_reward_and_one_that_rewards_sharing_does_not(town, ming):
    async with published(town) as desk:
        _, shared = await desk.ask("POST", "/tasks", {**PROFILE, "code": "shared", "title": "转发到朋友圈"})
        status, refused = await desk.ask("POST", f"/tasks/{shared['id']}/publish", {})
        assert (status, refused["code"], refused["problems"][0]["field"]) == (422, "task.not_publishable", "title")
        assert "诱导分享" in refused["title"]
        _, task = await desk.ask("POST", "/tasks", PROFILE)
        status, task = await desk.ask("POST", f"/tasks/{task['id']}/publish", {})
        assert (status, task["state"], task["version"]) == (200, "published", 1)
    screen = await screen_of(town, ming)
    (seen,) = (await screen.call("GET", "/me/tasks")).answer["items"]
    assert (seen["progress"], (await ming.say(town.oa, "任务")).text.split("\n")[0]) == ("open", "完善资料：未完成")
    early = await screen.call("POST", f"/me/tasks/{seen['id']}/claims", key="early")
    assert (early.status, early.answer["code"]) == (409, "task.not_done")
    await screen.call("PATCH", "/me", {"nickname": "小明", "birthday": "1990-02-28", "gender": "male"})
    got = await screen.call("POST", f"/me/tasks/{seen['id']}/claims", key="claim")
    assert (got.status, got.answer["count"], got.answer["rewards"][0]["amount"]) == (201, 1, 20)
    assert (await screen.call("GET", "/me/points")).answer["available"] == 20
    code = (await screen.call("GET", "/me/invitation")).answer["code"]
    assert code.startswith("inv-")
    assert await FinishedTask.all().count() == 1


async def test_who_is_no_member_is_told_how_to_become_one(town):
    hong = town.person("小红")
    await hong.follow(town.oa)
    for word in ("签到", "补签", "任务"):
        assert "还不是会员" in (await hong.say(town.oa, word)).text
