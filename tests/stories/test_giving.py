"""Given by the operator: a wrong list taken back and what went wrong given again; a rush that opens early for some."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from handlers.recurring import BUSINESS_ZONE
from models.claims import Claim
from models.database import rows
from models.statements.invariants import CHECKS
from tests.stories.market import desk, market

__all__ = ["desk", "market"]


async def broken() -> list[str]:
    return [check.what for check in CHECKS if await rows(check.sql)]


async def posted(market, path, body=None, *, who="root"):
    status, told = await market.desk.tell("POST", f"/operator{path}", body or {}, who=who)
    assert status in (200, 201), told
    return told


async def given(market, town, offer, people, **more):
    """A list of these people: handed in, submitted, approved by the second operator, worked off."""
    listed = [{"member_id": (await screen.call("GET", "/me")).fact("id")} for screen in people]
    made = await posted(market, "/grants", {"offer_id": offer, "reason": "周年回馈", "rows": listed, **more})
    return await done(market, town, made)


async def done(market, town, made):
    await posted(market, f"/grants/{made['id']}/submit")
    await posted(market, f"/grants/{made['id']}/approve", who="second")
    await town.work()
    return (await market.desk.tell("GET", f"/operator/grants/{made['id']}"))[1]


async def test_a_wrong_list_is_taken_back_and_what_had_been_lost_is_given_again(town, market):
    offer = await market.offer("下午茶", stock=10, limits=[{"period": "ever", "count": 2}])
    ming, hong = await market.member("小明"), await market.member("小红")
    lin = (await market.clerk()).counter
    wrong = await given(market, town, offer, [ming, hong], tell=True)
    assert (wrong["state"], wrong["figures"]["done_count"]) == ("done", 2)
    assert any("下午茶已放入" in text for text in ming.person.chat(town.oa).texts())

    (held,) = (await ming.wallet()).answer["held"]["items"]
    token = str((await ming.pass_of(held["id"])).fact("token"))
    assert (await lin.redeem(token=token)).status == 201  # 小明 was quicker than the operator
    undo = await posted(market, f"/grants/{wrong['id']}/undo", {"reason": "名单错了", "return_to_stock": True})
    back = await done(market, town, undo)
    assert (back["state"], back["figures"]["done_count"]) == ("done", 1)
    assert [(await screen.wallet()).answer["held"]["count"] for screen in (ming, hong)] == [0, 0]
    assert any("下午茶已被收回" in text for text in hong.person.chat(town.oa).texts())
    _, stock = await market.desk.tell("GET", f"/operator/offers/{offer}/stock")
    assert [(each["left"], each["taken"]) for each in stock["items"]] == [(9, 1)]

    # 小红 should have had it after all: found at the desk, and given again, once.
    (lost,) = (await hong.wallet()).answer["expired"]["items"]
    again = await posted(market, f"/claims/{lost['id']}/regrant", {"reason": "收回时弄错了"})
    (held,) = (await hong.wallet()).answer["held"]["items"]
    assert held["id"] == again["claim_id"]
    status, told = await market.desk.tell("POST", f"/operator/claims/{lost['id']}/regrant", {"reason": "再来"})
    assert (status, told["code"], told["claim_id"]) == (409, "regrant.already", again["claim_id"])
    _, file = await market.desk.tell("GET", f"/operator/claims/{lost['id']}")
    assert [each["to_state"] for each in file["events"]] == ["issued", "revoked"]
    assert file["claim"]["regranted_as"] == again["claim_id"]
    member = (await hong.call("GET", "/me")).fact("id")
    _, seen = await market.desk.tell("GET", f"/operator/members/{member}/claims")
    assert [each["state"] for each in seen["items"]] == ["issued", "revoked"]

    answer = await market.desk.ask("GET", f"/operator/grants/{wrong['id']}/rows.csv", who="root")
    lines = answer.body.decode("utf-8-sig").splitlines()

    # A list that was stopped after it had been approved goes on, once the doubt about it is gone.
    listed = [{"member_id": (await ming.call("GET", "/me")).fact("id")}]
    doubted = await posted(market, "/grants", {"offer_id": offer, "reason": "补差", "rows": listed})
    await posted(market, f"/grants/{doubted['id']}/submit")
    await posted(market, f"/grants/{doubted['id']}/approve", who="second")
    await posted(market, f"/grants/{doubted['id']}/stop", {"reason": "先核对"})
    await town.work()
    assert (await ming.wallet()).answer["held"]["count"] == 0
    gone_on = await posted(market, f"/grants/{doubted['id']}/resume", {"reason": "核对无误"})
    assert (gone_on["state"], gone_on["finished_at"]) == ("running", None)
    await town.work()
    assert (await ming.wallet()).answer["held"]["count"] == 1
    assert answer.status == 200
    assert len(lines) == 3
    assert lines[1].startswith('"1",')
    assert await broken() == []


def at(now: datetime, hour: int) -> timedelta:
    """To that hour of tomorrow, local time."""
    local = now.astimezone(BUSINESS_ZONE) + timedelta(days=1)
    return local.replace(hour=hour, minute=0, second=0, microsecond=0) - now


async def test_a_flash_sale_in_two_waves_tells_early_callers_when_it_opens_and_gives_each_wave_exactly(town, market):
    offer = await market.offer(
        "抢购电影票",
        waves=[{"at": "10:00", "count": 5}, {"at": "15:00", "count": 3}],
        is_flash_sale=True,
        limits=[{"period": "day", "count": 1}],
    )
    town.wait(at(town.clock.now(), 9))
    screens = [await market.member(f"顾客{number}") for number in range(12)]
    early = await screens[0].claim(offer)
    assert (early.status, early.fact("code")) == (409, "offer.not_open")
    opens_at = datetime.fromisoformat(str(early.fact("opens_at")))
    page = (await screens[0].offers()).answer
    (seen,) = page["items"]
    assert datetime.fromisoformat(seen["opens_at"]) == opens_at
    assert opens_at.astimezone(BUSINESS_ZONE).strftime("%H:%M") == "10:00"
    countdown = opens_at - datetime.fromisoformat(page["server_time"])
    assert timedelta(0) < countdown <= timedelta(hours=1)
    assert (seen["is_flash_sale"], seen["claimable"]) == (True, False)

    town.wait(opens_at - town.clock.now() + timedelta(seconds=1))
    rush = await asyncio.gather(*(screen.claim(offer) for screen in screens))
    assert Counter(call.status for call in rush) == {201: 5, 409: 7}
    late = next(call for call in rush if call.status == 409)
    assert late.fact("code") == "offer.sold_out"
    next_at = datetime.fromisoformat(str(late.fact("next_at")))
    assert next_at.astimezone(BUSINESS_ZONE).strftime("%H:%M") == "15:00"

    town.wait(next_at - town.clock.now() + timedelta(seconds=2))
    for screen in screens:
        assert (await screen.login()).is_fine
    town.house.handlers.offer_catalogue.forget()
    (seen,) = (await screens[0].offers()).answer["items"]
    assert seen["left"] == 3
    rush = await asyncio.gather(*(screen.claim(offer) for screen in screens))
    assert Counter(call.status for call in rush) == {201: 3, 409: 9}
    assert Counter(call.fact("code") for call in rush if call.status == 409) == {
        "offer.limit_reached": 5,
        "offer.sold_out": 4,
    }
    assert await Claim.all().count() == 8
    assert await broken() == []
