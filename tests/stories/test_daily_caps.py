"""An operator caps what one clerk does in a day: at the door, in chat, and what the shop is told."""

import uuid
from datetime import timedelta

from models.claims import Claim
from models.words import ClaimState
from tests.stories.test_at_the_counter import member, shop

__all__ = ["shop"]


async def scan(shop, clerk: str, claim: Claim, *, key: str | None = None):
    body = {"codes": [{"code": shop.typed(claim)}], "device_id": "till-1"}
    return await shop.ask("POST", "/clerk/redemptions", body, token=clerk, key=key)


async def take_back(shop, clerk: str, done):
    row = done.body["redemptions"][0]["id"]
    return await shop.ask("POST", f"/clerk/redemptions/{row}/reversal", {"reason": "拿错"}, token=clerk)


async def manager(town, shop) -> str:
    invited = {"merchant": "books", "store": None, "role": "manager", "name": "店长"}
    token = (await shop.desk.ask("POST", "/clerks/invitations", invited))[1]["token"]
    hong = town.person("小红")
    code = hong.open_mini_program(town.mp).login_code()
    assert (await shop.ask("POST", f"/clerk/invitations/{token}/accept", {"code": code})).status == 201
    code = hong.open_mini_program(town.mp).login_code()
    return (await shop.ask("POST", "/clerk/sessions", {"code": code})).body["token"]


async def test_a_capped_clerk_asks_the_manager_and_has_the_next_day(town, shop):
    await member(town, "小明")
    lin = town.person("小林")
    clerk, boss = await shop.clerk(lin), await manager(town, shop)
    path = f"/merchants/{shop.counter.merchant.id}"
    status, seen = await shop.desk.ask("PATCH", path, {"clerk_daily_redemptions": 2, "clerk_daily_reversals": 1})
    assert (status, seen["clerk_daily_redemptions"], seen["clerk_daily_reversals"]) == (200, 2, 1)
    first, second = [await scan(shop, clerk, await shop.claim()) for _ in range(2)]
    claim = await shop.claim()
    key = str(uuid.uuid4())
    third = await scan(shop, clerk, claim, key=key)
    assert (third.status, third.body["code"]) == (429, "redemption.daily_cap")
    assert third.body["title"] == "今天核销的次数已到上限，请店长来核销。"
    assert (third.body["cap"], third.body["left"]) == (2, 0)
    assert (await shop.ask("GET", f"/clerk/redemptions/by-key/till-1/{key}", token=clerk)).status == 404
    assert (await take_back(shop, clerk, first)).status == 201
    again = await take_back(shop, clerk, second)
    assert (again.status, again.body["code"]) == (429, "redemption.daily_reversal_cap")
    assert (await take_back(shop, boss, second)).status == 201
    assert (await scan(shop, boss, await shop.claim())).status == 201
    town.wait(timedelta(days=1))
    code = lin.open_mini_program(town.mp).login_code()
    clerk = (await shop.ask("POST", "/clerk/sessions", {"code": code})).body["token"]
    assert (await scan(shop, clerk, claim, key=key)).status == 201
    await town.work()


async def test_a_cap_of_nought_takes_it_away_and_a_new_merchant_may_begin_with_one(town, shop):
    merchant = {"code": "wash", "name": "洗车行", "clerk_daily_redemptions": 30}
    status, made = await shop.desk.ask("POST", "/merchants", merchant)
    assert (status, made["clerk_daily_redemptions"], made["clerk_daily_reversals"]) == (201, 30, None)
    path = f"/merchants/{made['id']}"
    changed = (await shop.desk.ask("PATCH", path, {"clerk_daily_redemptions": 0}))[1]
    assert changed["clerk_daily_redemptions"] is None
    for wrong in (-1, 1.5, 10**10, "3"):
        assert (await shop.desk.ask("PATCH", path, {"clerk_daily_reversals": wrong}))[0] == 400
    assert (await shop.desk.ask("POST", "/merchants", {**merchant, "clerk_daily_redemptions": 0}))[0] == 400


async def test_the_cap_counts_chat_and_till_together_and_chat_says_what_to_do(town, shop):
    await member(town, "小明")
    lin = town.person("小林")
    await lin.follow(town.oa)
    clerk = await shop.clerk(lin)
    path = f"/merchants/{shop.counter.merchant.id}"
    await shop.desk.ask("PATCH", path, {"clerk_daily_redemptions": 2, "clerk_daily_reversals": 1})
    assert (await scan(shop, clerk, await shop.claim())).status == 201
    await lin.say(town.oa, shop.typed(await shop.claim()))
    assert "单号" in (await lin.say(town.oa, "确认")).text
    claim = await shop.claim()
    await lin.say(town.oa, shop.typed(claim))
    assert (await lin.say(town.oa, "确认")).text == "今天核销的次数已到上限，请店长来核销。"
    assert (await Claim.get(id=claim.id)).state is ClaimState.ISSUED
    assert (await scan(shop, clerk, claim)).body["code"] == "redemption.daily_cap"
    assert "已撤销" in (await lin.say(town.oa, "撤销")).text
    await shop.desk.ask("PATCH", path, {"clerk_daily_redemptions": 3})
    await lin.say(town.oa, shop.typed(claim))
    assert "单号" in (await lin.say(town.oa, "确认")).text
    assert (await lin.say(town.oa, "撤销")).text == "今天撤销的次数已到上限，请店长来撤销。"
    await town.work()
