"""What operators did, recorded in the transaction that did it; a job seals the records into a chain."""

from datetime import datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.codec import to_json
from handlers.requests import Actor
from models.database import require_atomic
from models.operators import AuditEntry


async def record(
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: object,
    *,
    at: datetime,
    organization_id: UUID | None = None,
    **facts: object,
) -> None:
    """Note inside the open transaction that `actor` did `action` (`member.merged`) to a row.

    `facts` say what changed and hold no personal data and no secret: the entry outlives a deletion. An entry without
    an organization belongs to the operator's own. Raises NotInTransaction, TypeError (facts that JSON cannot hold).
    """
    require_atomic()
    if organization_id is None and isinstance(actor, Operator):
        organization_id = actor.organization_id
    await AuditEntry.create(
        actor_kind=actor.kind,
        actor_id=actor.actor_id,
        organization_id=organization_id,
        action=action,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        facts={name: to_json(fact) for name, fact in facts.items()},
        happened_at=at,
    )
