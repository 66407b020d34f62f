"""Four eyes: what one operator wants done and a second one decides; nobody decides about their own.

Inside the caller's open transaction, and on record by the caller, who knows what it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.errors import ApprovalDecided, ApprovalOwn, ApprovalUnknown
from handlers.rules.organization_scope import Scope
from models.database import rows
from models.operators import Approval
from models.statements import approvals as statements


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed about one subject. `facts` are the caller's own."""

    id: UUID
    subject_id: UUID
    organization_id: UUID
    facts: Mapping[str, Any]
    reason: str
    proposed_by: UUID
    proposed_at: datetime


async def propose(
    operator: Operator, kind: str, subject_id: UUID, *, place: UUID, facts: Mapping[str, Any], reason: str
) -> UUID:
    """Put it before a second operator of the organization `place` or above; the proposal's id."""
    made = await Approval.create(
        kind=kind,
        organization_id=place,
        subject_id=str(subject_id),
        facts=dict(facts),
        reason=reason,
        proposed_by_id=operator.id,
    )
    return UUID(str(made.id))


async def waiting(kind: str, scope: Scope, *, after: UUID | None, limit: int) -> Sequence[Proposal]:
    """What is open, the oldest first."""
    found = Approval.filter(kind=kind, outcome="", organization_id__in=list(scope.organization_ids))
    found = found.order_by("id").limit(limit)
    return [_proposal(each) for each in await (found.filter(id__gt=after) if after else found)]


async def decide(
    operator: Operator, kind: str, approval_id: UUID, outcome: str, *, scope: Scope, at: datetime
) -> Proposal:
    """Close it as `approved` or `rejected`, if this operator is the one who does.

    Raises ApprovalUnknown, ApprovalOwn, ApprovalDecided.
    """
    found = await Approval.get_or_none(id=approval_id, kind=kind, organization_id__in=list(scope.organization_ids))
    return await _closed(found, operator, outcome, at)


async def decide_latest(
    operator: Operator, kind: str, subject_id: UUID, outcome: str, *, scope: Scope, at: datetime
) -> Proposal:
    """The same of the latest proposal about a subject. Raises ApprovalUnknown, ApprovalOwn, ApprovalDecided."""
    about = Approval.filter(kind=kind, subject_id=str(subject_id), organization_id__in=list(scope.organization_ids))
    return await _closed(await about.order_by("-id").first(), operator, outcome, at)


async def _closed(found: Approval | None, operator: Operator, outcome: str, at: datetime) -> Proposal:
    if found is None:
        raise ApprovalUnknown
    if not await rows(statements.DECIDE, found.id, operator.id, outcome, at):
        await found.refresh_from_db()
        raise ApprovalDecided(outcome=found.outcome) if found.outcome else ApprovalOwn()
    return _proposal(found)


def _proposal(found: Any) -> Proposal:
    return Proposal(
        id=found.id,
        subject_id=UUID(found.subject_id),
        organization_id=found.organization_id,
        facts=found.facts,
        reason=found.reason,
        proposed_by=found.proposed_by_id,
        proposed_at=found.created_at,
    )
