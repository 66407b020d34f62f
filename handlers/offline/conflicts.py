"""What was handed over a second time: listed for managers and operators, and decided by a person.

Whatever nobody decides stays as it is: the first counts and is paid, the second is not. A manager may say that the
merchant bears it; that the operator pays it too is for the operator to say. The member has paid once and hears nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk, Operator
from handlers.audit import record
from handlers.errors import ConflictDecided, ConflictsForManagers, ConflictUnknown
from handlers.offline.scans import FirstGiven
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import offline_conflicts as statements
from models.words import ClerkRole, ConflictDecision

_AFTER_ALL = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class ConflictView:
    """The second of two hand-overs for one claim, with the first. `is_online`: it was redeemed online, and later.

    `settlement_fen` is what is paid for the second: nothing unless an operator said so.
    """

    id: UUID
    merchant: str
    benefit: str
    claim_id: UUID
    store: str
    clerk: str
    device_id: str
    given_at: datetime
    found_at: datetime
    is_online: bool
    first: FirstGiven
    decision: ConflictDecision
    decided_at: datetime | None
    note: str
    settlement_fen: int


@refusing
class OfflineConflicts:
    """Lists cases, and takes a person's word on them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of_manager(
        self, clerk: Clerk, *, decision: ConflictDecision | None, after: UUID | None, limit: int
    ) -> tuple[ConflictView, ...]:
        """Of the manager's stores, the newest first. Raises ConflictsForManagers."""
        _require_manager(clerk)
        store = str(clerk.store_id) if clerk.store_id else None
        found = await rows(
            statements.CONFLICTS_OF_MERCHANT, clerk.merchant_id, store, after or _AFTER_ALL, decision, limit
        )
        return tuple(_view(each) for each in found)

    async def in_sight(
        self,
        operator: Operator,
        *,
        merchant: str | None,
        decision: ConflictDecision | None,
        after: UUID | None,
        limit: int,
    ) -> tuple[ConflictView, ...]:
        """Of the merchants of the own organization and below, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CONFLICTS)
        places = sorted(scope.organization_ids)
        found = await rows(statements.CONFLICTS_IN_SIGHT, places, merchant, after or _AFTER_ALL, decision, limit)
        return tuple(_view(each) for each in found)

    async def accept_loss(self, clerk: Clerk, conflict_id: UUID, *, note: str, request_id: str) -> Answer[ConflictView]:
        """The merchant bears it. Raises ConflictsForManagers, ConflictUnknown, ConflictDecided, KeyReused."""
        _require_manager(clerk)

        async def effect() -> ConflictView:
            found = await row(statements.CONFLICT, conflict_id)
            is_theirs = found is not None and as_uuid(found["merchant_id"]) == clerk.merchant_id
            if found is None or not is_theirs or clerk.store_id not in (None, as_uuid(found["store_id"])):
                raise ConflictUnknown
            return await self._decide(found, ConflictDecision.LOSS, note, clerk=clerk)

        facts = {"id": conflict_id, "note": note}
        return await once(clerk, "offline.accept_loss", request_id, facts=facts, result=ConflictView, effect=effect)

    async def decide(
        self, operator: Operator, conflict_id: UUID, *, is_paid: bool, note: str, request_id: str
    ) -> Answer[ConflictView]:
        """The merchant bears it, or is paid for it what the first one was settled at, in the same shares.

        Raises RoleMissing, ConflictUnknown, ConflictDecided, KeyReused.
        """
        scope = await allowed(operator, Capability.CONFLICTS)
        decision = ConflictDecision.PAID if is_paid else ConflictDecision.LOSS

        async def effect() -> ConflictView:
            found = await row(statements.CONFLICT, conflict_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise ConflictUnknown
            view = await self._decide(found, decision, note, operator=operator)
            told = {"decision": decision.value, "settlement_fen": view.settlement_fen}
            place = as_uuid(found["organization_id"])
            at = self._clock.now()
            await record(
                operator, "conflict.decided", "offline_conflict", conflict_id, at=at, organization_id=place, **told
            )
            return view

        facts = {"id": conflict_id, "is_paid": is_paid, "note": note}
        return await once(operator, "offline.decide", request_id, facts=facts, result=ConflictView, effect=effect)

    async def _decide(
        self,
        found: Mapping[str, Any],
        decision: ConflictDecision,
        note: str,
        *,
        clerk: Clerk | None = None,
        operator: Operator | None = None,
    ) -> ConflictView:
        shares = ("first_fen", "first_operator_fen", "first_merchant_fen")
        paid = [found[name] if decision is ConflictDecision.PAID else 0 for name in shares]
        by = (clerk.id if clerk else None, operator.id if operator else None)
        if not await rows(statements.DECIDE, as_uuid(found["id"]), decision.value, self._clock.now(), *by, note, *paid):
            now_is = await row(statements.CONFLICT, as_uuid(found["id"]))
            raise ConflictDecided(decision=now_is["decision"] if now_is else "")
        after = await row(statements.CONFLICT, as_uuid(found["id"]))
        assert after is not None  # noqa: S101 - it was there a moment ago, and nobody deletes cases
        return _view(after)


def _require_manager(clerk: Clerk) -> None:
    if clerk.role is not ClerkRole.MANAGER:
        raise ConflictsForManagers


def _view(found: Mapping[str, Any]) -> ConflictView:
    first = {name.removeprefix("first_"): value for name, value in found.items() if name.startswith("first_")}
    return ConflictView(
        id=as_uuid(found["id"]),
        merchant=found["merchant"],
        benefit=found["benefit"],
        claim_id=as_uuid(found["claim_id"]),
        store=found["store"],
        clerk=found["clerk"],
        device_id=found["device_id"],
        given_at=as_instant(found["given_at"]),
        found_at=as_instant(found["found_at"]),
        is_online=found["displaced_id"] is not None,
        first=FirstGiven.of(first),
        decision=ConflictDecision(found["decision"]),
        decided_at=as_instant(found["decided_at"]) if found["decided_at"] else None,
        note=found["note"],
        settlement_fen=found["settlement_fen"],
    )
