"""A membership year with its trial, as people live it: tried, bought, renewed, upgraded, given back; and a code."""

from datetime import timedelta

import pytest

from models.claims import Claim
from models.levels import LevelRightGiven
from models.plans import MembershipTerm
from models.words import ClaimState
from tests.handlers.claimable import an_offer
from tests.stories.market import desk, market
from tests.stories.test_buying import heard, sound, worked

__all__ = ["desk", "market"]

DAY = timedelta(days=1)
LEVELS = [
    {"code": "base", "name": "普通会员", "threshold": 0},
    {"code": "gold", "name": "金卡会员", "threshold": 1_000_000},
    {"code": "black", "name": "黑金会员", "threshold": 2_000_000},
]
GOLD = {
    "code": "gold-year",
    "name": "金卡年卡",
    "level": "gold",
    "period": "year",
    "price_fen": 36_600,
    "trial_days": 7,
}
BLACK = {"code": "black-year", "name": "黑金年卡", "level": "black", "period": "year", "price_fen": 73_200}


@pytest.fixture
def takes_money() -> bool:
    return True


async def days(town, count: int) -> None:
    """Time passes; the worker is there when it has."""
    town.wait(count * DAY)
    await town.house.handlers.level_judging.sweep()
    await town.house.handlers.level_rights_giving.plan(town.clock.now())
    await town.house.handlers.plans.reminders.plan(town.clock.now())
    await worked(town)


async def sold(desk, body) -> str:
    status, drafted = await desk.tell("PUT", "/operator/plans", body)
    assert (status, drafted["state"], drafted["sold"]) == (200, "draft", None), drafted
    status, seen = await desk.tell("POST", f"/operator/plans/{drafted['id']}/publish")
    assert (status, seen["state"], seen["version"]) == (200, "published", 1), seen
    return seen["id"]


async def bought(town, screen, plan: str, fen: int) -> str:
    """Ordered, paid with WeChat Pay, and told by its notice."""
    body = {"payment_method": "wechat", "amount_fen": fen}
    ordered = await screen.call("POST", f"/plans/{plan}/orders", body, key=f"{plan}{fen}")
    assert ordered.status == 201, ordered.answer
    assert ordered.answer["order"]["plan_id"] == plan
    screen.pay(ordered.answer["payment"])
    await town.platform.pay.settle()
    await town.work()
    return ordered.answer["order"]["id"]


