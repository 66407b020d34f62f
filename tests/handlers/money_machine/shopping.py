"""Steps of buyers and of those who see to their orders: order, pay, cancel, use, give back."""

import asyncio
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.claims.typed_codes import typed_code
from handlers.errors import (
    DomainError,
    NotStarted,
    OfferSoldOut,
    OfferTooMany,
    OrderNotWaiting,
    OrderRefundTooMuch,
    PaymentRefused,
    PaymentUnavailable,
    PlanNotAbove,
    PointsShort,
    RefundNeedsSecond,
    RefundNothing,
    RefundQuoteChanged,
    RefundTooLate,
)
from handlers.orders.ordering import Wanted
from handlers.plans.buying import PlanWanted
from handlers.redemptions.counter import Scan
from models.claims import Claim
from models.orders import OrderClaim
from models.words import ClaimState, OrderState
from simulator.wechat_pay import Trade
from tests.handlers.machine.failpoints import How
from tests.handlers.money_machine.wallet import SILENT, TAKEN
from tests.handlers.money_machine.world import MINUTE, World, buyers, moods, picks, places, strikes

yes_or_no = st.booleans()
parts = st.sampled_from([0, 1, 3, 5, 8, 8, 9])  # eighths
outcomes = st.sampled_from(["SUCCESS", "SUCCESS", "SUCCESS", "CLOSED", "ABNORMAL"])
wares = st.sampled_from(["cup", "cup", "cup", "both", "month", "year"])
NOT_SOLD = OfferSoldOut, OfferTooMany, PointsShort, PlanNotAbove
NOT_BACK = OrderRefundTooMuch, RefundNeedsSecond, RefundNothing, RefundQuoteChanged, RefundTooLate


