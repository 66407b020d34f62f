"""Whether a device or a clerk still has something open without a network."""

from dataclasses import dataclass
from uuid import UUID

from handlers.offline.recording import gaps_of
from models.database import row, rows
from models.sql import as_uuid
from models.statements import offline as statements


@dataclass(frozen=True, slots=True)
class OfflineWaiting:
    """`provisional_count` scans wait for the cut-off of their day; the devices in `gaps` have not sent all numbers."""

    provisional_count: int
    gaps: dict[str, tuple[tuple[int, int], ...]]  # by device: first and last number that is missing

    @property
    def is_waiting(self) -> bool:
        """Something is open, whichever it is."""
        return bool(self.provisional_count or self.gaps)


async def offline_waiting(
    merchant_id: UUID, *, device_id: str | None = None, clerk_id: UUID | None = None
) -> OfflineWaiting:
    """What is open of one device, of one clerk (and the devices they fetched packs on), or of both together.

    A device that never uploaded, and scans that nobody has uploaded at its end, are not known here. In the open
    transaction, or in none.
    """
    clerk = str(clerk_id) if clerk_id else None
    found = await row(statements.WAITING, merchant_id, device_id, clerk)
    gaps = {}
    for each in await rows(statements.DEVICES_OF, merchant_id, device_id, clerk):
        missing = await gaps_of(merchant_id, each["device_id"], int(each["complete_upto"]))
        if missing:
            gaps[each["device_id"]] = missing
    return OfflineWaiting(int(found["number"]) if found else 0, gaps)


async def missing_scans(store_id: UUID, device_id: str) -> int:
    """How many scans a till has made and not uploaded, as far as their numbers tell: what keeps its shift open.

    Those that were uploaded and wait for the cut-off are in the shift's totals already, and the cut-off comes the next
    morning: nobody stays that long.
    """
    found = await row(statements.MERCHANT_OF, store_id)
    if found is None:
        return 0
    waiting = await offline_waiting(as_uuid(found["merchant_id"]), device_id=device_id)
    return sum(last - first + 1 for gaps in waiting.gaps.values() for first, last in gaps)
