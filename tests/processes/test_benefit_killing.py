"""kill -9 at every point of a claim and of a redemption (I5, I6), and at any moment while many claim and redeem.

What was acknowledged is there after it. What was not is absent, or found by its key; asked again with the key, it
happens once.
"""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from gateways.vault import FieldVault
from handlers.claims.typed_codes import typed_code
from handlers.rules.offer_terms import Limit, Period
from models import database
from models.benefits import Benefit
from models.identity import Member
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.redemptions import Clerk
from tests.handlers.claimable import a_benefit, an_offer
from tests.processes import failing, stored
from tests.processes.running import until_alive
from tests.stories.conftest import town_settings
from tests.stories.counter_rows import signed_in

CLIENTS = 6
ASK_AGAIN = {0, 409, 429, 503}


@dataclass
class Stand:
    """An installation with an offer, a member who claims, and the clerk who redeems."""

    site: object
    screen: object
    clerk: object  # the same platform's, with the token of the clerk
    offer_id: str
    vault: FieldVault

    async def member_calls(self, ask):
        """Logged in again, where the session went with the process."""
        call = await ask()
        if call.status == 401:
            await self.screen.login()
            call = await ask()
        return call

    async def claim(self, key, screen=None):
        return await (screen or self.screen).call("POST", f"/offers/{self.offer_id}/claims", {}, key=key)

    async def redeem(self, claim_id, key):
        code = typed_code(self.vault, uuid.UUID(claim_id), 0)
        body = {"codes": [{"code": code}], "device_id": "till"}
        return await self.clerk.call("POST", "/clerk/redemptions", body, key=key)

    async def by_key(self, key):
        return await self.clerk.call("GET", f"/clerk/redemptions/by-key/till/{key}")

    async def number(self, sql):
        return await stored.number(self.site.database_url, sql)


async def opened(site) -> Stand:
    """The server makes the root known and people join; what operators do at their door is written as it is stored."""
    server = await site.serve()
    screen, other = (site.platform.person(name).open_mini_program(site.mp) for name in ("小明", "小红"))
    for each in (screen, other):
        assert (await each.join(with_phone=False)).is_fine
    await server.stop()
    settings = town_settings("sqlite://unused", "memory://", port=1, platform_port=2)
    await database.connect(site.database_url)
    try:
        root, served_by = await Organization.get(parent=None), await Member.get(id=other.member["id"])
        merchant = await Merchant.create(organization=root, code="books", name="江南书店")
        store = await Store.create(merchant=merchant, code="S1", name="湖滨店")
        benefit = await a_benefit()
        await Benefit.filter(id=benefit.id).update(merchant_id=merchant.id)
        many = (Limit(Period.EVER, 100_000),)
        offer = await an_offer(datetime.now(UTC), stock=100_000, benefit=benefit, limits=many)
        clerk = await Clerk.create(member=served_by, merchant=merchant, store=store, name="小林")
        other.token = await signed_in(clerk.id)
    finally:
        await database.disconnect()
    return Stand(site, screen, other, str(offer.id), FieldVault(settings.field_key_bytes(), settings.index_key_bytes()))


async def dies(stand, server, act, point, ask):
    """Armed, asked, dead: what the client heard."""
    (stand.site.home / failing.ARMED).write_text(f"{act} {point}")
    call = await ask()
    await server.ended()
    assert not (stand.site.home / failing.ARMED).exists()
    return call


async def all_is_well(site, server):
    doctor = await site.run("doctor")
    assert doctor.code == 0, doctor.out
    assert (await server.stop()).code == 0
    assert stored.integrity(site.database_url) == "ok"


@pytest.mark.timeout(600)
async def test_killed_at_every_point_a_claim_and_a_redemption_happen_once_or_not_at_all(site):
    stand = await opened(site)
    server = await site.serve(planted=failing.PLANT)
    for turn, point in enumerate(failing.POINTS, 1):
        is_there, key = point == "after_commit", str(uuid.uuid4())
        await stand.screen.login()  # the session went with the process, where Redis is inside it

        call = await dies(stand, server, "claim", point, lambda key=key: stand.claim(key))
        assert call.status == 0
        assert await stand.number(f"SELECT count(*) FROM request WHERE key = '{key}'") == is_there
        assert await stand.number("SELECT count(*) FROM claim") == turn - 1 + is_there
        server = await site.serve(planted=failing.PLANT)
        claimed = await stand.member_calls(lambda key=key: stand.claim(key))
        assert (claimed.status, claimed.headers.get("idempotency-replayed") == "true") == (201, is_there)
        claim_id = claimed.fact("claims")[0]["id"]

        call = await dies(stand, server, "redeem", point, lambda key=key, of=claim_id: stand.redeem(of, key))
        assert call.status == 0
        assert await stand.number("SELECT count(*) FROM redemption") == turn - 1 + is_there
        server = await site.serve(planted=failing.PLANT)
        assert (await stand.by_key(key)).status == (200 if is_there else 404)
        redeemed = await stand.redeem(claim_id, key)
        assert (redeemed.status, redeemed.headers.get("idempotency-replayed") == "true") == (201, is_there)
        assert (await stand.by_key(key)).answer == redeemed.answer
        for table in ("claim", "claim_slot", "redemption"):
            assert await stand.number(f"SELECT count(*) FROM {table}") == turn
    taken = await stored.read(site.database_url, "SELECT left_count, taken_count FROM offer_stock")
    assert taken == [{"left_count": 100_000 - turn, "taken_count": turn}]
    await all_is_well(site, server)


