"""Fifty requests at once through the HTTP door, the same one and different ones; the same races without their guard."""

import asyncio
from collections import Counter

import pytest

from handlers.claims import claiming, sharing
from models.claims import Claim
from models.database import rows
from models.redemptions import Redemption
from models.statements.invariants import CHECKS
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

FIFTY = range(50)


@pytest.fixture
async def shop(market):
    """An offer of three per member, a member, and a clerk."""
    offer = await market.offer("咖啡", stock=90, limits=[{"period": "ever", "count": 3}])
    return offer, await market.member("小明"), await market.clerk()


def claims_of(shop, key_of):
    offer, ming, _ = shop
    return (ming.call("POST", f"/offers/{offer}/claims", {}, key=key_of(turn)) for turn in FIFTY)


async def statuses(calls) -> Counter:
    return Counter([each.status for each in await asyncio.gather(*calls)])


async def all_is_well() -> None:
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


async def test_one_claim_sent_fifty_times_is_one_claim_and_one_answer(shop):
    answers = await asyncio.gather(*claims_of(shop, lambda _: "same"))
    assert {each.status for each in answers} == {201}
    assert len({str(each.answer) for each in answers}) == 1
    assert await Claim.all().count() == 1
    await all_is_well()


async def test_fifty_claims_of_one_member_stop_at_the_limit(shop):
    assert await statuses(claims_of(shop, lambda turn: f"key-{turn}")) == {201: 3, 409: 47}
    assert await Claim.all().count() == 3
    await all_is_well()


async def test_without_slots_fifty_claims_are_fifty(shop, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(sharing, "_slots", lambda *_: [()])
    assert await statuses(claims_of(shop, lambda turn: f"key-{turn}")) == {201: 50}
    assert await Claim.all().count() == 50


async def test_without_the_row_of_the_request_one_claim_sent_again_is_another(shop, monkeypatch):
    """The negative control: the answers are not kept, and whoever asks again later gets a second one."""

    async def forget(_answers):
        return None

    monkeypatch.setattr(claiming, "record", forget)
    offer, ming, _ = shop
    for _ in range(3):
        assert (await ming.call("POST", f"/offers/{offer}/claims", {}, key="same")).status == 201
    assert await Claim.all().count() == 3


async def held(shop) -> str:
    """What is shown at the counter: the typed code of a claim."""
    offer, ming, _ = shop
    claimed = await ming.claim(offer)
    return (await ming.look_at(claimed.fact("claims")[0]["id"])).fact("typed_code")


def redemptions_of(shop, code, key_of):
    clerk = shop[2].counter
    return (
        clerk.call("POST", "/clerk/redemptions", {"codes": [{"code": code}], "device_id": "till"}, key=key_of(turn))
        for turn in FIFTY
    )


async def test_one_scan_sent_fifty_times_is_one_redemption_and_one_answer(shop):
    answers = await asyncio.gather(*redemptions_of(shop, await held(shop), lambda _: "same"))
    assert {each.status for each in answers} == {201}
    assert len({str(each.answer) for each in answers}) == 1
    assert await Redemption.all().count() == 1
    await all_is_well()


async def test_of_fifty_scans_of_one_code_one_has_it(shop):
    code = await held(shop)
    assert await statuses(redemptions_of(shop, code, lambda turn: f"key-{turn}")) == {201: 1, 409: 49}
    assert await Redemption.all().count() == 1
    await all_is_well()


async def test_where_uses_are_not_taken_fifty_scans_are_fifty_redemptions(shop, monkeypatch):
    """The negative control."""
    code = await held(shop)
    from models.statements import redemptions as statements

    text = 'state = w."after", uses_left = claim.uses_left - w.uses FROM'
    take = statements.TAKE_USES
    loose = {
        name: getattr(take, name).replace(text, "uses_left = claim.uses_left FROM") for name in ("postgres", "sqlite")
    }
    assert loose["sqlite"] != take.sqlite
    monkeypatch.setattr(statements, "TAKE_USES", type(take)(**loose))
    assert await statuses(redemptions_of(shop, code, lambda turn: f"key-{turn}")) == {201: 50}
    assert await Redemption.all().count() == 50
