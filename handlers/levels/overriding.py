"""Levels by hand: an operator lifts a member until a day, with a reason; for long it takes two.

Growth is not touched, and nobody is lowered by hand: at the end of it they have what they reached meanwhile.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.errors import (
    LevelNotHigher,
    LevelUnknown,
    OverrideEndInvalid,
    OverrideMissing,
)
from handlers.levels.floors import floors_of
from handlers.levels.ladders import ladder_now
from handlers.levels.levels import Step, moved_to, settle, write
from handlers.levels.my_level import LevelStep, LevelView, LevelViews
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.sighting import member_to_change, seen_member
from models.identity import Member
from models.words import LevelCause

KIND = "level"  # of approvals
ALONE = timedelta(days=90)  # for which one operator lifts a member alone
MOST_DAYS = 1_100


@dataclass(frozen=True, slots=True)
class Lifted:
    """Done. With an `approval_id` nothing was changed yet: a second operator has to approve."""

    member_id: UUID
    level: str
    until: datetime
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PendingLift:
    """What waits for a second operator."""

    id: UUID
    member_id: UUID
    level: str
    until: datetime
    reason: str
    proposed_by: UUID
    proposed_at: datetime


@refusing
class LevelOverriding:
    """Shows members' levels to operators, lifts and ends lifts."""

    def __init__(self, clock: Clock, views: LevelViews) -> None:
        self._clock = clock
        self._views = views

    async def view(self, operator: Operator, member_id: UUID) -> LevelView:
        """How a member of the subtree stands. Raises RoleMissing, MemberUnknown."""
        return await self._views.of_member(await seen_member(operator, Capability.LEVELS_BY_HAND, member_id))

    async def history(
        self, operator: Operator, member_id: UUID, *, before: UUID | None, limit: int
    ) -> tuple[LevelStep, ...]:
        """Every step, the newest first. Raises RoleMissing, MemberUnknown."""
        return await self._views.history(
            await seen_member(operator, Capability.LEVELS_BY_HAND, member_id), before=before, limit=limit
        )

    async def lift(
        self, operator: Operator, member_id: UUID, *, level: str, until: datetime, reason: str, request_id: str
    ) -> Answer[Lifted]:
        """Give a higher level until an instant; for longer than one operator may alone it becomes a proposal.

        Raises RoleMissing, MemberUnknown, MemberFrozen, LevelUnknown, LevelNotHigher, OverrideEndInvalid, KeyReused.
        """
        scope = await allowed(operator, Capability.LEVELS_BY_HAND)

        async def effect() -> Lifted:
            now, member = self._clock.now(), await member_to_change(scope, member_id)
            await self._refuse(level, until, now)
            if until - now <= ALONE:
                return await self._apply(operator, member, level, until, reason, now=now)
            place, facts = await _place(member), {"level": level, "until": until.isoformat()}
            approval_id = await propose(operator, KIND, member.id, place=place, facts=facts, reason=reason)
            told = {**facts, "reason": reason, "approval": approval_id}
            await record(operator, "level.proposed", "member", member.id, at=now, organization_id=place, **told)
            return Lifted(member.id, level, until, approval_id)

        facts = {"member": member_id, "level": level, "until": until, "reason": reason}
        return await once(operator, "level.lift", request_id, facts=facts, result=Lifted, effect=effect)

    async def end(self, operator: Operator, member_id: UUID, *, reason: str, request_id: str) -> Answer[LevelView]:
        """End a lift before its time. Raises RoleMissing, MemberUnknown, MemberFrozen, OverrideMissing, KeyReused."""
        scope = await allowed(operator, Capability.LEVELS_BY_HAND)

        async def effect() -> LevelView:
            now, member = self._clock.now(), await member_to_change(scope, member_id)
            held = await ladder_now()
            place = (await settle([member.id], at=now)).get(member.id)
            if place is None or place.override_until is None:
                raise OverrideMissing
            floor = (await floors_of([member.id], held, now)).get(member.id)
            if floor is not None and (floor.code, floor.until) == (place.code, place.override_until):
                raise OverrideMissing  # they have paid for it
            after = moved_to(place, held.ladder.reached(place.growth), held, now)
            step = Step(place, after, LevelCause.OVERRIDE_ENDED, reason=reason, operator_id=operator.id)
            await write([step], held, at=now)
            await settle([member.id], at=now)  # back to what they have paid for, if they have
            where = await _place(member)
            await record(
                operator, "level.lift_ended", "member", member.id, at=now, organization_id=where, reason=reason
            )
            return await self._views.of_member(member.id)

        facts = {"member": member_id, "reason": reason}
        return await once(operator, "level.end_lift", request_id, facts=facts, result=LevelView, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[PendingLift, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.LEVELS_BY_HAND)
        return tuple(
            PendingLift(
                id=each.id,
                member_id=each.subject_id,
                level=each.facts["level"],
                until=datetime.fromisoformat(each.facts["until"]),
                reason=each.reason,
                proposed_by=each.proposed_by,
                proposed_at=each.proposed_at,
            )
            for each in await waiting(KIND, scope, after=after, limit=limit)
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Lifted]:
        """Do what a first operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, MemberUnknown, MemberFrozen, LevelNotHigher,
        OverrideEndInvalid (it stays to be rejected), KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[Lifted]:
        """Leave it. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(self, operator: Operator, approval_id: UUID, outcome: str, request_id: str) -> Answer[Lifted]:
        scope = await allowed(operator, Capability.LEVELS_BY_HAND)

        async def effect() -> Lifted:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            level, until = proposed.facts["level"], datetime.fromisoformat(proposed.facts["until"])
            if outcome == "approved":
                member, by = await member_to_change(scope, proposed.subject_id), proposed.proposed_by
                await self._refuse(level, until, now)
                return await self._apply(operator, member, level, until, proposed.reason, now=now, proposed_by=by)
            told, place = {"level": level, "approval": approval_id}, proposed.organization_id
            await record(
                operator, "level.rejected", "member", proposed.subject_id, at=now, organization_id=place, **told
            )
            return Lifted(proposed.subject_id, level, until)

        return await once(operator, f"level.{outcome}", request_id, facts=approval_id, result=Lifted, effect=effect)

    async def _refuse(self, level: str, until: datetime, now: datetime) -> None:
        if (await ladder_now()).ladder.level(level) is None:
            raise LevelUnknown
        if not now < until <= now + timedelta(days=MOST_DAYS):
            raise OverrideEndInvalid(days=MOST_DAYS)

    async def _apply(
        self,
        operator: Operator,
        member: Member,
        level: str,
        until: datetime,
        reason: str,
        *,
        now: datetime,
        proposed_by: UUID | None = None,
    ) -> Lifted:
        held = await ladder_now()
        place = (await settle([member.id], at=now))[member.id]
        # Who was lifted before may be lifted again, for longer or not.
        stands = held.ladder.reached(place.growth) if place.override_until else place.code
        if floor := (await floors_of([member.id], held, now)).get(member.id):
            stands = max(stands, floor.code, key=held.ladder.rank)
        if held.ladder.rank(level) <= held.ladder.rank(stands):
            found = held.ladder.level(stands)
            raise LevelNotHigher(level=found.name if found else "")
        after = replace(moved_to(place, level, held, now), judged_at=None, override_until=until)
        by, approver = (proposed_by, operator.id) if proposed_by else (operator.id, None)
        step = Step(place, after, LevelCause.OVERRIDE, "", reason, by, approver)
        await write([step], held, at=now)
        told = {"level": level, "until": until.isoformat(), "reason": reason, "proposed_by": proposed_by}
        where = await _place(member)
        await record(operator, "level.lifted", "member", member.id, at=now, organization_id=where, **told)
        return Lifted(member.id, level, until)


async def _place(member: Member) -> UUID:
    """Where the act is on record: the member's city, or the programme's organization."""
    city: UUID | None = member.organization_id  # type: ignore[attr-defined]
    return city or (await ladder_now()).organization_id
