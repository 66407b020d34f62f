"""Promoting, as people live it: applied, approved, passed on, bought, available; given back, owed, and netted."""

from datetime import timedelta
from uuid import UUID

import pytest

from handlers.recurring import BUSINESS_ZONE
from models.distribution import PromoterBinding
from tests.handlers.distributing import a_manager
from tests.stories.market import desk, market
from tests.stories.test_buying import heard, later, priced, sound, worked
from tests.stories.test_withdrawing import ask, page
from tests.stories.test_withdrawing import sound as paid_out

__all__ = ["desk", "market"]

FRONT = {"target": {"kind": "front"}}
RULES = {"rates": [1_000], "hold_days": 3, "freeze_days": 7}


@pytest.fixture
def takes_money() -> bool:
    return True


async def rules(market, **terms: object) -> None:
    """Written and published by the door."""
    status, told = await market.desk.tell("PUT", "/operator/commission-rules/draft", {**RULES, **terms})
    assert status == 200, told
    assert (await market.desk.made("/commission-rules", None))["number"] == 1


async def a_promoter(market, name: str = "小红"):
    """Applied in the mini-program, approved at the desk."""
    screen = await market.member(name)
    applied = await screen.call("POST", "/me/promoter", key="apply")
    assert (applied.status, applied.answer["state"]) == (201, "waiting")
    _, told = await market.desk.tell("GET", "/operator/promoters?state=waiting")
    (waiting,) = told["items"]
    status, told = await market.desk.tell("POST", f"/operator/promoters/{waiting['id']}/approve", {"grade": ""})
    assert (status, told["state"]) == (200, "active")
    return screen, waiting["id"]


async def bought(market, screen, offer: str, key: str) -> dict[str, object]:
    """Ordered, paid, and told."""
    answer = await screen.buy(offer, key=key)
    assert answer.status == 201, answer.answer
    screen.pay(answer.answer["payment"])
    await market.town.platform.pay.settle()
    await market.town.work()
    return answer.answer["order"]


async def used(clerk, screen, order: dict[str, object]) -> None:
    """Redeemed at the counter."""
    held = (await screen.call("GET", f"/orders/{order['id']}")).answer
    await screen.pass_of(held["order"]["claims"][0])
    await clerk.counter.look(token=screen.shown["token"])
    assert (await clerk.counter.redeem(token=screen.shown["token"])).status == 201


async def money(screen) -> tuple[int, int, int, int]:
    """Pending, frozen, available, owed."""
    seen = (await screen.call("GET", "/me/commissions")).answer
    return tuple(seen[f"{name}_fen"] for name in ("pending", "frozen", "available", "owed"))


async def test_from_the_application_to_money_and_back_to_a_debt_that_is_netted(market):
    town, clerk = market.town, await market.clerk()
    await rules(market)
    await market.desk.made("/withdrawals/terms", {"least_fen": 100})
    offer = await priced(market, limits=[], stock=9)
    hong, _ = await a_promoter(market)
    await town.work()
    assert heard(town, hong.person, "申请已通过") != []

    link = (await hong.call("POST", "/me/promoter/links", FRONT, key="link")).answer
    assert link["code"].startswith("p_")
    assert link["picture"]
    assert link["url"].startswith("http")
    assert town.platform.scene_codes is not None

    ming = town.person("小明")
    await ming.follow(town.oa, scene=link["code"])
    assert await PromoterBinding.all().count() == 1
    screen = ming.open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    seen = (await hong.call("GET", "/me/promoter")).answer
    assert (seen["came_count"], seen["sale_count"]) == (1, 0)

    first = await bought(market, screen, offer, "first")
    assert await money(hong) == (199, 0, 0, 0)
    await used(clerk, screen, first)
    await hong.person.say(town.oa, "分销")  # within two days of that they can be told something
    assert "已带来1人，成交1笔" in hong.person.chat(town.oa).texts()[-1]
    await later(town, hours=2)
    assert await money(hong) == (0, 199, 0, 0)
    (told,) = heard(town, hong.person, "后可提现")
    assert "佣金1.99元" in told
    assert str(ming.openid(town.oa)) not in str((await hong.call("GET", "/me/commissions")).answer)
    await later(town, days=7)
    assert await money(hong) == (0, 0, 199, 0)
    await hong.person.say(town.oa, "佣金")
    assert "可提现佣金1.99元" in hong.person.chat(town.oa).texts()[-1]
    await sound(town)

    # What they have goes out to their WeChat; then the operator gives the order back.
    asked = await ask(hong, 199)
    await town.work()
    bill = hong.take_money((await page(hong, asked))[1])
    await town.platform.pay.settle()
    assert (await page(hong, asked), await money(hong)) == (("arrived", None), (0, 0, 0, 0))
    assert town.platform.pay.transfers.got(bill.openid) == 199
    refunds, given = town.house.handlers.order_refunds, {"amount_fen": 1_990, "reason": "咖啡是凉的"}
    await refunds.give(await a_manager(), UUID(first["id"]), **given, request_id="give")
    await town.work()
    await town.platform.pay.settle()
    await worked(town)
    assert await money(hong) == (0, 0, 0, 199)
    assert heard(town, hong.person, "已扣回")[-1].endswith("佣金1.99元已扣回，余额-1.99元。")
    refused = await hong.call("POST", "/me/withdrawals", {"amount_fen": 100}, key="more")
    assert (refused.status, refused.answer["code"]) == (409, "ledger.short")

    assert (await clerk.counter.sign_in()).status == 201
    second = await bought(market, screen, offer, "second")
    await used(clerk, screen, second)
    third = await bought(market, screen, offer, "third")
    await used(clerk, screen, third)
    await later(town, hours=2)
    await later(town, days=7)
    assert await money(hong) == (0, 0, 199, 0)
    entries = (await hong.call("GET", "/me/commissions")).answer["items"]
    assert [each["amount_fen"] for each in entries] == [199, 199, -199, 199]
    await sound(town)
    await paid_out(town)


