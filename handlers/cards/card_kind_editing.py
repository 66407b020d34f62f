"""Operators' hands on kinds of card: list them, add one, rename it, switch it off and on again.

A kind is where its merchant or brand is, and otherwise where its programme is. An issued kind reaches every member of
the programme: that is for operators of the programme's own organization.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from handlers import audit
from handlers.actors import Operator
from handlers.cards.card_kinds import CardKinds, KindAdded, KindDraft, add_kind, recognise_later
from handlers.errors import BrandUnknown, CardKindInvalid, CardKindUnknown, MerchantUnknown, RoleMissing
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.programmes import Brand, CardKind, Merchant, Programme
from models.statements import cards as statements


@dataclass(frozen=True, slots=True)
class OperatedKind:
    """A kind as operators see it; programme, brand and merchant by their codes."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    programme: str
    brand: str | None
    merchant: str | None
    prefix: str
    digit_count: int
    is_issued: bool
    is_in_chat: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class KindChange:
    """What to change; None leaves it. The form of its numbers stays: cards of it are out there."""

    name: str | None = None
    is_in_chat: bool | None = None
    is_active: bool | None = None

    @property
    def told(self) -> dict[str, str | bool]:
        """What was given."""
        given = {"name": self.name, "is_in_chat": self.is_in_chat, "is_active": self.is_active}
        return {name: value for name, value in given.items() if value is not None}


@refusing
class CardKindEditing:
    """Lists, adds and changes kinds within the operator's subtree."""

    def __init__(self, clock: Clock, kinds: CardKinds) -> None:
        self._clock = clock
        self._kinds = kinds

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedKind, ...]:
        """Kinds of the subtree, inactive ones too, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CARDS)
        found = CardKind.filter(of_kinds_in(scope)).order_by("id").limit(limit)
        found = found.filter(id__gt=after) if after else found
        return tuple([_view(each) for each in await found.prefetch_related("programme", "brand", "merchant")])

    async def add(self, operator: Operator, draft: KindDraft, *, request_id: str | None = None) -> Answer[KindAdded]:
        """A new kind of a programme; an issued one reaches every member by a job, and each at first touch.

        Raises RoleMissing, BrandUnknown, MerchantUnknown, CardKindTaken, CardKindInvalid, KeyReused.
        """
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> KindAdded:
            place = await _place(draft, scope)
            added, now = await add_kind(draft, self._clock), self._clock.now()
            told = {"code": draft.code, "brand": draft.brand, "merchant": draft.merchant, "is_issued": draft.is_issued}
            await audit.record(
                operator, "card_kind.added", "card_kind", added.id, at=now, organization_id=place, **told
            )
            return added

        answer = await once(operator, "add_card_kind", request_id, facts=draft, result=KindAdded, effect=effect)
        self._kinds.forget()
        return answer

    async def change(
        self, operator: Operator, kind_id: UUID, change: KindChange, *, request_id: str | None = None
    ) -> Answer[OperatedKind]:
        """Rename it, show or hide it in chat, or switch it off: none is issued or bound any more, and cards stay.

        Switched on again it goes once more to whoever has none. Raises RoleMissing, CardKindUnknown, KeyReused.
        """
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> OperatedKind:
            now = self._clock.now()
            found = CardKind.filter(of_kinds_in(scope), id=kind_id)
            if not await found.exists():
                raise CardKindUnknown
            # The job that gives it to members holds the same lock: it sees the switch at its next batch.
            await rows(statements.LOCK_KIND, kind_id)
            kind = await CardKind.get(id=kind_id).prefetch_related("programme", "brand", "merchant")
            if kind.is_issued and not scope.sees(kind.programme.organization_id):  # type: ignore[attr-defined]
                raise RoleMissing
            before = {name: getattr(kind, name) for name in change.told}
            if change.told:
                await CardKind.filter(id=kind_id).update(**change.told)
            if kind.is_issued and change.is_active and not kind.is_active:
                # Who joined meanwhile may have any ordinal.
                await CardKind.filter(id=kind_id).update(recognised_up_to=0)
                await recognise_later(kind_id, now.isoformat(), 0, at=now)
            changed = _view(kind.update_from_dict(change.told))
            place = changed.organization_id
            told = {"code": kind.code, "before": before, "after": change.told}
            await audit.record(
                operator, "card_kind.changed", "card_kind", kind_id, at=now, organization_id=place, **told
            )
            return changed

        facts = {"id": kind_id, "change": change}
        answer = await once(operator, "change_card_kind", request_id, facts=facts, result=OperatedKind, effect=effect)
        self._kinds.forget()
        return answer


def of_kinds_in(scope: Scope, through: str = "") -> Q:
    """Rows of kinds within the scope; `through` leads from the row to its kind (`kind__`)."""
    ids = list(scope.organization_ids)

    def whose(owner: str) -> Q:
        within: dict[str, Any] = {f"{through}{owner}__organization_id__in": ids}
        return Q(**within)

    def without(owner: str) -> Q:
        none: dict[str, Any] = {f"{through}{owner}_id__isnull": True}
        return Q(**none)

    of_brand = without("merchant") & whose("brand")
    of_programme = without("merchant") & without("brand") & whose("programme")
    return whose("merchant") | of_brand | of_programme


async def _place(draft: KindDraft, scope: Scope) -> UUID:
    """Where the kind will be, when the operator may add it there.

    Raises BrandUnknown, MerchantUnknown, CardKindInvalid, RoleMissing.
    """
    programme = await Programme.get_or_none(code=draft.programme)
    if programme is None:
        raise CardKindInvalid
    place: UUID = programme.organization_id  # type: ignore[attr-defined]
    is_everybodys = draft.is_issued or not (draft.brand or draft.merchant)
    if is_everybodys and not scope.sees(place):
        raise RoleMissing
    if draft.brand:
        brand = await Brand.get_or_none(code=draft.brand)
        if brand is None or not scope.sees(brand.organization_id):  # type: ignore[attr-defined]
            raise BrandUnknown
        place = brand.organization_id  # type: ignore[attr-defined]
    if draft.merchant:
        merchant = await Merchant.get_or_none(code=draft.merchant)
        if merchant is None or not scope.sees(merchant.organization_id):  # type: ignore[attr-defined]
            raise MerchantUnknown
        place = merchant.organization_id  # type: ignore[attr-defined]
    return place


def _view(kind: CardKind) -> OperatedKind:
    owner = kind.merchant or kind.brand or kind.programme
    return OperatedKind(
        id=kind.id,
        organization_id=owner.organization_id,  # type: ignore[union-attr]
        code=kind.code,
        name=kind.name,
        programme=kind.programme.code,
        brand=kind.brand.code if kind.brand else None,
        merchant=kind.merchant.code if kind.merchant else None,
        prefix=kind.prefix,
        digit_count=kind.digit_count,
        is_issued=kind.is_issued,
        is_in_chat=kind.is_in_chat,
        is_active=kind.is_active,
    )
