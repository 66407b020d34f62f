"""An offer is ordered on a phone bill as it is with WeChat Pay: the same order, another payer, and a code to confirm.

The carrier is asked about the number before the order, and told of the charge after it was committed, under the order's
number. A call that failed is made again with the same key: same row, same number, same charge there.
"""

from dataclasses import replace
from uuid import UUID

from handlers.actors import Person
from handlers.carrier_billing.bills import own_number, payer_of, require_fit
from handlers.carrier_billing.codes import Codes
from handlers.claims.claiming import MOST_AT_ONCE
from handlers.errors import PaymentNotOpen, QuantityInvalid
from handlers.orders.ordering import Ordering
from handlers.orders.wishes import Ordered, Wanted
from handlers.ports import Carrier, CarrierBilling, Vault
from handlers.requests import Answer, Asked, once, recall
from handlers.retrying import refusing
from models.words import OrderState

ORDER = "order"  # one operation with orders that WeChat Pay takes: a key is for one of them


@refusing
class CarrierBuying:
    """Takes orders that are paid on a phone bill, each at most once per key."""

    def __init__(
        self, vault: Vault, carrier: Carrier, billing: CarrierBilling, ordering: Ordering, codes: Codes
    ) -> None:
        self._vault = vault
        self._carrier = carrier
        self._billing = billing
        self._ordering = ordering
        self._codes = codes

    async def order(self, person: Person, wanted: Wanted, *, number_id: UUID, request_id: str) -> Answer[Ordered]:
        """Lock what is wanted for 15 minutes, and have a code sent to the number.

        Raises what `Ordering.order` raises, and NumberUnknown, CarrierNumberForeign, CarrierPortingOut, CarrierArrears,
        CarrierClosed, CarrierOrderCapped, CarrierMonthCapped; with the order kept, CarrierUnavailable (the same key
        goes on); with the order over, CarrierRefusedCharge, CarrierArrears.
        """
        if not self._billing.mch_id:
            raise PaymentNotOpen
        if not 1 <= wanted.quantity <= MOST_AT_ONCE:
            raise QuantityInvalid(most=MOST_AT_ONCE)
        facts = {**wanted.facts(self._vault), "number": number_id}
        number = await own_number(self._vault, person.member_id, number_id)
        if not await recall([Asked.of(person, ORDER, request_id, facts)], Ordered):
            await require_fit(self._carrier, number)
        payer = payer_of(self._vault, number_id, number, mch_id=self._billing.mch_id)

        async def effect() -> Ordered:
            return Ordered(await self._ordering.write(person, wanted, payer))

        answer = await self._ordering.with_what_is_over(
            wanted.offer_id, lambda: once(person, ORDER, request_id, facts=facts, result=Ordered, effect=effect)
        )
        order = answer.value.order
        if await self._codes.state_of(order.id) is OrderState.WAITING:
            await self._codes.send_first(person, order.id)
        return Answer(replace(answer.value, confirmation=await self._codes.confirmation(order)), answer.replayed)
