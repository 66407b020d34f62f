"""Channels as operators keep them: what signs, how much a day, and the switch that stops one everywhere.

The switch is read with every call, and once more under the lock of what the call wants: it holds from the next call on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import ChannelKeyWeak, ChannelTaken, ChannelUnknown, MerchantUnknown, OrganizationUnknown
from handlers.key_rotation import CHANNEL_KEY
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.channel_calls import is_weak
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.validity import day_of
from handlers.scopes import allowed
from models.channels import Channel, ChannelUse
from models.database import rows
from models.ids import new_id
from models.programmes import Merchant
from models.statements import channels as statements


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """What it takes to let a channel in. With a merchant (its code) it belongs to that and its organization.

    `daily_quota`: calls of a business day; None: no limit.
    """

    code: str
    name: str
    key: str = field(repr=False)
    organization_id: UUID | None = None
    merchant: str | None = None
    daily_quota: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """What to change; None leaves it. A quota of 0 takes the limit away."""

    name: str | None = None
    daily_quota: int | None = None


@dataclass(frozen=True, slots=True)
class OperatedChannel:
    """A channel as operators see it. `used_today`: calls let in on this business day; keys go in and never come out."""

    id: UUID
    organization_id: UUID
    merchant_id: UUID | None
    code: str
    name: str
    daily_quota: int | None
    used_today: int
    is_active: bool
    previous_until: datetime | None
    created_at: datetime


@refusing
class Channels:
    """Lists, adds, changes, re-keys, and switches channels of the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedChannel, ...]:
        """Those of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CHANNELS)
        found = Channel.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        listed = await (found.filter(id__gt=after) if after else found)
        today = ChannelUse.filter(channel_id__in=[each.id for each in listed], day=self._today())
        used = {each.channel_id: each.used_count for each in await today}  # type: ignore[attr-defined]
        return tuple([_seen(each, used.get(each.id, 0)) for each in listed])

    async def add(self, operator: Operator, draft: ChannelDraft, *, request_id: str) -> Answer[OperatedChannel]:
        """One more.

        Raises RoleMissing, OrganizationUnknown, MerchantUnknown, ChannelKeyWeak, ChannelTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.CHANNELS)
        place, merchant_id = draft.organization_id or operator.organization_id, None
        if draft.merchant is not None:
            merchant = await Merchant.get_or_none(code=draft.merchant)
            if merchant is None or not scope.sees(merchant.organization_id):  # type: ignore[attr-defined]
                raise MerchantUnknown
            place, merchant_id = merchant.organization_id, merchant.id  # type: ignore[attr-defined]
        if not scope.sees(place):
            raise OrganizationUnknown
        if is_weak(draft.key):
            raise ChannelKeyWeak
        told = {"code": draft.code, "name": draft.name, "merchant": draft.merchant, "daily_quota": draft.daily_quota}

        async def effect() -> OperatedChannel:
            made, now = new_id(), self._clock.now()
            looks = draft.code, draft.name, self._sealed(made, draft.key), draft.daily_quota
            if not await rows(statements.KEEP, made, now, place, merchant_id, *looks):
                raise ChannelTaken
            await record(operator, "channel.added", "channel", made, at=now, organization_id=place, **told)
            return await self._shown(made)

        facts = {**told, "organization_id": place, "key": self._mark(draft.key)}
        return await once(operator, "channel.add", request_id, facts=facts, result=OperatedChannel, effect=effect)

    async def change(
        self, operator: Operator, channel_id: UUID, change: ChannelChange, *, request_id: str | None = None
    ) -> Answer[OperatedChannel]:
        """Raises RoleMissing, ChannelUnknown, KeyReused."""
        scope = await allowed(operator, Capability.CHANNELS)
        after: dict[str, Any] = {}
        if change.name is not None:
            after["name"] = change.name
        if change.daily_quota is not None:
            after["daily_quota"] = change.daily_quota or None

        async def effect() -> OperatedChannel:
            found = await _locked(channel_id, scope)
            before = {name: getattr(found, name) for name in after}
            if after:
                await Channel.filter(id=channel_id).update(**after)
            await self._record(operator, "channel.changed", found, {"before": before, "after": after})
            return await self._shown(channel_id)

        facts = {"id": channel_id, **after}
        return await once(operator, "channel.change", request_id, facts=facts, result=OperatedChannel, effect=effect)

    async def rotate(
        self, operator: Operator, channel_id: UUID, *, key: str, overlap: timedelta, request_id: str
    ) -> Answer[OperatedChannel]:
        """A new key from now on; the one before holds for `overlap` (0: it is over), one from before that does not.

        Raises RoleMissing, ChannelUnknown, ChannelKeyWeak, KeyReused.
        """
        scope = await allowed(operator, Capability.CHANNELS)
        if is_weak(key):
            raise ChannelKeyWeak
        minutes = int(overlap.total_seconds() // 60)

        async def effect() -> OperatedChannel:
            found, until = await _locked(channel_id, scope), self._clock.now() + overlap
            await rows(statements.ROTATE, channel_id, self._sealed(channel_id, key), until)
            await self._record(operator, "channel.rekeyed", found, {"overlap_minutes": minutes})
            return await self._shown(channel_id)

        facts = {"id": channel_id, "key": self._mark(key), "minutes": minutes}
        return await once(operator, "channel.rotate", request_id, facts=facts, result=OperatedChannel, effect=effect)

    async def switch(
        self, operator: Operator, channel_id: UUID, *, is_active: bool, reason: str = "", request_id: str
    ) -> Answer[OperatedChannel]:
        """Off or on again; what is so already stays so. Raises RoleMissing, ChannelUnknown, KeyReused."""
        scope = await allowed(operator, Capability.CHANNELS)

        async def effect() -> OperatedChannel:
            found = await _locked(channel_id, scope)
            if found.is_active is not is_active:
                await Channel.filter(id=channel_id).update(is_active=is_active)
                action = "channel.switched_on" if is_active else "channel.switched_off"
                await self._record(operator, action, found, {"reason": reason})
            return await self._shown(channel_id)

        operation = "channel.on" if is_active else "channel.off"
        facts = {"id": channel_id, "reason": reason}
        return await once(operator, operation, request_id, facts=facts, result=OperatedChannel, effect=effect)

    async def _shown(self, channel_id: UUID) -> OperatedChannel:
        used = await ChannelUse.get_or_none(channel_id=channel_id, day=self._today())
        return _seen(await Channel.get(id=channel_id), used.used_count if used else 0)

    def _today(self) -> str:
        return day_of(self._clock.now(), BUSINESS_ZONE).isoformat()

    async def _record(self, operator: Operator, action: str, found: Channel, told: Mapping[str, Any]) -> None:
        place: UUID = found.organization_id  # type: ignore[attr-defined]
        said = {"code": found.code, **told}
        await record(operator, action, "channel", found.id, at=self._clock.now(), organization_id=place, **said)

    def _sealed(self, channel_id: UUID, key: str) -> str:
        return self._vault.encrypt(key, bound_to=CHANNEL_KEY.bound_to(channel_id))

    def _mark(self, key: str) -> str:
        """What a repeated request is recognised by: fingerprints are stored."""
        return self._vault.blind_index("channel_key", key)


async def _locked(channel_id: UUID, scope: Scope) -> Channel:
    found = await Channel.filter(id=channel_id).select_for_update(no_key=True).first()
    if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
        raise ChannelUnknown
    return found


def _seen(stored: Channel, used: int) -> OperatedChannel:
    return OperatedChannel(
        id=stored.id,
        organization_id=stored.organization_id,  # type: ignore[attr-defined]
        merchant_id=stored.merchant_id,  # type: ignore[attr-defined]
        code=stored.code,
        name=stored.name,
        daily_quota=stored.daily_quota,
        used_today=used,
        is_active=bool(stored.is_active),
        previous_until=stored.previous_until,
        created_at=stored.created_at,
    )
