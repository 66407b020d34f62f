from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fakeredis import FakeServer
from redis.asyncio import Redis

from gateways.stores import BatchedRedis, open_redis
from gateways.vault import FieldVault, generate_key
from gateways.wechat import WeChatApi
from handlers.ports import WeChatApp
from tests.gateways.mortal import MortalRedis
from tests.gateways.platform import Platform

APP = WeChatApp(app_id="wx4f4bc4dec97d474b", secret="APP-SECRET-canary")


@pytest.fixture
def app() -> WeChatApp:
    return APP


@pytest.fixture
def vault() -> FieldVault:
    return FieldVault({"k1": generate_key()}, generate_key())


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[MortalRedis]:
    """A running server that the test may kill or freeze."""
    server = MortalRedis(str(tmp_path))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["embedded", "server"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Redis]]:
    """Gives clients of one Redis, each with connections of its own, as several processes have."""
    async with AsyncExitStack() as stack:
        embedded = FakeServer(version=(6, 2))

        def client() -> Redis:
            if request.param == "embedded":
                redis = open_redis("memory://", server=embedded)
            else:
                redis = open_redis(request.getfixturevalue("redis_server_url"))
            stack.push_async_callback(redis.aclose)
            return redis

        await client().flushall()
        yield client
        # Nothing may stay for ever: whatever a test left behind ends by itself.
        redis = client()
        keys = [key async for key in redis.scan_iter()]
        endless = [key for key in keys if await redis.pttl(key) == -1]
        assert endless == []
        assert [key for key in keys if not key.startswith(b"fanpiao:")] == []


@pytest.fixture
async def processes(connect) -> AsyncIterator[Callable[[], BatchedRedis]]:
    """Gives the commands of one more process each time."""
    async with AsyncExitStack() as stack:

        def process() -> BatchedRedis:
            commands = BatchedRedis(connect())
            stack.push_async_callback(commands.aclose)
            return commands

        yield process


@pytest.fixture
def commands(processes) -> BatchedRedis:
    return processes()


@pytest.fixture
async def mortal(mortal_redis) -> AsyncIterator[Callable[..., BatchedRedis]]:
    """Gives the commands of one more process each time, on the server that may die."""
    async with AsyncExitStack() as stack:

        def process(rest_seconds: float = 0.3) -> BatchedRedis:
            client = open_redis(mortal_redis.url)
            stack.push_async_callback(client.aclose)
            commands = BatchedRedis(client, seconds=0.5, rest_seconds=rest_seconds)
            stack.push_async_callback(commands.aclose)
            return commands

        yield process


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", platform.handle)
    async with TestServer(application) as server:
        platform.url = str(server.make_url(""))
        yield platform


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def wechat_of(platform, session, vault, clock) -> AsyncIterator[Callable[[BatchedRedis], WeChatApi]]:
    """The API as one process has it, over that process's Redis commands."""
    async with AsyncExitStack() as stack:

        def build(redis: BatchedRedis, **options: float) -> WeChatApi:
            api = WeChatApi(platform.url, session, redis, vault, clock, **options)
            stack.push_async_callback(api.aclose)
            return api

        yield build


@pytest.fixture
def wechat(wechat_of, commands) -> WeChatApi:
    return wechat_of(commands)
