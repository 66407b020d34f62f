"""用移动积分换权益, as people live it: an account that did the work and said nothing, and one that is silent."""

from datetime import timedelta

import aiohttp
import pytest

from app.worker import Worker
from models.claims import Claim
from models.database import rows
from models.identity import Member
from models.statements.invariants import CHECKS
from simulator import PointsConduct
from simulator.points_account import OPENING
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

NUMBER = "13912345670"


@pytest.fixture
async def counting(market):
    """The market, with a carrier that an operator brought in; its calls are given up after a moment."""
    town = market.town
    body = {"code": "yidong", "name": "移动", "api_url": f"{town.platform_address}/supplier"}
    made = await market.desk.made("/suppliers", {**body, "secret": town.platform.supplier.secret})
    market.supplier_id = made["id"]
    town.house.handlers.outside_holds._points._timeout = aiohttp.ClientTimeout(total=0.4)
    return market


async def a_member(market, name: str):
    """Somebody with a verified number."""
    person = market.town.person(name, phone=NUMBER)
    screen = person.open_mini_program(market.town.mp)
    assert (await screen.join(with_phone=True)).status == 201
    return screen


async def worked(town, seconds: float = 0) -> None:
    town.wait(timedelta(seconds=seconds))
    await Worker(town.house.registry, town.house.handlers, town.house.clock).start_due_tasks()
    await town.work()


async def offered(market) -> str:
    price = {"outside_points": 300, "outside_account": "yidong"}
    limits = [{"period": "ever", "count": 9}]
    offer = await market.offer("洗车", stock=5, price=price, limits=limits)
    market.town.house.handlers.offer_catalogue.forget()
    return offer


async def press(screen, offer: str, key: str):
    return await screen.call("POST", f"/offers/{offer}/claims", {}, key=key)


async def told_of(market) -> list[str]:
    status, holds = await market.desk.tell("GET", f"/operator/suppliers/{market.supplier_id}/holds")
    assert status == 200, holds
    return [each["state"] for each in holds["items"]]


async def went_back(market) -> list[tuple[int, int, int]]:
    status, holds = await market.desk.tell("GET", f"/operator/suppliers/{market.supplier_id}/holds")
    assert status == 200, holds
    return [(each["points"], each["returned"], each["owed"]) for each in holds["items"]]


async def test_a_car_wash_for_points_of_the_carrier(counting):
    town, points = counting.town, counting.town.platform.points
    offer, ming = await offered(counting), await a_member(counting, "小明")
    shown = (await ming.call("GET", f"/offers/{offer}")).answer["offer"]
    assert (shown["price"]["outside_points"], shown["claimable"]) == (300, True)
    points.once(PointsConduct(act="hold", hangs=1.0))  # it does the work, and the answer comes too late
    got = await press(ming, offer, "first")
    assert got.status == 201, got.answer
    assert points.balances[NUMBER] == OPENING - 300
    assert (await press(ming, offer, "first")).answer == got.answer
    points.once(PointsConduct(act="post", hangs=1.0, duplicates=2))
    await worked(town)
    assert await told_of(counting) == ["posting"]
    await worked(town, 60)
    assert (await told_of(counting), points.balances[NUMBER]) == (["posted"], OPENING - 300)

    points.always(PointsConduct(loses=True))  # nothing arrives there any more
    silent = await press(ming, offer, "second")
    assert (silent.status, silent.answer["code"]) == (503, "outside_points.unclear")
    await worked(town)
    assert await told_of(counting) == ["posted", "voiding"]
    left = await ming.call("DELETE", "/me", key="leave")
    assert left.status == 409, left.answer
    points.behave()
    await worked(town, 60)
    assert (await told_of(counting), points.balances[NUMBER]) == (["posted", "voided"], OPENING - 300)

    points.balances[NUMBER] = 299
    short = await press(ming, offer, "third")
    assert (short.status, short.answer["code"]) == (409, "outside_points.short")
    assert await Claim.all().count() == 1
    assert await Member.exclude(joined_at=None).count() >= 1
    for check in CHECKS:
        assert not await rows(check.sql), check.what


async def test_in_chat_it_says_what_it_takes_whose_it_is_and_where_it_is_had(counting):
    town = counting.town
    await offered(counting)
    ming = town.person("小明", phone=NUMBER)
    await ming.follow(town.oa)
    assert (await ming.open_mini_program(town.mp).join(with_phone=True)).status == 201
    assert "1 洗车（300移动积分）" in (await ming.say(town.oa, "权益")).text
    said = "洗车需要300移动积分，从您在移动的积分里扣。请在小程序“领券”里兑换。"
    assert (await ming.say(town.oa, "1")).text == said
    assert (await ming.say(town.oa, "领 洗车")).text == said
    assert (town.platform.points.holds, await Claim.all().count()) == ({}, 0)


async def test_a_car_wash_that_is_taken_back_gives_its_points_back(counting):
    town, points = counting.town, counting.town.platform.points
    offer, ming = await offered(counting), await a_member(counting, "小明")
    got = await press(ming, offer, "first")
    await worked(town)
    assert points.balances[NUMBER] == OPENING - 300
    points.once(PointsConduct(act="return", hangs=1.0))  # it does the work, and the answer comes too late
    claim_id = got.answer["claims"][0]["id"]
    taken = await counting.desk.tell("POST", f"/operator/claims/{claim_id}/revoke", {"reason": "发错了"})
    assert (taken[0], taken[1]["state"]) == (200, "revoked")
    assert await went_back(counting) == [(300, 0, 300)]
    await worked(town)
    await worked(town, 60)
    assert points.balances[NUMBER] == OPENING
    assert [(each.status, each.came_in) for each in points.returns.values()] == [("returned", 1)]
    assert await told_of(counting) == ["posted"]
    assert await went_back(counting) == [(300, 300, 0)]
    for check in CHECKS:
        assert not await rows(check.sql), check.what
