"""What is not even HTTP is refused without a word of it in the answer or in the log."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from miniapp_api.wire import QuietRunner
from tests.miniapp_api.example import Limiter, Seen, example_app

CANARY = b"canary7391"
MALFORMED = {
    "no HTTP": CANARY + b"\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00" + CANARY + b"\r\n\r\n",
    "a bad method": b"C@" + CANARY + b" /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad path": b"GET /" + CANARY + b"\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad version": b"GET /" + CANARY + b" HTTP/9.1\r\nHost: x\r\n\r\n",
    "a bad header": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization " + CANARY + b"\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + CANARY * 2000 + b"\r\n\r\n",
    "bad chunks": b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz" + CANARY + b"\r\n",
    "an unknown Expect": b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nExpect: " + CANARY + b"\r\n\r\n",
    "an unknown Expect elsewhere": b"POST /nothing HTTP/1.1\r\nHost: x\r\nExpect: " + CANARY + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nX: "
    + CANARY
    + b"\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


async def serve(runner: web.AppRunner) -> tuple[str, int]:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner.addresses[0][:2]


async def say(address: tuple[str, int], data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    await writer.drain()
    try:
        async with asyncio.timeout(20):
            return await reader.read(65_536)
    finally:
        writer.close()


async def explode(request: web.Request) -> web.Response:
    raise RuntimeError(CANARY.decode())


@pytest.fixture
async def address(seen: Seen) -> AsyncIterator[tuple[str, int]]:
    app = example_app(Limiter(), seen)
    app.router.add_get("/explode", explode)  # beside the door: no middleware of ours stands around it
    runner = QuietRunner(app, access_log=None)
    try:
        yield await serve(runner)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_no_http_is_not_echoed(
    address: tuple[str, int], case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await say(address, MALFORMED[case])
    assert answer.split(b"\r\n")[0].split(b" ")[1].startswith(b"4")
    assert b"application/problem+json" in answer
    assert CANARY not in answer
    assert CANARY.decode() not in caplog.text


async def test_without_the_quiet_runner_it_is_echoed() -> None:
    # The control: if aiohttp stops quoting what it refuses, this fails and the quiet runner may go.
    runner = web.AppRunner(example_app(Limiter(), Seen()), access_log=None)
    try:
        assert CANARY in await say(await serve(runner), MALFORMED["a bad path"])
    finally:
        await runner.cleanup()


async def test_requests_are_served_as_ever(address: tuple[str, int]) -> None:
    answer = await say(address, b"GET /api/v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    head = b"POST /api/v1/things/preview HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer = await say(address, head + b'Expect: 100-continue\r\nContent-Length: 12\r\n\r\n{"name":"a"}')
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_a_crash_beside_the_door_tells_nothing_either(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    answer = await say(address, b"GET /explode HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500")
    assert CANARY not in answer
    assert "request_failed" in caplog.text


async def test_a_client_that_leaves_in_the_middle_of_its_body_changes_nothing(
    address: tuple[str, int], seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    head = b"POST /api/v1/things/preview HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    _, writer = await asyncio.open_connection(*address)
    writer.write(head + b"Content-Length: 20\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()
    told: list[int] = []
    async with asyncio.timeout(20):
        while not told:
            await asyncio.sleep(0.01)
            told = [one.status for one in caplog.records if one.name == "miniapp_api.access"]
    assert told == [400]
    assert "request_failed" not in caplog.text
    assert seen.calls == []
