"""Orders on a phone bill for tests: something to buy, a bound number, and the code that came by SMS."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.orders.wishes import Ordered, Wanted
from handlers.requests import Answer
from handlers.rules.offer_terms import Price
from models.carrier import CarrierCharge, CarrierMonth
from tests.handlers.claimable import Offering, an_offer

PRICE, NUMBER = 1_000, "13912345670"


async def on_the_bill(
    rooms, *, stock: int | None = 5, fen: int = 0, carrier_fen: int = PRICE, **terms: Any
) -> Offering:
    return await an_offer(rooms.clock.now(), stock=stock, price=Price(fen=fen, carrier_fen=carrier_fen), **terms)


@dataclass
class Subscriber:
    """Somebody with the mini-program in hand, and a bound number of the carrier's."""

    rooms: Any
    person: Any
    number_id: UUID

    async def order(self, offer: Offering, key: str = "order", **wanted: Any) -> Answer[Ordered]:
        return await self.rooms.handlers.carrier_billing.buying.order(
            self.person, Wanted(offer.id, **wanted), number_id=self.number_id, request_id=key
        )

    async def confirm(self, order_id: UUID, code: str | None = None, key: str = "confirm") -> Answer[Ordered]:
        """With the code that the phone shows, or another one."""
        confirming = self.rooms.handlers.carrier_billing.confirming
        return await confirming.confirm(self.person, order_id, code=code or self.code(order_id), request_id=key)

    async def buy(self, offer: Offering, key: str = "order", **wanted: Any) -> UUID:
        """Ordered and confirmed."""
        order_id = (await self.order(offer, key, **wanted)).value.order.id
        await self.confirm(order_id, key=f"confirm-{key}")
        return order_id

    async def refund(self, order_id: UUID, fen: int, key: str = "refund") -> Any:
        return await self.rooms.handlers.order_refunds.ask(self.person, order_id, amount_fen=fen, request_id=key)

    def code(self, order_id: UUID) -> str:
        return self.rooms.carrier.codes[order_id.hex]


async def a_subscriber(rooms, openid: str = "o-ming", number: str = NUMBER) -> Subscriber:
    person = await rooms.member(openid, phone=f"138{number[3:]}")
    code = rooms.wechat.phone_code(number)
    bound = (await rooms.handlers.numbers.bind(person, phone_code=code, request_id=None)).value
    return Subscriber(rooms, person, bound.number.id)


async def charge(order_id: UUID) -> CarrierCharge:
    return await CarrierCharge.get(order_id=order_id)


async def counted() -> int:
    """Of all numbers and months."""
    return sum(await CarrierMonth.all().values_list("counted_fen", flat=True))
