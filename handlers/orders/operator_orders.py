"""Orders as operators see them, within their own organizations."""

from uuid import UUID

from handlers.actors import Operator
from handlers.errors import OrderUnknown
from handlers.orders.order_views import OperatedOrder, seen
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import OrderState


@refusing
class OperatorOrders:
    """Looks at orders; what goes back is given by `refunds.py`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def page(
        self, operator: Operator, *, state: OrderState | None, after: UUID | None, limit: int
    ) -> list[OperatedOrder]:
        """The newest first, in one state or all. Raises RoleMissing."""
        scope = await allowed(operator, Capability.ORDERS_SEEN)
        places = sorted(scope.organization_ids)
        found = await rows(statements.SEEN, places, state.value if state else "", after, limit)
        return [
            OperatedOrder(shown, as_uuid(each["member_id"]), as_uuid(each["organization_id"]), each["transaction_id"])
            for each, shown in zip(found, await seen(found, self._clock.now()), strict=True)
        ]

    async def one(self, operator: Operator, order_id: UUID) -> OperatedOrder:
        """Raises RoleMissing, OrderUnknown (also outside of their organizations)."""
        scope = await allowed(operator, Capability.ORDERS_SEEN)
        found = await row(statements.ONE, order_id)
        if found is None or not scope.sees(as_uuid(found["organization_id"])):
            raise OrderUnknown
        (shown,) = await seen([found], self._clock.now())
        return OperatedOrder(
            shown, as_uuid(found["member_id"]), as_uuid(found["organization_id"]), found["transaction_id"]
        )
