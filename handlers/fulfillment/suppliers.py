"""Suppliers as operators keep them: where they are, what signs, and the switch that stops them.

A paused supplier: nobody claims what it fulfils, because a claim reads its row in the claim's own transaction; nothing
new is sent to it, because sending reads it in the transaction that counts the order as sent. What is under way is still
asked about and heard of. Resumed, what waited is sent at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import OrganizationUnknown, SupplierAddressInvalid, SupplierTaken, SupplierUnknown
from handlers.key_rotation import SUPPLIER_SECRET
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.supplier_addresses import address_of, problem_of
from handlers.scopes import allowed
from models.database import rows
from models.fulfillments import Supplier
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import fulfillments as statements
from models.words import FulfillmentState


@dataclass(frozen=True, slots=True)
class SupplierDraft:
    """What it takes to bring a supplier in; of the own organization unless one below is named."""

    code: str
    name: str
    api_url: str
    secret: str = field(repr=False)
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SupplierChange:
    """What to change; None leaves it. The secret goes in and never comes out."""

    name: str | None = None
    api_url: str | None = None
    secret: str | None = field(default=None, repr=False)

    @property
    def told(self) -> dict[str, str]:
        """The open fields that were given."""
        return {name: value for name in ("name", "api_url") if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class OperatedSupplier:
    """A supplier as operators see it."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    api_url: str
    is_paused: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OperatedOrder:
    """An order at a supplier as operators see it, to be compared with the supplier's books. `last_reason`: its word.

    `is_by_hand`: two operators said what became of it; `heard_since` is what the supplier said afterwards, or empty.
    """

    id: UUID
    order_no: str
    claim_id: UUID
    product: str
    face_value_fen: int
    recharge_tail: str
    state: FulfillmentState
    look_count: int
    look_at: datetime
    sent_at: datetime | None
    closed_at: datetime | None
    last_reason: str
    is_by_hand: bool
    heard_since: str
    created_at: datetime


