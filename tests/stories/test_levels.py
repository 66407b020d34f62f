"""Levels from end to end: set up at the desk, gained, kept, lost and regained over months, with rights every month."""

from datetime import timedelta

import pytest

from handlers.levels.growth import GrowthEarning, earn_growth
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.ledger import Cause
from models.claims import Claim
from models.database import atomic
from models.identity import Member
from models.levels import LevelRightGiven
from tests.handlers.claimable import an_offer
from tests.stories.desk import at_the_desk

DAY = timedelta(days=1)
LADDER = {
    "downgrade": "one_down",
    "levels": [
        {"code": "base", "name": "普通会员", "threshold": 0},
        {
            "code": "gold",
            "name": "金卡会员",
            "threshold": 100,
            "validity": "months",
            "validity_count": 1,
            "keep_growth": 60,
        },
    ],
}


@pytest.fixture
async def ming(town):
    """Somebody who joined and follows."""
    person = town.person("小明")
    await person.open_mini_program(town.mp).join(with_phone=False)
    await person.follow(town.oa)
    return person


async def grown(town, amount: int, act: str) -> None:
    """As whatever gives growth does it."""
    member = await Member.exclude(joined_at=None).first()
    async with atomic():
        earning = GrowthEarning(member.id, amount, Cause("story", act))
        await earn_growth([earning], at=town.clock.now())
    await town.work()


async def months(town, count: int = 1) -> None:
    """To the third day of a month to come; the worker is there on the first, and levels are judged."""
    for _ in range(count):
        now = town.clock.now().astimezone(BUSINESS_ZONE)
        first = (now.replace(day=1) + 32 * DAY).replace(day=1)
        for day in (first, first + 2 * DAY):
            town.wait(day - town.clock.now())
            await town.house.handlers.level_judging.sweep()
            await town.house.handlers.level_rights_giving.plan(town.clock.now())
            await town.work()


async def test_a_level_is_gained_lost_and_regained_and_its_rights_come_every_month(town, ming):
    async with at_the_desk(town) as desk:
        now = town.clock.now().astimezone(BUSINESS_ZONE)  # whichever day it is: a morning in the midst of a month
        town.wait((now.replace(day=1) + 32 * DAY).replace(day=10, hour=10, minute=0) - now)
        await desk.come_back(town.clock.now())
        status, seen = await desk.ask("PUT", "/levels/draft", LADDER)
        assert (status, seen["version"], len(seen["draft"]["levels"])) == (200, 0, 2)
        status, seen = await desk.ask("POST", "/levels/publish", {})
        assert (status, seen["version"]) == (200, 1)
        offer = await an_offer(town.clock.now(), stock=50)
        right = {"code": "tea", "name": "每月茶礼", "offer_id": str(offer.id), "levels": ["gold"], "period": "month"}
        status, drafted = await desk.ask("PUT", "/levels/rights", right)
        assert (status, drafted["state"]) == (200, "draft")
        assert (await desk.ask("POST", f"/levels/rights/{drafted['id']}/publish", {}))[1]["state"] == "active"
        assert [each["code"] for each in (await desk.ask("GET", "/levels/rights"))[1]["items"]] == ["tea"]

        assert "您是普通会员" in (await ming.say(town.oa, "等级")).text
        await grown(town, 100, "first")
        assert any("升级为金卡会员" in said for said in ming.chat(town.oa).texts())
        assert await Claim.all().count() == 1

        await months(town)  # what brought them there keeps the level; the right comes by itself
        await months(town)
        given = await LevelRightGiven.all().order_by("period").values_list("period", flat=True)
        assert len(given) == len(set(given)) == 3
        told = (await ming.say(town.oa, "等级")).text
        assert "还差60成长值可以保级" in told

        await months(town, 2)  # nothing came: lost, and no right any more
        assert "您是普通会员，成长值0" in (await ming.say(town.oa, "等级")).text
        count = await Claim.all().count()
        await months(town)
        assert await Claim.all().count() == count

        await grown(town, 130, "again")  # regained, and this month's right with it
        assert await Claim.all().count() == count + 1
        screen = ming.open_mini_program(town.mp)
        await screen.login()
        mine = (await screen.call("GET", "/me/level")).answer
        assert (mine["code"], mine["growth"], mine["next"], mine["keep"]["missing"]) == ("gold", 130, None, 0)

        member = await Member.exclude(joined_at=None).first()
        await desk.come_back(town.clock.now())
        steps = (await desk.ask("GET", f"/members/{member.id}/level/steps?limit=2"))[1]
        assert ([each["cause"] for each in steps["items"]], bool(steps["next_cursor"])) == (["growth", "fell"], True)
        until = (town.clock.now() + 10 * DAY).isoformat()
        lift = {"level": "gold", "until": until, "reason": "补偿"}
        refused = await desk.ask("POST", f"/members/{member.id}/level/lift", lift)
        assert (refused[0], refused[1]["code"]) == (409, "level.not_higher")


async def test_a_ladder_that_cannot_be_is_refused_with_its_reasons(town):
    async with at_the_desk(town) as desk:
        falling = [{"code": "a", "name": "甲", "threshold": 10}, {"code": "b", "name": "乙", "threshold": 10}]
        status, refused = await desk.ask("PUT", "/levels/draft", {"levels": falling})
        assert (status, refused["code"]) == (422, "ladder.invalid")
        status, refused = await desk.ask("POST", "/levels/publish", {})
        assert (status, refused["code"]) == (404, "ladder.draft_missing")
        await desk.ask("PUT", "/levels/draft", LADDER)
        await desk.ask("POST", "/levels/publish", {})
        fewer = {"levels": LADDER["levels"][:1]}
        status, refused = await desk.ask("PUT", "/levels/draft", fewer)
        assert (status, refused["code"]) == (422, "ladder.invalid")


async def test_who_is_no_member_is_told_how_to_become_one(town):
    person = town.person("小红")
    await person.follow(town.oa)
    assert "会员" in (await person.say(town.oa, "等级")).text
