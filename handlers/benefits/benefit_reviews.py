"""How a benefit comes into the pool and leaves it: draft -> review -> pool -> retired, and the switch that stops it.

Whoever brings it in sends it to review. It is decided by somebody who had no hand in it: of an organization above, or
an admin of its own (四眼). Returned, it is a draft again, with the reason on it.

What stops what: a paused benefit can neither be claimed nor redeemed, from the next claim and the next scan on, because
both read the row in their own transaction; claims stay with their members and go on expiring. A retired one makes no
new offers and no new claims; what members hold is honoured to its end.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.benefits.benefit_views import OperatedBenefit, locked, row_of, seen, stored_terms
from handlers.benefits.kinds import fulfiller
from handlers.errors import BenefitInPackage, BenefitNotReady, BenefitStateWrong, FourEyesNeeded
from handlers.pauses import note_switch
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.benefit_terms import PackageTerms
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.benefits import Benefit
from models.database import rows
from models.statements import benefits as statements
from models.words import BenefitKind, BenefitState, OperatorRole, PausedKind

Look = Callable[[Operator, Benefit], Awaitable[None]]


@refusing
class BenefitReviews:
    """Moves benefits along their way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def submit(self, operator: Operator, benefit_id: UUID, *, request_id: str) -> Answer[OperatedBenefit]:
        """A draft to review. Raises RoleMissing, BenefitUnknown, BenefitStateWrong, BenefitNotReady, KeyReused."""

        async def look(_: Operator, found: Benefit) -> None:
            await _require_ready(found)

        way = (BenefitState.DRAFT, BenefitState.REVIEW)
        return await self._move(operator, benefit_id, "submitted", way, look, "", request_id)

    async def accept(self, operator: Operator, benefit_id: UUID, *, request_id: str) -> Answer[OperatedBenefit]:
        """From review into the pool; from now on there can be offers of it.

        Raises RoleMissing, BenefitUnknown, BenefitStateWrong, FourEyesNeeded, BenefitNotReady, KeyReused.
        """

        async def look(by: Operator, found: Benefit) -> None:
            await _require_other_eyes(by, found)
            await _require_ready(found)

        way = (BenefitState.REVIEW, BenefitState.POOL)
        return await self._move(operator, benefit_id, "accepted", way, look, "", request_id)

    async def send_back(
        self, operator: Operator, benefit_id: UUID, *, reason: str, request_id: str
    ) -> Answer[OperatedBenefit]:
        """From review to its draft, with the reason: 1 to 200 characters, without personal data.

        Raises RoleMissing, BenefitUnknown, BenefitStateWrong, FourEyesNeeded, KeyReused.
        """
        way = (BenefitState.REVIEW, BenefitState.DRAFT)
        return await self._move(operator, benefit_id, "returned", way, _require_other_eyes, reason, request_id)

    async def retire(
        self, operator: Operator, benefit_id: UUID, *, reason: str, request_id: str
    ) -> Answer[OperatedBenefit]:
        """Out of the pool, for good.

        Raises RoleMissing, BenefitUnknown, BenefitStateWrong, BenefitInPackage, KeyReused.
        """

        async def look(_: Operator, found: Benefit) -> None:
            await _require_no_package(found)

        way = (BenefitState.POOL, BenefitState.RETIRED)
        return await self._move(operator, benefit_id, "retired", way, look, reason, request_id)

    async def pause(
        self, operator: Operator, benefit_id: UUID, *, reason: str = "", request_id: str
    ) -> Answer[OperatedBenefit]:
        """The kill switch. Pausing what is paused changes nothing. Raises RoleMissing, BenefitUnknown, KeyReused."""
        return await self._switch(operator, benefit_id, reason, request_id, is_paused=True)

    async def resume(
        self, operator: Operator, benefit_id: UUID, *, reason: str = "", request_id: str
    ) -> Answer[OperatedBenefit]:
        """Raises RoleMissing, BenefitUnknown, KeyReused."""
        return await self._switch(operator, benefit_id, reason, request_id, is_paused=False)

    async def _move(
        self,
        operator: Operator,
        benefit_id: UUID,
        act: str,
        way: tuple[BenefitState, BenefitState],
        look: Look,
        reason: str,
        request_id: str,
    ) -> Answer[OperatedBenefit]:
        scope = await allowed(operator, Capability.BENEFITS)
        before, after = way

        async def effect() -> OperatedBenefit:
            found = await locked(benefit_id, scope)
            if found.state is not before:
                raise BenefitStateWrong(state=str(found.state))
            await look(operator, found)
            found.state = after
            if after is not BenefitState.RETIRED:
                found.review_note = reason
            await found.save(update_fields=["state", "review_note"])
            return await self._told(operator, act, found, reason)

        facts = {"id": benefit_id, "reason": reason}
        return await once(operator, f"benefit.{act}", request_id, facts=facts, result=OperatedBenefit, effect=effect)

    async def _switch(
        self, operator: Operator, benefit_id: UUID, reason: str, request_id: str, *, is_paused: bool
    ) -> Answer[OperatedBenefit]:
        scope = await allowed(operator, Capability.BENEFITS)
        act = "paused" if is_paused else "resumed"

        async def effect() -> OperatedBenefit:
            found = await locked(benefit_id, scope)
            if bool(found.is_paused) is is_paused:
                await found.fetch_related("merchant")
                return seen(found)
            found.is_paused = is_paused
            await found.save(update_fields=["is_paused"])
            await note_switch(PausedKind.BENEFIT, found.id, is_off=is_paused, at=self._clock.now())
            return await self._told(operator, act, found, reason)

        facts = {"id": benefit_id, "reason": reason}
        return await once(operator, f"benefit.{act}", request_id, facts=facts, result=OperatedBenefit, effect=effect)

    async def _told(self, operator: Operator, act: str, found: Benefit, reason: str) -> OperatedBenefit:
        place: UUID = found.organization_id  # type: ignore[attr-defined]
        told, now = {"code": found.code, **({"reason": reason} if reason else {})}, self._clock.now()
        await record(operator, f"benefit.{act}", "benefit", found.id, at=now, organization_id=place, **told)
        await found.fetch_related("merchant")
        return seen(found)


async def _require_ready(found: Benefit) -> None:
    """Raises BenefitNotReady, BenefitKindUnsupported."""
    chosen, benefit = fulfiller(found.kind), row_of(found)
    if chosen.is_redeemed and benefit.merchant_id is None:
        raise BenefitNotReady(missing="merchant", name="")
    await chosen.ready(stored_terms(found), benefit)


async def _require_other_eyes(operator: Operator, found: Benefit) -> None:
    """Raises FourEyesNeeded."""
    is_above = operator.organization_id != found.organization_id  # type: ignore[attr-defined] # it is within their scope
    if not is_above and operator.role is not OperatorRole.ADMIN:
        raise FourEyesNeeded
    if await rows(statements.HAS_WORKED_ON, str(found.id), operator.actor_id):
        raise FourEyesNeeded


async def _require_no_package(found: Benefit) -> None:
    """No package on its way into the pool or in it may lose a part; they lock their parts. Raises BenefitInPackage."""
    alive = [BenefitState.REVIEW, BenefitState.POOL]
    users = []
    for package in await Benefit.filter(kind=BenefitKind.PACKAGE, state__in=alive).order_by("code"):
        terms = stored_terms(package)
        if isinstance(terms, PackageTerms) and any(part.benefit == found.code for part in terms.parts):
            users.append(package.code)
    if users:
        raise BenefitInPackage(packages=users)
