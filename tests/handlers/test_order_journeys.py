"""Orders under whatever happens, in whatever order: afterwards the service's books and ours agree to the fen."""

import random
from datetime import timedelta

import pytest

from handlers.errors import DomainError
from models.orders import Order, OrderClaim, OrderRefund
from models.words import OrderRefundState, OrderState, RefundHeard
from tests.handlers.buying import PRICE, a_buyer, breaches, for_sale
from tests.handlers.test_orders import an_operator, balances, poll

STEPS = (
    *("order", "order", "order", "pay", "pay", "tell", "tell", "wait", "late", "cancel", "refund", "part", "poll"),
    *("deaf", "heal", "heal"),
)
MINUTE = timedelta(minutes=1)


class Journey:
    """People, an offer with little stock, and a payment service that sometimes hears nothing."""

    def __init__(self, rooms, seed: int) -> None:
        self.rooms = rooms
        self.dice = random.Random(seed)
        self.count = 0

    async def begin(self) -> None:
        self.offer = await for_sale(self.rooms, stock=3, limits=(), returns_to_stock=True)
        self.buyers = [await a_buyer(self.rooms, f"o-{name}") for name in ("ming", "hong", "wang")]
        self.finance = await an_operator()

    async def step(self) -> None:
        self.count += 1
        try:
            await getattr(self, f"_{self.dice.choice(STEPS)}")()
        except DomainError:  # a refusal changes nothing
            return

    async def _some(self, **which) -> Order | None:
        found = await Order.filter(**which).order_by("id")
        return self.dice.choice(found) if found else None

    def _whose(self, order: Order):
        return next(each for each in self.buyers if each.person.member_id == order.member_id)

    async def _order(self) -> None:
        buyer = self.dice.choice(self.buyers)
        await buyer.order(self.offer, f"o{self.count}", quantity=self.dice.randint(1, 2))

    async def _pay(self) -> None:
        """Before the time, or after it: the money was on its way."""
        over = self.rooms.payments.paid.keys() | self.rooms.payments.closed
        open_there = self.rooms.payments.announced.keys() - over
        if open_there:
            number = self.dice.choice(sorted(open_there))
            self.rooms.payments.pay(number)
            if self.dice.random() < 0.5:
                await self.rooms.handlers.order_watch.hear({}, number.encode())

    async def _tell(self) -> None:
        """Again, late, in whatever order."""
        if self.rooms.payments.paid:
            number = self.dice.choice(sorted(self.rooms.payments.paid))
            await self.rooms.handlers.order_watch.hear({}, number.encode())

    async def _wait(self) -> None:
        self.rooms.clock.advance(self.dice.randint(1, 6) * MINUTE)

    async def _late(self) -> None:
        self.rooms.clock.advance(16 * MINUTE)

    async def _cancel(self) -> None:
        if (order := await self._some(state=OrderState.WAITING)) is not None:
            whose = self._whose(order).person
            await self.rooms.handlers.orders.cancel(whose, order.id, request_id=f"c{self.count}")

    async def _refund(self) -> None:
        if (order := await self._some(state=OrderState.PAID)) is not None:
            buyer = self._whose(order)
            quoted = await self.rooms.handlers.order_refunds.quote(buyer.person, order.id)
            await buyer.refund(order.id, quoted.amount_fen or PRICE, f"r{self.count}")

    async def _part(self) -> None:
        if (order := await self._some()) is not None:
            await self.rooms.handlers.order_refunds.give(
                self.finance,
                order.id,
                amount_fen=self.dice.randint(1, 2 * PRICE),
                reason="补偿",
                request_id=f"p{self.count}",
            )

    async def _poll(self) -> None:
        await poll(self.rooms)

    async def _deaf(self) -> None:
        self.rooms.payments.is_deaf = True

    async def _heal(self) -> None:
        self.rooms.payments.is_deaf = False
        self.rooms.payments.refund_becomes = RefundHeard.DONE

    async def rest(self) -> None:
        """Everything works again, and time passes until nothing is under way."""
        await self._heal()
        for _ in range(8):
            self.rooms.clock.advance(61 * MINUTE)
            await poll(self.rooms)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_at_rest_the_books_of_both_agree_to_the_fen(rooms, seed):
    journey = Journey(rooms, seed)
    await journey.begin()
    for number in range(70):
        await journey.step()
        if number % 20 == 19:
            assert await breaches() == []
    await journey.rest()
    orders, payments = await Order.all(), rooms.payments
    assert len(orders) > 3
    assert {each.number for each in orders if each.transaction_id} == set(payments.paid)
    assert all(each.look_at is None for each in orders)
    assert {each.state for each in orders} <= {
        OrderState.PAID,
        OrderState.EXPIRED,
        OrderState.CANCELLED,
        OrderState.REFUNDED,
    }
    assert {each.state for each in await OrderRefund.all()} <= {OrderRefundState.DONE}
    came = sum(each.amount_fen for each in payments.paid.values())
    went = sum(each.amount_fen for each in payments.refunds.values())
    assert await balances(rooms) == {"received": went - came, "income": came - went, "payable": 0}
    sold = await OrderClaim.filter(claim__is_returned=False).count()
    assert await journey.offer.left() == 3 - sold
    assert await breaches() == []