async def test_a_link_opened_in_the_mini_program_counts_and_what_is_returned_unused_leaves_nothing(market):
    town = market.town
    await rules(market)
    offer = await priced(market)
    hong, _ = await a_promoter(market)
    body = {"target": {"kind": "offer", "offer_id": offer}}
    link = (await hong.call("POST", "/me/promoter/links", body, key="link")).answer
    screen = town.person("小明").open_mini_program(town.mp, scene=link["code"])
    assert (await screen.join(with_phone=False)).status == 201
    where = await screen.call("GET", f"/promoter-links/{link['code']}")
    assert where.answer == {"offer_id": offer}
    order = await bought(market, screen, offer, "once")
    assert (await money(hong))[0] == 199
    asked = await screen.call("POST", f"/orders/{order['id']}/refunds", {"amount_fen": 1_990}, key="back")
    assert asked.status == 201, asked.answer
    await town.work()
    await town.platform.pay.settle()
    await worked(town)
    assert await money(hong) == (0, 0, 0, 0)
    await sound(town)


async def test_the_desk_switches_a_level_off_and_ranks_by_what_was_bought(market):
    town = market.town
    await rules(market)
    offer = await priced(market, limits=[])
    hong, promoter_id = await a_promoter(market)
    link = (await hong.call("POST", "/me/promoter/links", FRONT, key="link")).answer
    screen = town.person("小明").open_mini_program(town.mp, scene=link["code"])
    assert (await screen.join(with_phone=False)).status == 201
    await bought(market, screen, offer, "first")
    status, told = await market.desk.tell("PUT", "/operator/commission-levels", {"level": 1, "is_off": True})
    assert (status, told["is_off"]) == (200, True)
    await bought(market, screen, offer, "second")
    assert (await money(hong))[0] == 199
    status, told = await market.desk.tell("GET", f"/operator/promoters/{promoter_id}/money")
    assert (status, told["pending_fen"]) == (200, 199)
    path = "/operator/promoters/ranking?since=2026-01-01&until=2026-02-01"
    assert await market.desk.tell("GET", path) == (200, {"items": [], "next_cursor": None})
    today = town.house.clock.now().astimezone(BUSINESS_ZONE).date()
    await later(town, days=1)
    await later(town, days=1)
    days = {"since": today, "until": today + timedelta(days=1), "limit": 9}
    (ranked,) = await town.house.handlers.promoter_days.ranked(await a_manager(), **days)
    assert (str(ranked.promoter_id), ranked.order_count, ranked.paid_fen) == (promoter_id, 1, 1_990)


async def test_whoever_asks_in_chat_is_told_where_they_stand(market):
    town, person = market.town, market.town.person("小明")
    await person.follow(town.oa)
    await person.say(town.oa, "分销")
    assert "还没有开放分销" in person.chat(town.oa).texts()[-1]
    await rules(market)
    await person.say(town.oa, "分销")
    assert "申请不收费" in person.chat(town.oa).texts()[-1]
