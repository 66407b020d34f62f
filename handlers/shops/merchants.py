"""Brands and merchants of organizations: a code that never changes, and a name and terms that may.

A merchant's `is_active` is a kill switch: while it is off, nobody can claim an offer of its benefits (`offer.paused`)
or redeem in its stores; what members hold stays theirs, and ends when it would have ended. Both ask the row within
their own transaction, so that it holds from the next claim and the next scan on.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import (
    BrandTaken,
    BrandUnknown,
    DomainError,
    MerchantTaken,
    MerchantUnknown,
    OrganizationUnknown,
)
from handlers.pauses import note_switch
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.ids import new_id
from models.programmes import Brand, Merchant
from models.statements import merchants as statements
from models.words import MerchantAccess, MerchantTier, PausedKind

_CAPS = frozenset({"clerk_daily_redemptions", "clerk_daily_reversals"})


@dataclass(frozen=True, slots=True)
class MerchantTerms:
    """How a merchant stands to the operator. `operator_share_bp`: of a settlement price, what the operator bears.

    `clerk_daily_redemptions`, `clerk_daily_reversals`: how many codes one clerk redeems, and takes back, in a business
    day; None: no cap. Managers have none.
    """

    tier: MerchantTier = MerchantTier.ORDINARY
    access: MerchantAccess = MerchantAccess.OWN_VOUCHER
    category: str = ""
    operator_share_bp: int = 10_000
    is_active: bool = True
    clerk_daily_redemptions: int | None = None
    clerk_daily_reversals: int | None = None


@dataclass(frozen=True, slots=True)
class MerchantChange:
    """What to change; None leaves it, a cap of 0 takes the cap away.

    Benefits that exist keep the share they were saved with.
    """

    name: str | None = None
    tier: MerchantTier | None = None
    access: MerchantAccess | None = None
    category: str | None = None
    operator_share_bp: int | None = None
    is_active: bool | None = None
    clerk_daily_redemptions: int | None = None
    clerk_daily_reversals: int | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What was given, as it is kept."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: (value or None) if name in _CAPS else value for name, value in given.items()}


@dataclass(frozen=True, slots=True)
class Registered:
    """One brand or merchant; brands have no terms."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    terms: MerchantTerms | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """What tells brands and merchants apart."""

    model: type[Brand] | type[Merchant]
    keep: str
    unknown: type[DomainError]
    taken: type[DomainError]


_TABLES: Mapping[str, _Table] = {
    "brand": _Table(Brand, statements.KEEP_BRAND, BrandUnknown, BrandTaken),
    "merchant": _Table(Merchant, statements.KEEP_MERCHANT, MerchantUnknown, MerchantTaken),
}


@refusing
class Owners:
    """Lists, adds and renames what belongs to an organization: brands, or merchants."""

    def __init__(self, clock: Clock, word: str) -> None:
        """`word` is `brand` or `merchant`."""
        self._clock = clock
        self._word = word
        self._table = _TABLES[word]

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[Registered, ...]:
        """Those of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CARDS)
        found = self._table.model.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple(_seen(each) for each in await (found.filter(id__gt=after) if after else found))

    async def add(
        self,
        operator: Operator,
        *,
        code: str,
        name: str,
        organization_id: UUID | None,
        request_id: str,
        terms: MerchantTerms | None = None,
    ) -> Answer[Registered]:
        """One more, of the own organization unless one below is named; `terms` are a merchant's.

        Raises RoleMissing, OrganizationUnknown, BrandTaken or MerchantTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.MERCHANTS)
        place = organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown
        its_terms = (terms or MerchantTerms()) if self._word == "merchant" else None

        async def effect() -> Registered:
            made, now = Registered(new_id(), place, code, name, its_terms), self._clock.now()
            told = asdict(its_terms) if its_terms else {}
            if not await rows(self._table.keep, made.id, now, place, code, name, *told.values()):
                raise self._table.taken
            action, told = f"{self._word}.added", {"code": code, "name": name, **told}
            await record(operator, action, self._word, made.id, at=now, organization_id=place, **told)
            return made

        facts = {"code": code, "name": name, "organization_id": place, "terms": its_terms}
        operation = f"{self._word}.add"
        return await once(operator, operation, request_id, facts=facts, result=Registered, effect=effect)

    async def rename(
        self, operator: Operator, row_id: UUID, *, name: str, request_id: str | None = None
    ) -> Answer[Registered]:
        """Raises RoleMissing, BrandUnknown or MerchantUnknown, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> Registered:
            found = await self._locked(row_id, scope)
            before, found.name = found.name, name
            await found.save(update_fields=["name"])
            view, now = _seen(found), self._clock.now()
            told, place = {"code": view.code, "before": before, "after": name}, view.organization_id
            action = f"{self._word}.renamed"
            await record(operator, action, self._word, view.id, at=now, organization_id=place, **told)
            return view

        facts = {"id": row_id, "name": name}
        operation = f"{self._word}.rename"
        return await once(operator, operation, request_id, facts=facts, result=Registered, effect=effect)

    async def _locked(self, row_id: UUID, scope: Scope) -> Brand | Merchant:
        """Locked, so that the record of two changes at once says what each of them found."""
        found = await self._table.model.filter(id=row_id).select_for_update(no_key=True).first()
        if found is None or not scope.sees(found.organization_id):  # type: ignore[union-attr]
            raise self._table.unknown
        return found


@refusing
class Merchants(Owners):
    """Merchants, whose terms and kill switch can be changed besides the name."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, "merchant")

    async def change(
        self, operator: Operator, merchant_id: UUID, change: MerchantChange, *, request_id: str | None = None
    ) -> Answer[Registered]:
        """Raises RoleMissing, MerchantUnknown, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> Registered:
            found = await self._locked(merchant_id, scope)
            before = {name: getattr(found, name) for name in change.told}
            if change.told:
                await found.update_from_dict(change.told).save(update_fields=list(change.told))
            view, now = _seen(found), self._clock.now()
            told, place = {"code": view.code, "before": before, "after": change.told}, view.organization_id
            if change.is_active is not None and change.is_active is not before["is_active"]:
                await note_switch(PausedKind.MERCHANT, view.id, is_off=not change.is_active, at=now)
            await record(operator, "merchant.changed", "merchant", view.id, at=now, organization_id=place, **told)
            return view

        facts = {"id": merchant_id, "change": change}
        return await once(operator, "merchant.change", request_id, facts=facts, result=Registered, effect=effect)


def _seen(stored: Brand | Merchant) -> Registered:
    terms = None
    if isinstance(stored, Merchant):
        terms = MerchantTerms(
            stored.tier,
            stored.access,
            stored.category,
            stored.operator_share_bp,
            is_active=bool(stored.is_active),
            clerk_daily_redemptions=stored.clerk_daily_redemptions,
            clerk_daily_reversals=stored.clerk_daily_reversals,
        )
    return Registered(stored.id, stored.organization_id, stored.code, stored.name, terms)  # type: ignore[union-attr]
