"""Steps of time, of the post between the payment service and us, of jobs, and of misfortune."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from app.work import work
from app.worker import Worker
from handlers.errors import ApprovalOwn, WithdrawalNotReviewed
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import day_of
from models.orders import Order, OrderRefund
from models.withdrawals import Withdrawal
from models.words import OrderRefundState, WithdrawalState
from simulator.wechat_pay import Refund
from tests.handlers.machine.failpoints import How
from tests.handlers.money_machine.paying_out import PayingOutSteps
from tests.handlers.money_machine.wallet import NOT_OURS, SILENT, TAKEN, Mood, Notice
from tests.handlers.money_machine.world import DAY, MINUTE, moods, picks, places, strikes

HOW_LONG = (
    *(timedelta(0), timedelta(0), timedelta(0), MINUTE, MINUTE, 5 * MINUTE, 16 * MINUTE, 16 * MINUTE, 16 * MINUTE),
    *(timedelta(hours=5), DAY, DAY, DAY, 2 * DAY, -MINUTE, -20 * MINUTE, -timedelta(hours=1)),
)
LOOKS = "orders", "orders", "refunds", "payouts", "payouts", "payouts", "work"
THEN = "nothing", "redeem", "release"
BENT = ("a fen less", "a fen more", "another payer", "another merchant", "another app", "another number")


class RunningSteps(PayingOutSteps):
    """What goes on by itself."""

    # --- the post

    @rule(
        pick=picks,
        times=st.sampled_from([1, 1, 2]),
        stays=st.booleans(),
        bent=st.sampled_from([*[""] * 9, *BENT]),
        how=strikes,
        at=places,
    )
    def a_notice_comes(self, pick, times, stays, bent, how, at):
        """Any of those there are, also of long ago; perhaps again later, perhaps twice at the same moment."""
        if bent:
            self._a_bent_one_comes(pick, bent)
            return
        self.wallet.collect()
        notice = self.one_of(self.wallet.box, pick)
        if notice is None:
            return
        if how is not None and self.breaks(lambda: self._post(notice), how, at):
            return  # it comes again: it lies in the box still
        statuses = self.at_once(*(self._post(notice) for _ in range(times)))
        assert set(statuses) == {TAKEN}, statuses
        self.seen["told twice at once"] += times > 1
        if not stays:
            self.wallet.box.remove(notice)
        self.seen["told"] += 1

    async def _post(self, notice: Notice) -> int:
        return await self.wallet.pay.post(notice.url, notice.body)

    def _a_bent_one_comes(self, pick: int, bent: str) -> None:
        """Of a payment that has not been made; what is refused leaves nothing behind.

        Who paid is compared with nobody once they have left: what comes for them goes back to whoever paid.
        """
        forgotten = self.do(self._of_forgotten_payers()) if bent == "another payer" else set()
        trades = [each for each in self.wallet.pay.trades.values() if each.number not in forgotten]
        trade = self.one_of([each for each in trades if not each.transaction_id], pick)
        if trade is None:
            return
        amount = {"currency": "CNY", "total": trade.amount_fen + {"a fen less": -1, "a fen more": 1}.get(bent, 0)}
        facts: dict[str, Any] = {"trade_state": "SUCCESS", "transaction_id": f"43{pick:026}", "amount": amount}
        facts |= {
            "another payer": {"payer": {"openid": "oSomebodyElse000000000000000"}},
            "another merchant": {"mchid": "1900000000"},
            "another app": {"appid": "wx0000000000000000"},
            "another number": {"out_trade_no": "0" * 32},
        }.get(bent, {})
        assert self.do(self.wallet.pay.tell_trade(trade, **facts)) == NOT_OURS
        self.seen[f"not believed: {bent}"] += 1

    async def _of_forgotten_payers(self) -> set[str]:
        return set(await Order.filter(payer_hash="").values_list("number", flat=True))

    # --- jobs

    @rule(what=st.sampled_from(LOOKS), mood=moods, how=strikes, at=places)
    def somebody_looks(self, what, mood, how, at):
        handlers = self.handlers
        looks: dict[str, Callable[[], Awaitable[Any]]] = {
            "orders": handlers.order_watch.poll,
            "refunds": handlers.order_refunds.poll,
            "payouts": handlers.withdrawals.sending.poll,
            "work": self._work,
        }

        async def look() -> None:
            await looks[what]()

        with self.in_a(mood):
            if how is None or what == "work" or not self.breaks(look, how, at):
                self.do(look())

    async def _work(self) -> None:
        await Worker(work(), self.handlers, self.rooms.clock).drain()

    def release(self, how: How | None, at: int) -> None:
        async def look() -> None:
            self.seen["released"] += await self.handlers.commission_releasing.sweep()

        if how is None or not self.breaks(look, how, at):
            self.do(look())

    async def close_days(self) -> None:
        yesterday = day_of(self.now, BUSINESS_ZONE) - DAY
        self.seen["a statement"] += await self.handlers.statement_closing.up_to(self.house.till.merchant.id, yesterday)
        self.seen["held back or earned"] += await self.handlers.sale_deferring.sweep()

    # --- time and misfortune

    @rule(by=st.sampled_from(HOW_LONG), then=st.sampled_from(THEN), pick=picks, how=strikes, at=places)
    def time_passes(self, by, then, pick, how, at):
        self.rooms.clock.advance(by)
        self.seen["the clock went back"] += by < timedelta(0)
        if by >= DAY:
            self.do(self.a_day_is_over_there())
            self.do(self.close_days())
        if by >= DAY or then == "release":
            self.release(how, at)
        if then == "redeem":
            self.do(self.redeem(pick))

    @rule(
        what=st.sampled_from([*Mood, *[Mood.FINE] * 4, "get loose", "lost", "anew", "wiped"]),
        pick=picks,
    )
    def something_goes_wrong(self, what, pick):
        if isinstance(what, Mood):
            self.wallet.mood = what
        elif what == "get loose":
            self._get_loose(self.one_of(list(self.wallet.pay.refunds.values()), pick))
        elif what == "lost":
            self._lose(pick)
        else:
            self.do(self._starts_anew(is_wiped=what == "wiped"))
        self.seen[str(what)] += 1

    def _lose(self, pick: int) -> None:
        self.wallet.collect()
        notice = self.one_of([each for each in self.wallet.box if not each.is_certain], pick)
        if notice is not None:
            self.wallet.box.remove(notice)
            self.seen["a notice was lost"] += 1

    async def _starts_anew(self, *, is_wiped: bool) -> None:
        if is_wiped:
            await self.redis.flushall()
        await self.starts_anew()

    # --- rest

    async def comes_to_rest(self) -> None:
        """Nothing is deaf any more, whoever has to decide does, and time passes until nothing is under way."""
        pay = self.wallet.pay
        self.wallet.mood = Mood.FINE
        pay.always(SILENT)
        for hours in (2, 2, 2, 24, 2, 2, 24, 2):
            await self._people_see_to_it()
            for bill in self.bills("WAIT_USER_CONFIRM", "TRANSFERING"):
                if bill not in pay.transfers.overdue(self.now):
                    await self._page(bill, "take")
            pay.send_home()
            await pay.settle()
            self.wallet.collect()
            for notice in self.wallet.box:
                if notice.is_certain:
                    await self._post(notice)
            self.rooms.clock.advance(timedelta(hours=hours))
            await self.handlers.order_watch.poll()
            await self.handlers.order_refunds.return_unfulfilled()
            await self.handlers.order_refunds.poll()
            await self.handlers.withdrawals.sending.poll()
        await self._work()
        await self.handlers.commission_releasing.sweep()
        self.wallet.box.clear()

    async def _people_see_to_it(self) -> None:
        """Operators agree to what waits for them, and send anew what was closed; what is stuck is got loose."""
        for each in await Withdrawal.filter(state=WithdrawalState.REVIEW):
            for operator in self.house.finance:
                with suppress(ApprovalOwn, WithdrawalNotReviewed):
                    await self.handlers.withdrawals.reviews.approve(operator, each.id, request_id=self.key())
        for failed in await OrderRefund.filter(state=OrderRefundState.FAILED):
            refunds, operator = self.handlers.order_refunds, self.house.finance[0]
            anew = (await refunds.send_another(operator, failed.id, request_id=self.key())).value
            self.book.refunds[anew.id] = anew.amount_fen
        for refund in self.wallet.pay.refunds.values():
            self._get_loose(refund)

    def _get_loose(self, refund: Refund | None) -> None:
        if refund is not None and refund.state == "ABNORMAL":
            refund.state, refund.trade.refunded_fen = "SUCCESS", refund.trade.refunded_fen + refund.amount_fen
            self.seen["a refund was stuck"] += 1
