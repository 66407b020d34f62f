"""kill -9 while a till tells of purchases and buyers spend what they earn: the sums hold, nothing said is lost."""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
import orjson
import pytest

from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.channels.channels import Channels
from handlers.operators.audit_chain import AuditChain
from handlers.points.points_terms import PointsTermsEditing
from handlers.purchases.purchase_rules import PurchaseRules
from handlers.rules.offer_terms import Limit, Period, Price
from models import database
from models.operators import Operator
from tests.handlers.claimable import an_offer
from tests.handlers.tilling import SECRET, a_till, signed_headers
from tests.processes import failing, stored
from tests.processes.running import until_alive
from tests.stories.conftest import town_settings

CLIENTS = 4
EARNS, COSTS = 100, 70  # points of a purchase, and of a claim
ASK_AGAIN = {0, 409, 429, 503}
SHORT = "points.short"
TARGET = "/api/v1/channel/purchases"


@dataclass
class Mall:
    """An installation with a till, and an offer that costs points."""

    site: object
    till: str  # its code
    offer_id: str
    people: list = field(default_factory=list)

    async def sell(self, order_no: str, member_id: str) -> tuple[int, object]:
        """Signed anew each time; 0: nobody answered."""
        told = {"order_no": order_no, "amount_fen": 10_000, "paid_at": "2026-03-02T12:00:00+08:00"}
        told |= {"lines": [{"amount_fen": 10_000}], "buyer": {"namespace": "member", "value": member_id}}
        body = orjson.dumps(told)
        headers = signed_headers(self.till, SECRET, "POST", TARGET, body, at=datetime.now(UTC))
        headers |= {"Content-Type": "application/json", "Idempotency-Key": order_no}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(f"http://127.0.0.1:{self.site.port}{TARGET}", data=body, headers=headers) as answer,
            ):
                return answer.status, await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return 0, None

    async def spend(self, screen, key: str):
        return await screen.call("POST", f"/offers/{self.offer_id}/claims", {}, key=key)


@dataclass
class Told:
    """What was acknowledged: orders by their number, claims by their key."""

    orders: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    repeated: int = 0
    surprises: Counter = field(default_factory=Counter)


async def opened(site) -> Mall:
    """People join at the server; what operators do at their door is done by the same use cases."""
    server = await site.serve()
    people = [site.platform.person().open_mini_program(site.mp) for _ in range(CLIENTS)]
    for each in people:
        assert (await each.join(with_phone=False)).is_fine
    await server.stop()
    settings, clock = town_settings("sqlite://unused", "memory://", port=1, platform_port=2), SystemClock()
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    kept = {"channels": Channels(clock, vault), "points_terms": PointsTermsEditing(clock)}
    rooms = SimpleNamespace(clock=clock, handlers=SimpleNamespace(**kept, purchase_rules=PurchaseRules(clock)))
    await database.connect(site.database_url)
    try:
        till = await a_till(rooms)
        await till.earning()
        await till.rule()
        # `doctor` looks at every cipher, those of operators who never sign in as well.
        await Operator.all().update(totp_cipher=vault.encrypt("never", bound_to="nobody"))
        offer = await an_offer(clock.now(), price=Price(points=COSTS), limits=(Limit(Period.EVER, 100_000),))
        await AuditChain(clock, vault).seal()  # no worker does it beside a server on PostgreSQL
    finally:
        await database.disconnect()
    return Mall(site, till.channel.code, str(offer.id), people)


async def shops_until_over(mall: Mall, told: Told, screen) -> None:
    """Buys, and spends as often as there is enough; each under its key until somebody answers."""
    member_id = screen.member["id"]
    while not told.is_over:
        order_no = f"o-{uuid.uuid4().hex}"
        attempts = 0
        while True:
            status, answer = await mall.sell(order_no, member_id)
            attempts += 1
            if status == 201:
                told.orders[order_no] = answer["purchase_id"]
                break
            if status not in ASK_AGAIN:
                told.surprises[f"{status} {answer}"] += 1
            await asyncio.sleep(0.05)
        told.repeated += attempts > 1
        await spends(mall, told, screen)


