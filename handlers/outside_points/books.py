"""Accounts outside as they are called, and holds as operators compare them with the account's own books."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.errors import SupplierUnknown
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.fulfillments import Supplier
from models.sql import as_instant, as_uuid
from models.statements import outside_points as statements
from models.words import OutsideHoldState


@dataclass(frozen=True, slots=True)
class OperatedHold:
    """One hold. `claim_id`: the first claim that it paid for; `last_reason`: the account's own word.

    Of its points `returned` went back since; `owed` should have, and did not yet or were refused.
    """

    id: UUID
    hold_no: str
    offer_id: UUID
    claim_id: UUID | None
    points: int
    state: OutsideHoldState
    look_count: int
    look_at: datetime
    last_reason: str
    closed_at: datetime | None
    created_at: datetime
    returned: int
    owed: int


@refusing
class OutsideBooks:
    """Reads."""

    async def names(self, codes: Collection[str]) -> Mapping[str, str]:
        """What whoever keeps these accounts is called, by the account's code; every code that is asked for."""
        found = await Supplier.filter(code__in=sorted(codes)).values_list("code", "name")
        return dict.fromkeys(codes, "合作方") | {str(code): str(name) for code, name in found}

    async def holds(
        self, operator: Operator, supplier_id: UUID, *, state: OutsideHoldState | None, after: UUID | None, limit: int
    ) -> tuple[OperatedHold, ...]:
        """Of one supplier, in the order they were made; of one state alone. Raises RoleMissing, SupplierUnknown."""
        scope = await allowed(operator, Capability.SUPPLIERS)
        found = await Supplier.get_or_none(id=supplier_id)
        if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
            raise SupplierUnknown
        listed = await rows(statements.OF_SUPPLIER, supplier_id, state.value if state else "", after, limit)
        return tuple(map(_hold, listed))


def _hold(found: Mapping[str, Any]) -> OperatedHold:
    return OperatedHold(
        id=as_uuid(found["id"]),
        hold_no=found["hold_no"],
        offer_id=as_uuid(found["offer_id"]),
        claim_id=as_uuid(found["claim_id"]) if found["claim_id"] else None,
        points=int(found["points"]),
        state=OutsideHoldState(found["state"]),
        look_count=int(found["look_count"]),
        look_at=as_instant(found["look_at"]),
        last_reason=found["last_reason"],
        closed_at=as_instant(found["closed_at"]) if found["closed_at"] else None,
        created_at=as_instant(found["created_at"]),
        returned=int(found["returned"]),
        owed=int(found["owed"]),
    )
