"""Who was here before: of somebody who left, only keyed hashes stay, for two years.

They stand under keys of their own (`departed:{namespace}`), so that they match no identifier in any other table, nor in
a backup of one. Whoever comes back is a new member with nothing of the old one, but not a new customer.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from handlers.identity.proofs import bound_to
from handlers.ports import Vault, VaultError
from models.database import require_atomic, rows
from models.identity import Identifier
from models.ids import new_id
from models.linking import Departed
from models.statements import departures as statements
from models.words import IdentifierStatus, Namespace

log = logging.getLogger(__name__)

DEPARTED_KEPT = timedelta(days=730)


def departed_hash(vault: Vault, namespace: Namespace, value: str) -> str:
    """64 hex characters under the key that only departures use."""
    return vault.blind_index(f"departed:{namespace}", value)


async def remember_departure(member_ids: Sequence[UUID], *, at: datetime, vault: Vault) -> None:
    """Keep the hashes of what identified these members, inside the open transaction and before it is deleted."""
    require_atomic()
    for namespace, scope, value_hash in await _hashes(member_ids, vault):
        await rows(statements.REMEMBER, new_id(), at, namespace, scope, value_hash)


async def is_returning(member_ids: Sequence[UUID], *, now: datetime, vault: Vault) -> bool:
    """Whether somebody with an identifier of this person left within the last two years: no offer for newcomers.

    `member_ids` are all ids of one person (`handlers.standing.ids_of`).
    """
    for namespace, scope, value_hash in await _hashes(member_ids, vault):
        left = Departed.filter(namespace=namespace, scope=scope, value_hash=value_hash)
        if await left.filter(left_at__gt=now - DEPARTED_KEPT).exists():
            return True
    return False


async def _hashes(member_ids: Sequence[UUID], vault: Vault) -> list[tuple[Namespace, str, str]]:
    """In one order for everybody: two departures that share a hash must not wait for each other in a circle."""
    found = []
    for identifier in await Identifier.filter(member_id__in=list(member_ids), status=IdentifierStatus.ACTIVE):
        try:
            value = vault.decrypt(identifier.value_cipher, bound_to=bound_to(identifier.id))
        except VaultError:  # nobody is kept from leaving because a key was lost
            log.warning("departure_unreadable", extra={"identifier": str(identifier.id)})
            continue
        found.append((identifier.namespace, identifier.scope, departed_hash(vault, identifier.namespace, value)))
    return sorted(found)
