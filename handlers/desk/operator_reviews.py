"""Cases that a person has to decide: listed, looked at, and closed with what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from handlers.actors import Operator
from handlers.audit import record
from handlers.desk.operator_members import MembersMerged, OperatorMembers, may_override, merge_members
from handlers.errors import NotMergeable, ReviewDecided, ReviewUnknown
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.linking import Review
from models.words import ReviewKind, ReviewState


class ReviewDecision(StrEnum):
    """What becomes of a case."""

    MERGE = "merge"  # the two are one person
    DONE = "done"  # settled in another way, at the service desk for example
    DISMISS = "dismiss"  # nothing is to be done


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One case. `evidence` holds no personal data."""

    id: UUID
    kind: ReviewKind
    state: ReviewState
    member_id: UUID
    other_member_id: UUID | None
    evidence: Mapping[str, Any]
    opened_at: datetime
    decided_at: datetime | None
    decision: str


@dataclass(frozen=True, slots=True)
class ReviewClosed:
    """The case is closed; `merged` when the two became one."""

    id: UUID
    state: ReviewState
    merged: MembersMerged | None


@refusing
class OperatorReviews:
    """The work list of the service desk, within the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault, members: OperatorMembers, registry: Registry = REGISTRY) -> None:
        self._clock = clock
        self._registry = registry
        self._vault = vault
        self._members = members

    async def listing(
        self, operator: Operator, *, state: ReviewState, after: UUID | None, limit: int
    ) -> tuple[ReviewView, ...]:
        """Cases in this state, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.MEMBERS)
        found = _within(scope).filter(state=state)
        if after:
            found = found.filter(id__gt=after)
        return tuple(_view(each) for each in await found.order_by("id").limit(limit))

    async def decide(
        self,
        operator: Operator,
        review_id: UUID,
        decision: ReviewDecision,
        *,
        note: str,
        override: str = "",
        request_id: str,
    ) -> Answer[ReviewClosed]:
        """Close a case, once. `override`: as for a merge; a case that the fuse opened needs it to be merged.

        Raises RoleMissing, ReviewUnknown, ReviewDecided, and what merging raises.
        """
        scope = await allowed(operator, Capability.MEMBERS)
        may_override(operator, override)
        if not await _within(scope).filter(id=review_id).exists():
            raise ReviewUnknown

        async def effect() -> ReviewClosed:
            return await self._decide(operator, scope, review_id, decision, note, override)

        facts = {"id": review_id, "decision": decision, "note": note, **({"override": override} if override else {})}
        answer = await once(operator, "review.decide", request_id, facts=facts, result=ReviewClosed, effect=effect)
        if merged := answer.value.merged:
            await self._members.sign_out(merged.member_id, merged.absorbed_id)
        return answer

    async def _decide(
        self, operator: Operator, scope: Scope, review_id: UUID, decision: ReviewDecision, note: str, override: str
    ) -> ReviewClosed:
        now = self._clock.now()
        state = ReviewState.DISMISSED if decision is ReviewDecision.DISMISS else ReviewState.DONE
        # One conditional UPDATE picks the winner when two people decide at once.
        won = await Review.filter(id=review_id, state=ReviewState.OPEN).update(
            state=state, decided_at=now, decision=decision.value
        )
        if not won:
            raise ReviewDecided
        review = await Review.get(id=review_id).prefetch_related("member")
        merged = None
        if decision is ReviewDecision.MERGE:
            other_id: UUID | None = review.other_member_id  # type: ignore[attr-defined]
            if other_id is None:
                raise NotMergeable
            merged = await merge_members(
                operator,
                scope,
                review.member.id,
                other_id,
                reason="review",
                override=override,
                now=now,
                vault=self._vault,
                registry=self._registry,
            )
        place: UUID | None = review.member.organization_id  # type: ignore[attr-defined]
        facts = {"decision": decision, "note": note}
        await record(operator, "review.decided", "review", review_id, at=now, organization_id=place, **facts)
        return ReviewClosed(review_id, state, merged)


def _within(scope: Scope) -> QuerySet[Review]:
    """A case belongs to whoever may see everybody in it."""
    if scope.is_root:
        return Review.all()
    ids = list(scope.organization_ids)
    others = Q(other_member_id__isnull=True) | Q(other_member__organization_id__in=ids)
    return Review.filter(Q(member__organization_id__in=ids) & others)


def _view(review: Review) -> ReviewView:
    return ReviewView(
        id=review.id,
        kind=review.kind,
        state=review.state,
        member_id=review.member_id,  # type: ignore[attr-defined]
        other_member_id=review.other_member_id,  # type: ignore[attr-defined]
        evidence=review.evidence,
        opened_at=review.opened_at,
        decided_at=review.decided_at,
        decision=review.decision,
    )
