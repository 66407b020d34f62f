"""The database or Redis goes away under load: refusals of the documented form meanwhile, nothing lost, back by itself.

These bring servers of their own, which they stop and start again; so they run once, not per pair.
"""

import asyncio
import signal
import time
from collections import Counter

import orjson
import pytest

from tests.gateways.mortal import MortalRedis
from tests.processes.mortal import mortal_postgres
from tests.processes.running import STOPS_WITHIN, get, installed, status_of
from tests.processes.test_killing import CLIENTS, Story, assert_nothing_was_lost, joins_until_over


@pytest.fixture(scope="module")
def cluster():
    with mortal_postgres() as server:
        yield server


@pytest.fixture
def redis(tmp_path):
    server = MortalRedis(str(tmp_path))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def site(cluster, redis, tmp_path, request, nursery):
    name = f"outage_{abs(hash(request.node.name)) % 10**9}"
    home = tmp_path / "home"
    home.mkdir()
    async with installed(home, cluster.url(name), redis.url, nursery) as built:
        if not cluster.sql("SELECT 1 FROM pg_database WHERE datname = 'migrated'"):
            cluster.sql("CREATE DATABASE migrated")
            assert (await built.run("migrate", DATABASE_URL=cluster.url("migrated"))).code == 0
        cluster.sql(f"CREATE DATABASE {name} TEMPLATE migrated")
        yield built
    cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")


async def until_status(server, path, status, *, within=30):
    since = time.monotonic()
    while await status_of(server, path) != status:
        assert time.monotonic() - since < within, f"{path} is not {status} after {within} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - since


def assert_busy(call):
    """The documented refusal: a problem, fit to show, with the time to come back."""
    assert call.status == 503
    assert call.headers["content-type"] == "application/problem+json"
    assert int(call.headers["retry-after"]) >= 1
    assert call.fact("code") in {"server.busy", "outcome.unknown", "wechat.unavailable"}
    assert call.fact("title")


async def a_member(site):
    person = site.platform.person()
    screen = person.open_mini_program(site.mp)
    assert (await screen.join(with_phone=False, key="reader")).status == 201
    await person.follow(site.oa)
    return person, screen


# --- the database


async def test_readiness_follows_the_database_and_life_goes_on(site, cluster):
    server = await site.serve()
    assert orjson.loads((await get(server, "/readyz"))[1]) == {"database": True, "redis": True, "migrations": True}
    cluster.stop()
    try:
        await until_status(server, "/readyz", 503)
        assert orjson.loads((await get(server, "/readyz"))[1])["redis"] is True
        assert await status_of(server, "/healthz") == 200
        status, page = await get(server, "/metrics")
        assert status == 200
        assert b"fanpiao_job_figures_known 0.0" in page
    finally:
        cluster.start()
    await until_status(server, "/readyz", 200)


async def test_every_door_refuses_in_its_words_while_the_database_is_away(site, cluster):
    server = await site.serve()
    person, screen = await a_member(site)
    stranger, newcomer = site.platform.person("小红"), site.platform.person("小刚").open_mini_program(site.mp)
    cluster.stop()
    try:
        await asyncio.sleep(1.1)  # what was remembered is forgotten
        for call in (await screen.me(), await newcomer.login(), await screen.call("PATCH", "/me", {"nickname": "明"})):
            assert_busy(call)
        assert (await screen.call("GET", "/consents")).status == 200
        assert "人有点多" in (await person.say(site.oa, "我的")).text
        assert "人有点多" in (await stranger.follow(site.oa)).text
        assert await site.platform.pusher.verify(site.oa)
        assert server.err.count("Traceback") == 0
    finally:
        cluster.start()
    assert (await screen.me()).status == 200
    assert "会员号" in (await person.say(site.oa, "我的")).text


async def test_a_server_that_never_saw_its_accounts_lets_the_platform_deliver_again(site, cluster):
    server = await site.serve()
    cluster.stop()
    try:
        push = await site.platform.person().follow(site.oa)
        assert {delivery.status for delivery in push.deliveries} == {503}
        assert {delivery.body for delivery in push.deliveries} == {b""}
    finally:
        cluster.start()
    await server.stop()


@pytest.mark.timeout(300)
async def test_a_database_that_crashes_under_load_loses_nothing_acknowledged(site, cluster):
    server = await site.serve()
    person, screen = await a_member(site)
    story, refusals, statuses = Story(), [], Counter()
    clients = [asyncio.create_task(joins_until_over(site, story)) for _ in range(CLIENTS)]
    readers = [asyncio.create_task(reads_until_over(screen, story, refusals, statuses)) for _ in range(4)]
    chatter = asyncio.create_task(chats_until_over(site, person, story, statuses))
    recoveries = []
    for _ in range(3):
        await asyncio.sleep(1.5)
        cluster.crash()
        await asyncio.sleep(1.0)
        cluster.start()
        recoveries.append(await until_status(server, "/readyz", 200))
        before, since = len(story.acknowledged), time.monotonic()
        while len(story.acknowledged) < before + 5:
            assert time.monotonic() - since < 30
            await asyncio.sleep(0.02)
        recoveries[-1] += time.monotonic() - since
    await asyncio.sleep(1.0)
    story.is_over = True
    async with asyncio.timeout(60):
        await asyncio.gather(*clients, *readers, chatter)
    print(
        f"3 crashes, {len(story.acknowledged)} joins, {story.repeated} asked again, {story.found_again} had been done;"
        f" {dict(statuses)}; joins again after {max(recoveries):.1f} s"
    )
    assert refusals
    for refusal in refusals:
        assert_busy(refusal)
    assert set(statuses) <= {"read 200", "read 503", "chat 200"}
    assert server.err.count("Traceback") == 0
    story.acknowledged["reader"] = (screen.member["id"], screen.member["number"])
    await assert_nothing_was_lost(site, story, server)


