"""Devices that people sign in on: who buys on the phone of whoever earns by it, buys for themselves.

WeChat tells a mini-program of no device, so an app or a shell around it may tell one of its own. It identifies nobody
and joins nobody: a family has one tablet. Kept by keyed hash alone, for `KEPT` after it was last seen.
"""

from datetime import datetime, timedelta
from uuid import UUID

from handlers.ports import Vault
from models.database import atomic, row
from models.ids import new_id
from models.statements import linking as statements

KEPT = timedelta(days=30)  # as of every identifier that is shared (`handlers/rules/namespaces.py`)
SEEN_AGAIN_AFTER = timedelta(hours=1)


async def seen_on(member_id: UUID, device_id: str, *, at: datetime, vault: Vault) -> None:
    """Note that this member signs in on this device."""
    device_hash = vault.blind_index("device", device_id)
    async with atomic():
        await row(statements.SEEN_ON, new_id(), at, member_id, device_hash, at - SEEN_AGAIN_AFTER)
