"""Orders at suppliers as a claim's transaction writes them: the row with its number, and the job that places it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from handlers.outbox import Later, later_many
from handlers.rules.benefit_terms import TopUpTerms
from models.database import require_atomic, rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import fulfillments as statements

PLACE = "place_top_up"  # the kind of the job


async def begin(terms: TopUpTerms, claim_ids: Sequence[UUID], *, now: datetime) -> frozenset[UUID]:
    """The first order of each of these claims, set-based, inside the open transaction; which claims have one."""
    return await _orders(terms.supplier, terms.product, terms.face_value_fen, claim_ids, ordinal=1, now=now)


async def replace(
    supplier: str, product: str, face_value_fen: int, claim_id: UUID, *, ordinal: int, now: datetime
) -> bool:
    """The next order of a claim whose last one was said to have failed: a new number, at another supplier."""
    made = await _orders(supplier, product, face_value_fen, [claim_id], ordinal=ordinal, now=now)
    return bool(made)


async def withdraw(claim_ids: Sequence[UUID], *, now: datetime) -> frozenset[UUID]:
    """Before claims end: take back what was not sent; which of them a supplier may have, so that they must not end.

    Inside the open transaction: what was taken back is not sent any more.
    """
    require_atomic()
    if not claim_ids:
        return frozenset()
    ids = sorted(claim_ids)
    await rows(statements.WITHDRAW, ids, now)
    return frozenset(as_uuid(each["claim_id"]) for each in await rows(statements.KEPT, ids))


async def _orders(
    supplier: str, product: str, face_value_fen: int, claim_ids: Sequence[UUID], *, ordinal: int, now: datetime
) -> frozenset[UUID]:
    require_atomic()
    made = {new_id(): claim_id for claim_id in claim_ids}
    # The number is the row's own id: there is no moment at which one exists without the other.
    text = orjson.dumps(
        [{"id": str(row_id), "claim_id": str(claim_id), "order_no": row_id.hex} for row_id, claim_id in made.items()]
    ).decode()
    found = await rows(statements.ADD, text, now, supplier, product, face_value_fen, ordinal)
    written = [as_uuid(each["id"]) for each in found]
    await later_many(
        [Later(PLACE, f"top_up:{row_id}", now, {"fulfillment_id": str(row_id)}) for row_id in sorted(written)]
    )
    return frozenset(made[row_id] for row_id in written)
