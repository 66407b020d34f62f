"""Days of a benefit: claimed on a phone and redeemed from it, sold in a rush, had again every month."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from handlers.recurring import BUSINESS_ZONE
from models.claims import Claim
from models.database import rows
from models.statements.invariants import CHECKS
from tests.operating import FREE
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

PEOPLE, UNITS = 60, 20


async def claimed(screen, offer) -> str:
    call = await screen.claim(offer)
    assert call.status == 201, call.answer
    return str(call.answer["claims"][0]["id"])


async def broken() -> list[str]:
    return [check.what for check in CHECKS if await rows(check.sql)]


async def test_a_claim_from_the_mini_program_is_redeemed_by_its_pass_and_a_second_scan_hears_of_it(town, market):
    offer = await market.offer("拿铁")
    ming, lin = await market.member("小明"), (await market.clerk()).counter
    (seen,) = (await ming.offers()).fact("items")
    assert (seen["claimable"], seen["price"], seen["left"]) == (True, FREE, None)
    claim = await claimed(ming, offer)
    (seen,) = ming.catalogue
    assert (seen["claimable"], seen["reason"]) == (False, "offer.limit_reached")
    assert [each["id"] for each in (await ming.wallet()).answer["held"]["items"]] == [claim]

    assert town.platform.passes() == []
    assert (await ming.pass_of(claim)).status == 201
    (phone,) = town.platform.passes()
    token = str(phone.shown["token"])
    looked = await lin.look(token=token)
    assert (looked.status, looked.fact("benefit"), looked.fact("store")) == (200, "拿铁", "湖滨店")
    done = await lin.redeem(key="scan-1")
    assert done.status == 201, done.answer
    reused = await lin.redeem(token=token, uses=2, key="scan-1")
    assert (reused.status, reused.fact("code")) == (422, "idempotency.key_reused")
    assert (await lin.what_became_of("scan-1")).answer == done.answer

    other = (await market.clerk("小蓝")).counter
    again = await other.redeem(code=str(phone.shown["code"]))
    assert (again.status, again.fact("code")) == (409, "redemption.already_redeemed")
    first = again.fact("first")
    assert (first["clerk"], first["store"], first["device_id"]) == ("小林", "湖滨店", lin.device)
    assert 0 <= first["seconds_ago"] < 60
    sections = (await ming.wallet()).answer
    assert [sections[section]["count"] for section in ("held", "used")] == [0, 1]

    back = await lin.reverse(done.answer["redemptions"][0]["id"], "拿错了")
    assert (back.status, back.fact("claim_state")) == (201, "issued")
    assert [each["kind"] for each in (await lin.history()).fact("items")] == ["reversal", "redeem"]
    await town.work()
    assert any("拿铁" in text for text in ming.person.chat(town.oa).texts())
    assert await broken() == []


async def test_a_pass_is_over_after_a_minute_and_nobody_can_scan_it(town, market):
    offer = await market.offer("拿铁")
    ming, lin = await market.member("小明"), (await market.clerk()).counter
    claim = await claimed(ming, offer)
    token = str((await ming.pass_of(claim)).fact("token"))
    town.wait(timedelta(seconds=61))
    assert town.platform.passes() == []
    late = await lin.redeem(token=token)
    assert (late.status, late.fact("code")) == (404, "redemption.invalid")
    fresh = str((await ming.pass_of(claim)).fact("token"))
    assert fresh != token
    assert [str(each.shown["token"]) for each in town.platform.passes()] == [fresh]
    ming.put_away()
    assert town.platform.passes() == []


async def test_a_flash_sale_of_twenty_gives_exactly_twenty_to_sixty_who_press_at_once(town, market):
    offer = await market.offer("抢购拿铁", stock=UNITS, is_flash_sale=True)
    screens = [await market.member(f"顾客{number}") for number in range(PEOPLE)]
    calls = await asyncio.gather(*(screen.claim(offer) for screen in screens))
    assert Counter(call.status for call in calls) == {201: UNITS, 409: PEOPLE - UNITS}
    assert {call.fact("code") for call in calls if call.status == 409} == {"offer.sold_out"}
    assert await Claim.all().count() == UNITS
    _, stock = await market.desk.tell("GET", f"/operator/offers/{offer}/stock")
    assert [(each["added"], each["left"], each["taken"]) for each in stock["items"]] == [(UNITS, 0, UNITS)]
    winner = next(screen for screen, call in zip(screens, calls, strict=True) if call.status == 201)
    loser = next(screen for screen, call in zip(screens, calls, strict=True) if call.status == 409)
    assert (await winner.wallet()).answer["held"]["count"] == 1
    assert (await loser.wallet()).answer["held"]["count"] == 0
    assert await broken() == []


async def test_two_car_washes_every_month_for_three_months(town, market):
    offer = await market.offer(
        "洗车",
        limits=[{"period": "month", "count": 2}],
        validity={"kind": "natural", "period": "month"},
    )
    ming, lin = await market.member("小明"), (await market.clerk()).counter
    for month in range(3):
        if month:
            town.wait(until_next_month(town.clock.now()))
            assert (await ming.login()).is_fine
            assert (await lin.sign_in()).is_fine
            await town.work()
            await town.house.handlers.claim_expiry.sweep()
        first, _unused = await claimed(ming, offer), await claimed(ming, offer)
        refused = await ming.claim(offer)
        assert (refused.status, refused.fact("code")) == (409, "offer.limit_reached")
        token = str((await ming.pass_of(first)).fact("token"))
        assert (await lin.redeem(token=token)).status == 201
        sections = (await ming.wallet()).answer
        assert [sections[section]["count"] for section in ("held", "used", "expired")] == [1, month + 1, month]
    assert await broken() == []


async def test_a_clerk_redeems_in_chat_what_the_member_reads_out(town, market):
    offer = await market.offer("拿铁")
    ming, lin = await market.member("小明"), (await market.clerk()).person
    assert (await ming.person.say(town.oa, "领 拿铁")).text.startswith("拿铁已领取")
    (held,) = (await ming.wallet()).answer["held"]["items"]
    assert held["offer_id"] == offer
    spoken = str((await ming.look_at(held["id"])).fact("typed_code"))
    assert "拿铁" in (await lin.say(town.oa, f"核销 {spoken.lower()}")).text
    assert "拿铁" in (await lin.say(town.oa, "确认")).text
    assert (await ming.wallet()).answer["used"]["count"] == 1
    assert "核销" in (await lin.say(town.oa, f"核销 {spoken}")).text
    assert (await lin.say(town.oa, "撤销")).text
    assert (await ming.wallet()).answer["held"]["count"] == 1


def until_next_month(now: datetime) -> timedelta:
    """To nine o'clock of the first day of the next month, local time."""
    local = now.astimezone(BUSINESS_ZONE)
    first = (local.replace(day=1) + timedelta(days=32)).replace(day=1, hour=9, minute=0, second=0, microsecond=0)
    return first - local
