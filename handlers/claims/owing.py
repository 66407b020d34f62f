"""Money is owed for claims that were bought and then taken away: asked for in the transaction that takes them away.

ADR 0031: whoever paid has the benefit or the money, never neither.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from handlers.outbox import later
from models.database import require_atomic, rows
from models.sql import as_uuid
from models.statements import orders as statements

RETURN = "return_revoked"  # the kind of the job


async def owe_back(claim_ids: Iterable[UUID], *, at: datetime) -> None:
    """Have the money for what is unused of these claims, just revoked, sent back once this is committed."""
    require_atomic()
    for each in await rows(statements.BOUGHT, sorted(claim_ids)):
        claim_id, order_id = as_uuid(each["claim_id"]), as_uuid(each["order_id"])
        await later(RETURN, key=f"{RETURN}:{claim_id}", at=at, order_id=str(order_id))
