"""Brands, merchants and their stores: minimal rows, a code that never changes and a name that may.

Brands and merchants belong to an organization, stores to a merchant and with it to the merchant's organization.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    StoreTaken,
    StoreUnknown,
)
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.ids import new_id
from models.programmes import Brand, Merchant, Store
from models.statements import merchants as statements


@dataclass(frozen=True, slots=True)
class Registered:
    """One brand, merchant or store; `merchant` is the code of a store's merchant."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    merchant: str | None = None


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
        return tuple(_of_owner(each) for each in await (found.filter(id__gt=after) if after else found))

    async def add(
        self, operator: Operator, *, code: str, name: str, organization_id: UUID | None, request_id: str
    ) -> Answer[Registered]:
        """One more, of the own organization unless one below is named.

        Raises RoleMissing, OrganizationUnknown, BrandTaken or MerchantTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.MERCHANTS)
        place = organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown

        async def effect() -> Registered:
            made, now = Registered(new_id(), place, code, name), self._clock.now()
            if not await rows(self._table.keep, made.id, now, place, code, name):
                raise self._table.taken
            action = f"{self._word}.added"
            await record(operator, action, self._word, made.id, at=now, organization_id=place, code=code, name=name)
            return made

        facts = {"code": code, "name": name, "organization_id": place}
        operation = f"{self._word}.add"
        return await once(operator, operation, request_id, facts=facts, result=Registered, effect=effect)

    async def rename(
        self, operator: Operator, row_id: UUID, *, name: str, request_id: str | None = None
    ) -> Answer[Registered]:
        """Raises RoleMissing, BrandUnknown or MerchantUnknown, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> Registered:
            # Locked, so that the record of two renamings at once says what each of them found.
            found = await self._table.model.filter(id=row_id).select_for_update(no_key=True).first()
            if found is None or not scope.sees(found.organization_id):  # type: ignore[union-attr]
                raise self._table.unknown
            before, found.name = found.name, name
            await found.save(update_fields=["name"])
            view = _of_owner(found)
            await _renamed(operator, self._word, view, before, self._clock)
            return view

        facts = {"id": row_id, "name": name}
        operation = f"{self._word}.rename"
        return await once(operator, operation, request_id, facts=facts, result=Registered, effect=effect)


@refusing
class Stores:
    """Lists, adds and renames stores of the merchants within the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(
        self, operator: Operator, *, merchant: str | None = None, after: UUID | None, limit: int
    ) -> tuple[Registered, ...]:
        """Stores of the subtree, or of one merchant of it, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CARDS)
        found = Store.filter(merchant__organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        if merchant is not None:
            found = found.filter(merchant__code=merchant)
        if after is not None:
            found = found.filter(id__gt=after)
        return tuple([_of_store(each) for each in await found.prefetch_related("merchant")])

    async def add(
        self, operator: Operator, *, merchant: str, code: str, name: str, request_id: str
    ) -> Answer[Registered]:
        """One more store of a merchant. Raises RoleMissing, MerchantUnknown, StoreTaken, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> Registered:
            owner = await Merchant.get_or_none(code=merchant)
            if owner is None or not scope.sees(owner.organization_id):  # type: ignore[attr-defined]
                raise MerchantUnknown
            place: UUID = owner.organization_id  # type: ignore[attr-defined]
            made, now = Registered(new_id(), place, code, name, merchant), self._clock.now()
            if not await rows(statements.KEEP_STORE, made.id, now, owner.id, code, name):
                raise StoreTaken
            told = {"merchant": merchant, "code": code, "name": name}
            await record(operator, "store.added", "store", made.id, at=now, organization_id=place, **told)
            return made

        facts = {"merchant": merchant, "code": code, "name": name}
        return await once(operator, "store.add", request_id, facts=facts, result=Registered, effect=effect)

    async def rename(
        self, operator: Operator, store_id: UUID, *, name: str, request_id: str | None = None
    ) -> Answer[Registered]:
        """Raises RoleMissing, StoreUnknown, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> Registered:
            found = await Store.filter(id=store_id).select_for_update(no_key=True).first()
            owner = await Merchant.get(id=found.merchant_id) if found else None  # type: ignore[attr-defined]
            if found is None or owner is None or not scope.sees(owner.organization_id):  # type: ignore[attr-defined]
                raise StoreUnknown
            before, found.name = found.name, name
            await found.save(update_fields=["name"])
            view = Registered(found.id, owner.organization_id, found.code, name, owner.code)  # type: ignore[attr-defined]
            await _renamed(operator, "store", view, before, self._clock)
            return view

        facts = {"id": store_id, "name": name}
        return await once(operator, "store.rename", request_id, facts=facts, result=Registered, effect=effect)


async def _renamed(operator: Operator, word: str, view: Registered, before: str, clock: Clock) -> None:
    told = {"code": view.code, "before": before, "after": view.name}
    place = view.organization_id
    await record(operator, f"{word}.renamed", word, view.id, at=clock.now(), organization_id=place, **told)


def _of_owner(stored: Brand | Merchant) -> Registered:
    return Registered(stored.id, stored.organization_id, stored.code, stored.name)  # type: ignore[union-attr]


def _of_store(stored: Store) -> Registered:
    owner = stored.merchant
    return Registered(stored.id, owner.organization_id, stored.code, stored.name, owner.code)  # type: ignore[attr-defined]
