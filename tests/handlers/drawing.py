"""Draws for tests: a fair with who runs it, what is published, and spins in a line."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.codec import to_json
from handlers.draws.draw_approvals import DrawDecided
from handlers.draws.draw_editing import DrawChange, DrawDraft
from handlers.draws.draw_proofs import differing_draws
from handlers.draws.draw_views import OperatedDraw
from handlers.draws.spin_results import Spun
from handlers.points.earning import Earning, earn
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.draw_rules import WHOLE, DrawRules, Notice, Prize, PrizeKind, SpinPrice
from handlers.rules.draw_terms import DrawTerms
from handlers.rules.fairness import rules_hash
from handlers.simulation.plans import Plan
from handlers.simulation.reporting import report
from handlers.simulation.simulating import simulate
from models.database import atomic, rows
from models.draws import Draw, DrawPrize, DrawSimulation, Spin
from models.organizations import Organization
from models.statements import invariants
from tests.handlers.claimable import an_offer
from tests.handlers.offering import key, operator_at
from tests.handlers.test_points import Mall

DAY = timedelta(days=1)
NOTICE = Notice("江南书店", "400-000-0000", "会员", "30天内", "快递", "逾期放弃")
PLAN = Plan(expected_spins=10, members=1, virtual_spins=10)
FREE = SpinPrice(free_daily=100_000)
_numbers = itertools.count(1)


def thanks(ppm: int) -> Prize:
    return Prize("thanks", "谢谢参与", PrizeKind.THANKS, ppm)


def goods(ppm: int = WHOLE, **more: Any) -> Prize:
    facts = {"code": "kettle", "name": "水壶", "stock": 3, "value_fen": 9_900, **more}
    return Prize(kind=PrizeKind.GOODS, ppm=ppm, **facts)


def points(ppm: int = WHOLE, amount: int = 7, **more: Any) -> Prize:
    return Prize(code="points", name="7积分", kind=PrizeKind.POINTS, ppm=ppm, amount=amount, value_fen=7, **more)


@dataclass
class Fair:
    """A place where draws are made, and who makes them."""

    rooms: Any
    root: Organization
    operator: Operator
    second: Operator

    @property
    def handlers(self):
        return self.rooms.handlers

    def rules(self, *prizes: Prize, price: SpinPrice = FREE, **more: Any) -> DrawRules:
        """The rest of a million is thanks; without a prize all of it."""
        now, prizes = self.rooms.clock.now(), prizes or (points(0),)
        listed = (*prizes, thanks(WHOLE - sum(each.ppm for each in prizes)))
        facts = {"title": "开业抽奖", "opens_at": now - timedelta(hours=1), "closes_at": now + 10 * DAY, **more}
        return DrawRules(prizes=listed, price=price, notice=NOTICE, **facts)

    async def drafted(self, *prizes: Prize, terms: dict[str, Any] | None = None, **more: Any) -> OperatedDraw:
        said = DrawTerms(self.rules(*prizes, **more), **(terms or {}))
        draft = DrawDraft(f"draw-{next(_numbers)}", said)
        return (await self.handlers.draw_editing.draft(self.operator, draft, request_id=key())).value

    async def published(self, *prizes: Prize, **more: Any) -> UUID:
        drafted = await self.drafted(*prizes, **more)
        await simulated(self.operator, drafted)
        await self.handlers.draw_editing.publish(self.operator, drafted.id, request_id=key())
        return drafted.id

    async def republish(self, draw_id: UUID, **changes: Any) -> OperatedDraw:
        """With other rules, which a second operator approves where they have to be."""
        editing = self.handlers.draw_editing
        terms = (await editing.one(self.operator, draw_id)).terms
        change = DrawChange(terms=replace(terms, rules=replace(terms.rules, **changes)))
        drafted = (await editing.edit(self.operator, draw_id, change, request_id=key())).value
        await simulated(self.operator, drafted)
        told = (await editing.publish(self.operator, draw_id, request_id=key())).value
        if told.approval_id is None:
            return told
        await self.approve(told.approval_id)
        return await editing.one(self.operator, draw_id)

    async def approve(self, approval_id: UUID) -> DrawDecided:
        """By the second operator."""
        return (await self.handlers.draw_approvals.approve(self.second, approval_id, request_id=key())).value

    async def more(self, draw_id: UUID, code: str, delta: int) -> None:
        """Of a prize, asked for and approved."""
        facts = {"code": code, "delta": delta, "reason": "加奖", "request_id": key()}
        await self.approve((await self.handlers.draw_stock.change(self.operator, draw_id, **facts)).value.approval_id)

    async def voucher(self, ppm: int, code: str = "wash", **more: Any) -> Prize:
        """A prize that is a claim."""
        offer = await an_offer(self.rooms.clock.now())
        facts = {"value_fen": 2_000, "reference": str(offer.id), "stock": 5, **more}
        return Prize(code, "洗车券", PrizeKind.BENEFIT, ppm, **facts)

    async def spin(self, person: Person, draw_id: UUID, **more: Any) -> Spun:
        facts = {"draw_id": draw_id, "request_id": key(), **more}
        return (await self.handlers.spinning.spin(person, **facts)).value

    async def earn(self, person: Person, amount: int) -> None:
        async with atomic():
            await earn([Earning(person.member_id, "visit", amount, key())], at=self.rooms.clock.now())

    async def chances(self, person: Person, draw_id: UUID, amount: int) -> None:
        facts = {"amount": amount, "reason": "补发", "request_id": key()}
        asked = await self.handlers.draw_stock.give_chances(self.operator, draw_id, person.member_id, **facts)
        await self.approve(asked.value.approval_id)

    async def has(self, person: Person) -> int:
        """Points."""
        return (await self.handlers.points.view(person)).available

    async def left(self, draw_id: UUID, code: str) -> int | None:
        return (await DrawPrize.get(draw_id=draw_id, code=code)).left_count


async def fair_of(rooms: Any) -> Fair:
    root = await Organization.get(parent=None)
    operator = await operator_at(root)
    await Mall(rooms, root, operator).rule()
    return Fair(rooms, root, operator, await operator_at(root))


async def simulated(operator: Operator, draw: OperatedDraw) -> None:
    """The draft as it is, so that it may be published; in some virtual spins and without a process of its own."""
    kept = {"plan": to_json(PLAN), "report": _report(), "rules_hash": rules_hash(draw.terms.rules)}
    await DrawSimulation.create(draw_id=draw.id, operator_id=operator.id, **kept)


@cache
def _report() -> Any:
    """Of a draw of nothing but thanks: nobody looks at what it says."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    rules = DrawRules("抽奖", now, now + DAY, (thanks(WHOLE),))
    return to_json(report(simulate(rules, PLAN, BUSINESS_ZONE)))


async def sequence_of(draw_id: UUID) -> list[int]:
    return sorted(await Spin.filter(draw_id=draw_id).values_list("sequence", flat=True))


async def is_whole(draw_id: UUID) -> bool:
    """Every spin from the first to what the draw's row says."""
    last = (await Draw.get(id=draw_id)).last_sequence
    return await sequence_of(draw_id) == list(range(1, last + 1))


async def holds(fair: Fair) -> None:
    """Every rule of the doctor, and every draw follows from its seeds, promises and rules."""
    for check in invariants.CHECKS:
        assert not await rows(check.sql), check.what
    assert await differing_draws(fair.rooms.vault) == []
