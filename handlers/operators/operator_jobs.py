"""Dead letters and the record of who did what, as operators see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import RoleMissing
from handlers.outbox import DeadJob, dead_jobs, discard, requeue
from handlers.ports import Clock
from handlers.requests import Actor, Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import atomic
from models.operators import AuditEntry


@dataclass(frozen=True, slots=True)
class JobSettled:
    """What became of a dead letter: `requeued` or `discarded`."""

    id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """One entry of the record. `sequence` is its place in the sealed chain, null for the last few seconds."""

    id: UUID
    actor_kind: str
    actor_id: str
    organization_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    facts: Mapping[str, Any]
    happened_at: datetime
    sequence: int | None


@refusing
class OperatorJobs:
    """Jobs belong to the whole installation, so only operators of the root see them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def dead(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[DeadJob, ...]:
        """Jobs that were given up. Raises RoleMissing."""
        await self._require(operator)
        return await dead_jobs(after=after, limit=limit)

    async def requeue(self, operator: Operator, job_id: UUID, *, request_id: str) -> Answer[JobSettled]:
        """Let a dead job run again. Raises RoleMissing, DeadJobUnknown, KeyReused."""
        await self._require(operator)

        async def effect() -> JobSettled:
            return await requeue_by(operator, job_id, at=self._clock.now())

        return await once(operator, "job.requeue", request_id, facts=job_id, result=JobSettled, effect=effect)

    async def discard(self, operator: Operator, job_id: UUID, *, reason: str, request_id: str) -> Answer[JobSettled]:
        """Close a dead job without its effect. Raises RoleMissing, DeadJobUnknown, KeyReused."""
        await self._require(operator)

        async def effect() -> JobSettled:
            return await discard_by(operator, job_id, at=self._clock.now(), reason=reason)

        facts = {"id": job_id, "reason": reason}
        return await once(operator, "job.discard", request_id, facts=facts, result=JobSettled, effect=effect)

    async def audit(
        self, operator: Operator, *, after: UUID | None, limit: int, subject_id: str | None
    ) -> tuple[AuditView, ...]:
        """Entries of the subtree, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.AUDIT)
        within = Q(organization_id__in=list(scope.organization_ids))
        found = AuditEntry.filter(within | Q(organization_id=None) if scope.is_root else within)
        if after:
            found = found.filter(id__lt=after)
        if subject_id:
            found = found.filter(subject_id=subject_id)
        return tuple([_seen(each) for each in await found.order_by("-id").limit(limit).prefetch_related("seal")])

    async def _require(self, operator: Operator) -> None:
        if not (await allowed(operator, Capability.JOBS)).is_root:
            raise RoleMissing


async def requeue_by(actor: Actor, job_id: UUID, *, at: datetime) -> JobSettled:
    """Let a dead job run again, with an entry that says who did it. Raises DeadJobUnknown."""
    async with atomic():
        await requeue(job_id, at)
        await record(actor, "job.requeued", "job", job_id, at=at)
    return JobSettled(job_id, "requeued")


async def discard_by(actor: Actor, job_id: UUID, *, at: datetime, reason: str) -> JobSettled:
    """Close a dead job without its effect, with an entry that says who did it. Raises DeadJobUnknown."""
    async with atomic():
        await discard(job_id, at, reason=reason)
        await record(actor, "job.discarded", "job", job_id, at=at, reason=reason)
    return JobSettled(job_id, "discarded")


def _seen(entry: AuditEntry) -> AuditView:
    seal = entry.seal  # type: ignore[attr-defined]
    return AuditView(
        id=entry.id,
        actor_kind=entry.actor_kind,
        actor_id=entry.actor_id,
        organization_id=entry.organization_id,
        action=entry.action,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        facts=entry.facts,
        happened_at=entry.happened_at,
        sequence=seal.sequence if seal else None,
    )
