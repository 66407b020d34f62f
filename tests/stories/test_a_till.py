"""A till tells of what is bought, over the signed door: points come, stay while money can be given back, and go."""

from datetime import timedelta
from uuid import uuid4

import aiohttp
import orjson
import pytest

from handlers.recurring import BUSINESS_ZONE
from models.identity import Member
from models.ledger import Transfer
from models.purchases import Purchase
from tests.handlers.claimable import an_offer
from tests.handlers.tilling import SECRET, signed_headers
from tests.stories.desk import at_the_desk

BUYS = {"order_no": "A-1", "amount_fen": 10_000, "lines": [{"category": "coffee", "amount_fen": 10_000}]}


@pytest.fixture
async def ming(town):
    """Somebody who joined, on their own screen."""
    screen = town.person("小明").open_mini_program(town.mp)
    await screen.join(with_phone=False)
    return screen


async def a_channel(desk) -> dict:
    """A till, and a rule by which a yuan is a point."""
    assert (await desk.ask("PUT", "/points/rules", {"code": "purchase", "name": "消费"}))[0] == 200
    rate = {"code": "base", "name": "消费", "unit": "points", "kind": "rate", "factor_bp": 10_000}
    assert (await desk.ask("PUT", "/purchases/rules", rate))[0] == 200
    status, made = await desk.ask("POST", "/channels", {"code": "till", "name": "一号收银台", "key": SECRET})
    assert status == 201, made
    return made


async def tell(town, path: str, told: dict | None, *, key: str = "", secret: str = SECRET, headers=None):
    """A signed call, as a till makes it (without a body: a GET): status and body of the answer, headers of the call."""
    method, body = ("GET", b"") if told is None else ("POST", orjson.dumps(told))
    target = f"/api/v1/channel{path}"
    headers = headers or {
        **signed_headers("till", secret, method, target, body, at=town.house.clock.now()),
        "Content-Type": "application/json",
        "Idempotency-Key": key or str(uuid4()),
    }
    async with (
        aiohttp.ClientSession(town.address) as session,
        session.request(method, target, data=body or None, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), headers


async def bought(town) -> dict:
    member = await Member.exclude(joined_at=None).first()
    paid_at = town.house.clock.now().astimezone(BUSINESS_ZONE).isoformat()
    return {**BUYS, "paid_at": paid_at, "buyer": {"namespace": "member", "value": str(member.id)}}


async def points_of(screen) -> int:
    return (await screen.call("GET", "/me/points")).answer["available"]


async def test_a_till_sells_and_gives_back_in_parts(town, ming):
    async with at_the_desk(town) as desk:
        channel = await a_channel(desk)
        order = await bought(town)
        status, booked, sent = await tell(town, "/purchases", order, key="first")
        assert (status, booked["points"], booked["is_known"]) == (201, 100, False), booked
        assert await points_of(ming) == 100
        # The same bytes again are a replay; signed anew they are the same order.
        status, refused, _ = await tell(town, "/purchases", order, headers=sent)
        assert (status, refused["code"]) == (401, "channel.replayed")
        status, again, _ = await tell(town, "/purchases", order, key="another")
        assert (status, again["points"], again["is_known"]) == (201, 100, True)
        status, other, _ = await tell(town, "/purchases", {**order, "store": "elsewhere"})
        assert (status, other["code"]) == (409, "purchase.conflict")
        assert await points_of(ming) == 100
        for number, fen, left in (("R-1", 2_500, 75), ("R-2", 7_500, 0)):
            back = {"refund_no": number, "amount_fen": fen, "refunded_at": order["paid_at"]}
            status, told, _ = await tell(town, "/purchases/A-1/refunds", back)
            assert (status, told["points"]) == (201, left), told
            assert await points_of(ming) == left
        more = {"refund_no": "R-3", "amount_fen": 1, "refunded_at": order["paid_at"]}
        status, told, _ = await tell(town, "/purchases/A-1/refunds", more)
        assert (status, told["code"]) == (409, "refund.too_much")
        assert (await desk.ask("POST", f"/channels/{channel['id']}/pause", {"reason": "换钥匙"}))[0] == 200
        status, told, _ = await tell(town, "/purchases", {**order, "order_no": "A-2"})
        assert (status, told["code"]) == (403, "channel.off")
    assert await Purchase.all().count() == 1


async def test_a_till_claims_for_the_member_at_the_counter_and_sees_what_they_hold(town, ming):
    async with at_the_desk(town) as desk:
        await a_channel(desk)
    offer = await an_offer(town.house.clock.now(), stock=5)
    town.house.handlers.offer_catalogue.forget()
    member = str((await Member.exclude(joined_at=None).first()).id)
    status, seen, sent = await tell(town, f"/members/{member}/wallet", None)
    assert (status, seen["held"]["items"]) == (200, []), seen
    assert [each["id"] for each in seen["claimable"]["items"]] == [str(offer.id)]
    status, refused, _ = await tell(town, f"/members/{member}/wallet", None, headers=sent)
    assert (status, refused["code"]) == (401, "channel.replayed")
    wish = {"member_id": member, "offer_id": str(offer.id)}
    status, claimed, sent = await tell(town, "/claims", wish, key="first")
    assert status == 201, claimed
    status, again, _ = await tell(town, "/claims", wish, key="first")
    assert (status, again) == (201, claimed)
    status, refused, _ = await tell(town, "/claims", wish, headers=sent)
    assert (status, refused["code"]) == (401, "channel.replayed")
    status, refused, _ = await tell(town, "/claims", wish)
    assert (status, refused["code"]) == (409, "offer.limit_reached"), refused
    status, refused, _ = await tell(town, "/claims", {**wish, "quantity": 0})
    assert status == 400
    status, refused, _ = await tell(town, "/claims", {**wish, "member_id": str(uuid4())})
    assert (status, refused["code"]) == (404, "member.unknown")
    status, seen, _ = await tell(town, f"/members/{member}/wallet?status=held&limit=1", None)
    (held,) = seen["held"]["items"]
    assert (held["id"], seen["claimable"]) == (claimed["claims"][0]["id"], None)
    assert not {"typed_code", "third_party_code", "recharge_tail"} & held.keys()
    mine = (await ming.call("GET", "/me/wallet?status=held")).answer["held"]["items"]
    assert [each["id"] for each in mine] == [held["id"]]


async def test_a_call_that_is_not_signed_by_the_channel_tells_nothing(town, ming):
    async with at_the_desk(town) as desk:
        await a_channel(desk)
    order, before = await bought(town), await Transfer.all().count()
    status, refused, _ = await tell(town, "/purchases", order, secret=SECRET[::-1])
    assert (status, refused["code"]) == (401, "channel.not_signed")
    target, late = "/api/v1/channel/purchases", town.house.clock.now() - timedelta(minutes=6)
    headers = signed_headers("till", SECRET, "POST", target, orjson.dumps(order), at=late)
    status, refused, _ = await tell(town, "/purchases", order, headers={**headers, "Idempotency-Key": "late"})
    assert (status, refused["code"]) == (401, "channel.stale")
    assert (await Purchase.all().count(), await Transfer.all().count()) == (0, before)
