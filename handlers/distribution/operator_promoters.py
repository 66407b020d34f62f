"""Promoters as operators see and decide them, within their own organizations: by the city of the member."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.distribution.promoters import CommissionTotals, totals_of
from handlers.errors import PromoterStateWrong, PromoterUnknown
from handlers.outbox import later
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import distribution as statements
from models.words import PromoterState

EDGES: Mapping[str, tuple[frozenset[PromoterState], PromoterState]] = {
    "approve": (frozenset({PromoterState.WAITING, PromoterState.STOPPED}), PromoterState.ACTIVE),
    "refuse": (frozenset({PromoterState.WAITING}), PromoterState.REFUSED),
    "stop": (frozenset({PromoterState.ACTIVE}), PromoterState.STOPPED),
}


@dataclass(frozen=True, slots=True)
class OperatedPromoter:
    """A promoter, by the number of their membership."""

    id: UUID
    member_id: UUID
    number: str | None
    organization_id: UUID | None
    state: PromoterState
    grade: str
    reason: str
    applied_at: datetime
    decided_at: datetime | None
    came_count: int


@refusing
class OperatorPromoters:
    """Looks at promoters; approves, refuses and stops them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def page(
        self, operator: Operator, *, state: PromoterState | None, after: UUID | None, limit: int
    ) -> list[OperatedPromoter]:
        """The oldest application first, in one state or all. Raises RoleMissing."""
        scope = await allowed(operator, Capability.PROMOTERS)
        places, of_root = sorted(scope.organization_ids), int(scope.sees(None))
        found = await rows(statements.PAGE, places, of_root, state.value if state else "", after, limit)
        return [_operated(each) for each in found]

    async def totals(self, operator: Operator, promoter_id: UUID) -> CommissionTotals:
        """A promoter's money. Raises RoleMissing, PromoterUnknown."""
        scope = await allowed(operator, Capability.PROMOTERS)
        found = await row(statements.ONE, promoter_id)
        if found is None or not scope.sees(_place(found)):
            raise PromoterUnknown
        return await totals_of(as_uuid(found["member_id"]))

    async def decide(
        self, operator: Operator, promoter_id: UUID, act: str, *, grade: str = "", reason: str = "", request_id: str
    ) -> Answer[OperatedPromoter]:
        """`approve` (also one who was stopped; with a grade of the rules), `refuse` or `stop`, which tell why.

        Raises RoleMissing, PromoterUnknown, PromoterStateWrong, KeyReused.
        """
        scope = await allowed(operator, Capability.PROMOTERS)
        allowed_from, target = EDGES[act]

        async def effect() -> OperatedPromoter:
            now, found = self._clock.now(), await row(statements.ONE_LOCKED, promoter_id)
            if found is None or not scope.sees(_place(found)):
                raise PromoterUnknown
            before = PromoterState(found["state"])
            kept = grade if target is PromoterState.ACTIVE else found["grade"]
            values = before.value, target.value, kept, reason, now
            if before not in allowed_from or not await rows(statements.DECIDE, promoter_id, *values):
                raise PromoterStateWrong(state=before.value)
            member_id, told = as_uuid(found["member_id"]), {"state": target.value, "grade": kept, "reason": reason}
            name = f"promoter.{target.value}"
            await record(operator, name, "promoter", promoter_id, at=now, organization_id=_place(found), **told)
            await later(
                "say_promoter",
                key=f"promoter:{promoter_id}:{now.timestamp():.6f}",
                at=now,
                order_key=f"chat:{member_id}",
                member_id=str(member_id),
                state=target.value,
                reason=reason,
            )
            decided = await row(statements.ONE, promoter_id)
            assert decided is not None  # noqa: S101 - locked
            return _operated(decided)

        facts = {"promoter": promoter_id, "act": act, "grade": grade, "reason": reason}
        return await once(operator, "promoter.decide", request_id, facts=facts, result=OperatedPromoter, effect=effect)


def _place(found: Mapping[str, Any]) -> UUID | None:
    return as_uuid(found["organization_id"]) if found["organization_id"] else None


def _operated(each: Mapping[str, Any]) -> OperatedPromoter:
    return OperatedPromoter(
        id=as_uuid(each["id"]),
        member_id=as_uuid(each["member_id"]),
        number=each["number"],
        organization_id=_place(each),
        state=PromoterState(each["state"]),
        grade=each["grade"],
        reason=each["reason"],
        applied_at=as_instant(each["applied_at"]),
        decided_at=as_instant(each["decided_at"]) if each["decided_at"] else None,
        came_count=int(each["came_count"]),
    )
