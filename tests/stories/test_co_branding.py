"""联名 and 融合, as people live them: two sides with an entry each, who is known to whom, and a fee that two share."""

import pytest

from handlers.recurring import BUSINESS_ZONE
from tests.handlers.tilling import SECRET
from tests.stories.market import desk, market
from tests.stories.test_a_till import tell
from tests.stories.test_buying import heard, sound
from tests.stories.test_membership_year import DAY, GOLD, LEVELS, bought, sold

__all__ = ["desk", "market"]

FEE = 36_600
MONTH = {**GOLD, "code": "gold-month", "name": "金卡月卡", "period": "month", "price_fen": 3_100, "trial_days": 0}


@pytest.fixture
def takes_money() -> bool:
    return True


async def ladder(desk) -> None:
    for path, body, method in (("/draft", {"levels": LEVELS}, "PUT"), ("/publish", {}, "POST")):
        status, told = await desk.tell(method, f"/operator/levels{path}", body)
        assert status == 200, told


async def agreed(market, plan: str) -> dict:
    """With the book fair of the south, which has a channel of its own."""
    desk, now = market.desk, market.town.clock.now().replace(microsecond=0)
    south = await desk.made("/organizations", {"code": "south", "name": "南城", "kind": "city"})
    await desk.made("/channels", {"code": "till", "name": "书展", "key": SECRET, "organization_id": south["id"]})
    body = {
        "code": "fair",
        "name": "书展联名金卡",
        "partner_name": "南城书展",
        "plan_id": plan,
        "starts_at": now.isoformat(),
        "ends_at": (now + 60 * DAY).isoformat(),
        "house": {"subsidy_fen": 300, "cap_fen": 900},
        "partner": {"subsidy_fen": 500, "cap_fen": 5_000},
        "partner_organization_id": south["id"],
        "channel": "till",
    }
    status, drafted = await desk.tell("PUT", "/operator/co-brands", body)
    assert (status, drafted["state"], drafted["plan_version"]) == (200, "draft", 0), drafted
    status, seen = await desk.tell("POST", f"/operator/co-brands/{drafted['id']}/publish")
    assert (status, seen["state"], seen["plan_version"]) == (200, "published", 1), seen
    return {**seen, **{each["party"]: each["code"] for each in seen["sides"]}}


async def joined(screen, code: str) -> dict:
    offered = (await screen.call("GET", f"/co-brands/{code}")).answer
    assert (offered["reason"], offered["price_fen"]) == (None, None), offered
    answer = await screen.call("POST", f"/co-brands/{code}/members", key="join")
    assert answer.status == 201, answer.answer
    return answer.answer


