"""Orders for tests: something to buy, somebody who buys it, and the money's way."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.orders.wishes import Ordered, Wanted
from handlers.requests import Answer
from handlers.rules.offer_terms import Price
from models.claims import Claim
from models.database import rows
from models.orders import Order
from models.statements import invariants
from tests.handlers.claimable import Offering, an_offer

PRICE = 1_000


async def for_sale(rooms, *, stock: int | None = 5, fen: int = PRICE, **terms: Any) -> Offering:
    return await an_offer(rooms.clock.now(), stock=stock, price=Price(fen=fen), **terms)


@dataclass
class Buyer:
    """Somebody with the mini-program in hand."""

    rooms: Any
    person: Any

    async def order(self, offer: Offering, key: str = "order", **wanted: Any) -> Answer[Ordered]:
        return await self.rooms.handlers.ordering.order(self.person, Wanted(offer.id, **wanted), request_id=key)

    async def buy(self, offer: Offering, key: str = "order", **wanted: Any) -> UUID:
        """Ordered, paid, and told."""
        ordered = (await self.order(offer, key, **wanted)).value.order
        await self.told(ordered.number)
        return ordered.id

    async def told(self, number: str) -> Any:
        """Somebody pays, and the notice comes."""
        notice = self.rooms.payments.pay(number)
        return await self.rooms.handlers.order_watch.hear({}, notice)

    async def refund(self, order_id: UUID, fen: int, key: str = "refund") -> Any:
        return await self.rooms.handlers.order_refunds.ask(self.person, order_id, amount_fen=fen, request_id=key)


async def a_buyer(rooms, openid: str = "o-ming") -> Buyer:
    return Buyer(rooms, await rooms.member(openid))


async def stands(order_id: UUID) -> str:
    return (await Order.get(id=order_id)).state.value


async def claims() -> int:
    return await Claim.all().count()


async def breaches() -> list[str]:
    """Every rule of the doctor that does not hold."""
    return [check.what for check in invariants.CHECKS if await rows(check.sql)]
