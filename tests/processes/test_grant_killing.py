"""kill -9 while a list is read and while it is given: it goes on, nobody is forgotten and nobody gets two."""

import asyncio
import time

import pytest

from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.grants.grants import Grants
from models import database
from models.identity import Member
from models.organizations import Organization
from models.words import OperatorRole
from tests.handlers.claimable import an_offer
from tests.handlers.offering import operator_at
from tests.processes import stored
from tests.stories.conftest import town_settings

ROWS = 3_000
GIVEN = "SELECT count(*) AS n FROM granted_claim"
READ = "SELECT COALESCE(max(row_count), 0) AS n FROM grant_batch"


async def prepared(site) -> str:
    """The server makes the root known; members and the offer are written as they are stored. The offer's code."""
    server = await site.serve()
    await server.stop()
    await database.connect(site.database_url)
    try:
        now = SystemClock().now()
        people = [Member(ordinal=10_000 + body, joined_at=now, number=f"N{body:08d}") for body in range(ROWS)]
        await Member.bulk_create(people, batch_size=500)
        offer = await an_offer(now, stock=ROWS)
        lines = ["会员,份数", *(f"{each.id},1" for each in people[:-1]), "nobody,1"]
        (site.home / "list.csv").write_text("\n".join(lines), "utf-8")
        return offer.code
    finally:
        await database.disconnect()


async def approved(site) -> None:
    """What two operators do at their door."""
    await database.connect(site.database_url)
    try:
        root = await Organization.get(parent=None)
        first, second = await operator_at(root, OperatorRole.ADMIN), await operator_at(root)
        settings = town_settings(site.database_url, "memory://", port=1, platform_port=2)
        vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
        grants = Grants(SystemClock(), vault)
        (listed,) = await grants.listing(first, before=None, limit=10)
        await grants.submit(first, listed.id, request_id="submit")
        await grants.approve(second, listed.id, request_id="approve")
    finally:
        await database.disconnect()


async def until(site, sql, count, running):
    since = time.monotonic()
    while (done := await stored.number(site.database_url, sql)) < count:
        assert not running.has_ended, running.out + running.err
        assert time.monotonic() - since < 120
        await asyncio.sleep(0.01)
    return done


@pytest.mark.timeout(400)
async def test_a_list_killed_while_read_and_while_given_reaches_everybody_once(site):
    code = await prepared(site)
    command = ("grant", str(site.home / "list.csv"), "--offer", code, "--reason", "周年回馈")
    reading = await site.start(*command)
    await until(site, READ, 1, reading)
    await reading.kill()
    assert 0 < await stored.number(site.database_url, READ) <= ROWS
    finished = await site.run(*command, within=120)
    assert (finished.code, finished.err) == (1, ""), finished.out + finished.err  # 1: one row means nobody
    assert f"可以发放 {ROWS - 1}" in finished.out
    assert await stored.number(site.database_url, "SELECT count(*) AS n FROM grant_row") == ROWS
    repeated = await site.run(*command, within=60)
    assert repeated.code == 2
    assert "--again" in repeated.err
    await approved(site)
    server = await site.serve()
    worker = await site.worker_if_separate() or server
    before = await until(site, GIVEN, 1, worker)
    await worker.kill()
    await server.kill()
    assert before < ROWS - 1  # otherwise nothing was left to do
    # A worker that died keeps its lease for a minute; nobody has to wait for that here.
    await stored.damage(site.database_url, "UPDATE job SET lease_until = run_at WHERE state = 'running'")
    server = await site.serve()
    worker = await site.worker_if_separate() or server
    await until(site, "SELECT count(*) AS n FROM grant_batch WHERE state = 'done'", 1, worker)
    for running in {worker, server}:
        await running.stop()
    (figures,) = await stored.read(
        site.database_url,
        "SELECT count(*) AS claims, count(DISTINCT member_id) AS members FROM claim WHERE source = 'grant'",
    )
    assert figures == {"claims": ROWS - 1, "members": ROWS - 1}
    (stock,) = await stored.read(site.database_url, "SELECT left_count, taken_count FROM offer_stock")
    assert stock == {"left_count": 1, "taken_count": ROWS - 1}