async def test_a_membership_year_with_its_trial(market):
    town, desk, pay = market.town, market.desk, market.town.platform.pay
    for path, body, method in (("/draft", {"levels": LEVELS}, "PUT"), ("/publish", {}, "POST")):
        status, told = await desk.tell(method, f"/operator/levels{path}", body)
        assert status == 200, told
    offer = await an_offer(town.clock.now(), stock=50, original_price_fen=1_000)
    right = {
        "code": "tea",
        "name": "每月茶礼",
        "offer_id": str(offer.id),
        "levels": ["gold", "black"],
        "period": "month",
    }
    status, drafted = await desk.tell("PUT", "/operator/levels/rights", right)
    assert (await desk.tell("POST", f"/operator/levels/rights/{drafted['id']}/publish"))[0] == 200
    gold, black = await sold(desk, GOLD), await sold(desk, BLACK)
    wanted = {"code_count": 2, "expires_at": (town.clock.now() + 300 * DAY).isoformat(), "note": "门店"}
    status, made = await desk.tell("POST", f"/operator/plans/{gold}/code-batches", wanted)
    assert (status, len(made["codes"]), made["batch"]["used_count"]) == (201, 2, 0)

    ming, hong = await market.member("小明"), await market.member("小红")
    said = (await ming.person.say(town.oa, "会员")).text
    assert "您还没有付费会员" in said
    assert "金卡年卡 366元/366天，含每月茶礼" in said
    shown = {each["id"]: each for each in (await ming.call("GET", "/plans")).answer["items"]}
    assert (shown[gold]["amount_fen"], shown[gold]["way"], shown[gold]["trial_days"]) == (36_600, "extend", 7)

    tried = await ming.call("POST", f"/plans/{gold}/trials", key="try")
    assert (tried.status, tried.answer["level"], tried.answer["days_left"]) == (201, "gold", 7)
    await town.work()
    assert await Claim.all().count() == 1  # the month's tea
    assert "您是金卡会员" in (await ming.person.say(town.oa, "会员")).text
    assert len(heard(town, ming.person, "金卡年卡已开通")) == 1
    again = await ming.call("POST", f"/plans/{gold}/trials", key="again")
    assert (again.status, again.answer["code"]) == (409, "plan.trial_not_now")

    first = await bought(town, ming, gold, 36_600)
    mine = (await ming.call("GET", "/me/membership")).answer
    assert (mine["days_left"], [each["cause"] for each in mine["terms"]]) == (373, ["bought", "trial"])
    assert len(heard(town, ming.person, "金卡年卡已付款366元")) == 1
    await town.house.handlers.order_shipping.report(first)
    assert all(each.is_shipped for each in pay.trades.values())

    # Somebody else uses a code, and has a wrong one typed before.
    wrong = await hong.call("POST", "/me/membership/codes", {"code": "00000-00000-00000-00000"}, key="wrong")
    assert (wrong.status, wrong.answer["code"], wrong.answer["left"]) == (422, "plan.code_invalid", 4)
    used = await hong.call("POST", "/me/membership/codes", {"code": made["codes"][0]}, key="code")
    assert (used.status, used.answer["name"], used.answer["days_left"]) == (201, "金卡会员", 366)
    twice = await ming.call("POST", "/me/membership/codes", {"code": made["codes"][0]}, key="code")
    assert (twice.status, twice.answer["code"]) == (422, "plan.code_invalid")
    status, batches = await desk.tell("GET", f"/operator/plans/{gold}/code-batches")
    assert [each["used_count"] for each in batches["items"]] == [1]

    # The upgrade costs the difference for what is left; it goes back first, and then the rest does.
    shown = {each["id"]: each for each in (await ming.call("GET", "/plans")).answer["items"]}
    assert (shown[black]["way"], shown[black]["amount_fen"]) == ("upgrade", 373 * 200 - 36_600)
    upgraded = await bought(town, ming, black, 373 * 200 - 36_600)
    mine = (await ming.call("GET", "/me/membership")).answer
    assert (mine["name"], mine["days_left"]) == ("黑金会员", 373)
    lower = await ming.call("POST", f"/plans/{gold}/orders", {"payment_method": "wechat"}, key="lower")
    assert (lower.status, lower.answer["code"]) == (409, "plan.not_above")
    quoted = (await ming.call("GET", f"/orders/{first}/refund-quote")).answer
    assert (quoted["amount_fen"], quoted["term"]["reason"]) == (0, "membership.newer_first")
    for order in (upgraded, first):
        quoted = (await ming.call("GET", f"/orders/{order}/refund-quote")).answer
        assert (quoted["amount_fen"] > 0, quoted["term"]["reason"]) == (True, None)
        body = {"amount_fen": quoted["amount_fen"]}
        assert (await ming.call("POST", f"/orders/{order}/refunds", body, key=order)).status == 201
        await town.work()
        await pay.settle()
    mine = (await ming.call("GET", "/me/membership")).answer
    assert (mine["name"], mine["days_left"]) == ("金卡会员", 7)  # the trial runs on
    assert await Claim.filter(state=ClaimState.REVOKED).count() == 0  # and so does what it brought
    await sound(town)

    status, seen = await desk.tell("GET", f"/operator/members/{(await MembershipTerm.first()).member_id}/membership")
    assert (status, [each["cause"] for each in seen["terms"]]) == (200, ["upgraded", "bought", "trial"])
    exported = (await ming.call("GET", "/me/export")).answer
    assert len(exported["membership_terms"]) == 3

    # A year of the code: what comes each month, the word before the end, and the end.
    for _ in range(11):
        await days(town, 30)
    await days(town, 28)
    await hong.person.say(town.oa, "会员")  # a window to be told in
    await days(town, 1)
    town.wait(timedelta(hours=12))  # whatever hour it was: nobody is told at night
    await worked(town)
    (reminded,) = heard(town, hong.person, "到期不会自动扣费。需要续费")
    assert reminded.startswith("您的金卡会员将于")
    periods = await LevelRightGiven.filter(level="gold").values_list("member_id", "period")
    assert len(periods) == len(set(periods)) >= 11
    await days(town, 7)
    assert len(heard(town, hong.person, "将于")) == 1
    assert "您还没有付费会员" in (await hong.person.say(town.oa, "会员")).text
    assert "您是普通会员" in (await hong.person.say(town.oa, "等级")).text
    await sound(town)
