"""What an order costs in points beside its money: set aside while it waits, spent by the claims that it becomes.

Inside the caller's open transaction. The hold outlives the order, so that money that comes late finds what is still
set aside; with every edge that ends the waiting it is given back, once.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from handlers.errors import PointsShort
from handlers.ledger.holding import hold, void_hold
from handlers.ledger.posting import settle
from handlers.points.spending import SPENT, points_unit
from handlers.rules.ledger import POINTS, Cause, of_member
from models.database import row
from models.sql import as_uuid
from models.statements import ledger as statements

ORDER = "order_points"  # the kind of cause; its id is the order's
OUTLIVES = timedelta(days=1)


async def set_aside(order_id: UUID, member_id: UUID, points: int, *, expires_at: datetime, at: datetime) -> None:
    """Nobody else spends them. Raises PointsShort, SerializationConflict."""
    unit, cause = await points_unit(), Cause(ORDER, str(order_id))
    await hold(unit, of_member(member_id), points, for_=SPENT, cause=cause, expires_at=expires_at + OUTLIVES, at=at)


async def give_back(order_ids: Iterable[UUID], *, at: datetime) -> None:
    """What is still set aside for these orders is their members' to spend again."""
    for order_id in sorted(order_ids):
        found = await row(statements.HOLD_BY_CAUSE, ORDER, str(order_id), 0)
        if found is not None:
            await void_hold(as_uuid(found["id"]), at=at)


async def require(member_id: UUID, points: int, *, at: datetime) -> None:
    """They have so many to spend now, and keep them until the transaction ends. Raises PointsShort."""
    unit = await points_unit()
    balances = await settle([(unit, of_member(member_id))], at=at)
    available = max(balances[unit, of_member(member_id)].available, 0)
    if available < points:
        raise PointsShort(unit=POINTS, needed=points, available=available)
