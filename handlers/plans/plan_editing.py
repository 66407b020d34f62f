"""Operators' hands on plans: a draft that nobody sees, sold as the next version, withdrawn; bought is bought."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import to_json
from handlers.errors import PlanInvalid, PlanNotPublished, PlanUnknown
from handlers.levels.ladders import ladder_now
from handlers.paid_terms.fee_shares import fix_shares, merchants_of
from handlers.paid_terms.having import published_plan, terms_from
from handlers.plans.scope import programme_of
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.plans import PlanTerms, problems_of
from handlers.rules.problems import facts_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.plans import Plan, PlanVersion
from models.statements import plans as statements
from models.words import PlanState


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as operators see it: the draft, and what is sold (None: it never was)."""

    id: UUID
    code: str
    state: PlanState
    version: int
    draft: PlanTerms
    sold: PlanTerms | None


@refusing
class PlanEditing:
    """Lists, drafts, publishes and withdraws."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PlanView, ...]:
        """All of them, the oldest first. Raises RoleMissing."""
        await programme_of(operator, Capability.PLANS)
        held = await ladder_now()
        found = Plan.filter(programme_id=held.programme_id).order_by("id").limit(limit)
        listed: Any = await (found.filter(id__gt=after) if after else found)
        return tuple([await _view(each) for each in listed])

    async def save(
        self, operator: Operator, code: str, terms: PlanTerms, *, request_id: str | None
    ) -> Answer[PlanView]:
        """Add a draft, or change that of the plan of this code; what is sold stays. Raises RoleMissing, KeyReused."""
        place = await programme_of(operator, Capability.PLANS)

        async def effect() -> PlanView:
            now, held, text = self._clock.now(), await ladder_now(), orjson.dumps(to_json(terms)).decode()
            found = await row(statements.SAVE, new_id(), now, held.programme_id, code, text)
            assert found is not None  # noqa: S101 - added or changed
            plan = await Plan.get(id=found["id"])
            told = {"code": code, "level": terms.level, "price_fen": terms.price_fen, "period": terms.period}
            await record(operator, "plan.drafted", "plan", plan.id, at=now, organization_id=place, **told)
            return await _view(plan)

        facts = {"code": code, "terms": terms}
        return await once(operator, "plan.save", request_id, facts=facts, result=PlanView, effect=effect)

    async def publish(self, operator: Operator, plan_id: UUID, *, request_id: str) -> Answer[PlanView]:
        """The draft is sold from now on; orders that wait keep the version they were made of.

        Raises RoleMissing, PlanUnknown, PlanInvalid, KeyReused.
        """
        place, scope = await programme_of(operator, Capability.PLANS), await allowed(operator, Capability.PLANS)

        async def effect() -> PlanView:
            now, held = self._clock.now(), await ladder_now()
            found = await row(statements.LOCK_PLAN, plan_id)
            if found is None:
                raise PlanUnknown
            terms, version = terms_from(found["terms"]), int(found["version"])
            merchants, unknown = await merchants_of(terms.shares, scope)
            if problems := (*problems_of(terms, held.ladder), *unknown):
                raise PlanInvalid(**facts_of(problems))
            if not await rows(statements.PUBLISH, plan_id, version):
                raise SerializationConflict("another version was published meanwhile")
            sold = await PlanVersion.create(
                plan_id=plan_id, number=version + 1, terms=to_json(terms), published_by_id=operator.id, published_at=now
            )
            await fix_shares(sold.id, terms.shares, merchants)
            told = {"version": version + 1, "level": terms.level, "price_fen": terms.price_fen}
            await record(operator, "plan.published", "plan", plan_id, at=now, organization_id=place, **told)
            return await _view(await Plan.get(id=plan_id))

        return await once(operator, "plan.publish", request_id, facts=plan_id, result=PlanView, effect=effect)

    async def withdraw(self, operator: Operator, plan_id: UUID, *, request_id: str) -> Answer[PlanView]:
        """Nobody can buy it any more; what was bought runs on. Raises RoleMissing, PlanUnknown, PlanNotPublished."""
        place = await programme_of(operator, Capability.PLANS)

        async def effect() -> PlanView:
            now, plan = self._clock.now(), await Plan.get_or_none(id=plan_id)
            if plan is None:
                raise PlanUnknown
            if not await rows(statements.WITHDRAW, plan_id):
                raise PlanNotPublished(state=plan.state.value)
            await record(operator, "plan.withdrawn", "plan", plan_id, at=now, organization_id=place, code=plan.code)
            return await _view(await Plan.get(id=plan_id))

        return await once(operator, "plan.withdraw", request_id, facts=plan_id, result=PlanView, effect=effect)


async def _view(plan: Plan) -> PlanView:
    sold = await published_plan(plan.id)
    draft = terms_from(orjson.dumps(plan.terms).decode())
    return PlanView(plan.id, plan.code, plan.state, plan.version, draft, sold.terms if sold else None)
