"""The second confirmation: the code that the person read is sent to the carrier, one at a time, and never kept.

A try is taken by one guarded UPDATE before the call leaves, so that of many that press at once one sends. What the
carrier says ends where every order's money does (`handlers/orders/settling.py`); where it says nothing clear, it is
asked about under the same number, now and by the watch of orders, and no code is sent meanwhile.
"""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.carrier_billing.charges import cancel_refused, refusal, waiting
from handlers.carrier_billing.codes import Codes, to_charge
from handlers.errors import (
    CarrierAttemptsOver,
    CarrierCodeOver,
    CarrierCodeWrong,
    CarrierUnavailable,
    CarrierUnderWay,
    OrderNotOnTheBill,
    OrderNotWaiting,
    OrderUnknown,
)
from handlers.orders.on_the_bill import stands as charge_of
from handlers.orders.order_views import seen
from handlers.orders.settling import Settled, settle
from handlers.orders.wishes import Ordered
from handlers.ports import CarrierBilling, ChargeSays, Clock, TradeSays, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.carrier_billing import CODE_VALID_FOR, MOST_ATTEMPTS
from models.database import atomic, row, rows
from models.statements import carrier as statements
from models.statements import orders as order_statements
from models.words import ChargeHeard, ChargeState, OrderState, TradeHeard

LOOKED_AT_AFTER = timedelta(seconds=40)  # where whoever sent a code died: later than any call is on its way
CODE = "carrier.code"  # what the mark of a code in a fingerprint is for


@refusing
class Confirming:
    """Confirms orders on a phone bill."""

    def __init__(
        self, clock: Clock, vault: Vault, billing: CarrierBilling, codes: Codes, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._billing = billing
        self._codes = codes
        self._zone = zone

    async def confirm(self, person: Person, order_id: UUID, *, code: str, request_id: str) -> Answer[Ordered]:
        """Charge it. The order is paid then, or the carrier has not said so yet: `confirmation.state` is `sent`.

        Asking again with the same key sends nothing: it tells what became of it. Raises OrderUnknown,
        OrderNotOnTheBill, OrderNotWaiting, NumberUnknown, CarrierUnderWay, CarrierCodeOver, CarrierAttemptsOver,
        CarrierCodeWrong, CarrierUnavailable, NotSignedIn, MemberFrozen, KeyReused; with the order over,
        CarrierRefusedCharge, CarrierArrears, CarrierNumberForeign.
        """

        async def effect() -> Ordered:
            now = self._clock.now()
            order = await waiting(person, order_id, at=now)
            await to_charge(self._vault, person, order_id)  # the number is still theirs
            await self._take(order_id)
            await rows(order_statements.LOOK_NOW, order_id, now + LOOKED_AT_AFTER)
            return Ordered(order)

        # Under the order's own key, because a fingerprint is stored and there are few codes.
        mark = self._vault.blind_index(CODE, f"{order_id}:{code}")
        facts = {"order": order_id, "code": mark}
        answer = await once(person, "order.confirm", request_id, facts=facts, result=Ordered, effect=effect)
        if answer.replayed:
            await self._what_became(order_id)
        else:
            await self._charge(person, order_id, code)
        return Answer(await self._shown(order_id), answer.replayed)

    async def _take(self, order_id: UUID) -> None:
        """One try. Raises CarrierUnderWay, CarrierAttemptsOver, CarrierCodeOver."""
        now = self._clock.now()
        if await rows(statements.TAKE_ATTEMPT, order_id, now, now - CODE_VALID_FOR, MOST_ATTEMPTS):
            return
        found = await row(statements.CHARGE, order_id)
        if found is None:
            raise OrderNotOnTheBill
        charge = charge_of(found)
        if charge.state is ChargeState.REFUSED:
            raise refusal(found["said"])
        if charge.state is not ChargeState.WAITING:
            raise CarrierUnderWay
        raise CarrierCodeOver if charge.attempts_left else CarrierAttemptsOver

    async def _charge(self, person: Person, order_id: UUID, code: str) -> None:
        wanted = await to_charge(self._vault, person, order_id)
        says = await self._billing.charge(wanted, code=code)
        if says.heard is ChargeHeard.UNKNOWN:
            told = await self._billing.query(wanted.number)
            if told.heard is TradeHeard.PAID:
                says = ChargeSays(ChargeHeard.CHARGED, told)
        await self._heard(order_id, wanted.number, says)

    async def _heard(self, order_id: UUID, number: str, says: ChargeSays) -> None:
        match says.heard:
            case ChargeHeard.CHARGED if says.trade is not None:
                settled = await again(lambda: self._settle(number, says.trade))
                if settled is None or not settled.is_believed:
                    raise CarrierUnavailable(retry_after=60)
            case ChargeHeard.WRONG_CODE | ChargeHeard.CODE_OVER:
                await again(lambda: self._waits_again(order_id, says.heard.value))
                await self._raise_wrong(order_id)
            case ChargeHeard.REFUSED:
                await again(lambda: self._refused(order_id, says.reason))
                raise refusal(says.reason)
            case ChargeHeard.CLOSED:
                await again(lambda: self._refused(order_id, "closed"))
                raise OrderNotWaiting(state=OrderState.CANCELLED.value)

    async def _what_became(self, order_id: UUID) -> None:
        """Of a try of before: what was perhaps lost with its answer is asked for."""
        found = await row(order_statements.ONE, order_id)
        charge = await row(statements.CHARGE, order_id)
        if found is None or charge is None:
            raise OrderUnknown
        if charge["state"] == ChargeState.SENT:
            says = await self._billing.query(found["number"])
            await again(lambda: self._settle(found["number"], says))
        elif charge["state"] == ChargeState.REFUSED:
            raise refusal(charge["said"])
        elif charge["said"]:
            await self._raise_wrong(order_id)

    async def _raise_wrong(self, order_id: UUID) -> None:
        """Raises CarrierCodeWrong, CarrierCodeOver, CarrierAttemptsOver."""
        found = await row(statements.CHARGE, order_id)
        if found is None:
            raise OrderUnknown
        if found["said"] == ChargeHeard.CODE_OVER:
            raise CarrierCodeOver
        left = charge_of(found).attempts_left
        raise CarrierCodeWrong(attempts_left=left) if left else CarrierAttemptsOver

    async def _settle(self, number: str, says: TradeSays | None) -> Settled | None:
        if says is None:
            return None
        async with atomic():
            return await settle(number, says, at=self._clock.now(), zone=self._zone, vault=self._vault)

    async def _waits_again(self, order_id: UUID, word: str) -> None:
        async with atomic():
            await rows(statements.WAITS_AGAIN, order_id, word)

    async def _refused(self, order_id: UUID, reason: str) -> None:
        async with atomic():
            await cancel_refused(order_id, reason, at=self._clock.now())

    async def _shown(self, order_id: UUID) -> Ordered:
        found = await row(order_statements.ONE, order_id)
        assert found is not None  # noqa: S101 - orders are never deleted
        (order,) = await seen([found], self._clock.now())
        return Ordered(order, confirmation=await self._codes.confirmation(order))
