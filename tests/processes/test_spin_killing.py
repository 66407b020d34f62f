"""kill -9 at every point of a spin and at any moment, and a PostgreSQL that is stopped in the middle of a batch.

Every spin that was acknowledged is in the public log: the stand-alone verifier finds each receipt in it, and that the
sequence, the chain and the results are what was promised.
"""

import asyncio
import uuid

import pytest

from tests.gateways.mortal import MortalRedis
from tests.processes import failing
from tests.processes.mortal import mortal_postgres
from tests.processes.running import installed, until_alive
from tests.processes.spinning import Story, a_wheel, all_is_proven, spins_until_over
from tests.servers import free_port

CLIENTS = 6


async def dies(wheel, server, point, ask):
    """Armed, asked, dead: what the client heard."""
    (wheel.site.home / failing.ARMED).write_text(f"spin {point}")
    answer = await ask()
    await server.ended()
    assert not (wheel.site.home / failing.ARMED).exists()
    return answer


@pytest.mark.timeout(600)
async def test_killed_at_every_point_ten_spins_happen_once_or_not_at_all(site):
    wheel, story = await a_wheel(site), Story()
    screen = wheel.screen
    server = await site.serve(planted=failing.PLANT)
    await screen.login()  # the session went with the process, where Redis is inside it
    for turn, point in enumerate(failing.POINTS, 1):
        is_there, key = point == "after_commit", str(uuid.uuid4())
        answer = await dies(wheel, server, point, lambda key=key: wheel.spin(site.port, screen, key))
        assert answer.status == 0
        assert await wheel.number("SELECT count(*) FROM spin") == 10 * (turn - 1 + is_there)
        server = await site.serve(planted=failing.PLANT)
        await screen.login()
        again = await wheel.spin(site.port, screen, key)
        assert again.status == 201
        assert await wheel.number("SELECT count(*) FROM spin") == 10 * turn
        story.receipts[key] = again.facts["receipt"]
    await all_is_proven(wheel, story, server)


@pytest.mark.timeout(180)
async def test_a_build_that_answers_before_it_commits_is_found_out_by_the_verifier(site):
    """Negative control: what the member was told is not in the log."""
    wheel = await a_wheel(site)
    server = await site.serve(planted=failing.PLANT_HASTY)
    await wheel.screen.login()
    answer = await dies(wheel, server, "before_commit", lambda: wheel.spin(site.port, wheel.screen, "tap"))
    assert answer.status == 201
    status, said = await wheel.proven([{name: answer.facts["receipt"][name] for name in ("payload", "signature")}])
    assert status == 1, said
    assert "回执" in said


@pytest.mark.timeout(300)
async def test_two_processes_on_one_draw_never_break_the_sequence_though_one_is_killed(site):
    """On SQLite, which one process writes, that one is killed."""
    wheel, story = await a_wheel(site), Story()
    servers = [await site.serve()] if site.is_sqlite else [await site.serve(), await site.serve(port=free_port())]
    ports = [server.port for server in servers]
    clients = [asyncio.create_task(spins_until_over(wheel, story, ports)) for _ in range(CLIENTS)]
    await story.comes_to(2 * CLIENTS)
    await servers[0].kill()
    servers[0] = await site.start("serve")
    await until_alive(servers[0])
    await story.comes_to(len(story.receipts) + 2 * CLIENTS)
    story.is_over = True
    await asyncio.gather(*clients)
    assert story.repeated >= 1
    await all_is_proven(wheel, story, *servers)


@pytest.fixture
async def outage(tmp_path, nursery):
    """An installation on servers of its own, which may be stopped."""
    redis = MortalRedis(str(tmp_path))
    redis.start()
    home = tmp_path / "home"
    home.mkdir()
    with mortal_postgres() as cluster:
        cluster.sql("CREATE DATABASE outage")
        async with installed(home, cluster.url("outage"), redis.url, nursery) as built:
            assert (await built.run("migrate", within=150)).code == 0
            yield built, cluster
    redis.kill()


@pytest.mark.timeout(300)
async def test_a_database_that_stops_at_once_in_the_middle_of_batches_loses_no_acknowledged_spin(outage):
    site, cluster = outage
    wheel, story = await a_wheel(site), Story()
    server = await site.serve()
    clients = [asyncio.create_task(spins_until_over(wheel, story, [server.port])) for _ in range(CLIENTS)]
    await story.comes_to(2 * CLIENTS)
    cluster.crash()
    cluster.start()
    await until_alive(server, path="/readyz")
    await story.comes_to(len(story.receipts) + 2 * CLIENTS)
    story.is_over = True
    await asyncio.gather(*clients)
    await all_is_proven(wheel, story, server)
