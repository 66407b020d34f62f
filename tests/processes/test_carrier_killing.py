"""kill -9 at every point around charging a phone bill and giving back on it: each number is charged and credited once.

The pretend carrier charges a number as often as it is confirmed, so that it is ours alone to confirm it once.
"""

import asyncio
import time

import pytest

from gateways.clock import SystemClock
from handlers.rules.offer_terms import Price
from models import database
from tests.handlers.buying import breaches
from tests.handlers.claimable import an_offer
from tests.processes import failing, stored

PRICE, NUMBER = 990, "13912345670"


async def opened(site):
    """The server makes the root known, somebody joins and binds a number; the offer is written as it is stored."""
    server = await site.serve()
    carrier = site.platform.carrier
    carrier.sign_up(NUMBER)
    carrier.is_naive = True
    screen = site.platform.person("小明", phone=NUMBER).open_mini_program(site.mp)
    assert (await screen.join(with_phone=True)).is_fine
    bound = await screen.call("POST", "/me/numbers", {"phone_code": screen.phone_code()}, key="bind")
    await server.stop()
    await database.connect(site.database_url)
    try:
        offer = await an_offer(SystemClock().now(), stock=9, price=Price(carrier_fen=PRICE), limits=())
    finally:
        await database.disconnect()
    return screen, str(offer.id), bound.answer["id"]


async def serving(site, planted: str):
    """One process that charges and gives back, on both pairs."""
    settings = {
        "CARRIER__API_URL": f"{site.environment['FANPIAO_WECHAT__API_URL']}/carrier",
        "CARRIER__CODE": "carrier-one",
        "CARRIER__SECRET": site.platform.carrier.secret,
    }
    return await site.serve(planted=planted, WORKER__EMBEDDED="true", **settings)


async def ordered(screen, offer: str, number_id: str, key: str) -> str:
    bought = await screen.buy(offer, key=key, payment_method="carrier", number_id=number_id)
    assert bought.status == 201, bought.answer
    return bought.answer["order"]["id"]


async def confirmed(site, screen, order: str, key: str):
    code = site.platform.carrier.code(NUMBER)
    return await screen.call("POST", f"/orders/{order}/confirmation", {"code": code}, key=key)


async def due(site) -> None:
    """Nobody has to wait here for the lease of the dead, for the next look, nor for a call that may be on its way."""
    await stored.damage(
        site.database_url,
        "UPDATE job SET lease_until = run_at WHERE state = 'running'",
        "UPDATE sales_order SET look_at = created_at WHERE look_at IS NOT NULL",
        "UPDATE order_refund SET look_at = created_at WHERE look_at IS NOT NULL",
        "UPDATE carrier_charge SET sent_at = '2026-01-01 00:00:00.000000+00:00' WHERE state = 'sent'",
    )


async def until(is_so, what) -> None:
    since = time.monotonic()
    while not await is_so():
        assert time.monotonic() - since < 60, what
        await asyncio.sleep(0.1)


async def dies(site, server, point: str, asking) -> None:
    (site.home / failing.ARMED).write_text(point)
    asked = await asking
    assert asked.status in {200, 201, 0}, asked.answer  # 0: dead before it had answered
    await server.ended()
    assert not (site.home / failing.ARMED).exists()


@pytest.mark.timeout(300)
async def test_killed_around_the_charge_and_the_refund_each_number_moves_once(site):
    (screen, offer, number_id), carrier = await opened(site), site.platform.carrier
    server = await serving(site, failing.PLANT_OUTSIDE)
    for point in failing.CALLING:
        await screen.login()  # the session went with the process, where Redis is inside it
        order = await ordered(screen, offer, number_id, point)
        await dies(site, server, f"charge {point}", confirmed(site, screen, order, point))
        server = await serving(site, failing.PLANT_OUTSIDE)
        await screen.login()

        async def is_paid(order=order) -> bool:
            await due(site)
            return (await screen.call("GET", f"/orders/{order}")).answer["order"]["state"] == "paid"

        if point == "before_commit":  # nobody asks but the watch
            await until(is_paid, point)
        else:  # the same key asks
            await due(site)
            assert (await confirmed(site, screen, order, point)).status == 200
        if point == "before_sending":  # nothing was charged, and the same code is still good
            assert not await is_paid()
            assert (await confirmed(site, screen, order, f"{point}-again")).status == 200
        assert await is_paid()

    # What goes back is the way of every refund: once is enough here.
    back = screen.call("POST", f"/orders/{order}/refunds", {"amount_fen": PRICE}, key="back")
    await dies(site, server, "credit after_sending", back)
    server = await serving(site, failing.PLANT_OUTSIDE)
    await screen.login()

    async def is_back() -> bool:
        await due(site)
        return (await screen.call("GET", f"/orders/{order}")).answer["order"]["state"] == "refunded"

    await until(is_back, "given back")
    assert [each.charged_count for each in carrier.charges.values()] == [1] * len(failing.CALLING)
    assert [each.amount_fen for each in carrier.refunds.values()] == [PRICE]
    await server.stop()
    await database.connect(site.database_url)
    try:
        assert await breaches() == []
    finally:
        await database.disconnect()


@pytest.mark.timeout(180)
async def test_a_build_that_sends_the_code_again_charges_twice(site):
    """Negative control: killed after sending, the same key sends its code once more."""
    (screen, offer, number_id), carrier = await opened(site), site.platform.carrier
    server = await serving(site, failing.PLANT_UNASKED_CHARGES)
    await screen.login()
    order = await ordered(screen, offer, number_id, "order")
    await dies(site, server, "charge after_sending", confirmed(site, screen, order, "once"))
    await serving(site, failing.PLANT_UNASKED_CHARGES)
    await screen.login()
    await confirmed(site, screen, order, "once")
    (charge,) = carrier.charges.values()
    assert charge.charged_count == 2
