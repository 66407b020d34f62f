"""What the counter asks of settlement: under which terms a use is settled, and whether one is settled for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.merchant_terms import terms_of
from handlers.rules.settlement_terms import TermsInForce, in_force
from models.database import require_atomic, row
from models.sql import as_uuid
from models.statements import settlement as statements


@dataclass(frozen=True, slots=True)
class Settled:
    """One use to be settled: at whose counter, of which claim (its row, with its benefit's price), as of when."""

    merchant_id: UUID
    claim: Mapping[str, Any]
    at: datetime


async def terms_in_force(uses: Sequence[Settled]) -> dict[UUID, TermsInForce]:
    """By claim, the terms that hold for its use; the amounts they lead to are kept with the redemption."""
    benefits: dict[UUID, set[UUID]] = {}
    for use in uses:
        benefits.setdefault(use.merchant_id, set()).add(as_uuid(use.claim["benefit_id"]))
    versions = await terms_of(benefits)
    return {
        as_uuid(use.claim["id"]): in_force(
            versions[use.merchant_id],
            as_uuid(use.claim["benefit_id"]),
            use.at,
            price_fen=use.claim["settlement_price_fen"],
            operator_share_bp=use.claim["operator_share_bp"],
        )
        for use in uses
    }


async def is_settled(redemption_id: UUID) -> bool:
    """Whether a closed day has this row. While the transaction is open, no closing takes it.

    Raises NotInTransaction.
    """
    require_atomic()
    found = await row(statements.LOCK_ENTRY, redemption_id)
    if found is None or found["part_id"] is None:
        return False
    part = await row(statements.HOLD_PART, as_uuid(found["part_id"]))
    return part is not None and part["statement_id"] is not None
