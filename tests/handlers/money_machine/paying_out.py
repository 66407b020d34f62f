"""Steps of promoters and those who look at what they take out: ask, agree, refuse, take, leave lying, take back."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.errors import (
    ApprovalOwn,
    BalanceShort,
    DomainError,
    WithdrawalMoving,
    WithdrawalNotOpen,
    WithdrawalNotReviewed,
    WithdrawalOpen,
    WithdrawalTooMuch,
    WithdrawalTooOften,
)
from handlers.rules.withdrawal_states import OPEN, THERE
from models.withdrawals import Withdrawal
from models.words import OrderState, WithdrawalState
from simulator.pay_transfers import TransferBill
from tests.handlers.machine.failpoints import How
from tests.handlers.money_machine.shopping import ShoppingSteps
from tests.handlers.money_machine.world import moods, picks, places, promoters, strikes

pages = st.sampled_from(["take", "take", "move", "refuse", "close"])
NOT_ASKED = BalanceShort, WithdrawalOpen, WithdrawalTooOften, WithdrawalTooMuch
NOT_BACK = WithdrawalNotOpen, WithdrawalMoving


class PayingOutSteps(ShoppingSteps):
    """What promoters take out."""

    @rule(
        who=promoters,
        amount=st.sampled_from([30, 299, 600, 699, 799, 1_000, 1_239]),
        is_twice=st.booleans(),
        is_sent=st.booleans(),
        mood=moods,
        then=pages,
        how=strikes,
        at=places,
    )
    def take_out(self, who, amount, is_twice, is_sent, mood, then, how, at):
        """By one request, or by two at the same moment."""

        def asks(key: str) -> Any:
            asking = self.handlers.withdrawals.asking
            return asking.ask(self.people[who], amount_fen=amount, request_id=key)

        if is_twice:
            answers = self.at_once(asks(self.key()), asks(self.key()))
            assert sum(isinstance(each, DomainError) for each in answers) >= 1, answers
        else:
            key = self.key()
            answers = [self.ask(lambda: asks(key), how, at)]
        for each in answers:
            self._asked(who, amount, each)
        if is_sent:
            with self.in_a(mood):
                self.do(self.handlers.withdrawals.sending.poll())
            if bills := self.bills("WAIT_USER_CONFIRM"):
                self.do(self._page(bills[-1], then))

    def _asked(self, who: str, amount: int, answer: Any) -> None:
        if isinstance(answer, DomainError):
            assert isinstance(answer, NOT_ASKED), answer
            return
        assert answer.value.amount_fen == amount
        self.book.payouts[answer.value.id] = who, amount
        self.seen[f"asked for, {answer.value.state}"] += 1

    @precondition(lambda self: self.payouts(WithdrawalState.REVIEW) or self.failed())
    @rule(
        what=st.sampled_from(["agree", "agree", "agree", "refuse"]),
        pick=picks,
        who=st.integers(0, 1),
        is_twice=st.booleans(),
        how=strikes,
        at=places,
    )
    def operators_decide(self, what, pick, who, is_twice, how, at):
        found = self.one_of(self.payouts(WithdrawalState.REVIEW), pick)
        if self.failed():
            self.send_another(pick, how, at)
        else:
            (self._agree if what == "agree" else self._refuse)(found, who, is_twice, how, at)

    def _agree(self, found: Withdrawal, who: int, is_twice: bool, how: How | None, at: int) -> None:
        def asks(key: str) -> Any:
            return self.handlers.withdrawals.reviews.approve(self.house.finance[who], found.id, request_id=key)

        if is_twice:  # one person clicks twice
            answers = self.at_once(asks(self.key()), asks(self.key()))
            assert sum(isinstance(each, DomainError) for each in answers) >= 1, answers
        else:
            key = self.key()
            answers = [self.ask(lambda: asks(key), how, at)]
        for each in answers:
            assert not isinstance(each, DomainError) or isinstance(each, ApprovalOwn | WithdrawalNotReviewed), each
            if not isinstance(each, DomainError):
                self.seen[f"agreed to, {each.value.withdrawal.state}"] += 1

    def _refuse(self, found: Withdrawal, who: int, _: bool, how: How | None, at: int) -> None:
        def asks() -> Any:
            reviews = self.handlers.withdrawals.reviews
            return reviews.refuse(self.house.finance[who], found.id, reason="资料不符", request_id=key)

        key = self.key()
        answer = self.ask(asks, how, at)
        assert not isinstance(answer, DomainError), answer
        self.seen["refused by operators"] += 1

    @precondition(lambda self: self.orders(OrderState.WAITING) or self.payouts(*OPEN))
    @rule(pick=picks, how=strikes, at=places)
    def somebody_thinks_better_of_it(self, pick, how, at):
        open_ = self.payouts(*OPEN)
        if not open_ or (self.orders(OrderState.WAITING) and pick % 2):
            self.cancel(pick, how, at)
            return
        found, key = self.one_of(open_, pick), self.key()
        person = self.people[self.names[found.member_id]]

        def asks() -> Any:
            return self.handlers.withdrawals.asking.cancel(person, found.id, request_id=key)

        answer = self.ask(asks, how, at)
        assert not isinstance(answer, DomainError) or isinstance(answer, NOT_BACK), answer
        self.seen["wanted back"] += not isinstance(answer, DomainError)

    # --- over there

    @precondition(lambda self: self.payouts(WithdrawalState.WAITING, *THERE))
    @rule(pick=picks, what=pages)
    def a_payee_sees_the_page(self, pick, what):
        """As soon as there is one; whoever closes it may come again."""
        self.do(self.handlers.withdrawals.sending.poll())
        bill = self.one_of(self.bills("WAIT_USER_CONFIRM", "TRANSFERING"), pick)
        if bill is not None:
            self.do(self._page(bill, what))

    async def _page(self, bill: TransferBill, what: str) -> None:
        pay = self.wallet.pay
        if bill.state == "TRANSFERING":
            pay.arrive(bill)
        elif what == "close" or bill in pay.transfers.overdue(self.now):
            self.seen["a page was closed"] += 1
        else:
            shown = {"mch_id": pay.merchant.mch_id, "app_id": bill.app_id, "package": bill.package}
            if what == "refuse":
                pay.refuse_money(bill.app_id, bill.openid, shown)
            else:
                pay.transfers.confirm(bill, pay._now())
                if what == "take":
                    pay.arrive(bill)
        await pay.settle()
        self.seen[f"there: {bill.state}"] += 1

    async def a_day_is_over_there(self) -> None:
        self.seen["went home after a day"] += self.wallet.pay.send_home()
        await self.wallet.pay.settle()

    def bills(self, *states: str) -> list[TransferBill]:
        return [each for each in self.wallet.pay.transfers.bills.values() if each.state in states]