@refusing
class Suppliers:
    """Lists, adds, changes, pauses and resumes suppliers of the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedSupplier, ...]:
        """Those of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        found = Supplier.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple([_seen(each) for each in await (found.filter(id__gt=after) if after else found)])

    async def orders(
        self, operator: Operator, supplier_id: UUID, *, state: FulfillmentState | None, after: UUID | None, limit: int
    ) -> tuple[OperatedOrder, ...]:
        """Its orders, in the order they were made; those of one state alone. Raises RoleMissing, SupplierUnknown."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        found = await Supplier.get_or_none(id=supplier_id)
        if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
            raise SupplierUnknown
        listed = await rows(statements.OF_SUPPLIER, supplier_id, state.value if state else "", after, limit)
        return tuple(_order(each) for each in listed)

    async def add(self, operator: Operator, draft: SupplierDraft, *, request_id: str) -> Answer[OperatedSupplier]:
        """One more. Raises RoleMissing, OrganizationUnknown, SupplierAddressInvalid, SupplierTaken, KeyReused."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        place = draft.organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown
        api_url = _checked(draft.api_url)

        async def effect() -> OperatedSupplier:
            made, now = new_id(), self._clock.now()
            looks = (draft.code, draft.name, api_url, self._sealed(made, draft.secret))
            if not await rows(statements.KEEP_SUPPLIER, made, now, place, *looks):
                raise SupplierTaken
            told = {"code": draft.code, "name": draft.name, "api_url": api_url}
            await record(operator, "supplier.added", "supplier", made, at=now, organization_id=place, **told)
            return _seen(await Supplier.get(id=made))

        facts = {"code": draft.code, "name": draft.name, "api_url": api_url, "organization_id": place}
        marked = {**facts, "secret": self._mark(draft.secret)}
        return await once(operator, "supplier.add", request_id, facts=marked, result=OperatedSupplier, effect=effect)

    async def change(
        self, operator: Operator, supplier_id: UUID, change: SupplierChange, *, request_id: str | None = None
    ) -> Answer[OperatedSupplier]:
        """Raises RoleMissing, SupplierUnknown, SupplierAddressInvalid, KeyReused."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        after = dict(change.told)
        if "api_url" in after:
            after["api_url"] = _checked(after["api_url"])

        async def effect() -> OperatedSupplier:
            found = await _locked(supplier_id, scope)
            before = {name: getattr(found, name) for name in after}
            new: dict[str, Any] = dict(after)
            if change.secret is not None:
                new["secret_cipher"] = self._sealed(supplier_id, change.secret)
            if new:
                await Supplier.filter(id=supplier_id).update(**new)
            told = {"before": before, "after": after, "has_new_secret": change.secret is not None}
            await self._record(operator, "supplier.changed", found, told)
            return _seen(await Supplier.get(id=supplier_id))

        facts = {"id": supplier_id, **after, "secret": self._mark(change.secret) if change.secret else None}
        operation = "supplier.change"
        return await once(operator, operation, request_id, facts=facts, result=OperatedSupplier, effect=effect)

    async def pause(
        self, operator: Operator, supplier_id: UUID, *, reason: str = "", request_id: str
    ) -> Answer[OperatedSupplier]:
        """The kill switch. Pausing what is paused changes nothing. Raises RoleMissing, SupplierUnknown, KeyReused."""
        return await self._switch(operator, supplier_id, reason, request_id, is_paused=True)

    async def resume(
        self, operator: Operator, supplier_id: UUID, *, reason: str = "", request_id: str
    ) -> Answer[OperatedSupplier]:
        """Raises RoleMissing, SupplierUnknown, KeyReused."""
        return await self._switch(operator, supplier_id, reason, request_id, is_paused=False)

    async def _switch(
        self, operator: Operator, supplier_id: UUID, reason: str, request_id: str, *, is_paused: bool
    ) -> Answer[OperatedSupplier]:
        scope = await allowed(operator, Capability.SUPPLIERS)
        operation = "supplier.pause" if is_paused else "supplier.resume"

        async def effect() -> OperatedSupplier:
            found = await _locked(supplier_id, scope)
            if found.is_paused is not is_paused:
                await Supplier.filter(id=supplier_id).update(is_paused=is_paused)
                if not is_paused:
                    await rows(statements.WAKE, supplier_id, self._clock.now())
                action = "supplier.paused" if is_paused else "supplier.resumed"
                await self._record(operator, action, found, {"reason": reason})
            return _seen(await Supplier.get(id=supplier_id))

        facts = {"id": supplier_id, "reason": reason}
        return await once(operator, operation, request_id, facts=facts, result=OperatedSupplier, effect=effect)

    async def _record(self, operator: Operator, action: str, found: Supplier, told: Mapping[str, Any]) -> None:
        place: UUID = found.organization_id  # type: ignore[attr-defined]
        said = {"code": found.code, **told}
        await record(operator, action, "supplier", found.id, at=self._clock.now(), organization_id=place, **said)

    def _sealed(self, supplier_id: UUID, secret: str) -> str:
        return self._vault.encrypt(secret, bound_to=SUPPLIER_SECRET.bound_to(supplier_id))

    def _mark(self, secret: str) -> str:
        """What a repeated request is recognised by: fingerprints are stored."""
        return self._vault.blind_index("supplier_secret", secret)


async def _locked(supplier_id: UUID, scope: Scope) -> Supplier:
    found = await Supplier.filter(id=supplier_id).select_for_update(no_key=True).first()
    if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
        raise SupplierUnknown
    return found


def _checked(url: str) -> str:
    if problem := problem_of(url):
        raise SupplierAddressInvalid(problem=problem)
    return address_of(url)


def _order(found: Mapping[str, Any]) -> OperatedOrder:
    sent_at, closed_at = found["sent_at"], found["closed_at"]
    return OperatedOrder(
        id=as_uuid(found["id"]),
        order_no=found["order_no"],
        claim_id=as_uuid(found["claim_id"]),
        product=found["product"],
        face_value_fen=int(found["face_value_fen"]),
        recharge_tail=found["recharge_to_tail"],
        state=FulfillmentState(found["state"]),
        look_count=int(found["look_count"]),
        look_at=as_instant(found["look_at"]),
        sent_at=as_instant(sent_at) if sent_at else None,
        closed_at=as_instant(closed_at) if closed_at else None,
        last_reason=found["last_reason"] or "",
        is_by_hand=bool(found["is_by_hand"]),
        heard_since=found["heard_since"] or "",
        created_at=as_instant(found["created_at"]),
    )


def _seen(stored: Supplier) -> OperatedSupplier:
    return OperatedSupplier(
        id=stored.id,
        organization_id=stored.organization_id,  # type: ignore[attr-defined]
        code=stored.code,
        name=stored.name,
        api_url=stored.api_url,
        is_paused=bool(stored.is_paused),
        created_at=stored.created_at,
    )
