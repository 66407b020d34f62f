"""The stores of merchants: where they are, when they are open, and whether anything is redeemed in them.

A store belongs to a merchant and with it to the merchant's organization. Its zone decides its opening hours and nothing
else. `is_active` off is a kill switch: nothing is redeemed in it any more, from the next scan on.
"""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import MerchantUnknown, StoreInvalid, StoreTaken, StoreUnknown
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.distances import FARTHEST_EAST, FARTHEST_NORTH, Position
from handlers.rules.roles import Capability
from handlers.rules.store_hours import MOST_SPANS, Span, in_order, wrong_span
from handlers.scopes import allowed
from models.database import rows
from models.ids import new_id
from models.programmes import Merchant, Store
from models.statements import merchants as statements

DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class StoreChange:
    """What to change; None leaves it. `hours` of none: not told."""

    name: str | None = None
    address: str | None = None
    position: Position | None = None
    zone: str | None = None
    hours: tuple[Span, ...] | None = None
    is_active: bool | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What was given, as the row has it."""
        plain = {"name": self.name, "address": self.address, "zone": self.zone, "is_active": self.is_active}
        given: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
        if self.position is not None:
            given |= asdict(self.position)
        if self.hours is not None:
            given["hours"] = [list(span) for span in in_order(self.hours)]
        return given


@dataclass(frozen=True, slots=True)
class RegisteredStore:
    """One store; `merchant` is the code of its merchant."""

    id: UUID
    organization_id: UUID
    merchant: str
    code: str
    name: str
    address: str = ""
    position: Position | None = None
    zone: str = DEFAULT_ZONE
    hours: tuple[Span, ...] = ()
    is_active: bool = True


@refusing
class Stores:
    """Lists, adds and changes stores of the merchants within the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(
        self, operator: Operator, *, merchant: str | None = None, after: UUID | None, limit: int
    ) -> tuple[RegisteredStore, ...]:
        """Stores of the subtree, or of one merchant of it, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CARDS)
        found = Store.filter(merchant__organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        if merchant is not None:
            found = found.filter(merchant__code=merchant)
        if after is not None:
            found = found.filter(id__gt=after)
        return tuple([_seen(each, each.merchant) for each in await found.prefetch_related("merchant")])

    async def add(
        self,
        operator: Operator,
        *,
        merchant: str,
        code: str,
        name: str,
        request_id: str,
        details: StoreChange | None = None,
    ) -> Answer[RegisteredStore]:
        """One more store of a merchant. Raises RoleMissing, MerchantUnknown, StoreTaken, StoreInvalid, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)
        if details:
            _check(details)

        async def effect() -> RegisteredStore:
            owner = await Merchant.get_or_none(code=merchant)
            if owner is None or not scope.sees(owner.organization_id):  # type: ignore[attr-defined]
                raise MerchantUnknown
            now = self._clock.now()
            made = Store(id=new_id(), created_at=now, merchant_id=owner.id, code=code, name=name)
            if details:
                made.update_from_dict({**details.columns, "name": name})
            whereabouts = (made.address, made.latitude_e6, made.longitude_e6, made.zone, made.hours, made.is_active)
            if not await rows(statements.KEEP_STORE, made.id, now, owner.id, code, name, *whereabouts):
                raise StoreTaken
            told = {"merchant": merchant, "code": code, "name": name}
            place: UUID = owner.organization_id  # type: ignore[attr-defined]
            await record(operator, "store.added", "store", made.id, at=now, organization_id=place, **told)
            return _seen(made, owner)

        facts = {"merchant": merchant, "code": code, "name": name, "details": details}
        return await once(operator, "store.add", request_id, facts=facts, result=RegisteredStore, effect=effect)

    async def change(
        self, operator: Operator, store_id: UUID, change: StoreChange, *, request_id: str | None = None
    ) -> Answer[RegisteredStore]:
        """Raises RoleMissing, StoreUnknown, StoreInvalid, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)
        _check(change)

        async def effect() -> RegisteredStore:
            # Locked, so that the record of two changes at once says what each of them found.
            found = await Store.filter(id=store_id).select_for_update(no_key=True).first()
            owner = await Merchant.get(id=found.merchant_id) if found else None  # type: ignore[attr-defined]
            if found is None or owner is None or not scope.sees(owner.organization_id):  # type: ignore[attr-defined]
                raise StoreUnknown
            after = change.columns
            before = {name: getattr(found, name) for name in after}
            if after:
                await found.update_from_dict(after).save(update_fields=list(after))
            place: UUID = owner.organization_id  # type: ignore[attr-defined]
            told = {"code": found.code, "before": before, "after": after}
            now = self._clock.now()
            await record(operator, "store.changed", "store", found.id, at=now, organization_id=place, **told)
            return _seen(found, owner)

        facts = {"id": store_id, "change": change}
        return await once(operator, "store.change", request_id, facts=facts, result=RegisteredStore, effect=effect)

    async def rename(
        self, operator: Operator, store_id: UUID, *, name: str, request_id: str | None = None
    ) -> Answer[RegisteredStore]:
        """Raises RoleMissing, StoreUnknown, KeyReused."""
        return await self.change(operator, store_id, StoreChange(name=name), request_id=request_id)


def _check(change: StoreChange) -> None:
    """Raises StoreInvalid."""
    if change.position is not None:
        if abs(change.position.latitude_e6) > FARTHEST_NORTH:
            raise StoreInvalid(field="position.latitude_e6", problem="range")
        if abs(change.position.longitude_e6) > FARTHEST_EAST:
            raise StoreInvalid(field="position.longitude_e6", problem="range")
    if change.zone is not None:
        try:
            ZoneInfo(change.zone)
        except (KeyError, ValueError, OSError):  # unknown, no name at all, or the name of a folder of zones
            raise StoreInvalid(field="zone", problem="unknown") from None
    if change.hours is not None:
        if len(change.hours) > MOST_SPANS:
            raise StoreInvalid(field="hours", problem="too_many")
        if wrong := wrong_span(change.hours):
            raise StoreInvalid(field=f"hours[{wrong.index}]", problem=wrong.problem)


def _seen(stored: Store, owner: Merchant) -> RegisteredStore:
    position = None
    if stored.latitude_e6 is not None and stored.longitude_e6 is not None:
        position = Position(stored.latitude_e6, stored.longitude_e6)
    return RegisteredStore(
        id=stored.id,
        organization_id=owner.organization_id,  # type: ignore[attr-defined]
        merchant=owner.code,
        code=stored.code,
        name=stored.name,
        address=stored.address,
        position=position,
        zone=stored.zone,
        hours=tuple((day, opens, closes) for day, opens, closes in stored.hours),
        is_active=bool(stored.is_active),
    )
