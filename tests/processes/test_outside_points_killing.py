"""kill -9 around every call to an account of points outside: a wish is paid once, and no hold stays open for ever."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.rules.offer_terms import Limit, Period, Price
from models import database
from simulator.points_account import OPENING
from tests.handlers.charging import a_supplier, holds
from tests.handlers.claimable import an_offer
from tests.processes import failing, stored
from tests.stories.conftest import town_settings

NUMBER, POINTS = "13912345670", 30
WITHIN = {"WORKER__EMBEDDED": "true"}  # one process that claims and settles, on both pairs
# Until the claim is there, and what comes after it: there the client has its answer already, or gets none.
BEFORE = (
    *("outside before_hold", "outside after_hold", "heard after_commit"),
    *("outside mid_batch", "outside before_commit"),
)
GIVEN = ("outside after_commit", "outside before_post", "outside after_post")
LETTING_GO = ("outside before_void", "outside after_void")
CLOSED = "state IN ('posted', 'voided', 'refused', 'lost')"


class Shop:
    """An offer for points of a carrier, and somebody who has them."""

    def __init__(self, site, screen, offer_id: str) -> None:
        self.site, self.screen, self.offer_id = site, screen, offer_id
        self.points = site.platform.points

    async def serve(self, plant=failing.PLANT_OUTSIDE):
        """Nobody runs: what the dead left is due at once, and by nobody else's hand."""
        await self.due()
        server = await self.site.serve(planted=plant, **WITHIN)
        await self.screen.login()  # the session went with the process, where Redis is inside it
        return server

    def arm(self, point: str) -> None:
        (self.site.home / failing.ARMED).write_text(point)

    async def press(self, key: str) -> int:
        return (await self.screen.call("POST", f"/offers/{self.offer_id}/claims", {}, key=key)).status

    async def dies(self, server, point: str, key: str) -> None:
        """Somebody claims, and whoever comes to that point dies."""
        self.arm(point)
        assert await self.press(key) in {201, 0}  # 0: dead before it had answered
        await self.is_dead(server)

    async def is_dead(self, server) -> None:
        await server.ended()
        assert not (self.site.home / failing.ARMED).exists()

    async def number(self, sql: str) -> int:
        return await stored.number(self.site.database_url, sql)

    async def due(self) -> None:
        """Nobody has to wait here for the lease of the dead, nor for the patience with whoever is slow."""
        await stored.damage(
            self.site.database_url,
            "UPDATE job SET lease_until = run_at WHERE state = 'running'",
            f"UPDATE outside_hold SET look_at = created_at WHERE NOT ({CLOSED})",
            "UPDATE outside_share SET look_at = created_at WHERE state = 'returning'",
        )

    async def settled(self) -> None:
        """Until nothing is open; then both books say the same."""
        since = time.monotonic()
        still_open = (
            f"SELECT (SELECT count(*) FROM outside_hold WHERE NOT ({CLOSED}))"
            " + (SELECT count(*) FROM outside_share WHERE state = 'returning')"
        )
        while await self.number(still_open):
            assert time.monotonic() - since < 60, await self.told()
            await asyncio.sleep(0.1)
        theirs = {number: each.status for number, each in self.points.holds.items()}
        assert "held" not in theirs.values(), theirs

    async def told(self):
        ours = await stored.read(self.site.database_url, "SELECT hold_no, state FROM outside_hold ORDER BY id")
        return [(each["hold_no"], each["state"]) for each in ours]


