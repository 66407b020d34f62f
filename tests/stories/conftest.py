"""A whole town in one process: the pretend platform, our server with both doors, and the worker drained by hand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from pydantic import SecretStr

from app.container import House, open_house
from app.schema import Brand, Carrier, Operator, Settings, WeChat
from app.server import create_server
from app.worker import Worker
from simulator import Account, DeliveryRules, Kind, Mode, Person, Platform, create_app
from tests.canaries import listening, secrets_of
from tests.fakes import FIELD_KEYS, INDEX_KEY
from tests.paying import merchant, pay_settings

BOOTSTRAP_TOKEN = "b00tstrap-T0ken-of-the-town"
ANSWER_WITHIN = 2.0  # seconds, where the platform of the town waits 5: a busy machine is no reason to be late
AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
OA = Account(
    kind=Kind.OFFICIAL_ACCOUNT,
    name="oa",
    title="江南书店",
    app_id="wx49f0ab532d5d035a",
    secret="3f1c9a7b5d2e8f604b1a6c9d8e7f2a35",
    token="Town0fficialAccount",
    original_id="gh_0a1b2c3d4e5f",
    aes_key=AES_KEY,
    mode=Mode.SAFE,
)
MP = Account(
    kind=Kind.MINI_PROGRAM,
    name="mp",
    title="江南书店小程序",
    app_id="wx5b2d4c1a9e8f7061",
    secret="a7b5d2e8f604b1a6c9d8e7f2a353f1c9",
    token="TownMiniProgram7",
    original_id="gh_f5e4d3c2b1a0",
)


class TownClock:
    """The machine's clock, moved on by whoever has no time to wait."""

    def __init__(self) -> None:
        self.moved = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.moved


@dataclass
class Town:
    """Everything a story needs. `address` is our server's, `platform_address` the pretend platform's."""

    platform: Platform
    house: House
    address: str
    platform_address: str
    doors: AsyncExitStack
    clock: TownClock
    oa: Account = OA
    mp: Account = MP

    def person(self, name: str = "小明", phone: str | None = None) -> Person:
        return self.platform.person(name, phone=phone)

    def wait(self, by: timedelta) -> None:
        """Let time pass, here and at the platform."""
        self.clock.moved += by
        self.platform.clock.advance(by.total_seconds())

    async def work(self) -> int:
        """Let the worker do what is due."""
        return await Worker(self.house.registry, self.house.handlers, self.house.clock).drain()

    async def work_to_come(self) -> int:
        """The same, as soon as there is any."""
        while not (done := await self.work()):  # noqa: ASYNC110 - jobs tell nobody
            await asyncio.sleep(0.02)
        return done

    async def shut(self) -> None:
        """Our server stops answering, for the rest of the story."""
        await self.doors.aclose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def town_settings(database_url: str, redis_url: str, *, port: int, platform_port: int, **more: object) -> Settings:
    """Settings as an operator of this town would write them."""
    values = {
        "host": "127.0.0.1",
        "port": port,
        "database_url": database_url,
        "redis_url": redis_url,
        "field_keys": FIELD_KEYS,
        "index_key": INDEX_KEY,
        "brand": Brand(name="江南书店", service_hours="00:00-24:00"),
        "operator": Operator(bootstrap_token=BOOTSTRAP_TOKEN),
        "wechat": WeChat(
            api_url=f"http://127.0.0.1:{platform_port}",
            oa_app_id=OA.app_id,
            oa_secret=OA.secret,
            oa_token=OA.token,
            oa_aes_key=OA.aes_key,
            oa_original_id=OA.original_id,
            mp_app_id=MP.app_id,
            mp_secret=MP.secret,
            mp_token=MP.token,
        ),
    }
    return Settings(**{**values, **more})


@pytest.fixture
async def town(database_url: str, redis_url: str, takes_money: bool, takes_bill: bool) -> AsyncIterator[Town]:
    with listening() as heard:
        async for built in _town(database_url, redis_url, takes_money=takes_money, takes_bill=takes_bill):
            yield built
            canaries = list(secrets_of(built.platform))
    if found := heard.canaries(canaries):
        pytest.fail(f"logged what no log may hold: {found[:3]}")


@pytest.fixture
def takes_money() -> bool:
    """Whether the town has a merchant of WeChat Pay; a story that sells something says so."""
    return False


@pytest.fixture
def takes_bill() -> bool:
    """Whether a carrier is connected, whose phone bill takes payments."""
    return False


async def _town(
    database_url: str, redis_url: str, *, takes_money: bool = False, takes_bill: bool = False
) -> AsyncIterator[Town]:
    port, platform_port = free_port(), free_port()
    platform = Platform(
        [OA, MP],
        backend=f"http://127.0.0.1:{port}",
        rules=DeliveryRules(deadline=5.0, pause=0.05),
        merchant=merchant() if takes_money else None,
    )
    platform.supplier.pace = 0.0
    pretend = web.AppRunner(create_app(platform), access_log=None)
    await pretend.setup()
    await web.TCPSite(pretend, "127.0.0.1", platform_port).start()
    try:
        outside = f"http://127.0.0.1:{platform_port}"
        more: dict[str, object] = {"pay": pay_settings(outside)} if takes_money else {}
        if takes_bill:
            secret = SecretStr(platform.carrier.secret)
            more["carrier"] = Carrier(api_url=f"{outside}/carrier", code="carrier-one", secret=secret)
        settings = town_settings(database_url, redis_url, port=port, platform_port=platform_port, **more)
        clock = TownClock()
        async with open_house(settings, clock=clock) as house:
            runner = web.AppRunner(
                create_server(house, answer_within=ANSWER_WITHIN), access_log=None, shutdown_timeout=1.0
            )
            async with AsyncExitStack() as doors:
                doors.push_async_callback(runner.cleanup)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", port).start()
                town = Town(
                    platform, house, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{platform_port}", doors, clock
                )
                await town.work()  # what the start itself left to do
                yield town
    finally:
        await pretend.cleanup()
