"""A pretend platform on a loopback port, and a throw-away server of ours behind it."""

from collections.abc import Awaitable, Callable

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from simulator import Account, Clock, DeliveryRules, Kind, Mode, Platform, PushFormat, create_app

AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
NOON = 1_700_000_000.0


class Backend:
    """Our server, as small as it can be: records what arrives and answers what a test tells it to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[web.Request, bytes], Awaitable[web.Response]] = self.succeed

    async def succeed(self, _request: web.Request, _body: bytes) -> web.Response:
        return web.Response(text="success")

    def always(self, response: Callable[[], web.Response]) -> None:
        async def answer(_request: web.Request, _body: bytes) -> web.Response:
            return response()

        self.answer = answer

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.path, dict(request.query), body))
        return await self.answer(request, body)


def an_account(kind: Kind = Kind.OFFICIAL_ACCOUNT, name: str = "oa", **changes: object) -> Account:
    number = sum(name.encode())
    facts: dict[str, object] = {
        "app_id": f"wx{number:016x}",
        "secret": f"{number:032x}",
        "token": "AAAAA",
        "original_id": f"gh_{number:012x}",
    }
    return Account(kind=kind, name=name, **(facts | changes))  # type: ignore[arg-type]


@pytest.fixture
def clock():
    return Clock(NOON)


@pytest.fixture
def oa():
    return an_account(templates={"TM-1": ("thing1", "time2")})


@pytest.fixture
def safe_oa():
    return an_account(name="safe", mode=Mode.SAFE, aes_key=AES_KEY)


@pytest.fixture
def compatible_oa():
    return an_account(name="compatible", mode=Mode.COMPATIBLE, aes_key=AES_KEY)


@pytest.fixture
def mp():
    return an_account(Kind.MINI_PROGRAM, "mp", templates={"SUB-1": ("thing1",)})


@pytest.fixture
def json_mp():
    return an_account(
        Kind.MINI_PROGRAM,
        "json",
        mode=Mode.SAFE,
        aes_key=AES_KEY,
        push_format=PushFormat.JSON,
        templates={"SUB-1": ("thing1",)},
    )


@pytest.fixture
def lonely_mp():
    return an_account(Kind.MINI_PROGRAM, "lonely", group=None)


@pytest.fixture
async def backend():
    backend = Backend()
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", backend.handle)])
    async with TestServer(app) as server:
        backend.url = str(server.make_url("/"))
        yield backend


@pytest.fixture
async def platform(oa, safe_oa, mp, json_mp, lonely_mp, backend, clock):
    rules = DeliveryRules(deadline=1.0, pause=0.0)
    platform = Platform([oa, safe_oa, mp, json_mp, lonely_mp], backend=backend.url, clock=clock, rules=rules)
    yield platform
    await platform.close()


@pytest.fixture
async def wechat(platform):
    """A plain HTTP client of the platform's interfaces."""
    async with TestClient(TestServer(create_app(platform))) as client:
        yield client


@pytest.fixture
def person(platform):
    return platform.person(phone="13800000001")


@pytest.fixture
def token_of(platform):
    return lambda account: platform.tokens.stable(account.app_id)[0]


@pytest.fixture
def ask(wechat, token_of):
    """Call one interface as an account: `await ask(oa, "GET", path, query=…, body=…)` gives the JSON."""

    async def call(account, method, path, *, query=None, body=None):
        params = {"access_token": token_of(account), **(query or {})}
        # Unlike aiohttp's own, this JSON has no escapes for Chinese.
        data = None if body is None else orjson.dumps(body)
        answer = await wechat.request(method, path, params=params, data=data)
        assert answer.status == 200
        return await answer.json()

    return call