async def reads_until_over(screen, story, refusals, statuses):
    while not story.is_over:
        call = await screen.call("GET", "/me")
        statuses[f"read {call.status}"] += 1
        if call.status != 200:
            refusals.append(call)
        await asyncio.sleep(0.02)


async def chats_until_over(site, person, story, statuses):
    while not story.is_over:
        push = await person.say(site.oa, "我的")
        statuses[f"chat {push.deliveries[0].status}"] += 1
        assert "会员号" in push.text or "人有点多" in push.text
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
async def test_a_process_stops_while_the_database_is_stopped(site, cluster, command, how):
    process = await site.serve() if command == "serve" else await site.work()
    cluster.stop()
    try:
        await asyncio.sleep(1.5)
        ended = await process.stop(how)
    finally:
        cluster.start()
    assert ended.code == 0
    assert ended.seconds < STOPS_WITHIN
    assert "Traceback" not in ended.err, ended.err


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_process_stops_while_the_database_hangs(site, cluster, command):
    process = await site.serve() if command == "serve" else await site.work()
    asking = []
    if command == "serve":
        _, screen = await a_member(site)
    with cluster.frozen():
        if command == "serve":
            await asyncio.sleep(1.1)
            asking = [asyncio.create_task(screen.me()) for _ in range(4)]
            await until_status(process, "/readyz", 503)
        ended = await process.stop()
    await asyncio.gather(*asking)
    assert ended.seconds < STOPS_WITHIN
    assert "Traceback" not in ended.err, ended.err


async def test_a_worker_outlives_the_database(site, cluster):
    await site.serve()
    worker = await site.work()
    cluster.stop()
    await asyncio.sleep(2.5)
    cluster.start()
    asked = "/cgi-bin/user/info"
    site.platform.faults.fail(asked, 45009)
    await site.platform.person().follow(site.oa)
    since = time.monotonic()
    while site.platform.call_counts[asked] < 2:
        assert time.monotonic() - since < 30
        await asyncio.sleep(0.05)
    assert "Traceback" not in worker.err, worker.err


# --- Redis


async def test_without_redis_the_chat_answers_and_sessions_are_refused_politely(site, redis):
    server = await site.serve()
    person, screen = await a_member(site)
    newcomer = site.platform.person("小红").open_mini_program(site.mp)
    redis.kill()
    await asyncio.sleep(1.1)
    for call in (await screen.me(), await newcomer.login()):
        assert_busy(call)
    assert "会员号" in (await person.say(site.oa, "我的")).text
    other = site.platform.person("小刚")
    assert "欢迎" in (await other.follow(site.oa)).text
    assert "同意请回复" in (await other.say(site.oa, "入会")).text
    assert "重新回复" in (await other.say(site.oa, "同意")).text  # the dialogue could not be kept
    await until_status(server, "/readyz", 503)
    assert orjson.loads((await get(server, "/readyz"))[1]) == {"database": True, "redis": False, "migrations": True}
    redis.start()
    await until_status(server, "/readyz", 200)
    assert (await screen.me()).status == 401  # it forgot everything: a silent login
    assert (await screen.login()).status == 201
    assert (await screen.me()).status == 200
    await other.say(site.oa, "入会")
    assert "入会成功" in (await other.say(site.oa, "同意")).text
    assert server.err.count("Traceback") == 0


async def test_without_redis_late_answers_still_reach_the_person(site, redis):
    await site.serve()
    await site.work()
    person = site.platform.person()
    redis.kill()
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 4.5)
    push = await person.follow(site.oa)
    assert push.reply is None
    since = time.monotonic()
    while "欢迎来到江南书店" not in "".join(person.chat(site.oa).texts()):
        assert time.monotonic() - since < 30
        await asyncio.sleep(0.05)


async def test_processes_stop_while_redis_hangs(site, redis):
    server, worker = await site.serve(), await site.work()
    redis.freeze()
    try:
        ended = await asyncio.gather(server.stop(), worker.stop())
    finally:
        redis.thaw()
    assert [one.code for one in ended] == [0, 0]
    assert max(one.seconds for one in ended) < STOPS_WITHIN
    assert "Traceback" not in ended[0].err + ended[1].err
