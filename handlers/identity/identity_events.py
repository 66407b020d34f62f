"""The append-only history of who was linked to what; rows name no value, so that they may outlive a deletion."""

from datetime import datetime
from uuid import UUID

from handlers.ports import Vault
from handlers.rules.identity import Key
from models.database import require_atomic
from models.identity import IdentityEvent
from models.words import IdentityAct


async def note(
    act: IdentityAct,
    member_id: UUID,
    key: Key | None = None,
    *,
    at: datetime,
    vault: Vault,
    other_id: UUID | None = None,
    **evidence: object,
) -> None:
    """Record inside the open transaction what happened to a member, and to which identifier of theirs."""
    require_atomic()
    await IdentityEvent.create(
        member_id=member_id,
        other_member_id=other_id,
        act=act,
        namespace=key.namespace if key else None,
        scope=key.scope if key else "",
        value_mark=value_mark(member_id, key.value_hash, vault) if key else "",
        evidence=evidence,
        happened_at=at,
    )


def value_mark(member_id: UUID, value_hash: str, vault: Vault) -> str:
    """16 characters that tell two values of one member apart, and find nobody."""
    return vault.blind_index("identity_event", f"{member_id}:{value_hash}")[:16]
