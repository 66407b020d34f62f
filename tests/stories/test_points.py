"""Points from end to end: set up at the desk, earned, seen in chat and mini-program, adjusted by two, and told of."""

from datetime import timedelta

import pytest

from handlers.points.earning import Earning, earn
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offer_terms import Limit, Period, Price
from models.benefits import Offer, OfferVersion
from models.database import atomic
from models.identity import Member
from models.ledger import LedgerLot
from models.outbox import Job
from tests.handlers.claimable import a_benefit, an_offer
from tests.stories.desk import at_the_desk


@pytest.fixture
async def ming(town):
    """Somebody who joined and follows."""
    person = town.person("小明")
    await person.open_mini_program(town.mp).join(with_phone=False)
    await person.follow(town.oa)
    return person


async def earned(town, amount: int, act: str) -> None:
    """As whatever gives points does it."""
    member = await Member.exclude(joined_at=None).first()
    async with atomic():
        await earn([Earning(member.id, "visit", amount, act)], at=town.house.clock.now())


async def screen_of(town, person):
    screen = person.open_mini_program(town.mp)
    await screen.login()
    return screen


async def test_points_are_earned_seen_adjusted_and_told_of(town, ming):
    async with at_the_desk(town) as desk:
        status, held = await desk.ask("PUT", "/points/terms", {"expiry": "days", "expiry_count": 7, "grace_days": 7})
        assert (status, held["expiry"], held["budget_used"]) == (200, "days", 0)
        rule = {"code": "visit", "name": "到店", "cap_amount": 30}
        assert (await desk.ask("PUT", "/points/rules", rule))[0] == 200
        assert [each["code"] for each in (await desk.ask("GET", "/points/rules"))[1]["items"]] == ["visit"]
        await earned(town, 20, "visit-1")
        await earned(town, 20, "visit-2")
        member = await Member.exclude(joined_at=None).first()
        status, given = await desk.ask("POST", f"/members/{member.id}/points", {"delta": 5, "reason": "排队太久"})
        assert (status, given["approval_id"]) == (201, None)
        much = {"delta": 5_000, "reason": "活动补发"}
        _, proposed = await desk.ask("POST", f"/members/{member.id}/points", much)
        waiting = (await desk.ask("GET", "/points/adjustments"))[1]["items"]
        assert [each["id"] for each in waiting] == [proposed["approval_id"]]
        own = await desk.ask("POST", f"/points/adjustments/{proposed['approval_id']}/approve", {})
        assert (own[0], own[1]["code"]) == (403, "approval.own")
        nothing = await desk.ask("POST", f"/members/{member.id}/points", {"delta": 0, "reason": "x"})
        assert nothing[0] == 400
        seen = (await desk.ask("GET", f"/members/{member.id}/points"))[1]
        entries = (await desk.ask("GET", f"/members/{member.id}/points/entries?limit=2"))[1]
        assert (seen["available"], [each["points"] for each in entries["items"]]) == (35, [5, 10])
        assert entries["next_cursor"]
    screen = await screen_of(town, ming)
    mine = (await screen.call("GET", "/me/points")).answer
    assert (mine["available"], mine["pending"], mine["held"]) == (35, 0, 0)
    assert [each["points"] for each in mine["expiring"]] == [35]
    page = (await screen.call("GET", "/me/points/entries?limit=1")).answer
    (newest,) = page["items"]
    assert (newest["kind"], newest["points"], newest["note"]) == ("adjusted", 5, "排队太久")
    more = (await screen.call("GET", f"/me/points/entries?cursor={page['next_cursor']}")).answer
    assert [(each["points"], each["note"]) for each in more["items"]] == [(10, "到店"), (20, "到店")]
    assert more["next_cursor"] is None
    assert (await screen.call("GET", "/me/points/entries?cursor=bm8")).status == 400
    said = (await ming.say(town.oa, "积分")).text
    assert "您有35分可用" in said
    assert "其中35分在" in said


