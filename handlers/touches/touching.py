"""First touches (归因): whoever comes by a promoter's code was brought by that promoter, for as long as a window lasts.

Inside the open transaction of the act that tells the scene (a session, joining, following, scanning), which holds the
member's row. The code comes from a client and proves nothing but that somebody passed it on.
"""

from datetime import datetime, timedelta
from uuid import UUID

from handlers.touches.visiting import visit
from models.database import require_atomic, row, rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import distribution as statements
from models.words import PromoterState

PREFIX = "p_"  # of every promoter's code: other scenes cost no look


async def touch(member_id: UUID, account_id: UUID, scene: str, *, at: datetime) -> bool:
    """Whether this touch is the one that counts from now on. `member_id`: today's, the row locked.

    Nothing happens for a code that is nobody's or whose promoter is not active, for the promoter's own, while an
    earlier touch lasts, and where it would close a ring of promoters. An entry code of a partner's agreement is a
    visit, and binds nobody.
    """
    require_atomic()
    await visit(member_id, scene, at=at)
    if not scene.startswith(PREFIX):
        return False
    link = await row(statements.LINK, scene)
    window = await row(statements.WINDOW)
    if link is None or window is None or link["state"] != PromoterState.ACTIVE:
        return False
    promoter_id = as_uuid(link["canonical_id"])
    if promoter_id == member_id or await _closes_a_ring(member_id, promoter_id, at):
        return False
    ends_at = at + timedelta(days=int(window["window_days"]))
    ids = as_uuid(link["promoter_id"]), as_uuid(link["id"]), account_id
    return bool(await rows(statements.BIND, new_id(), at, member_id, *ids, ends_at))


async def _closes_a_ring(member_id: UUID, promoter_id: UUID, at: datetime) -> bool:
    """Only whoever is a promoter can have brought anybody.

    Among promoters one touch is looked at at a time: the rows of both are not enough, for the parts of a longer ring
    have none in common.
    """
    if await row(statements.PROMOTER_OF, member_id) is None:
        return False
    await rows(statements.RING_LOCK)
    return await row(statements.RING, promoter_id, member_id, at) is not None
