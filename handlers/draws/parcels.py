"""Things that were won: an address until the deadline, a waybill, or back to the stock they came from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator, Person
from handlers.audit import record
from handlers.draws.draw_views import theirs
from handlers.draws.held import hold
from handlers.draws.returning import return_late
from handlers.draws.seeds import Seeds
from handlers.errors import ParcelStateWrong, ParcelUnknown
from handlers.key_rotation import PARCEL_ADDRESS
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import ids_of, standing
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import draws as statements
from models.words import ParcelState


@dataclass(frozen=True, slots=True)
class ParcelView:
    """A thing that somebody won. `waybill`: once it is sent."""

    id: UUID
    draw_id: UUID
    name: str
    state: ParcelState
    deadline_at: datetime
    waybill: str
    sent_at: datetime | None
    address: str = ""  # for whoever sends it


@refusing
class Parcels:
    """Takes addresses, sends, and lets lapse."""

    def __init__(self, clock: Clock, vault: Vault, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._seeds = seeds
        self._zone = zone

    async def address(
        self, person: Person, parcel_id: UUID, *, address: str, request_id: str | None
    ) -> Answer[ParcelView]:
        """Where it is to go: name, phone and place as one text. Raises ParcelUnknown, ParcelStateWrong, KeyReused."""

        async def effect() -> ParcelView:
            today, now = await standing(person.member_id), self._clock.now()
            found = await row(statements.PARCEL, parcel_id)
            if found is None or as_uuid(found["member_id"]) not in await ids_of(today):
                raise ParcelUnknown
            cipher = self._vault.encrypt(address, bound_to=PARCEL_ADDRESS.bound_to(parcel_id))
            if not await rows(statements.ADDRESS, parcel_id, cipher, now):
                raise ParcelStateWrong(state=found["state"])
            return await self._view(parcel_id)

        # By its keyed mark: fingerprints are stored.
        facts = {"id": parcel_id, "address": self._vault.blind_index("parcel_address", address)}
        return await once(person, "parcel.address", request_id, facts=facts, result=ParcelView, effect=effect)

    async def waiting(
        self, operator: Operator, draw_id: UUID, *, state: ParcelState, after: UUID | None, limit: int
    ) -> tuple[ParcelView, ...]:
        """Parcels of a draw in a state, with their addresses. Raises RoleMissing, DrawUnknown, VaultError."""
        draw = await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        found = await rows(statements.PARCELS_OF_DRAW, draw.id, state.value, after or UUID(int=0), limit)
        return tuple(self._seen({**each, "draw_id": draw.id}, with_address=True) for each in found)

    async def send(self, operator: Operator, parcel_id: UUID, *, waybill: str, request_id: str) -> Answer[ParcelView]:
        """It is on its way. Raises RoleMissing, ParcelUnknown, ParcelStateWrong, KeyReused."""
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> ParcelView:
            found, now = await row(statements.PARCEL, parcel_id), self._clock.now()
            held = await hold(as_uuid(found["draw_id"])) if found is not None else None
            if found is None or held is None or not scope.sees(held.organization_id):
                raise ParcelUnknown
            if not await rows(statements.SENT, parcel_id, waybill, now):
                raise ParcelStateWrong(state=found["state"])
            place = held.organization_id
            await record(operator, "parcel.sent", "parcel", parcel_id, at=now, organization_id=place)
            return await self._view(parcel_id)

        facts = {"id": parcel_id, "waybill": waybill}
        return await once(operator, "parcel.send", request_id, facts=facts, result=ParcelView, effect=effect)

    async def lapse(self) -> int:
        """What nobody asked for in time goes back to its stock, each by a promise of its own; how many."""
        now = self._clock.now()
        return await return_late(statements.LAPSING, statements.LAPSE, self._seeds, now=now, zone=self._zone)

    async def _view(self, parcel_id: UUID) -> ParcelView:
        found = await row(statements.PARCEL, parcel_id)
        if found is None:
            raise ParcelUnknown
        return self._seen(found)

    def _seen(self, found: dict[str, Any], *, with_address: bool = False) -> ParcelView:
        parcel_id, cipher = as_uuid(found["id"]), found["address_cipher"]
        shown = (
            self._vault.decrypt(cipher, bound_to=PARCEL_ADDRESS.bound_to(parcel_id)) if with_address and cipher else ""
        )
        return ParcelView(
            id=parcel_id,
            draw_id=as_uuid(found["draw_id"]),
            name=found["name"],
            state=ParcelState(found["state"]),
            deadline_at=as_instant(found["deadline_at"]),
            waybill=found["waybill"],
            sent_at=as_instant(found["sent_at"]) if found["sent_at"] else None,
            address=shown,
        )
