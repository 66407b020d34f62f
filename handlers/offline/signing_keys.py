"""The house's own signing keys: made when first needed, a new one every half year, the private half encrypted."""

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handlers.key_rotation import SIGNING_KEY
from handlers.ports import Clock, Signer, Vault
from models.database import atomic, row, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import offline as statements

LASTS = timedelta(days=180)
SHOWN = 2  # the one that signs and the one before it: packs live for a day


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a device checks signatures with: base64url of 32 bytes."""

    key_id: str
    public_key: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Signing:
    """The key that signs now."""

    key_id: str
    private: str = field(repr=False)


class SigningKeys:
    """Makes keys and shows their public halves."""

    def __init__(self, clock: Clock, vault: Vault, signer: Signer) -> None:
        self._clock = clock
        self._vault = vault
        self._signer = signer

    async def shown(self, limit: int = SHOWN) -> tuple[PublicKey, ...]:
        """The current key and those before it, the current one first; makes the first one."""
        await self._latest()
        return tuple(
            PublicKey(each["key_id"], each["public_key"], as_instant(each["made_at"]))
            for each in await rows(statements.SIGNING_KEYS, limit)
        )

    def sign(self, signing: Signing, data: bytes) -> str:
        """The signature of these bytes."""
        return self._signer.sign(signing.private, data)

    async def current(self) -> Signing:
        """The key to sign with. Raises VaultError: its cipher stands under a key that is not configured."""
        found = await self._latest()
        bound_to = SIGNING_KEY.bound_to(as_uuid(found["id"]))
        return Signing(found["key_id"], self._vault.decrypt(found["private_key_cipher"], bound_to=bound_to))

    async def _latest(self) -> Mapping[str, Any]:
        now = self._clock.now()
        latest = await row(statements.SIGNING_KEYS, 1)
        if latest is not None and as_instant(latest["made_at"]) > now - LASTS:
            return latest
        await self._make(int(latest["number"]) + 1 if latest else 1, now)
        found = await row(statements.SIGNING_KEYS, 1)
        assert found is not None  # noqa: S101 - one was made, by this process or by another
        return found

    async def _make(self, number: int, now: datetime) -> None:
        """Of several processes that make the next key one has its number."""
        pair, row_id = self._signer.new_pair(), new_id()
        key_id = hashlib.sha256(urlsafe_b64decode(f"{pair.public}=")).hexdigest()[:16]
        cipher = self._vault.encrypt(pair.private, bound_to=SIGNING_KEY.bound_to(row_id))
        async with atomic():
            await rows(statements.ADD_SIGNING_KEY, row_id, now, number, key_id, pair.public, cipher)
