"""Orders as whoever made them sees them, and taking one back before it is paid."""

from collections.abc import Sequence
from uuid import UUID

from handlers.actors import Person
from handlers.errors import OrderNotWaiting, OrderUnknown
from handlers.orders.moving import end_waiting
from handlers.orders.order_views import OrderSeen, order_seen, seen
from handlers.ports import ClientPayment, Clock, Payments
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.standing import standing
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import orders as statements
from models.words import OrderState

HINDRANCE = "order.open"


@refusing
class Orders:
    """Shows and cancels."""

    def __init__(self, clock: Clock, payments: Payments) -> None:
        self._clock = clock
        self._payments = payments

    async def one(self, person: Person, order_id: UUID) -> tuple[OrderSeen, ClientPayment | None]:
        """One order of theirs; with it, while it can be paid, what the mini-program needs for that.

        Raises OrderUnknown.
        """
        found = await row(statements.OWN, person.member_id, order_id)
        if found is None:
            raise OrderUnknown
        (shown,) = await seen([found], self._clock.now())
        if shown.state is not OrderState.WAITING or not found["prepay_id"]:
            return shown, None
        prepaid_at = as_instant(found["prepaid_at"])
        payment = await self._payments.client_payment(
            found["app_id"], found["prepay_id"], at=prepaid_at, nonce=found["number"]
        )
        return shown, payment

    async def mine(self, person: Person, *, after: UUID | None, limit: int) -> list[OrderSeen]:
        """Theirs, the newest first."""
        return await seen(await rows(statements.MINE, person.member_id, after, limit), self._clock.now())

    async def cancel(self, person: Person, order_id: UUID, *, request_id: str) -> Answer[OrderSeen]:
        """Take back an order that is not paid; everything it locked is given back at once.

        Money that is on its way all the same goes back. Raises OrderUnknown, OrderNotWaiting, NotSignedIn,
        MemberFrozen, KeyReused.
        """

        async def effect() -> OrderSeen:
            now, member_id = self._clock.now(), await standing(person.member_id)
            found = await row(statements.OWN_LOCKED, member_id, order_id)
            if found is None:
                raise OrderUnknown
            state = order_seen(found, now).state
            if state is not OrderState.WAITING:
                raise OrderNotWaiting(state=state.value)
            await end_waiting(order_id, OrderState.CANCELLED, reason="cancelled", actor=person, at=now)
            await rows(statements.LOOK_NOW, order_id, now)  # so that it is closed at the payment service too
            ended = await row(statements.ONE, order_id)
            assert ended is not None  # noqa: S101 - orders are never deleted
            return order_seen(ended, now)

        facts = {"order": order_id}
        return await once(person, "order.cancel", request_id, facts=facts, result=OrderSeen, effect=effect)

    async def hinders_leaving(self, member_ids: Sequence[UUID]) -> str | None:
        """Why somebody cannot leave yet: money of theirs is on its way, here or back."""
        return HINDRANCE if await rows(statements.OPEN, [as_uuid(each) for each in member_ids]) else None
