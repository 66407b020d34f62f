"""kill -9 between sending a top-up to its supplier and writing down what the supplier said: it is charged once."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.rules.offer_terms import Limit, Period
from models import database
from simulator import Conduct
from tests.handlers.charging import NUMBER, a_supplier, a_top_up, holds
from tests.processes import failing, stored
from tests.stories.conftest import town_settings

WITHIN = {"WORKER__EMBEDDED": "true"}  # one process that claims and sends, on both pairs


async def opened(site):
    """The server makes the root known and somebody joins; the supplier and its offer are written as they are stored."""
    server = await site.serve()
    screen = site.platform.person("小明").open_mini_program(site.mp)
    assert (await screen.join(with_phone=False)).is_fine
    await server.stop()
    site.platform.supplier.pace = 0.0
    site.platform.supplier.always(Conduct(is_silent=True))  # nobody hears of it without asking
    settings = town_settings("sqlite://unused", "memory://", port=1, platform_port=2)
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    rooms = SimpleNamespace(vault=vault, clock=SystemClock())
    await database.connect(site.database_url)
    try:
        address, secret = site.environment["FANPIAO_WECHAT__API_URL"], site.platform.supplier.secret
        await a_supplier(rooms, secret=secret, api_url=f"{address}/supplier")
        offer = await a_top_up(rooms, stock=5, limits=(Limit(Period.EVER, 5),))
    finally:
        await database.disconnect()
    return screen, str(offer.id)


async def dies_at(site, server, screen, offer_id, point) -> None:
    """Somebody claims, and whoever sends the order dies at that point; what is left is due to be looked at."""
    (site.home / failing.ARMED).write_text(f"top_up {point}")
    await screen.login()  # the session went with the process, where Redis is inside it
    claimed = await screen.call("POST", f"/offers/{offer_id}/claims", {"recharge_to": NUMBER}, key=point)
    assert claimed.status in {201, 0}  # 0: dead before it had answered
    await server.ended()
    assert not (site.home / failing.ARMED).exists()
    assert await stored.number(site.database_url, "SELECT count(*) FROM fulfillment WHERE state = 'sent'") == 1
    # Nobody has to wait here for the lease of the dead.
    await stored.damage(site.database_url, "UPDATE job SET lease_until = run_at WHERE state = 'running'")
    await due(site)


async def due(site) -> None:
    """Nobody has to wait here for the next look; while one is under way there is none beside it, as in life."""
    await stored.damage(
        site.database_url,
        "UPDATE fulfillment SET look_at = created_at WHERE state IN ('sent', 'accepted') AND NOT EXISTS ("
        "SELECT 1 FROM job j WHERE j.state = 'running' AND j.lease_until > j.run_at"
        " AND j.kind IN ('place_top_up', 'poll_top_ups'))",
    )


async def until(is_so, what) -> None:
    since = time.monotonic()
    while not await is_so():
        assert time.monotonic() - since < 60, what
        await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_killed_around_sending_it_asks_before_it_sends_and_charges_once(site):
    screen, offer_id = await opened(site)
    server = await site.serve(planted=failing.PLANT, **WITHIN)
    for turn, point in enumerate(failing.SENDING, 1):
        await dies_at(site, server, screen, offer_id, point)
        server = await site.serve(planted=failing.PLANT, **WITHIN)

        async def is_settled(turn=turn) -> bool:
            await due(site)
            return await stored.number(site.database_url, "SELECT count(*) FROM claim WHERE state = 'used'") == turn

        await until(is_settled, point)
        order = list(site.platform.supplier.orders.values())[-1]
        assert (order.recharge_to, order.status, order.came_in, order.asked > 0) == (NUMBER, "done", 1, True)
        attempts = await stored.read(
            site.database_url,
            "SELECT a.act, a.result FROM fulfillment_attempt a JOIN fulfillment f ON f.id = a.fulfillment_id"
            f" WHERE f.order_no = '{order.order_no}' ORDER BY a.id",
        )
        told = [(each["act"], each["result"]) for each in attempts]
        asked = ("query", "absent" if point == "before_sending" else "done")
        assert told[:2] == [("order", "begun"), asked]
        assert told.count(("order", "begun")) == (2 if point == "before_sending" else 1)
    assert len(site.platform.supplier.orders) == len(failing.SENDING)
    await server.stop()
    await database.connect(site.database_url)
    try:
        await holds()
    finally:
        await database.disconnect()


@pytest.mark.timeout(180)
async def test_a_build_that_sends_again_without_asking_is_charged_twice(site):
    """Negative control: killed after sending, it sends what it has no answer to as if nobody had it."""
    screen, offer_id = await opened(site)
    server = await site.serve(planted=failing.PLANT_UNASKED, **WITHIN)
    await dies_at(site, server, screen, offer_id, "after_sending")
    await site.serve(planted=failing.PLANT_UNASKED, **WITHIN)
    supplier = site.platform.supplier

    async def has_two() -> bool:
        return len(supplier.orders) > 1

    await until(has_two, "sent again")
    await supplier.settle()
    assert [(each.recharge_to, each.status) for each in supplier.orders.values()][:2] == [(NUMBER, "done")] * 2