@pytest.mark.timeout(180)
async def test_a_build_that_answers_before_it_commits_is_found_out(site):
    """Negative control: what the member was told is not there after the kill."""
    stand = await opened(site)
    server = await site.serve(planted=failing.PLANT_HASTY)
    await stand.screen.login()
    key = str(uuid.uuid4())
    call = await dies(stand, server, "claim", "before_commit", lambda: stand.claim(key))
    assert call.status == 201
    assert await stand.number(f"SELECT count(*) FROM request WHERE key = '{key}'") == 0
    assert await breaches(site.database_url, Story({key: call.fact("claims")[0]["id"]})) == [f"lost: claim {key}"]


# --- at any moment


@dataclass
class Story:
    """What the clients were told: by key, the claim and its redemption."""

    claims: dict[str, str] = field(default_factory=dict)
    redemptions: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    repeated: int = 0
    surprises: Counter = field(default_factory=Counter)


async def visits_until_over(stand, story):
    screen = stand.site.platform.person().open_mini_program(stand.site.mp)
    while not (await screen.join(with_phone=False, key="join")).is_fine:
        screen.token = None
        await asyncio.sleep(0.05)
    while not story.is_over:
        key = str(uuid.uuid4())
        claimed = await until_told(story, lambda key=key: stand.claim(key, screen), screen)
        story.claims[key] = claimed.fact("claims")[0]["id"]
        redeemed = await until_told(story, lambda key=key: stand.redeem(story.claims[key], key))
        story.redemptions[key] = redeemed.fact("redemptions")[0]["id"]


async def until_told(story, ask, screen=None):
    """As a good client does: the same key, until there is an answer."""
    attempts = 0
    while True:
        call = await ask()
        attempts += 1
        if call.is_fine:
            story.repeated += attempts > 1
            return call
        if call.status == 401 and screen is not None:
            await screen.login()
        elif call.status not in ASK_AGAIN:
            story.surprises[f"{call.status} {call.fact('code')}"] += 1
        await asyncio.sleep(0.05)


async def breaches(database_url, story) -> list[str]:
    """Everything in the database that contradicts what the clients were told."""
    claims = {str(each["id"]) for each in await stored.read(database_url, "SELECT id FROM claim")}
    redemptions = {
        str(each["id"]): str(each["claim_id"])
        for each in await stored.read(database_url, "SELECT id, claim_id FROM redemption")
    }
    times = Counter(redemptions.values())
    found = [f"lost: claim {key}" for key, claim_id in story.claims.items() if claim_id not in claims]
    found += [f"lost: redemption {key}" for key, each in story.redemptions.items() if each not in redemptions]
    found += [f"{count} redemptions of one claim: {claim_id}" for claim_id, count in times.items() if count > 1]
    if len(set(story.claims.values())) != len(story.claims):
        found.append("two were told of one claim")
    extra = claims - set(story.claims.values())
    return found + [f"a claim that nobody was told of: {each}" for each in sorted(extra)]


async def killed_while_claiming(site, *, kills, pause):
    stand, story = await opened(site), Story()
    server = await site.serve()
    clients = [asyncio.create_task(visits_until_over(stand, story)) for _ in range(CLIENTS)]
    for _ in range(kills):
        known = len(story.redemptions)
        while len(story.redemptions) < known + CLIENTS:
            assert not story.surprises  # or nobody ever would be again
            await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(*pause))
        await server.kill()
        server = await site.start("serve")
        await until_alive(server)
    story.is_over = True
    await asyncio.gather(*clients)
    print(
        f"{kills} kills, {len(story.claims)} claims, {len(story.redemptions)} redemptions, {story.repeated} asked again"
    )
    assert not story.surprises
    assert await breaches(site.database_url, story) == []
    assert story.repeated >= kills
    await all_is_well(site, server)


@pytest.mark.timeout(300)
async def test_killed_while_many_claim_and_redeem_nothing_acknowledged_is_lost_and_nothing_happens_twice(site):
    await killed_while_claiming(site, kills=2, pause=(0.0, 0.5))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_killed_two_hundred_times_while_many_claim_and_redeem(site):
    await killed_while_claiming(site, kills=200, pause=(0.0, 2.0))