async def test_what_ends_soon_is_said_once_a_day_by_daylight(town, ming):
    async with at_the_desk(town) as desk:
        await desk.ask("PUT", "/points/terms", {"expiry": "days", "expiry_count": 3})
        await desk.ask("PUT", "/points/rules", {"code": "visit", "name": "到店"})
    await earned(town, 20, "visit-1")
    ends_at = (await LedgerLot.get()).expires_at
    town.wait(ends_at - timedelta(days=1, seconds=-1) - town.clock.now())  # midnight: nobody is written to
    await ming.say(town.oa, "积分")  # whoever is silent for two days cannot be written to
    before = len(ming.chat(town.oa).texts())
    for _ in range(2):
        await town.house.handlers.points_reminders.plan(town.clock.now())
    job = await Job.get(kind="say_points_expiring")
    assert job.run_at.astimezone(BUSINESS_ZONE).hour == 9
    town.wait(max(job.run_at - town.clock.now(), timedelta(0)) + timedelta(seconds=1))
    await town.work()
    said = ming.chat(town.oa).texts()[before:]
    assert [each.startswith("您有20分即将到期") for each in said] == [True]
    town.wait(timedelta(days=1))
    await town.house.handlers.ledger_due.sweep()
    assert (await ming.say(town.oa, "积分")).text == "您有0分可用。明细请在小程序里查看。"


async def on_offer(town, title: str, points: int):
    """A voucher that costs so many points, as often as one likes."""
    price, often = Price(points=points), (Limit(Period.EVER, 9),)
    offer = await an_offer(town.clock.now(), benefit=await a_benefit(title), stock=9, price=price, limits=often)
    town.house.handlers.offer_catalogue.forget()
    return offer


async def test_points_are_spent_in_chat_only_after_a_word_of_consent(town, ming):
    async with at_the_desk(town) as desk:
        await desk.ask("PUT", "/points/rules", {"code": "visit", "name": "到店"})
    await earned(town, 20, "visit-1")
    await on_offer(town, "茶点", 15)
    assert (await ming.say(town.oa, "权益")).text == "您可以领取（回复数字）：\n1 茶点（15分）"
    asked = "领取茶点需要15分，确认请回复“确认”；不想领了，回复“取消”。"
    assert (await ming.say(town.oa, "1")).text == asked
    assert (await ming.say(town.oa, "多少钱")).text == asked
    assert (await ming.say(town.oa, "取消")).text == "已取消，没有改动任何内容。"
    assert "您有20分可用" in (await ming.say(town.oa, "积分")).text
    await ming.say(town.oa, "领 茶点")
    assert (await ming.say(town.oa, "确认")).text.startswith("茶点已领取")
    assert "您有5分可用" in (await ming.say(town.oa, "积分")).text
    await ming.say(town.oa, "领 茶点")
    assert (await ming.say(town.oa, "确认")).text == "需要15分，您有5分。"


async def test_a_price_that_rose_while_somebody_thought_it_over_is_asked_about_anew(town, ming):
    async with at_the_desk(town) as desk:
        await desk.ask("PUT", "/points/rules", {"code": "visit", "name": "到店"})
    await earned(town, 20, "visit-1")
    offer = await on_offer(town, "茶点", 5)
    await ming.say(town.oa, "领 茶点")
    version = await OfferVersion.get(offer_id=offer.id, number=1)
    dearer = version.terms | {"price": version.terms["price"] | {"points": 12}}
    await OfferVersion.create(offer_id=offer.id, number=2, terms=dearer, published_at=town.clock.now())
    await Offer.filter(id=offer.id).update(version=2)
    town.house.handlers.offer_catalogue.forget()
    assert (await ming.say(town.oa, "确认")).text.startswith("领取茶点需要12分")
    assert (await ming.say(town.oa, "确认")).text.startswith("茶点已领取")
    assert "您有8分可用" in (await ming.say(town.oa, "积分")).text


async def test_who_is_no_member_is_told_how_to_become_one(town):
    hong = town.person("小红")
    await hong.follow(town.oa)
    assert "还不是会员" in (await hong.say(town.oa, "积分")).text
