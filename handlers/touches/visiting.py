"""Who came by the entry code of one side of an agreement with a partner: once a day for each, while it is open.

Inside the open transaction of the act that tells the scene. The code comes from a client and proves nothing but that
somebody passed it on.
"""

from datetime import datetime
from uuid import UUID

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import day_of
from models.database import require_atomic, rows
from models.ids import new_id
from models.statements import co_brands as statements

PREFIX = "b_"  # of every entry code: other scenes cost no look


async def visit(member_id: UUID, scene: str, *, at: datetime) -> bool:
    """Whether it is the first time today. `member_id`: today's, the row locked. Nothing happens for nobody's code."""
    require_atomic()
    if not scene.startswith(PREFIX):
        return False
    day = day_of(at, BUSINESS_ZONE).isoformat()
    return bool(await rows(statements.VISIT, new_id(), at, member_id, day, scene))
