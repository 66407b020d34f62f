"""A won benefit that waits for a word of its winner: who tells them, and how it waits again when it came to nothing."""

from datetime import datetime, timedelta
from uuid import UUID

from handlers.outbox import Later, later_many
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from models.database import require_atomic, row
from models.sql import as_uuid
from models.statements import due_prizes as statements

SAY = "say_prize_waits"  # the kind of the job
AGAIN = timedelta(days=8)  # after a failure there is a week at least, to the end of its last day


def waits(prize_id: UUID, member_id: UUID, *, key: str, at: datetime, is_again: bool = False) -> Later:
    """The job that tells the winner what is asked, and until when; `is_again`: it could not be given."""
    facts = {"prize_id": prize_id, "member_id": member_id, "is_again": is_again}
    return Later(SAY, key, at, facts)


async def reopen(claim_id: UUID, *, at: datetime) -> bool:
    """The claim came to nothing: if it was won, the prize waits again; whether it was such a one.

    Inside the open transaction that revokes the claim.
    """
    require_atomic()
    found = await row(statements.REOPEN, claim_id, begins(day_of(at, BUSINESS_ZONE) + AGAIN, BUSINESS_ZONE))
    if found is None:
        return False
    key = f"won_again:{claim_id}"
    await later_many([waits(as_uuid(found["id"]), as_uuid(found["member_id"]), key=key, at=at, is_again=True)])
    return True
