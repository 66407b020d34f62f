"""What identifies nobody: a store's phone, the service hotline, whatever operators put on the list.

Till staff type the shop's own number for customers who give none; were it an identifier, they would all be one person.
The list holds keyed hashes, the same by which identifiers are found; the hotlines are those of the accounts.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from handlers.errors import PhoneBlocked
from handlers.identity.identity_events import note, value_mark
from handlers.identity.proofs import key_of
from handlers.ports import Vault
from handlers.rules.namespaces import REGISTRY, Key
from handlers.rules.phones import normalise
from models.accounts import Account
from models.database import atomic
from models.identity import IdentityEvent
from models.linking import BlockedIdentifier
from models.words import IdentityAct, Namespace

HOME = "86"


async def blocked_among(keys: Iterable[Key], vault: Vault) -> set[Key]:
    """Those that identify nobody. Two reads, and none for what WeChat proves."""
    asked = {key for key in keys if REGISTRY[key.namespace].has_block_list}
    if not asked:
        return set()
    listed = await BlockedIdentifier.filter(value_hash__in=[key.value_hash for key in asked])
    blocked = {Key(each.namespace, each.scope, each.value_hash) for each in listed}
    if any(key.namespace is Namespace.PHONE for key in asked):
        blocked |= await _hotlines(vault)
    return asked & blocked


async def refuse_blocked(key: Key, vault: Vault) -> None:
    """Inside the open transaction, under the lock of the key. Raises PhoneBlocked."""
    if await blocked_among([key], vault):
        raise PhoneBlocked


async def note_blocked(member_id: UUID, key: Key, *, at: datetime, vault: Vault) -> None:
    """Record once, in a transaction of its own, that somebody showed what nobody owns."""
    async with atomic():
        known = IdentityEvent.filter(member_id=member_id, act=IdentityAct.BLOCK)
        if not await known.filter(value_mark=value_mark(member_id, key.value_hash, vault)).exists():
            await note(IdentityAct.BLOCK, member_id, key, at=at, vault=vault)


async def _hotlines(vault: Vault) -> set[Key]:
    told = await Account.exclude(service_phone="").distinct().values_list("service_phone", flat=True)
    mobiles = [number for phone in told if (number := normalise(str(phone), HOME)) is not None]
    return {key_of(Namespace.PHONE, HOME, number, vault) for number in mobiles}
