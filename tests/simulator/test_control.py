import asyncio
import signal
import socket
import sys
import time

import aiohttp
import pytest
from aiohttp import web

from simulator import Platform
from simulator.command_line import main


@pytest.fixture
def control(wechat):
    """One control request; gives status and JSON."""

    async def control(method, path, body=None):
        answer = await wechat.request(method, f"/control{path}", json=body)
        return answer.status, await answer.json()

    return control


async def test_a_person_is_made_moved_and_looked_at(control, backend):
    _, person = await control("POST", "/people", {"name": "小红", "phone": "13800000002"})
    at = f"/people/{person['id']}/accounts/oa"
    status, push = await control("POST", f"{at}/gestures", {"gesture": "follow", "scene": "store_7"})
    assert (status, push["is_taken"], push["fields"]["EventKey"]) == (200, True, "qrscene_store_7")
    await control("POST", f"{at}/gestures", {"gesture": "say", "text": "入会"})
    _, chat = await control("GET", f"{at}/chat")
    assert [bubble["kind"] for bubble in chat["bubbles"]] == ["system", "text"]
    _, seen = await control("GET", f"/people/{person['id']}")
    assert seen["accounts"]["oa"]["messages_left"] == 8
    _, pushes = await control("GET", "/pushes")
    assert [push["fields"]["MsgType"] for push in pushes["items"]] == ["text", "event"]
    await control("POST", f"/pushes/{pushes['items'][0]['id']}/replay")
    assert backend.requests[-1] == backend.requests[-2]


async def test_a_screen_is_opened_and_touched(control, backend, person):
    backend.always(lambda: web.json_response({"token": "secret-token", "member": None}, status=201))
    _, screen = await control("POST", f"/people/{person.id}/accounts/mp/screens", {"scene": "s"})
    _, call = await control("POST", f"/people/{person.id}/screens/{screen['id']}", {"gesture": "login"})
    assert (call["status"], call["answer"]["token"]) == (201, "…")
    _, seen = await control("GET", f"/people/{person.id}")
    assert seen["screens"][0]["is_logged_in"]


async def test_switches_are_set_and_cleared(control, platform):
    _, world = await control("PUT", "/tampering", {"lost_answers": 1, "wrong_signature": True})
    assert (world["tampering"]["lost_answers"], world["tampering"]["wrong_signature"]) == (1, True)
    await control("PUT", "/tampering", {"duplicates": 1, "times": 2})
    assert platform.pusher.switches.take().duplicates == 1
    _, world = await control("POST", "/faults", {"endpoint": "*", "kind": "fail", "amount": 45009, "times": 3})
    assert world["faults"] == [{"endpoint": "*", "kind": "fail", "amount": 45009, "times": 3}]
    before = platform.clock.now()
    await control("POST", "/clock", {"seconds": 7200})
    assert platform.clock.now() - before == 7200
    await control("POST", "/tokens", {"how": "expire"})
    _, world = await control("DELETE", "/switches")
    assert (world["faults"], world["tampering"]["lost_answers"]) == ([], 0)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/people", {}, 400),
        ("POST", "/people", {"name": 7}, 400),
        ("PUT", "/tampering", {"nonsense": 1}, 400),
        ("PUT", "/tampering", {"mode": "nonsense"}, 400),
        ("POST", "/faults", {"endpoint": "*", "kind": "nonsense", "amount": 1}, 400),
        ("POST", "/tokens", {"how": "nonsense"}, 400),
        ("POST", "/clock", {"seconds": "1"}, 400),
        ("POST", "/people/p1/accounts/oa/gestures", {"gesture": "fly"}, 400),
        ("POST", "/people/p1/accounts/oa/gestures", {"gesture": "say", "text": "在吗"}, 409),
        ("POST", "/people/p1/accounts/nobody/gestures", {"gesture": "follow"}, 404),
        ("GET", "/people/p9", None, 404),
        ("POST", "/people/p1/screens/nothing", {"gesture": "login"}, 404),
        ("POST", "/pushes/nothing/replay", None, 404),
    ],
)
async def test_what_cannot_be_done_is_said(control, person, method, path, body, status):
    assert person.id == "p1"
    answered, answer = await control(method, path, body)
    assert answered == status
    assert answer["error"]


async def test_changes_are_announced_until_the_platform_stops(wechat, person, oa, platform):
    async with wechat.get("/control/events") as stream:
        assert await stream.content.readline() == b": watching\n"
        await stream.content.readline()
        await person.follow(oa)
        assert b'"topic":"chat"' in await stream.content.readline()
        platform.feed.close()
        await stream.content.read()


async def test_the_page_and_its_files_are_served(wechat):
    page = await (await wechat.get("/phone")).text()
    for name in ("page.css", "wechat.css", "bench.css", "main.js"):
        assert f'"/phone/{name}"' in page
    for name in ("main.js", "dom.js", "wechat.css"):
        assert (await wechat.get(f"/phone/{name}")).status == 200
    assert (await wechat.get("/phone/__init__.py")).status == 404


def test_a_mode_without_a_key_is_refused_in_one_line(capsys):
    assert main(["--oa-mode", "safe"]) == 2
    assert capsys.readouterr().err.startswith("simulator: account oa")


async def test_the_command_serves_and_stops_at_once_with_a_page_open():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--port", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert str(port) in (await process.stdout.readline()).decode()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/control/events") as stream,
        ):
            await stream.content.readline()
            stopped = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            assert time.monotonic() - stopped < 20  # an open page would hold it for a minute
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_platform_may_be_closed_twice(oa):
    platform = Platform([oa], backend="http://127.0.0.1:9")
    await platform.close()
    await platform.close()


async def test_the_supplier_is_seen_told_how_to_behave_and_forgiven(control):
    _, seen = await control("GET", "/supplier")
    assert (seen["path"], len(seen["secret"]), seen["orders"]) == ("/supplier", 40, [])
    status, world = await control("PUT", "/supplier", {"hangs": 8, "duplicates": 2, "is_silent": True})
    assert (status, world["conduct"]["hangs"], world["conduct"]["duplicates"]) == (200, 8, 2)
    await control("PUT", "/supplier", {"fails": True, "times": 1})  # the next order alone
    _, seen = await control("GET", "/supplier")
    assert (seen["conduct"]["fails"], seen["conduct"]["is_silent"]) == (False, True)
    assert (await control("PUT", "/supplier", {"explodes": True}))[0] == 400
    _, world = await control("DELETE", "/switches")
    assert not any(world["conduct"].values())
