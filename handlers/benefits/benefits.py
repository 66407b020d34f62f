"""The pool: benefits that organizations bring in, found, looked at, drafted and edited.

Decided about and switched off: `benefit_reviews.py`; shared out: `benefit_quotas.py`; what the kinds ask of their
terms: `kinds/`. An operator edits what the own subtree brought in, and sees besides it
what was allotted there from above.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.benefits.benefit_views import OperatedBenefit, in_sight, locked, place_of, seen, stored_terms
from handlers.benefits.kinds import plain, terms_of
from handlers.errors import (
    BenefitStateWrong,
    BenefitTaken,
    BenefitTermsInvalid,
    BenefitUnknown,
    MerchantUnknown,
    OrganizationUnknown,
)
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.benefit_terms import BenefitTerms
from handlers.rules.offline import why_not_offline
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.benefits import Benefit
from models.database import rows
from models.ids import new_id
from models.programmes import Merchant
from models.sql import as_uuid
from models.statements import benefits as statements
from models.statements import organizations
from models.words import BenefitKind, BenefitState


@dataclass(frozen=True, slots=True)
class BenefitDraft:
    """What it takes to bring a benefit in. `terms` are JSON values of its kind; the share is the merchant's if None."""

    code: str
    name: str
    kind: BenefitKind
    terms: Mapping[str, Any]
    organization_id: UUID | None = None
    merchant: str | None = None
    description: str = ""
    category: str = ""
    settlement_price_fen: int = 0
    operator_share_bp: int | None = None
    is_offline_allowed: bool = False


@dataclass(frozen=True, slots=True)
class BenefitChange:
    """What to change; None leaves it. Code, kind and organization stay."""

    name: str | None = None
    merchant: str | None = None
    terms: Mapping[str, Any] | None = None
    description: str | None = None
    category: str | None = None
    settlement_price_fen: int | None = None
    operator_share_bp: int | None = None
    is_offline_allowed: bool | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What was given."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which benefits of the list; None asks nothing."""

    category: str | None = None
    state: BenefitState | None = None
    kind: BenefitKind | None = None
    merchant: str | None = None


@refusing
class Benefits:
    """Lists, brings in and edits benefits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(
        self, operator: Operator, wanted: Wanted, *, after: UUID | None, limit: int
    ) -> tuple[OperatedBenefit, ...]:
        """Those in sight, in the order they were brought in. Raises RoleMissing."""
        scope = await allowed(operator, Capability.BENEFITS_SEEN)
        found = Benefit.filter(in_sight(scope)).order_by("id").limit(limit)
        asked = {"category": wanted.category, "state": wanted.state, "kind": wanted.kind}
        found = found.filter(**{name: value for name, value in asked.items() if value is not None})
        if wanted.merchant is not None:
            found = found.filter(merchant__code=wanted.merchant)
        if after is not None:
            found = found.filter(id__gt=after)
        return tuple([seen(each) for each in await found.prefetch_related("merchant")])

    async def view(self, operator: Operator, benefit_id: UUID) -> OperatedBenefit:
        """Raises RoleMissing, BenefitUnknown."""
        scope = await allowed(operator, Capability.BENEFITS_SEEN)
        found = await Benefit.filter(in_sight(scope), id=benefit_id).prefetch_related("merchant").first()
        if found is None:
            raise BenefitUnknown
        return seen(found)

    async def add(self, operator: Operator, draft: BenefitDraft, *, request_id: str) -> Answer[OperatedBenefit]:
        """A new draft, of the own organization unless one below is named.

        Raises RoleMissing, BenefitKindUnsupported, BenefitTermsInvalid, OrganizationUnknown, MerchantUnknown,
        BenefitTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.BENEFITS)
        place = draft.organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown
        terms = terms_of(draft.kind, draft.terms)
        if draft.is_offline_allowed:
            _check_offline(terms, draft.settlement_price_fen)

        async def effect() -> OperatedBenefit:
            merchant = await _merchant(draft.merchant, scope, place)
            benefit_id, now, share = new_id(), self._clock.now(), draft.operator_share_bp
            if share is None:
                share = merchant.operator_share_bp if merchant else 10_000
            looks = (draft.code, draft.name, draft.description, draft.category, draft.kind, plain(terms))
            money = (draft.settlement_price_fen, share, draft.is_offline_allowed)
            belongs = (place, merchant.id if merchant else None)
            if not await rows(statements.KEEP, benefit_id, now, *belongs, *looks, *money):
                raise BenefitTaken
            told = {"code": draft.code, "kind": draft.kind, "merchant": draft.merchant}
            await record(operator, "benefit.added", "benefit", benefit_id, at=now, organization_id=place, **told)
            return seen(await Benefit.get(id=benefit_id).prefetch_related("merchant"))

        facts = {"draft": draft, "organization_id": place}
        return await once(operator, "benefit.add", request_id, facts=facts, result=OperatedBenefit, effect=effect)

    async def change(
        self, operator: Operator, benefit_id: UUID, change: BenefitChange, *, request_id: str | None = None
    ) -> Answer[OperatedBenefit]:
        """Only a draft is edited; what is in review or in the pool stays as it was looked at.

        Raises RoleMissing, BenefitUnknown, BenefitStateWrong, BenefitTermsInvalid, MerchantUnknown, KeyReused.
        """
        scope = await allowed(operator, Capability.BENEFITS)

        async def effect() -> OperatedBenefit:
            found = await locked(benefit_id, scope)
            if found.state is not BenefitState.DRAFT:
                raise BenefitStateWrong(state=str(found.state))
            after, place, terms = change.told, place_of(found), stored_terms(found)
            if change.terms is not None:
                terms = terms_of(found.kind, change.terms)
                after["terms"] = plain(terms)
            if after.get("is_offline_allowed", bool(found.is_offline_allowed)):
                _check_offline(terms, after.get("settlement_price_fen", found.settlement_price_fen))
            if (code := after.pop("merchant", None)) is not None:
                merchant = await _merchant(code, scope, place)
                after["merchant_id"] = merchant.id if merchant else None
            before = {name: getattr(found, name) for name in after}
            if after:
                await Benefit.filter(id=benefit_id).update(**after)
            now, told = self._clock.now(), {"code": found.code, "before": before, "after": after}
            await record(operator, "benefit.changed", "benefit", benefit_id, at=now, organization_id=place, **told)
            return seen(await Benefit.get(id=benefit_id).prefetch_related("merchant"))

        facts = {"id": benefit_id, "change": change}
        return await once(operator, "benefit.change", request_id, facts=facts, result=OperatedBenefit, effect=effect)


async def _merchant(code: str | None, scope: Scope, place: UUID) -> Merchant | None:
    """The merchant in the operator's sight that is above, at or below the benefit's place. Raises MerchantUnknown."""
    if code is None:
        return None
    near = {as_uuid(each["id"]) for each in await rows(organizations.LINEAGE, place)}
    found = await Merchant.get_or_none(code=code)
    whose: UUID | None = found.organization_id if found else None  # type: ignore[attr-defined]
    if found is None or whose not in near or not scope.sees(whose):
        raise MerchantUnknown
    return found


def _check_offline(terms: BenefitTerms, price_fen: int) -> None:
    """Raises BenefitTermsInvalid: what is used more than once or worth more than 50 yuan is looked up online."""
    if against := why_not_offline(terms, price_fen):
        problem, facts = against
        raise BenefitTermsInvalid(field="is_offline_allowed", problem=problem, **facts)
