"""The code by which a member invites others: one for good, the scene of their links and codes."""

from datetime import datetime
from uuid import UUID

from handlers.points.points_terms import terms
from handlers.ports import Randomness
from models.database import row, rows
from models.ids import new_id
from models.statements import tasks as statements

PREFIX = "inv-"
LENGTH = 16


async def invitation_of(member_id: UUID, randomness: Randomness, *, at: datetime) -> str:
    """The code of a member (by the canonical id), made when it is first asked for. Inside an open transaction."""
    programme_id = (await terms()).programme_id
    found = await row(statements.INVITATION, programme_id, member_id)
    if found is None:
        code = PREFIX + randomness.token()[:LENGTH]
        await rows(statements.KEEP_INVITATION, new_id(), at, member_id, programme_id, code)
        found = await row(statements.INVITATION, programme_id, member_id)
    if found is None:
        raise LookupError("an invitation that was made is gone")
    return str(found["code"])
