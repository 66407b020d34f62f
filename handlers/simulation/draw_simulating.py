"""A draw simulated before it is published, kept with what was simulated, and compared with what happened since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import from_json, to_json
from handlers.draws.draw_views import OperatedDraw, theirs, view
from handlers.errors import DrawNotSimulable, SimulationUnknown
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, once, recalled
from handlers.retrying import refusing
from handlers.rules.draw_checks import problems_of
from handlers.rules.draw_rules import DrawRules
from handlers.rules.draw_terms import terms_of
from handlers.rules.fairness import rules_hash
from handlers.rules.problems import facts_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.simulation.apart import Apart
from handlers.simulation.plans import Plan, plan_problems
from handlers.simulation.reports import Report
from models.database import row, rows
from models.draws import Draw, DrawVersion
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import draw_simulations as statements


@dataclass(frozen=True, slots=True)
class DrawSimulated:
    """One simulation. `is_draft`, `is_published`: whether it is of the rules that stand there now."""

    id: UUID
    draw_id: UUID
    plan: Plan
    report: Report
    simulated_at: datetime
    operator_id: UUID
    is_draft: bool
    is_published: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a request is remembered by; the report itself stands in its row."""

    id: UUID


@refusing
class DrawSimulating:
    """Simulates drafts, and tells what came of it."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE, apart: Apart | None = None) -> None:
        self._clock = clock
        self._zone = zone
        self._apart = apart or Apart()

    async def simulate(
        self, operator: Operator, draw_id: UUID, plan: Plan, *, request_id: str
    ) -> Answer[DrawSimulated]:
        """Some seconds. The draft as it is now; nothing of the draw changes.

        Raises RoleMissing, DrawUnknown, DrawNotSimulable, Overloaded (one at a time), KeyReused.
        """
        draw = view(await theirs(await allowed(operator, Capability.DRAWS), draw_id))
        facts = {"id": draw_id, "plan": plan}
        if known := await recalled(Asked.of(operator, "draw.simulate", request_id, facts), _Kept):
            return Answer(await self._one(draw, known.value.id), replayed=True)
        rules, now = draw.terms.rules, self._clock.now()
        if problems := [*problems_of(rules, now), *plan_problems(plan, rules)]:
            raise DrawNotSimulable(**facts_of(problems))
        found = await self._apart.report(rules, plan, self._zone)

        async def effect() -> _Kept:
            simulation_id, now = new_id(), self._clock.now()
            kept = (to_json(plan), to_json(found))
            await rows(statements.ADD, simulation_id, now, draw_id, operator.id, rules_hash(rules), *kept)
            place, warnings = draw.organization_id, [each.code for each in found.warnings]
            await record(operator, "draw.simulated", "draw", draw_id, at=now, organization_id=place, warnings=warnings)
            return _Kept(simulation_id)

        answer = await once(operator, "draw.simulate", request_id, facts=facts, result=_Kept, effect=effect)
        return Answer(await self._one(draw, answer.value.id), replayed=answer.replayed)

    async def listing(
        self, operator: Operator, draw_id: UUID, *, before: UUID | None, limit: int
    ) -> tuple[DrawSimulated, ...]:
        """The newest first. Raises RoleMissing, DrawUnknown."""
        draw = view(await theirs(await allowed(operator, Capability.DRAWS), draw_id))
        found = await rows(statements.OF_DRAW, draw_id, before or UUID(int=2**128 - 1), limit)
        published = await published_rules(draw)
        return tuple(_seen(draw, each, published) for each in found)

    async def one(self, operator: Operator, draw_id: UUID, simulation_id: UUID) -> DrawSimulated:
        """Raises RoleMissing, DrawUnknown, SimulationUnknown."""
        return await self._one(view(await theirs(await allowed(operator, Capability.DRAWS), draw_id)), simulation_id)

    async def picture(
        self, operator: Operator, draw_id: UUID, simulation_id: UUID, *, kind: Literal["png", "svg"]
    ) -> bytes:
        """The plot of its report. Raises RoleMissing, DrawUnknown, SimulationUnknown, Overloaded."""
        return await self._apart.picture((await self.one(operator, draw_id, simulation_id)).report, kind)

    async def _one(self, draw: OperatedDraw, simulation_id: UUID) -> DrawSimulated:
        found = await row(statements.ONE, draw.id, simulation_id)
        if found is None:
            raise SimulationUnknown
        return _seen(draw, found, await published_rules(draw))


async def draft_rules(code: str) -> DrawRules | None:
    """Of the draft with this code; None: there is no such draw. For whoever may read the whole database."""
    found: Any = await Draw.filter(code=code).first()
    return view(found).terms.rules if found is not None else None


async def published_rules(draw: OperatedDraw) -> DrawRules | None:
    """By which members spin; None: nothing is published."""
    found: Any = await DrawVersion.filter(draw_id=draw.id, number=draw.version).first()
    return terms_of(found.terms).rules if found is not None else None


def _seen(draw: OperatedDraw, found: Mapping[str, Any], published: DrawRules | None) -> DrawSimulated:
    return DrawSimulated(
        id=as_uuid(found["id"]),
        draw_id=draw.id,
        plan=from_json(Plan, orjson.loads(found["plan"])),
        report=from_json(Report, orjson.loads(found["report"])),
        simulated_at=as_instant(found["created_at"]),
        operator_id=as_uuid(found["operator_id"]),
        is_draft=found["rules_hash"] == rules_hash(draw.terms.rules),
        is_published=published is not None and found["rules_hash"] == rules_hash(published),
    )