async def spends(mall: Mall, told: Told, screen) -> None:
    key, attempts = str(uuid.uuid4()), 0
    while True:
        call = await mall.spend(screen, key)
        attempts += 1
        if call.is_fine:
            told.claims[key] = call.fact("claims")[0]["id"]
            break
        if call.status == 401:
            await screen.login()
        elif call.status == 409 and call.fact("code") == SHORT:
            break
        elif call.status not in ASK_AGAIN:
            told.surprises[f"{call.status} {call.fact('code')}"] += 1
        await asyncio.sleep(0.05)
    told.repeated += attempts > 1


async def breaches(database_url: str, told: Told) -> list[str]:
    """Everything in the database that contradicts what was acknowledged, or itself."""

    async def ids(sql: str) -> Counter:
        return Counter(str(each["id"]) for each in await stored.read(database_url, sql))

    orders, claims = await ids("SELECT id FROM purchase"), await ids("SELECT id FROM claim")
    found = [f"lost: order {number}" for number, each in told.orders.items() if each not in orders]
    found += [f"lost: spend {key}" for key, each in told.claims.items() if each not in claims]
    paid = await ids(f"SELECT cause_id AS id FROM transfer WHERE cause_kind = 'claim' AND amount = {COSTS}")
    earned = await ids(f"SELECT purchase_id AS id FROM purchase_earning WHERE unit = 'points' AND amount = {EARNS}")
    found += [f"paid {paid[each]} times: {each}" for each in claims if paid[each] != 1]
    found += [f"paid for nothing: {each}" for each in paid if each not in claims]
    found += [f"earned {earned[each]} times: {each}" for each in orders if earned[each] != 1]
    sums = """
        SELECT a.id FROM ledger_account a LEFT JOIN (
            SELECT account_id, SUM(amount) AS amount FROM (
                SELECT credit_id AS account_id, amount FROM transfer
                UNION ALL SELECT debit_id AS account_id, -amount FROM transfer
            ) e GROUP BY account_id
        ) t ON t.account_id = a.id
        WHERE a.member_id IS NOT NULL AND (a.posted <> COALESCE(t.amount, 0) OR a.posted < 0)
    """
    return found + [f"not the sum: {each}" for each in await ids(sums)]


@pytest.mark.timeout(300)
async def test_killed_while_many_earn_and_spend_the_sums_hold_and_no_acknowledged_spend_is_lost(site):
    await killed_while_shopping(site, kills=2, pause=(0.0, 0.5))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_killed_a_hundred_times_while_many_earn_and_spend(site):
    await killed_while_shopping(site, kills=100, pause=(0.0, 2.0))


async def killed_while_shopping(site, *, kills: int, pause: tuple[float, float]) -> None:
    mall, told = await opened(site), Told()
    server = await site.serve()
    clients = [asyncio.create_task(shops_until_over(mall, told, screen)) for screen in mall.people]
    for _ in range(kills):
        known = len(told.claims)
        while len(told.claims) < known + CLIENTS:
            assert not told.surprises  # or nobody ever would be again
            await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(*pause))
        await server.kill()
        server = await site.start("serve")
        await until_alive(server)
    told.is_over = True
    await asyncio.gather(*clients)
    print(f"{kills} kills, {len(told.orders)} orders, {len(told.claims)} spends, {told.repeated} asked again")
    assert not told.surprises
    assert await breaches(site.database_url, told) == []
    assert told.repeated >= kills
    doctor = await site.run("doctor")
    assert doctor.code == 0, doctor.out
    assert (await server.stop()).code == 0
    assert stored.integrity(site.database_url) == "ok"


@pytest.mark.timeout(180)
async def test_a_build_that_says_spent_before_it_commits_is_found_out(site):
    """Negative control: what the buyer was told is not there after the kill, and neither is what they paid."""
    mall = await opened(site)
    server = await site.serve(planted=failing.PLANT_HASTY)
    screen, key = mall.people[0], str(uuid.uuid4())
    await screen.login()
    assert (await mall.sell("o-1", screen.member["id"]))[0] == 201
    (site.home / failing.ARMED).write_text("claim before_commit")
    call = await mall.spend(screen, key)
    await server.ended()
    assert call.status == 201
    told = Told(claims={key: call.fact("claims")[0]["id"]})
    assert await breaches(site.database_url, told) == [f"lost: spend {key}"]
