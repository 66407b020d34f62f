"""Whether two members are one person by what we know: nobody earns by what they buy or do themselves."""

from datetime import datetime
from uuid import UUID

from handlers.identity.devices import KEPT as DEVICES_KEPT
from models.database import row
from models.statements import distribution as statements


async def is_same_person(member_id: UUID, other_id: UUID, payer_hash: str = "", *, at: datetime) -> bool:
    """Merged, a phone, a bound number, a device of the last month, or `payer_hash` of who paid for the other one."""
    return await row(statements.SAME, member_id, other_id, payer_hash, at - DEVICES_KEPT) is not None
