"""Agreements with partners as the programme's operators draft, publish and end them; published ones never change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.co_brands.agreements import CoBrandView, view_of, views
from handlers.errors import CoBrandInvalid, CoBrandStateWrong, CoBrandUnknown
from handlers.levels.ladders import ladder_now
from handlers.outbox import later
from handlers.paid_terms.having import published_plan
from handlers.plans.scope import programme_of
from handlers.ports import Clock, Randomness
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.co_brands import CoBrandTerms, problems_of
from handlers.rules.organization_scope import Scope
from handlers.rules.problems import Problem, facts_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.touches.visiting import PREFIX
from models.channels import Channel
from models.database import row, rows
from models.ids import new_id
from models.plans import Plan
from models.programmes import Merchant
from models.sql import as_uuid
from models.statements import co_brands as statements
from models.words import CoBrandParty, CoBrandState, PlanState

LENGTH = 20  # characters of a code behind its prefix: 120 bits, and a scene takes 32
END = "end_co_brand"  # the kind of the job


@dataclass(frozen=True, slots=True)
class _Named:
    """The rows that an agreement names."""

    merchant_id: UUID | None
    channel_id: UUID | None


@refusing
class CoBrandEditing:
    """Lists, drafts, publishes and ends."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    async def listing(self, operator: Operator, *, before: UUID | None, limit: int) -> tuple[CoBrandView, ...]:
        """Those of the programme or with a partner of the operator's subtree, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.PLANS_SEEN)
        return await views(await rows(statements.SEEN, sorted(scope.organization_ids), before, limit))

    async def save(
        self, operator: Operator, code: str, terms: CoBrandTerms, *, request_id: str | None
    ) -> Answer[CoBrandView]:
        """Add a draft, or change that of this code. Each side has its entry code from the first time on.

        Raises RoleMissing, CoBrandInvalid (somebody is named who is not there), CoBrandStateWrong, KeyReused.
        """
        place, scope = await programme_of(operator, Capability.PLANS), await allowed(operator, Capability.PLANS)

        async def effect() -> CoBrandView:
            now, held, named = self._clock.now(), await ladder_now(), await _named(terms, scope)
            facts = (terms.name, terms.partner_name, terms.description, terms.partner_organization_id)
            ids = (named.merchant_id, named.channel_id, terms.plan_id)
            period = (terms.is_free, terms.starts_at, terms.ends_at)
            kept = await row(statements.SAVE, new_id(), now, held.programme_id, code, *facts, *ids, *period)
            if kept is None:
                raise CoBrandStateWrong(state="published")
            co_brand_id = as_uuid(kept["id"])
            for party, gives in ((CoBrandParty.HOUSE, terms.house), (CoBrandParty.PARTNER, terms.partner)):
                entry = PREFIX + self._randomness.token()[:LENGTH]
                side = (co_brand_id, party.value, entry, gives.subsidy_fen, gives.cap_fen)
                await rows(statements.SAVE_SIDE, new_id(), now, *side)
            told = {"code": code, "partner": terms.partner_name}
            await record(operator, "co_brand.drafted", "co_brand", co_brand_id, at=now, organization_id=place, **told)
            return await view_of(co_brand_id)

        facts = {"code": code, "terms": terms}
        return await once(operator, "co_brand.save", request_id, facts=facts, result=CoBrandView, effect=effect)

    async def publish(self, operator: Operator, co_brand_id: UUID, *, request_id: str) -> Answer[CoBrandView]:
        """Its entries are open within its period, and what it says stays.

        Raises RoleMissing, CoBrandUnknown, CoBrandStateWrong, CoBrandInvalid, KeyReused.
        """
        place = await programme_of(operator, Capability.PLANS)

        async def effect() -> CoBrandView:
            now, found = self._clock.now(), await _locked(co_brand_id)
            if found["state"] != CoBrandState.DRAFT:
                raise CoBrandStateWrong(state=found["state"])
            seen = await view_of(co_brand_id)
            plan, problems = await published_plan(seen.terms.plan_id), problems_of(seen.terms, now)
            if plan is None or plan.state is not PlanState.PUBLISHED:
                problems = (*problems, Problem("plan_id", "not_published", "请先发布这个会员套餐"))
            if problems or plan is None:
                raise CoBrandInvalid(**facts_of(problems))
            await rows(statements.PUBLISH, co_brand_id, plan.version, now, operator.id)
            told = {"code": found["code"], "plan": plan.code, "plan_version": plan.version}
            await record(operator, "co_brand.published", "co_brand", co_brand_id, at=now, organization_id=place, **told)
            return await view_of(co_brand_id)

        answer = once(operator, "co_brand.publish", request_id, facts=co_brand_id, result=CoBrandView, effect=effect)
        return await answer

    async def end(self, operator: Operator, co_brand_id: UUID, *, reason: str, request_id: str) -> Answer[CoBrandView]:
        """Before its time: nobody joins any more, and what was given free of charge ends with it, by a job.

        Raises RoleMissing, CoBrandUnknown, CoBrandStateWrong, KeyReused.
        """
        place = await programme_of(operator, Capability.PLANS)

        async def effect() -> CoBrandView:
            now, found = self._clock.now(), await _locked(co_brand_id)
            if not await rows(statements.END, co_brand_id, now):
                raise CoBrandStateWrong(state=found["state"])
            told = {"code": found["code"], "reason": reason}
            await record(operator, "co_brand.ended", "co_brand", co_brand_id, at=now, organization_id=place, **told)
            await later(END, key=f"co_brand_ended:{co_brand_id}", at=now, co_brand_id=str(co_brand_id))
            return await view_of(co_brand_id)

        facts = {"id": co_brand_id, "reason": reason}
        return await once(operator, "co_brand.end", request_id, facts=facts, result=CoBrandView, effect=effect)


async def _locked(co_brand_id: UUID) -> Mapping[str, Any]:
    found = await row(statements.LOCKED, co_brand_id)
    if found is None:
        raise CoBrandUnknown
    return found


async def _named(terms: CoBrandTerms, scope: Scope) -> _Named:
    """Raises CoBrandInvalid for somebody who is not there, or not below the operator."""
    problems, merchant_id, channel_id = [], None, None
    if not await Plan.exists(id=terms.plan_id):
        problems.append(Problem("plan_id", "unknown", "没有找到这个会员套餐"))
    if terms.partner_organization_id is not None and not scope.sees(terms.partner_organization_id):
        problems.append(Problem("partner_organization_id", "unknown", "没有找到合作机构"))
    if terms.partner_merchant is not None:
        merchant: Any = await Merchant.get_or_none(code=terms.partner_merchant)
        if merchant is None or not scope.sees(merchant.organization_id):
            problems.append(Problem("partner_merchant", "unknown", "没有找到合作商户"))
        else:
            merchant_id = merchant.id
    if terms.channel is not None:
        channel: Any = await Channel.get_or_none(code=terms.channel)
        if channel is None or not scope.sees(channel.organization_id):
            problems.append(Problem("channel", "unknown", "没有找到合作方的渠道"))
        else:
            channel_id = channel.id
    if (terms.partner_organization_id is None) == (terms.partner_merchant is None):
        problems.append(Problem("partner", "one_of_two", "合作方请选择一个机构或一个商户"))
    if problems:
        raise CoBrandInvalid(**facts_of(problems))
    return _Named(merchant_id, channel_id)
