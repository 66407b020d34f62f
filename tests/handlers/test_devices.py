"""The device that somebody signs in on: kept by hash for a month, and who buys on the promoter's own earns nobody."""

from datetime import timedelta

import pytest

from handlers.identity.devices import KEPT, SEEN_AGAIN_AFTER
from handlers.privacy.retention import purge_expired
from models.distribution import OrderPromoter
from models.linking import SeenDevice
from tests.handlers.buying import for_sale
from tests.handlers.distributing import a_seller, amounts, brought, rules

THEIRS, ANOTHER = "device-of-hong", "device-of-ming"


async def signs_in(rooms, openid: str, device_id: str | None) -> None:
    await rooms.handlers.sessions.open(code=rooms.wechat.login_code(openid), device_id=device_id)


async def test_a_device_is_one_row_of_its_person_and_written_once_in_an_hour(rooms):
    person = await rooms.person("o-ming")
    await signs_in(rooms, "o-ming", THEIRS)
    began = rooms.clock.now()
    rooms.clock.advance(SEEN_AGAIN_AFTER)
    await signs_in(rooms, "o-ming", THEIRS)
    seen = await SeenDevice.get()
    assert (seen.member_id, seen.first_seen_at, seen.last_seen_at) == (person.member_id, began, began)
    assert THEIRS not in seen.device_hash
    rooms.clock.advance(timedelta(microseconds=1))
    await signs_in(rooms, "o-ming", THEIRS)
    seen = await SeenDevice.get()
    assert (seen.first_seen_at, seen.last_seen_at) == (began, rooms.clock.now())
    await signs_in(rooms, "o-ming", ANOTHER)
    await signs_in(rooms, "o-ming", None)
    assert await SeenDevice.all().count() == 2


async def test_a_device_is_forgotten_a_month_after_it_was_last_seen(rooms):
    await signs_in(rooms, "o-ming", THEIRS)
    rooms.clock.advance(KEPT)
    assert (await purge_expired(rooms.clock.now()))["seen_device"] == 0
    rooms.clock.advance(timedelta(microseconds=1))
    assert (await purge_expired(rooms.clock.now()))["seen_device"] == 1


@pytest.mark.parametrize(
    ("device_id", "days", "earned"),
    [
        pytest.param(THEIRS, 0, [], id="on the promoter's own"),
        pytest.param(ANOTHER, 0, [(100, "pending")], id="on another"),
        pytest.param(None, 0, [(100, "pending")], id="on one that nobody told of"),
        pytest.param(THEIRS, KEPT.days, [(100, "pending")], id="a month after the promoter was seen there"),
    ],
)
async def test_who_buys_on_the_device_of_the_promoter_gives_no_commission(rooms, device_id, days, earned):
    await rules(rooms)
    hong = await a_seller(rooms)
    await signs_in(rooms, "o-hong", THEIRS)
    rooms.clock.advance(timedelta(days=days))
    ming = await brought(rooms, "o-ming", await hong.code())
    await signs_in(rooms, "o-ming", device_id)
    await ming.buy(await for_sale(rooms))
    assert (await OrderPromoter.all().count(), await amounts()) == (len(earned), earned)


async def test_the_device_tells_after_the_order_too(rooms):
    await rules(rooms)
    hong = await a_seller(rooms)
    ming = await brought(rooms, "o-ming", await hong.code())
    ordered = (await ming.order(await for_sale(rooms))).value.order
    for openid in ("o-hong", "o-ming"):
        await signs_in(rooms, openid, THEIRS)
    await ming.told(ordered.number)
    assert (await OrderPromoter.all().count(), await amounts()) == (1, [])
