"""kill -9 while people join (I5, I6): what was acknowledged is there, what was asked twice happened once.

Clients do what a good mini-program does: when no answer comes they ask again with the same Idempotency-Key, with a new
login when the session is gone.
"""

import asyncio
import itertools
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.processes import stored
from tests.processes.running import until_alive
from tests.stories.conftest import MP

CLIENTS = 24
SESSION_GONE, ASK_AGAIN = 401, {0, 409, 429, 503}


@dataclass
class Story:
    """What the clients saw. `acknowledged` maps the Idempotency-Key to (member id, member number)."""

    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_over: bool = False
    repeated: int = 0  # joins that were asked for more than once
    found_again: int = 0  # done before the kill, but told only after it
    surprises: Counter = field(default_factory=Counter)


async def joins_until_over(site, story):
    while not story.is_over:
        screen = site.platform.person().open_mini_program(site.mp)
        key = uuid.uuid4().hex
        for attempt in itertools.count():
            story.repeated += attempt == 1
            call = await ask(screen, key)
            if call.is_fine:
                break
            if call.status == SESSION_GONE:
                screen.token = None
            elif call.status not in ASK_AGAIN and call.fact("code") != "session.code_refused":
                story.surprises[f"{call.status} {call.fact('code')}"] += 1
            await asyncio.sleep(0.05)
        story.found_again += call.headers.get("idempotency-replayed") == "true"
        if call.fact("already_member"):
            story.surprises["joined by an earlier request that was not recognised"] += 1
        member = call.fact("member")
        story.acknowledged[key] = (member["id"], member["number"])


async def ask(screen, key):
    if screen.token is None:
        login = await screen.login()
        if not login.is_fine:
            return login
    terms = await screen.call("GET", "/consents")
    if not terms.is_fine:
        return terms
    agreed = [{"purpose": each["purpose"], "version": each["version"]} for each in terms.fact("items")[:1]]
    return await screen.call("POST", "/members", {"consents": agreed}, key=key)


async def breaches(database_url, acknowledged):
    """Everything in the database that contradicts what the clients were told."""
    found = []
    members = {
        str(row["id"]): row for row in await stored.read(database_url, "SELECT id, number, joined_at FROM member")
    }
    consents = Counter(
        str(row["member_id"])
        for row in await stored.read(database_url, "SELECT member_id FROM consent WHERE purpose = 'membership'")
    )
    openids = Counter(
        str(row["member_id"])
        for row in await stored.read(
            database_url, f"SELECT member_id FROM identifier WHERE namespace = 'wx_openid' AND scope = '{MP.app_id}'"
        )
    )
    requests = Counter(
        row["key"] for row in await stored.read(database_url, "SELECT key FROM request WHERE operation = 'join'")
    )
    for key, (member_id, number) in acknowledged.items():
        member = members.get(member_id)
        if member is None or member["number"] != number or member["joined_at"] is None:
            found.append(f"lost: {number}")
        if consents[member_id] != 1:
            found.append(f"{consents[member_id]} consents: {number}")
        if openids[member_id] != 1:
            found.append(f"{openids[member_id]} openids: {number}")
        if requests[key] != 1:
            found.append(f"{requests[key]} requests: {number}")
    told = Counter(acknowledged.values())
    found += [f"told {count} people: {number}" for (_, number), count in told.items() if count > 1]
    found += [f"member nobody asked for: {each}" for each in members.keys() - {each for each, _ in told}]
    return found


