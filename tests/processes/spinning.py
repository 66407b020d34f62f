"""A draw in an installation of its own, people who spin as good clients do, and what the public log says afterwards."""

import asyncio
import json
import sys
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from gateways.clock import SystemClock
from gateways.signing import Ed25519Signer
from gateways.vault import FieldVault
from handlers.actors import Operator
from handlers.draws.draw_editing import DrawDraft, DrawEditing
from handlers.draws.revealing import Revealing
from handlers.draws.seeds import Seeds
from handlers.operators.audit_chain import AuditChain
from handlers.rules.draw_rules import WHOLE, DrawRules, SpinPrice
from handlers.rules.draw_terms import DrawTerms
from models import database
from models.draws import DrawCommitment, DrawDay
from models.operators import Operator as OperatorRow
from models.organizations import Organization
from tests.fakes import FakeClock
from tests.handlers.drawing import NOTICE, goods, points, simulated, thanks
from tests.handlers.offering import operator_at
from tests.processes import stored
from tests.processes.running import Running, Site
from tests.stories.conftest import town_settings

VERIFIER = Path(__file__).parents[2] / "docs" / "fairness" / "verify_draw.py"
ASK_AGAIN = {0, 409, 429, 503}
MANY = 1_000_000


@dataclass
class Answered:
    """One answer; status 0 when nobody answered."""

    status: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Wheel:
    """An installation with a draw that costs nothing, of things and points, and one member."""

    site: Site
    screen: Any
    operator: Operator
    draw_id: uuid.UUID
    vault: FieldVault

    async def spin(self, port: int, screen: Any, key: str) -> Answered:
        """Ten at a time, at the server of this port."""
        url, limit = f"http://127.0.0.1:{port}/api/v1/draws/{self.draw_id}/spins", aiohttp.ClientTimeout(total=20)
        headers = {"Authorization": f"Bearer {screen.token}", "Idempotency-Key": key}
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(url, json={"times": 10}, headers=headers) as answer,
            ):
                return Answered(answer.status, await answer.json())
        except (aiohttp.ClientError, TimeoutError):
            return Answered(0)

    async def number(self, sql: str) -> int:
        """The one number of a query."""
        return await stored.number(self.site.database_url, sql)

    async def proven(self, receipts: list[dict[str, str]]) -> tuple[int, str]:
        """What the stand-alone verifier says of all days, and of these receipts; no server may be running."""
        await database.connect(self.site.database_url)
        try:
            revealing = Revealing(
                FakeClock(datetime.now(UTC) + timedelta(days=2)), self.vault, Ed25519Signer(), Seeds(self.vault)
            )
            await revealing.reveal_due()
            logs = []
            theirs = {"draw_id": self.draw_id}
            revealed = set(await DrawDay.filter(**theirs).exclude(seed="").values_list("day", flat=True))
            opened = await DrawCommitment.filter(**theirs, kind="open").order_by("number").values_list("day", flat=True)
            for day in [each for each in opened if each in revealed]:
                lines = [each async for each in await revealing.exported(self.operator, self.draw_id, day=day)]
                logs.append(self.site.home / f"{day}.jsonl")
                logs[-1].write_bytes(b"".join(lines))
            public = (await revealing._keys.shown())[0].public_key
        finally:
            await database.disconnect()
        kept = self.site.home / "receipts.jsonl"
        kept.write_text("".join(json.dumps(each) + "\n" for each in receipts))
        command = [sys.executable, "-W", "error", VERIFIER, *logs, "--receipts", kept, "--key", public]
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


async def a_wheel(site: Site) -> Wheel:
    """The server makes the root known, and somebody joins; the draw is published as an operator would."""
    server, screen = await site.serve(), site.platform.person().open_mini_program(site.mp)
    assert (await screen.join(with_phone=False)).is_fine
    await server.stop()
    settings = town_settings("sqlite://unused", "memory://", port=1, platform_port=2)
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    now = datetime.now(UTC)
    prizes = (goods(200_000, stock=MANY), points(300_000), thanks(WHOLE - 500_000))
    window = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(days=5)}
    rules = DrawRules("开业抽奖", prizes=prizes, price=SpinPrice(free_daily=MANY), notice=NOTICE, **window)
    await database.connect(site.database_url)
    try:
        operator = await operator_at(await Organization.get(parent=None))
        await OperatorRow.filter(id=operator.id).update(totp_cipher="")  # they have no device
        editing = DrawEditing(SystemClock(), Seeds(vault))
        drafted = (await editing.draft(operator, DrawDraft("wheel", DrawTerms(rules)), request_id="draft")).value
        await simulated(operator, drafted)
        await editing.publish(operator, drafted.id, request_id="publish")
        await AuditChain(SystemClock(), vault).seal()
    finally:
        await database.disconnect()
    return Wheel(site, screen, operator, drafted.id, vault)


@dataclass
class Story:
    """What the clients were told: the receipts, by key."""

    receipts: dict[str, dict[str, str]] = field(default_factory=dict)
    is_over: bool = False
    repeated: int = 0
    surprises: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> list[dict[str, str]]:
        """As the verifier reads them."""
        return [{"payload": each["payload"], "signature": each["signature"]} for each in self.receipts.values()]

    async def comes_to(self, count: int) -> None:
        """Until so many were answered."""
        while len(self.receipts) < count:
            assert not self.surprises  # or nobody ever would be again
            await asyncio.sleep(0.02)


async def spins_until_over(wheel: Wheel, story: Story, ports: list[int]) -> None:
    """The same key until there is an answer, now at the one server, now at the other."""
    screen = wheel.site.platform.person().open_mini_program(wheel.site.mp)
    while not (await screen.join(with_phone=False, key="join")).is_fine:
        screen.token = None
        await asyncio.sleep(0.05)
    turn = 0
    while not story.is_over:
        key, attempts = str(uuid.uuid4()), 0
        while True:
            turn, attempts = turn + 1, attempts + 1
            answer = await wheel.spin(ports[turn % len(ports)], screen, key)
            if answer.status == 201:
                break
            if answer.status == 401:
                await screen.login()
            elif answer.status not in ASK_AGAIN:
                story.surprises[f"{answer.status} {answer.facts.get('code')}"] += 1
            await asyncio.sleep(0.05)
        story.repeated += attempts > 1
        story.receipts[key] = answer.facts["receipt"]


async def all_is_proven(wheel: Wheel, story: Story, *servers: Running) -> None:
    """Nothing that was acknowledged is missing, and the log is what it was promised to be."""
    assert not story.surprises
    doctor = await wheel.site.run("doctor")
    assert doctor.code == 0, doctor.out
    for server in servers:
        assert (await server.stop()).code == 0
    status, said = await wheel.proven(story.kept)
    assert status == 0, said
    acts = await wheel.number("SELECT count(DISTINCT act_id) FROM spin")
    assert acts == len(story.receipts)
    assert await wheel.number("SELECT count(*) FROM spin") == 10 * acts
    assert stored.integrity(wheel.site.database_url) == "ok"
