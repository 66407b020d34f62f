"""SIGTERM and SIGINT: within five seconds, with code 0, whatever is under way; and nothing is left behind."""

import asyncio
import contextlib
import signal
import time

import aiohttp
import pytest

from tests.processes import stored
from tests.processes.running import STOPS_WITHIN

BOTH = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])


def assert_clean(ended):
    assert ended.code == 0, ended.err[-3000:]
    assert ended.seconds < STOPS_WITHIN
    assert "Traceback" not in ended.err
    assert "Exception" not in ended.err


@BOTH
async def test_an_idle_server_stops_at_once(site, how):
    server = await site.serve()
    ended = await server.stop(how)
    assert_clean(ended)
    assert not await server.is_listening()


SIGNALLED_AT_ONCE = """
import os
from app import commands

def say(line, said=commands.say):
    said(line)
    os.kill(os.getpid(), {number})

commands.say = say
"""


@BOTH
@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_signal_in_the_moment_in_which_it_says_that_it_has_started_is_heard(site, how, command):
    if site.is_sqlite and command == "worker":
        pytest.skip("SQLite has its worker inside the server")
    started = await site.start(command, planted=SIGNALLED_AT_ONCE.format(number=int(how)), is_fresh=True)
    ended = await started.ended(within=60)
    assert (ended.code, "Traceback" in ended.err) == (0, False)


@BOTH
async def test_a_worker_stops_at_once(site, how):
    if site.is_sqlite:
        pytest.skip("SQLite has its worker inside the server")
    ended = await (await site.work()).stop(how)
    assert_clean(ended)


@BOTH
async def test_a_signal_that_comes_while_it_starts_is_obeyed(site, how):
    server = await site.start("serve")
    await asyncio.sleep(0.5)
    began = time.monotonic()
    while not server.has_ended and time.monotonic() < began + 20:
        with contextlib.suppress(ProcessLookupError):
            server.send(how)  # as an impatient operator does
        await asyncio.sleep(0.3)
    ended = await server.ended()
    assert "Traceback" not in ended.err
    assert ended.code in {0, -how, 128 + how}
    assert time.monotonic() - began < 20.0


@BOTH
async def test_open_connections_do_not_hold_a_server(site, how):
    server = await site.serve()
    async with aiohttp.ClientSession(server.url) as session, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(_ask(session))
        # Half a request, and a connection that says nothing at all.
        _, half = await asyncio.open_connection("127.0.0.1", server.port)
        half.write(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99")
        _, silent = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.sleep(0.2)
        ended = await server.stop(how)
    half.close()
    silent.close()
    assert_clean(ended)
    assert not await server.is_listening()


async def _ask(session):
    async with session.get("/healthz") as answer:
        assert answer.status == 200
        await answer.read()


async def test_a_request_in_flight_is_answered_before_the_end(site):
    server = await site.serve()
    person = site.platform.person()
    screen = person.open_mini_program(site.mp)
    site.platform.faults.hang_after_doing("/sns/jscode2session", 1.0)
    login = asyncio.create_task(screen.login())
    await _until(lambda: site.platform.call_counts["/sns/jscode2session"])
    ended = await server.stop()
    assert (await login).status == 201
    assert_clean(ended)


async def test_a_request_that_takes_too_long_does_not_hold_the_end(site):
    server = await site.serve()
    screen = site.platform.person().open_mini_program(site.mp)
    site.platform.faults.hang("/sns/jscode2session", 20)
    login = asyncio.create_task(screen.login())
    await _until(lambda: site.platform.call_counts["/sns/jscode2session"])
    ended = await server.stop()
    assert ended.code == 0
    assert ended.seconds < STOPS_WITHIN
    assert (await login).status in {0, 503}


async def test_a_slow_answer_under_way_still_reaches_the_person(site):
    server = await site.serve()
    ming = site.platform.person()
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 4.6)
    following = asyncio.create_task(ming.follow(site.oa))
    await _until(lambda: site.platform.call_counts["/cgi-bin/user/info"])
    await asyncio.sleep(4.3)  # the budget of four is over: `success` was said; the answer, which has a second, is near
    ended = await server.stop()
    assert (await following).reply is None
    assert_clean(ended)
    late = await stored.read(site.database_url, "SELECT key FROM job WHERE kind = 'send_text'")
    assert len(late) == 1
    again = await site.serve()
    await site.worker_if_separate()
    await _until(lambda: "欢迎来到江南书店" in "".join(ming.chat(site.oa).texts()))
    assert_clean(await again.stop())


async def test_a_push_under_way_is_answered_before_the_end(site):
    server = await site.serve()
    ming = site.platform.person()
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 1.0)
    following = asyncio.create_task(ming.follow(site.oa))
    await _until(lambda: site.platform.call_counts["/cgi-bin/user/info"])
    ended = await server.stop()
    assert "欢迎来到江南书店" in (await following).text
    assert_clean(ended)


async def test_a_busy_worker_gives_its_jobs_back(site):
    server = await site.serve()
    ming = site.platform.person()
    await ming.follow(site.oa)
    (person,) = await stored.read(site.database_url, "SELECT id FROM member")
    site.platform.faults.hang_after_doing("/cgi-bin/message/custom/send", 20, times=None)
    jobs = ", ".join(_job(number, person["id"]) for number in range(30))
    await stored.damage(
        site.database_url,
        "INSERT INTO job (id, created_at, kind, key, payload, state, run_at, attempt_count, fence, last_error)"
        f" VALUES {jobs}",
    )
    worker = await site.worker_if_separate() or server
    running = "SELECT count(*) FROM job WHERE kind = 'send_text' AND state = 'running'"
    await _until(lambda: stored.number(site.database_url, running))
    ended = await worker.stop()
    assert_clean(ended)
    assert await stored.number(site.database_url, running) == 0
    assert (
        await stored.number(site.database_url, "SELECT count(*) FROM job WHERE kind = 'send_text' AND state = 'ready'")
        == 30
    )


def _job(number, member_id):
    identifier = f"00000000-0000-7000-8000-{number:012d}"
    payload = f'{{"account": "oa", "member_id": "{member_id}", "text": "hello"}}'
    past = "2026-01-01 00:00:00.000000+00:00"
    return f"('{identifier}', '{past}', 'send_text', 'k{number}', '{payload}', 'ready', '{past}', 0, 0, '')"


async def _until(is_so, *, within=30.0):
    deadline = time.monotonic() + within
    while True:
        found = is_so()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.05)