async def a_shop(site) -> Shop:
    """The server makes the root known and somebody joins; the account and its offer are written as they are stored."""
    server = await site.serve()
    screen = site.platform.person("小明", phone=NUMBER).open_mini_program(site.mp)
    assert (await screen.join(with_phone=True)).is_fine
    await server.stop()
    settings = town_settings("sqlite://unused", "memory://", port=1, platform_port=2)
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    rooms = SimpleNamespace(vault=vault, clock=SystemClock())
    await database.connect(site.database_url)
    try:
        address, secret = site.environment["FANPIAO_WECHAT__API_URL"], site.platform.supplier.secret
        await a_supplier(rooms, "carrier", name="移动", secret=secret, api_url=f"{address}/supplier")
        price = Price(outside_points=POINTS, outside_account="carrier")
        limits = (Limit(Period.EVER, 50),)
        offer = await an_offer(rooms.clock.now(), stock=50, price=price, limits=limits)
    finally:
        await database.disconnect()
    return Shop(site, screen, str(offer.id))


@pytest.mark.timeout(600)
async def test_killed_around_every_call_a_wish_is_paid_once_and_nothing_stays_held(site):
    shop = await a_shop(site)
    server = await shop.serve()
    for turn, point in enumerate((*BEFORE, *GIVEN, *LETTING_GO), 1):
        is_given, key = point in GIVEN, point.replace(" ", "-")
        if point in LETTING_GO:  # what a first death left held is let go, and there the second one comes
            await shop.dies(server, "outside after_hold", key)
            shop.arm(point)
            await shop.due()
            await shop.is_dead(await site.start("serve", planted=failing.PLANT_OUTSIDE, **WITHIN))
        else:
            await shop.dies(server, point, key)
        assert await shop.number("SELECT count(*) FROM claim") == turn - 1 + is_given
        server = await shop.serve()
        await shop.settled()
        assert shop.points.balances[NUMBER] == OPENING - POINTS * (turn - 1 + is_given)
        assert await shop.press(key) == 201  # the same wish: given now, or told again
        await shop.settled()
        assert await shop.number("SELECT count(*) FROM claim") == turn
        assert shop.points.balances[NUMBER] == OPENING - POINTS * turn
    posts = [each.posted_in for each in shop.points.holds.values() if each.status == "posted"]
    assert posts == [1] * turn
    assert {each.posted_in for each in shop.points.holds.values() if each.status != "posted"} <= {0}
    told = [state for _, state in await shop.told()]
    assert told.count("posted") == turn
    assert "lost" not in told
    assert (await server.stop()).code == 0
    await database.connect(site.database_url)
    try:
        await holds()
    finally:
        await database.disconnect()


@pytest.mark.timeout(240)
async def test_killed_around_asking_for_them_back_they_come_back_once(site):
    """What taking a claim back writes is written here: it is the clock that asks, and dies of it."""
    shop = await a_shop(site)
    server = await shop.serve()
    for turn, point in enumerate(("outside before_give_back", "outside after_give_back"), 1):
        assert await shop.press(point.replace(" ", "-")) == 201
        await shop.settled()
        await server.stop()
        await stored.damage(
            site.database_url,
            "UPDATE outside_share SET state = 'returning' WHERE state = 'kept'",
            "UPDATE claim SET state = 'revoked'",
        )
        shop.arm(point)
        await shop.due()
        await shop.is_dead(await site.start("serve", planted=failing.PLANT_OUTSIDE, **WITHIN))
        server = await shop.serve()
        await shop.settled()
        assert shop.points.balances[NUMBER] == OPENING
        returns = list(shop.points.returns.values())
        assert [(each.status, each.came_in) for each in returns] == [("returned", 1)] * turn
    told = await stored.read(site.database_url, "SELECT state FROM outside_share")
    assert [each["state"] for each in told] == ["returned"] * turn


@pytest.mark.timeout(240)
async def test_a_build_that_takes_again_without_asking_posts_a_number_twice(site):
    """Negative control: killed after the account has taken them, it asks for them a second time."""
    shop = await a_shop(site)
    server = await shop.serve(failing.PLANT_TAKING)
    await shop.dies(server, "outside after_post", "tap")
    await shop.serve(failing.PLANT_TAKING)
    await shop.settled()
    assert [each.posted_in for each in shop.points.holds.values()] == [2]
