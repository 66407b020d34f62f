"""Codes by SMS: the carrier makes and sends them, and knows alone what they are. Here they are counted.

A code is counted before the carrier is asked for it, so that nobody's phone is flooded by calls that are lost.
"""

from uuid import UUID

from handlers.actors import Person
from handlers.carrier_billing.bills import own_number
from handlers.carrier_billing.charges import cancel_refused, refusal, waiting
from handlers.errors import (
    CarrierCodeTooOften,
    CarrierUnavailable,
    CarrierUnderWay,
    NumberUnknown,
    OrderNotOnTheBill,
    OrderUnknown,
)
from handlers.orders.on_the_bill import stands as charge_of
from handlers.orders.order_views import Confirmation, OrderSeen, order_seen
from handlers.orders.wishes import Ordered
from handlers.ports import CarrierBilling, Clock, CodeSays, ToCharge, Vault
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.carrier_billing import CODE_PAUSE, MOST_CODES, MOST_CODES_A_MONTH
from models.database import atomic, row, rows
from models.sql import as_instant, as_uuid
from models.statements import carrier as statements
from models.statements import orders as order_statements
from models.words import ChargeState, CodeHeard, OrderState, PaymentMethod


@refusing
class Codes:
    """Has codes sent, and shows how an order is confirmed."""

    def __init__(self, clock: Clock, vault: Vault, billing: CarrierBilling) -> None:
        self._clock = clock
        self._vault = vault
        self._billing = billing

    async def send(self, person: Person, order_id: UUID, *, request_id: str) -> Answer[Ordered]:
        """Another code for an order that waits: a minute after the one before, five at most, and sixty of a month.

        Raises OrderUnknown, OrderNotOnTheBill, OrderNotWaiting, CarrierUnderWay, CarrierCodeTooOften, NumberUnknown,
        NotSignedIn, MemberFrozen, KeyReused; CarrierUnavailable (under another key another one may be asked for); with
        the order over, CarrierRefusedCharge, CarrierArrears.
        """

        async def effect() -> Ordered:
            order = await waiting(person, order_id, at=self._clock.now())
            await self._take(order_id)
            return Ordered(order)

        facts = {"order": order_id}
        answer = await once(person, "order.code", request_id, facts=facts, result=Ordered, effect=effect)
        if not answer.replayed:
            await self._announce(person, order_id)
        confirmation = await self.confirmation(answer.value.order)
        return Answer(Ordered(answer.value.order, confirmation=confirmation), answer.replayed)

    async def send_first(self, person: Person, order_id: UUID) -> None:
        """The first one of an order; again, nothing once the carrier has said that it sent it.

        Raises CarrierUnavailable, CarrierCodeTooOften, NumberUnknown; with the order over, CarrierRefusedCharge,
        CarrierArrears.
        """

        async def take() -> bool:
            async with atomic():
                await rows(order_statements.LOCKED_BY_ID, order_id)
                found = await row(statements.CHARGE, order_id)
                if found is None or found["code_sent_at"] or found["state"] != ChargeState.WAITING:
                    return False
                await self._take(order_id)
                return True

        if await again(take):
            await self._announce(person, order_id)

    async def confirmation(self, order: OrderSeen) -> Confirmation | None:
        """How it is confirmed now; None where nothing is left to confirm."""
        if order.method is not PaymentMethod.CARRIER or await self.state_of(order.id) is not OrderState.WAITING:
            return None
        found = await row(statements.CHARGE, order.id)
        if found is None:
            return None
        charge = charge_of(found)
        return Confirmation(
            tail=found["tail"] or "",
            state=charge.state,
            code_valid_until=charge.code_valid_until,
            next_code_at=charge.next_code_at(),
            attempts_left=charge.attempts_left,
            codes_left=charge.codes_left,
        )

    async def state_of(self, order_id: UUID) -> OrderState | None:
        """Where an order stands at this moment."""
        found = await row(order_statements.ONE, order_id)
        return order_seen(found, self._clock.now()).state if found else None

    async def _take(self, order_id: UUID) -> None:
        """Raises CarrierUnderWay, CarrierCodeTooOften."""
        now = self._clock.now()
        await rows(statements.LOCK_MONTH, order_id)
        if await rows(statements.TAKE_CODE, order_id, now, now - CODE_PAUSE, MOST_CODES, MOST_CODES_A_MONTH):
            return
        found = await row(statements.CHARGE, order_id)
        if found is None:
            raise OrderNotOnTheBill
        charge = charge_of(found)
        if charge.state is not ChargeState.WAITING:
            raise CarrierUnderWay
        following = charge.next_code_at()
        if charge.codes_left and following is not None:
            raise CarrierCodeTooOften(retry_after=max(int((following - now).total_seconds()), 1))
        raise CarrierCodeTooOften

    async def _announce(self, person: Person, order_id: UUID) -> None:
        wanted = await to_charge(self._vault, person, order_id)
        says = await self._billing.announce(wanted)
        match says.heard:
            case CodeHeard.SENT:
                await again(lambda: self._sent(order_id))
            case CodeHeard.REFUSED:
                await again(lambda: self._refused(order_id, says))
                raise refusal(says.reason)
            case CodeHeard.UNKNOWN:
                raise CarrierUnavailable(retry_after=1)
        # What was charged already, or is closed there, is found out by whoever looks at the order next.

    async def _sent(self, order_id: UUID) -> None:
        async with atomic():
            await rows(statements.CODE_SENT, order_id, self._clock.now())

    async def _refused(self, order_id: UUID, says: CodeSays) -> None:
        async with atomic():
            await cancel_refused(order_id, says.reason, at=self._clock.now())


async def to_charge(vault: Vault, person: Person, order_id: UUID) -> ToCharge:
    """What the carrier is told. Raises OrderUnknown, NumberUnknown: the number was given up since."""
    found = await row(order_statements.ONE, order_id)
    charge = await row(statements.CHARGE, order_id)
    if found is None or charge is None:
        raise OrderUnknown
    if charge["bound_number_id"] is None:
        raise NumberUnknown
    number = await own_number(vault, person.member_id, as_uuid(charge["bound_number_id"]))
    ends = as_instant(found["expires_at"])
    return ToCharge(found["number"], found["title"], int(found["amount_fen"]), ends, number)