class ShoppingSteps(World):
    """What is sold, and what goes back of it."""

    # --- ordering

    @rule(who=buyers, what=wares, quantity=st.sampled_from([1, 1, 2]), how=strikes, at=places)
    def order(self, who, what, quantity, how, at):
        """Whatever had no clear answer is asked for again first."""
        for key in list(self.book.unanswered):
            whose, asks = self.book.unanswered.pop(key)
            self._ordered(whose, key, asks, self.ask(asks, None, at))
        person, key = self.people[who], self.key()

        async def asks() -> Any:
            return await self.asked_for(person, what, key, quantity)

        self._ordered(who, key, asks, self.ask(asks, how, at))

    async def asked_for(self, person: Any, what: str, key: str, quantity: int = 1) -> Any:
        if what in self.plans:
            return await self.handlers.plans.buying.order(person, PlanWanted(self.plans[what]), request_id=key)
        wanted = Wanted(self.offers[what].id, quantity=quantity)
        return await self.handlers.ordering.order(person, wanted, request_id=key)

    def _ordered(self, who: str, key: str, asks: Any, answer: Any) -> None:
        if isinstance(answer, PaymentUnavailable):
            self.book.unanswered[key] = who, asks  # the order stands, or perhaps it does
        elif isinstance(answer, DomainError):
            assert isinstance(answer, (*NOT_SOLD, OrderNotWaiting, PaymentRefused)), answer
            if isinstance(answer, NOT_SOLD):
                return
        else:
            self.book.sales[answer.value.order.id] = who
            self.seen["ordered"] += 1

    @precondition(lambda self: self.payable())
    @rule(pick=picks, is_told=st.booleans())
    def somebody_pays(self, pick, is_told):
        """Also what is over, with the money on its way already."""
        trade = self.one_of(self.payable(), pick)
        self.seen["paid late" if self.now >= trade.expires_at else "paid"] += 1
        self.do(self._pays(trade, is_told=is_told))

    def payable(self) -> list[Trade]:
        """What can still be open on somebody's phone, closed there or not."""
        return [
            each
            for each in self.wallet.pay.trades.values()
            if each.state in {"NOTPAY", "CLOSED"} and self.now < each.expires_at + 30 * MINUTE
        ]

    async def _pays(self, trade: Trade, *, is_told: bool) -> None:
        self.wallet.pay_number(trade.number)
        await self.wallet.pay.settle()
        if is_told:  # at once, and once more from the box later
            assert await self.wallet.pay.tell_trade(trade) == TAKEN

    def cancel(self, pick: int, how: How | None, at: int) -> None:
        order = self.one_of(self.orders(OrderState.WAITING), pick)
        person, key = self.people[self.names[order.member_id]], self.key()
        answer = self.ask(lambda: self.handlers.orders.cancel(person, order.id, request_id=key), how, at)
        assert not isinstance(answer, DomainError) or isinstance(answer, OrderNotWaiting), answer
        self.seen["cancelled"] += not isinstance(answer, DomainError)

    # --- using

    async def redeem(self, pick: int) -> None:
        held = await OrderClaim.filter(order__member_id__in=list(self.names), order__state=OrderState.PAID).order_by(
            "id"
        )
        usable = await Claim.filter(id__in=[each.claim_id for each in held], state=ClaimState.ISSUED).order_by("id")
        claim = self.one_of(usable, pick)
        if claim is not None:
            scan = Scan(code=typed_code(self.rooms.vault, claim.id, 0), uses=1)
            try:
                await self.house.till.redeem(scan, key=self.key())
            except NotStarted:  # the clock went back
                return
            self.seen["redeemed"] += 1

    # --- giving back

    @precondition(lambda self: self.orders_here(OrderState.PAID))
    @rule(
        pick=picks, becomes=outcomes, is_twice=st.booleans(), is_sent=st.booleans(), mood=moods, how=strikes, at=places
    )
    def give_all_back(self, pick, becomes, is_twice, is_sent, mood, how, at):
        """What the quote says, once or by two requests at the same moment."""
        self.refunds_become(becomes)
        order = self.one_of(self.orders_here(OrderState.PAID), pick)
        person, refunds = self.people[self.names[order.member_id]], self.handlers.order_refunds
        quoted = self.do(refunds.quote(person, order.id)).amount_fen

        def asks(key: str) -> Any:
            return self.handlers.order_refunds.ask(person, order.id, amount_fen=quoted or 1, request_id=key)

        if is_twice:
            answers = self.at_once(asks(self.key()), asks(self.key()))
            assert sum(isinstance(each, DomainError) for each in answers) >= 1, answers
        else:
            key = self.key()
            answers = [self.ask(lambda: asks(key), how, at)]
        for each in answers:
            self._gave_back(each, quoted if quoted else None)
        if is_sent:
            with self.in_a(mood):
                self.do(self.handlers.order_refunds.poll())

    @precondition(lambda self: self.orders(OrderState.PAID))  # of whoever left too
    @rule(
        pick=picks,
        part=parts,
        becomes=outcomes,
        is_twice=st.booleans(),
        is_sent=st.booleans(),
        mood=moods,
        how=strikes,
        at=places,
    )
    def give_a_part_back(self, pick, part, becomes, is_twice, is_sent, mood, how, at):
        """An operator, or two of them at the same moment."""
        self.refunds_become(becomes)
        order = self.one_of(self.orders(OrderState.PAID), pick)
        part = max(order.amount_fen * part // 8, 1)  # now and then all of it, or more than is left

        def gives(who: int, key: str) -> Any:
            return self.handlers.order_refunds.give(
                self.house.finance[who], order.id, amount_fen=part, reason="送晚了", request_id=key
            )

        if is_twice:
            answers = self.at_once(gives(0, self.key()), gives(1, self.key()))
        else:
            key = self.key()
            answers = [self.ask(lambda: gives(0, key), how, at)]
        for each in answers:
            self._gave_back(each, part)
        if is_sent:
            with self.in_a(mood):
                self.do(self.handlers.order_refunds.poll())

    def _gave_back(self, answer: Any, amount_fen: int | None) -> None:
        if isinstance(answer, DomainError):
            assert isinstance(answer, NOT_BACK), answer
            return
        assert amount_fen is not None
        assert answer.value.amount_fen == amount_fen
        self.book.refunds[answer.value.id] = amount_fen
        self.seen["given back"] += 1

    def refunds_become(self, becomes: str) -> None:
        """What the payment service makes of those that it is sent from now on."""
        self.wallet.pay.always(replace(SILENT, refund_becomes=becomes))

    def send_another(self, pick: int, how: How | None, at: int) -> None:
        """What the payment service closed without effect."""
        failed, key = self.one_of(self.failed(), pick), self.key()
        operator = self.house.finance[0]
        answer = self.ask(
            lambda: self.handlers.order_refunds.send_another(operator, failed.id, request_id=key), how, at
        )
        assert not isinstance(answer, DomainError), answer
        self.book.refunds[answer.value.id] = failed.amount_fen
        self.seen["sent another"] += 1

    # --- looking

    def at_once(self, *asked: Any) -> list[Any]:
        async def both() -> list[Any]:
            return list(await asyncio.gather(*asked, return_exceptions=True))

        answers = self.do(both())
        for each in answers:
            assert not isinstance(each, BaseException) or isinstance(each, DomainError), each
        self.seen["at once"] += 1
        return answers
