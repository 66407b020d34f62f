"""Into which shift a redemption falls: said while it is written, because a clock cannot say it afterwards.

Two instants are compared by whoever closes a shift: that of the redemption was taken before its transaction began, and
it may commit after the totals were made. The entry is written under a share lock on the open shift instead.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from models.database import require_atomic, rows
from models.ids import new_id
from models.statements import shifts as statements


async def enter(store_id: UUID, device_id: str, redemption_ids: Sequence[UUID], *, at: datetime) -> None:
    """Count these rows, new in the open transaction, in the open shift of this till; none is open: in none."""
    require_atomic()
    wanted = [{"id": str(new_id()), "redemption_id": str(each)} for each in redemption_ids]
    await rows(statements.ENTER, store_id, device_id, orjson.dumps(wanted).decode(), at)
