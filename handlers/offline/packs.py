"""A store's pack for a business day: what a device needs to redeem while it has no network, signed.

Fetching one is also the moment at which both clocks are compared. Packs are kept in the process for a few seconds, so
that a street of tills that come back at once costs one reading of the claims.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from handlers.actors import Clerk
from handlers.errors import DeviceClockOff
from handlers.offline.pack_building import TooManyEntries, contents
from handlers.offline.signing_keys import PublicKey, SigningKeys
from handlers.ports import Clock, Signer, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.counter import Shop, lock_clerk, shop
from handlers.retrying import again, refusing
from handlers.rules.offline import OfflineDayTimes, is_clock_refused, is_clock_warned
from models.database import atomic
from models.ids import new_id
from models.offline import OfflineSync

KEPT = timedelta(seconds=5)
MOST_KEPT = 16  # packs of about a megabyte at most


class OnlineOnly(StrEnum):
    """Why there is no pack."""

    NOTHING = "nothing"  # no benefit of this store may be redeemed offline
    TOO_MANY = "too_many"  # more claims than a pack may hold


@dataclass(frozen=True, slots=True)
class Pack:
    """The signed text of a pack (base64url of JSON; the signature is over the JSON's bytes), or why there is none."""

    business_on: str
    ends_at: datetime
    text: str | None = None
    signature: str | None = None
    key_id: str | None = None
    online_only: OnlineOnly | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pack, the sync under which scans are made with it, and how the device's clock stands to ours."""

    pack: Pack
    sync_id: UUID
    offset: timedelta  # to add to the device's clock
    is_clock_warned: bool
    server_at: datetime


@refusing
class OfflinePacks:
    """Gives packs to clerks' devices."""

    def __init__(self, clock: Clock, vault: Vault, signer: Signer) -> None:
        self._clock = clock
        self._vault = vault
        self._keys = SigningKeys(clock, vault, signer)
        self._kept: OrderedDict[tuple[UUID, str], tuple[datetime, Pack]] = OrderedDict()
        self._building: dict[tuple[UUID, str], asyncio.Lock] = {}

    async def keys(self) -> tuple[PublicKey, ...]:
        """The public keys by which packs are checked, the current one first."""
        return await self._keys.shown()

    async def fetch(self, clerk: Clerk, *, device_id: str, sent_at: datetime, store_id: UUID | None = None) -> Fetched:
        """Today's pack of the clerk's store. `sent_at` is the device's own clock.

        Raises DeviceClockOff, StoreUnknown, StoreNeeded, ClerkNotSignedIn.
        """
        now = self._clock.now()
        offset = now - sent_at
        if is_clock_refused(offset):
            raise DeviceClockOff(offset_ms=offset // timedelta(milliseconds=1))
        day, sync_id = OfflineDayTimes.of(now, BUSINESS_ZONE), new_id()

        async def sync() -> Shop:
            async with atomic():
                await lock_clerk(clerk)
                where = await shop(clerk, store_id)
                await OfflineSync.create(
                    id=sync_id,
                    merchant_id=clerk.merchant_id,
                    store_id=where.id,
                    clerk_id=clerk.id,
                    device_id=device_id,
                    business_on=day.on,
                    offset_ms=offset // timedelta(milliseconds=1),
                    measured_at=now,
                )
                return where

        where = await again(sync)
        pack = await self._pack(clerk.merchant_id, where, day, now)
        return Fetched(pack, sync_id, offset, is_clock_warned(offset), now)

    async def _pack(self, merchant_id: UUID, where: Shop, day: OfflineDayTimes, now: datetime) -> Pack:
        name = (where.id, day.on)
        async with self._building.setdefault(name, asyncio.Lock()):
            try:
                kept = self._kept.get(name)
                if kept is None or not kept[0] <= now < kept[0] + KEPT:
                    kept = self._kept[name] = now, await self._build(merchant_id, where, day, now)
                    self._kept.move_to_end(name)
                    while len(self._kept) > MOST_KEPT:
                        self._kept.popitem(last=False)
            finally:
                self._building.pop(name, None)
        return kept[1]

    async def _build(self, merchant_id: UUID, where: Shop, day: OfflineDayTimes, now: datetime) -> Pack:
        signing = await self._keys.current()
        try:
            built = await contents(self._vault, merchant_id, where, day, key_id=signing.key_id, now=now)
        except TooManyEntries:
            return Pack(day.on, day.ends_at, online_only=OnlineOnly.TOO_MANY)
        if built is None:
            return Pack(day.on, day.ends_at, online_only=OnlineOnly.NOTHING)
        text = urlsafe_b64encode(built.data).rstrip(b"=").decode()
        return Pack(day.on, day.ends_at, text, self._keys.sign(signing, built.data), signing.key_id)