async def test_two_sides_two_entries_and_three_people(market):
    town, desk = market.town, market.desk
    await ladder(desk)
    fair = await agreed(market, await sold(desk, MONTH))
    path = f"/co-brands/{fair['id']}"
    ming, hong = await market.member("小明"), await market.member("小红")
    for screen in (ming, hong):  # they scan the code at the fair
        said = (await screen.person.scan(town.oa, fair["partner"])).text
        assert "书展联名金卡（与南城书展联名）：免费加入，成为金卡会员" in said
        mine = await joined(screen, fair["partner"])
        assert (mine["came_by"], mine["level_name"], mine["is_running"]) == ("partner", "金卡会员", True)
    terms = (await ming.call("GET", "/consents")).answer["items"]
    version = next(each["version"] for each in terms if each["purpose"] == "sharing")
    assert (await ming.call("PUT", "/me/consents/sharing", {"version": version})).status == 200
    # And somebody who comes by the house's own entry, before they are a member.
    lan = town.person("小兰").open_mini_program(town.mp, fair["house"])
    assert (await lan.join(with_phone=False)).status == 201
    assert (await joined(lan, fair["house"]))["came_by"] == "house"
    again = await lan.call("POST", f"/co-brands/{fair['partner']}/members", key="again")
    assert (again.status, again.answer["code"]) == (409, "co_brand.joined")
    dan = await market.member("小丹")
    full = await dan.call("POST", f"/co-brands/{fair['house']}/members", key="full")
    assert (full.status, full.answer["code"]) == (409, "co_brand.full")  # the house pays for three

    status, figures = await desk.tell("GET", f"/operator{path}/figures")
    sides = {
        each["party"]: tuple(each[name] for name in ("visit_count", "join_count", "given_fen", "cap_fen"))
        for each in figures["sides"]
    }
    assert (status, sides) == (200, {"house": (1, 1, 900, 900), "partner": (2, 2, 1_500, 5_000)})
    today = town.clock.now().astimezone(BUSINESS_ZONE).date().isoformat()
    assert figures["days"] == [
        {"business_on": today, "party": "house", "visit_count": 1, "join_count": 1},
        {"business_on": today, "party": "partner", "visit_count": 2, "join_count": 2},
    ]
    status, theirs, _ = await tell(town, f"{path}/figures", None)
    assert (status, theirs) == (200, figures)

    # The partner knows the one who agreed, by an id of its own, and only as long as they do.
    status, known, _ = await tell(town, f"{path}/members", None)
    assert (status, [each["came_by"] for each in known["items"]]) == (200, ["partner"])
    exported = (await ming.call("GET", "/me/export")).answer
    assert [each["partner_ref"] for each in exported["co_brands"]] == [known["items"][0]["ref"]]
    assert exported["member"]["id"] not in str(known)
    assert (await ming.call("DELETE", "/me/consents/sharing")).status == 200
    assert (await tell(town, f"{path}/members", None))[1]["items"] == []
    assert (await tell(town, f"{path}/figures", None))[1] == figures

    assert "您已经加入书展联名金卡" in (await hong.person.scan(town.oa, fair["house"])).text
    assert "书展联名金卡（南城书展）金卡会员，有效期至" in (await hong.person.say(town.oa, "联名")).text
    await town.work()
    assert len(heard(town, hong.person, "书展联名金卡已开通")) == 1

    # Ended before its time: what was given ends with it.
    status, ended = await desk.tell("POST", f"/operator{path}/end", {"reason": "书展提前结束"})
    assert (status, ended["state"]) == (200, "ended")
    await town.work()
    assert (await ming.call("GET", "/me/membership")).answer["ends_at"] is None
    assert [each["is_running"] for each in (await ming.call("GET", "/me/co-brands")).answer["items"]] == [False]
    over = await dan.call("POST", f"/co-brands/{fair['partner']}/members", key="over")
    assert (over.status, over.answer["code"]) == (409, "co_brand.over")
    assert "结束" in (await hong.person.say(town.oa, "联名")).text
    await sound(town)


async def test_a_fused_plan_is_bought_shared_to_the_fen_and_refunded_by_half(market):
    town, desk, pay = market.town, market.desk, market.town.platform.pay
    await ladder(desk)
    await desk.made("/merchants", {"code": "cinema", "name": "湖滨影院"})
    shares = [{"merchant": "books", "share_bp": 3_333}, {"merchant": "cinema", "share_bp": 5_000}]
    whole = {**GOLD, "shares": [*shares, {"merchant": "books", "share_bp": 5_000}]}
    status, drafted = await desk.tell("PUT", "/operator/plans", whole)
    status, refused = await desk.tell("POST", f"/operator/plans/{drafted['id']}/publish")
    assert (status, refused["code"]) == (422, "plan.invalid")
    assert {each["problem"] for each in refused["problems"]} == {"merchant_twice", "more_than_whole"}
    plan = await sold(desk, {**GOLD, "shares": shares})

    async def got(name: str) -> dict[str, int]:
        status, told = await desk.tell("GET", "/operator/plan-shares")
        assert status == 200, told
        return {each["code"]: each[name] for each in told["items"]}

    ming = await market.member("小明")
    order = await bought(town, ming, plan, FEE)
    books, cinema = FEE * 3_333 // 10_000, FEE // 2
    assert await got("net_fen") == {"books": books, "cinema": cinema} == {"books": 12_198, "cinema": 18_300}
    body = {"amount_fen": FEE // 2, "reason": "补偿"}
    status, back = await desk.tell("POST", f"/operator/orders/{order}/refunds", body)
    assert status == 201, back
    await town.work()
    await pay.settle()
    assert await got("net_fen") == {"books": books // 2, "cinema": cinema // 2}
    assert await got("back_fen") == {"books": books - books // 2, "cinema": cinema - cinema // 2}
    status, entries = await desk.tell("GET", "/operator/plan-shares/entries?merchant=books")
    assert [(each["amount_fen"], each["share_bp"]) for each in entries["items"]] == [(-6_099, 3_333), (12_198, 3_333)]
    assert entries["items"][0]["reverses"] == entries["items"][1]["id"]
    quoted = (await ming.call("GET", f"/orders/{order}/refund-quote")).answer
    body = {"amount_fen": quoted["amount_fen"]}
    assert (await ming.call("POST", f"/orders/{order}/refunds", body, key="rest")).status == 201
    await town.work()
    await pay.settle()
    assert await got("net_fen") == {"books": 0, "cinema": 0}
    await sound(town)
