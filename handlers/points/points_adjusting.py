"""Points that an operator gives or takes by hand: with a reason, and above a limit by two.

A proposal is an approval like those of stock: done in the transaction that approves it, never by whoever proposed it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.ledger.posting import post
from handlers.points.points import ADJUSTED, Points, PointsEntry, PointsView
from handlers.points.points_terms import TermsHeld, terms
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.ledger import POINTS, Cause, Move, Side, Unit, of_member
from handlers.rules.points import ends_at
from handlers.rules.roles import Capability
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from handlers.sighting import member_to_change, seen_member
from handlers.standing import ids_of
from models.identity import Member
from models.ids import new_id
from models.points import PointsAdjustment
from models.words import LedgerAccountKind

KIND = "points"  # of approvals
ALONE = 1_000  # points of one member in a business day that are given or taken without a second operator


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Done, with the transfer's id. With an `approval_id` nothing was changed yet: a second operator has to approve."""

    member_id: UUID
    delta: int
    transfer_id: UUID | None = None
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PendingAdjustment:
    """What waits for a second operator."""

    id: UUID
    member_id: UUID
    delta: int
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@refusing
class PointsAdjusting:
    """Gives and takes, and decides what was proposed. `alone`: more is not moved by one operator."""

    def __init__(self, clock: Clock, points: Points, *, alone: int = ALONE) -> None:
        self._clock = clock
        self._points = points
        self._alone = alone

    async def view(self, operator: Operator, member_id: UUID) -> PointsView:
        """What a member of the subtree has. Raises RoleMissing, MemberUnknown."""
        return await self._points.of_member(await seen_member(operator, Capability.POINTS_BY_HAND, member_id))

    async def entries(
        self, operator: Operator, member_id: UUID, *, before: UUID | None, limit: int
    ) -> tuple[PointsEntry, ...]:
        """Their entries, the newest first. Raises RoleMissing, MemberUnknown."""
        return await self._points.entries_of(
            await seen_member(operator, Capability.POINTS_BY_HAND, member_id), before=before, limit=limit
        )

    async def adjust(
        self, operator: Operator, member_id: UUID, *, delta: int, reason: str, request_id: str
    ) -> Answer[Adjusted]:
        """Give (`delta` > 0) or take; more than operators may move alone for one member in a day becomes a proposal.

        Raises RoleMissing, MemberUnknown (also of another subtree), MemberFrozen, PointsShort, KeyReused.
        """
        scope = await allowed(operator, Capability.POINTS_BY_HAND)

        async def effect() -> Adjusted:
            now, member = self._clock.now(), await member_to_change(scope, member_id)
            if abs(delta) + await _moved_alone(member.id, now) <= self._alone:
                return await self._apply(operator, member, delta, reason, now=now)
            place = await _place(member)
            approval_id = await propose(operator, KIND, member.id, place=place, facts={"delta": delta}, reason=reason)
            told = {"delta": delta, "reason": reason, "approval": approval_id}
            await record(operator, "points.proposed", "member", member.id, at=now, organization_id=place, **told)
            return Adjusted(member.id, delta, approval_id=approval_id)

        facts = {"member": member_id, "delta": delta, "reason": reason}
        return await once(operator, "points.adjust", request_id, facts=facts, result=Adjusted, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PendingAdjustment, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.POINTS_BY_HAND)
        found = await waiting(KIND, scope, after=after, limit=limit)
        return tuple(
            PendingAdjustment(
                id=each.id,
                member_id=each.subject_id,
                delta=int(each.facts["delta"]),
                reason=each.reason,
                proposed_by=each.proposed_by,
                proposed_at=each.proposed_at,
            )
            for each in found
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Adjusted]:
        """Do what a first operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, MemberUnknown, PointsShort (it stays to be
        rejected), KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Adjusted]:
        """Leave it. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(self, operator: Operator, approval_id: UUID, outcome: str, request_id: str) -> Answer[Adjusted]:
        scope = await allowed(operator, Capability.POINTS_BY_HAND)

        async def effect() -> Adjusted:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            member_id, delta = proposed.subject_id, int(proposed.facts["delta"])
            if outcome == "approved":
                member, by = await member_to_change(scope, member_id), proposed.proposed_by
                return await self._apply(operator, member, delta, proposed.reason, now=now, proposed_by=by)
            told, place = {"delta": delta, "approval": approval_id}, proposed.organization_id
            await record(operator, "points.rejected", "member", member_id, at=now, organization_id=place, **told)
            return Adjusted(member_id, delta)

        return await once(operator, f"points.{outcome}", request_id, facts=approval_id, result=Adjusted, effect=effect)

    async def _apply(
        self,
        operator: Operator,
        member: Member,
        delta: int,
        reason: str,
        *,
        now: datetime,
        proposed_by: UUID | None = None,
    ) -> Adjusted:
        by, approver = (proposed_by, operator.id) if proposed_by else (operator.id, None)
        made = await PointsAdjustment.create(
            id=new_id(),
            member_id=member.id,
            delta=delta,
            reason=reason,
            operator_id=by,
            approved_by_id=approver,
            happened_at=now,
        )
        cause = Cause(ADJUSTED, str(made.id))
        posted = await post([_move(member.id, delta, cause, await terms(), now)], at=now)
        told = {"delta": delta, "reason": reason, "adjustment": made.id, "proposed_by": proposed_by}
        place = await _place(member)
        await record(operator, "points.adjusted", "member", member.id, at=now, organization_id=place, **told)
        return Adjusted(member.id, delta, posted[cause].transfer_ids[0])


def _move(member_id: UUID, delta: int, cause: Cause, held: TermsHeld, now: datetime) -> Move:
    unit, ours = Unit(held.programme_id, POINTS), Side(LedgerAccountKind.ADJUSTED)
    if delta < 0:
        return Move(unit, of_member(member_id), ours, -delta, cause)
    ends = ends_at(held.expiry, held.expiry_count, now, BUSINESS_ZONE)
    return Move(unit, ours, of_member(member_id), delta, cause, expires_at=ends)


async def _moved_alone(member_id: UUID, now: datetime) -> int:
    """Given and taken today, by whomever, without a second operator: small steps count together.

    The member's row is locked.
    """
    since = begins(day_of(now, BUSINESS_ZONE), BUSINESS_ZONE)
    ids = await ids_of(member_id)
    alone = PointsAdjustment.filter(member_id__in=ids, approved_by_id=None, happened_at__gte=since)
    return sum(abs(each.delta) for each in await alone)


async def _place(member: Member) -> UUID:
    """Where the act is on record: the member's city, or the programme's organization."""
    city: UUID | None = member.organization_id  # type: ignore[attr-defined]
    return city or (await terms()).organization_id
