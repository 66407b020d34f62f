"""Into which shift a redemption falls: said while it is written, because a clock cannot say it afterwards.

Two instants are compared by whoever closes a shift: that of the redemption was taken before its transaction began, and
it may commit after the totals were made. The entry is written under a share lock on the open shift instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.database import put, require_atomic
from models.ids import new_id
from models.sql import dump_rows
from models.statements import shifts as statements


@dataclass(frozen=True, slots=True)
class Entered:
    """A redemption row, new in the open transaction, and the till at which it was made."""

    redemption_id: UUID
    store_id: UUID
    device_id: str


async def enter(made: Sequence[Entered], *, at: datetime) -> None:
    """Count these rows in the open shifts of their tills; where none is open: in none."""
    require_atomic()
    if made:
        wanted = [
            {
                "id": new_id(),
                "redemption_id": each.redemption_id,
                "store_id": each.store_id,
                "device_id": each.device_id,
            }
            for each in made
        ]
        await put(statements.ENTER, dump_rows(wanted), at)