async def killed_while_joining(site, *, kills, pause):
    """The story, the server that is left, and the seconds it took to answer after each kill."""
    story, recoveries = Story(), []
    server = await site.serve()
    clients = [asyncio.create_task(joins_until_over(site, story)) for _ in range(CLIENTS)]
    for _ in range(kills):
        known = len(story.acknowledged)
        await asyncio.sleep(random.uniform(*pause))
        while len(story.acknowledged) < known + CLIENTS:
            assert not story.surprises  # or nobody ever would be again
            await asyncio.sleep(0.02)
        await server.kill()
        since = time.monotonic()
        server = await site.start("serve")
        await until_alive(server)
        recoveries.append(time.monotonic() - since)
    await asyncio.sleep(0.5)
    story.is_over = True
    async with asyncio.timeout(60):
        await asyncio.gather(*clients)
    return story, server, recoveries


async def assert_nothing_was_lost(site, story, server):
    assert not story.surprises
    assert await breaches(site.database_url, story.acknowledged) == []
    doctor = await site.run("doctor")
    assert doctor.code == 0, doctor.out
    ended = await server.stop()
    assert ended.code == 0
    assert stored.integrity(site.database_url) == "ok"


def tell(story, recoveries):
    print(
        f"{len(recoveries)} kills, {len(story.acknowledged)} joins, {story.repeated} asked again, "
        f"{story.found_again} had been done; back within {max(recoveries):.1f} s"
    )


@pytest.mark.timeout(300)
async def test_killed_while_people_join_nothing_acknowledged_is_lost_and_nothing_happens_twice(site):
    story, server, recoveries = await killed_while_joining(site, kills=4, pause=(1.0, 2.5))
    tell(story, recoveries)
    await assert_nothing_was_lost(site, story, server)
    assert len(story.acknowledged) > 4 * CLIENTS
    assert story.repeated >= 4
    await assert_the_checker_sees_losses_and_doubles(site, story)


async def assert_the_checker_sees_losses_and_doubles(site, story):
    """The negative control: a checker that finds nothing here would find nothing anywhere."""
    lost, doubled, forgotten = random.sample(sorted(story.acknowledged), 3)
    lost_id, lost_number = story.acknowledged[lost]
    doubled_id, doubled_number = story.acknowledged[doubled]
    copied = "created_at, member_id, purpose, version, account_id, given_through, given_at"
    await stored.damage(
        site.database_url,
        f"DELETE FROM member WHERE id = '{lost_id}'",
        "DROP INDEX consent_one_open",
        f"INSERT INTO consent (id, {copied}) SELECT '{uuid.uuid4()}', {copied} FROM consent"
        f" WHERE member_id = '{doubled_id}'",
        f"DELETE FROM request WHERE key = '{forgotten}'",
    )
    assert sorted(await breaches(site.database_url, story.acknowledged)) == sorted(
        [
            f"lost: {lost_number}",
            f"2 consents: {doubled_number}",
            f"0 requests: {story.acknowledged[forgotten][1]}",
        ]
    )


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_killed_hundreds_of_times_while_people_join(site):
    story, server, recoveries = await killed_while_joining(site, kills=200, pause=(0.2, 3.0))
    tell(story, recoveries)
    await assert_nothing_was_lost(site, story, server)


async def test_killed_in_the_midst_of_a_push_the_platforms_next_delivery_finishes_it(site):
    server = await site.serve()
    ming = site.platform.person()
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 3.0)
    following = asyncio.create_task(ming.follow(site.oa))
    while not site.platform.call_counts["/cgi-bin/user/info"]:  # noqa: ASYNC110 - the platform tells nobody
        await asyncio.sleep(0.01)
    await server.kill()
    site.platform.faults.clear()
    killed_at = time.monotonic()
    # The pretend platform's second and third delivery come at once; a real one leaves five seconds between them, and so
    # long nobody else takes up what the dead process had begun.
    await following
    await site.serve()
    await asyncio.sleep(max(0.0, killed_at + 5.0 - time.monotonic()))
    follow = site.platform.pusher.history[0]
    again = await site.platform.pusher.replay(follow)
    assert again.taken is not None
    assert await stored.number(site.database_url, "SELECT count(*) FROM member") == 1
    assert await stored.number(site.database_url, "SELECT count(*) FROM follower") == 1
