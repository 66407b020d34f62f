"""How much of a benefit an organization may give out that another one, above it, brought in.

Its own organization gives without limit to those directly below it; each of these gives on from what it has left. At
every organization allotted = left + used + given on, and left never passes zero: each step is one guarded update, the
giver's row always before the receiver's.
"""

from dataclasses import dataclass
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.benefits.benefit_views import in_sight
from handlers.errors import (
    BenefitStateWrong,
    BenefitUnknown,
    OrganizationUnknown,
    QuotaMisplaced,
    QuotaTooLarge,
    QuotaTooSmall,
)
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed, subtree
from models.benefits import Benefit, BenefitQuota
from models.database import require_atomic, row, rows
from models.ids import new_id
from models.organizations import Organization
from models.statements import benefits as statements
from models.words import BenefitState

MOST = 2_000_000_000  # a counter holds 2,147,483,647


@dataclass(frozen=True, slots=True)
class Quota:
    """What an organization was given of a benefit, and what is left of it to use or to give on."""

    organization_id: UUID
    allotted_count: int
    left_count: int


@dataclass(frozen=True, slots=True)
class Allotted:
    """The receiver's quota after it was changed by `delta`; `giver_left` is None where the giver has no limit."""

    quota: Quota
    delta: int
    giver_id: UUID
    giver_left: int | None


@refusing
class BenefitQuotas:
    """Shares the pool out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(
        self, operator: Operator, benefit_id: UUID, *, after: UUID | None, limit: int
    ) -> tuple[Quota, ...]:
        """Quotas of the subtree, by organization. Raises RoleMissing, BenefitUnknown."""
        scope = await allowed(operator, Capability.BENEFITS_SEEN)
        if not await Benefit.filter(in_sight(scope), id=benefit_id).exists():
            raise BenefitUnknown
        found = BenefitQuota.filter(benefit_id=benefit_id, organization_id__in=list(scope.organization_ids))
        found = found.order_by("organization_id").limit(limit)
        listed = await (found.filter(organization_id__gt=after) if after else found)
        return tuple(
            Quota(each.organization_id, each.allotted_count, each.left_count)  # type: ignore[attr-defined]
            for each in listed
        )

    async def allot(
        self, operator: Operator, benefit_id: UUID, organization_id: UUID, *, delta: int, request_id: str
    ) -> Answer[Allotted]:
        """Give `delta` more to an organization from the one above it; negative: take back what is not used.

        `delta`: 1 to 100,000,000 either way. The operator has the giver in the own subtree. Raises RoleMissing,
        BenefitUnknown, OrganizationUnknown, QuotaMisplaced, BenefitStateWrong (only what is in the pool is given),
        QuotaTooSmall, QuotaTooLarge, KeyReused.
        """
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> Allotted:
            benefit = await Benefit.filter(in_sight(scope), id=benefit_id).first()
            if benefit is None:
                raise BenefitUnknown
            child = await Organization.get_or_none(id=organization_id)
            giver: UUID | None = child.parent_id if child else None  # type: ignore[attr-defined]
            if child is None or not scope.sees(child.id):
                raise OrganizationUnknown
            owner: UUID = benefit.organization_id  # type: ignore[attr-defined]
            if giver is None or child.id == owner or not (await subtree(owner)).sees(child.id):
                raise QuotaMisplaced
            if not scope.sees(giver):
                raise OrganizationUnknown
            if delta > 0 and benefit.state is not BenefitState.POOL:
                raise BenefitStateWrong(state=str(benefit.state))
            giver_left = None if giver == owner else await take(benefit_id, giver, delta)
            quota = await self._received(benefit_id, child.id, delta)
            told = {"receiver_id": child.id, "delta": delta, "allotted": quota.allotted_count}
            now = self._clock.now()
            await record(operator, "benefit.allotted", "benefit", benefit_id, at=now, organization_id=giver, **told)
            return Allotted(quota, delta, giver, giver_left)

        facts = {"id": benefit_id, "organization_id": organization_id, "delta": delta}
        return await once(operator, "benefit.allot", request_id, facts=facts, result=Allotted, effect=effect)

    async def _received(self, benefit_id: UUID, organization_id: UUID, delta: int) -> Quota:
        if delta > 0:
            key = (new_id(), self._clock.now(), benefit_id, organization_id)
            found = await row(statements.ALLOT, *key, delta, MOST)
            if found is None:
                raise QuotaTooLarge(most=MOST)
        else:
            found = await row(statements.CALL_BACK, benefit_id, organization_id, -delta)
            if found is None:
                raise QuotaTooSmall(left=await _left(benefit_id, organization_id))
        return Quota(organization_id, found["allotted_count"], found["left_count"])


async def take(benefit_id: UUID, organization_id: UUID, count: int) -> int:
    """Use `count` of an organization's quota inside the open transaction (negative: give back); what is left then.

    The row stays locked until the transaction ends. Raises QuotaTooSmall, also where there is no quota at all.
    """
    require_atomic()
    found = await rows(statements.TAKE, benefit_id, organization_id, count)
    if not found:
        raise QuotaTooSmall(left=await _left(benefit_id, organization_id))
    return int(found[0]["left_count"])


async def _left(benefit_id: UUID, organization_id: UUID) -> int:
    found = await row(statements.LEFT, benefit_id, organization_id)
    return int(found["left_count"]) if found else 0
