"""What waits for a second operator of a draw: more of a prize, chances by hand, other odds than are published.

It is done in the transaction that approves it, never by whoever asked, and once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.approvals import Proposal, decide, waiting
from handlers.audit import record
from handlers.draws.draw_acts import KIND, add_units, give_by_hand
from handlers.draws.draw_launching import put_in_force
from handlers.draws.draw_publishing import ready
from handlers.draws.draw_views import theirs
from handlers.draws.seeds import Seeds
from handlers.errors import DrawChangedSince
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.canonical import hash_of
from handlers.rules.draw_approval import DrawAct
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.draws import Draw


@dataclass(frozen=True, slots=True)
class DrawPending:
    """What one operator asked for. Of `act` stock: `prize` and `amount`; of chances: `member_id` and `amount`.

    Of a version: the fields that decide otherwise than what is published, which is version `number`; the draft that is
    asked for stands at the draw.
    """

    id: UUID
    draw_id: UUID
    organization_id: UUID
    act: DrawAct
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    prize: str | None
    member_id: UUID | None
    amount: int | None
    number: int | None
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrawDecided:
    """What became of it."""

    id: UUID
    draw_id: UUID
    act: DrawAct
    outcome: Literal["approved", "rejected"]


@refusing
class DrawApprovals:
    """Lists and decides what was asked for of draws within the operator's subtree."""

    def __init__(
        self, clock: Clock, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE, *, points_are_worth_money: bool = False
    ) -> None:
        self._clock = clock
        self._seeds = seeds
        self._zone = zone
        self._are_worth_money = points_are_worth_money

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[DrawPending, ...]:
        """The oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.DRAWS)
        return tuple([_pending(each) for each in await waiting(KIND, scope, after=after, limit=limit)])

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[DrawDecided]:
        """Do what a first operator asked for. What cannot be done any more stays, to be rejected.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, DrawStateWrong, PrizeUnknown, StockTooLarge,
        MemberUnknown, MemberFrozen, DrawNotPublishable, DrawChangedSince, KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[DrawDecided]:
        """Leave everything as it is. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(
        self, operator: Operator, approval_id: UUID, outcome: Literal["approved", "rejected"], request_id: str
    ) -> Answer[DrawDecided]:
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> DrawDecided:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            draw, act = await theirs(scope, proposed.subject_id, locked=True), DrawAct(proposed.facts["act"])
            if outcome == "approved":
                await self._do(operator, scope, draw, proposed, now=now)
            else:
                place, told = proposed.organization_id, {"code": draw.code, "approval": approval_id}
                await record(operator, f"draw.{act}_rejected", "draw", draw.id, at=now, organization_id=place, **told)
            return DrawDecided(approval_id, draw.id, act, outcome)

        operation = f"draw.{outcome}"
        return await once(operator, operation, request_id, facts=approval_id, result=DrawDecided, effect=effect)

    async def _do(self, operator: Operator, scope: Scope, draw: Draw, proposed: Proposal, *, now: datetime) -> None:
        match DrawAct(proposed.facts["act"]):
            case DrawAct.STOCK:
                await add_units(operator, draw, proposed, self._seeds, now=now, zone=self._zone)
            case DrawAct.CHANCES:
                await give_by_hand(operator, scope, draw, proposed, now=now)
            case DrawAct.VERSION:
                asked = proposed.facts["number"], proposed.facts["terms_hash"]
                if asked != (draw.version, hash_of(draw.terms)):
                    raise DrawChangedSince
                before = await ready(draw, now=now, points_are_worth_money=self._are_worth_money)
                by = {"proposed_by": proposed.proposed_by, "approval": proposed.id}
                await put_in_force(operator, draw, before, self._seeds, now=now, zone=self._zone, **by)


def _pending(found: Proposal) -> DrawPending:
    facts = found.facts
    return DrawPending(
        id=found.id,
        draw_id=found.subject_id,
        organization_id=found.organization_id,
        act=DrawAct(facts["act"]),
        reason=found.reason,
        proposed_by=found.proposed_by,
        proposed_at=found.proposed_at,
        prize=facts.get("prize"),
        member_id=UUID(facts["member"]) if "member" in facts else None,
        amount=facts.get("delta", facts.get("amount")),
        number=facts.get("number"),
        changed=tuple(facts.get("changed", ())),
    )
