"""Since when something is off, and until when it was: noted in the transaction that throws the switch.

Plain functions, called inside an open transaction by whoever owns the switch, whose row they hold. Redeeming looks at
the switches themselves; only what was scanned without a network has to know how they stood.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from handlers.rules.pauses import Interval
from models.database import require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import pauses as statements
from models.words import PausedKind


async def note_switch(kind: PausedKind, subject_id: UUID, *, is_off: bool, at: datetime) -> None:
    """It is off from now on, or on again. Said twice, nothing more happens. Raises NotInTransaction."""
    require_atomic()
    if is_off:
        await rows(statements.BEGIN, new_id(), at, kind, subject_id)
    else:
        await rows(statements.END, kind, subject_id, at)


async def pauses_since(subject_ids: Collection[UUID], since: datetime) -> Mapping[UUID, list[Interval]]:
    """When these were off, as far as it reaches beyond `since`; who was not is missing."""
    found: dict[UUID, list[Interval]] = {}
    for each in await rows(statements.SINCE, sorted(subject_ids), since) if subject_ids else ():
        ended_at = as_instant(each["ended_at"]) if each["ended_at"] else None
        found.setdefault(as_uuid(each["subject_id"]), []).append((as_instant(each["began_at"]), ended_at))
    return found
