"""The day on which a game opens: everything happens once, so that what is missing is missed whatever comes later."""

from typing import Any

from handlers.orders.order_views import OrderSeen
from simulator.wechat_pay import Trade
from tests.handlers.money_machine.leaving import LeavingSteps
from tests.handlers.money_machine.wallet import NOT_OURS, SILENT, TAKEN, Mood
from tests.handlers.money_machine.world import DAY, MINUTE

LEAST_FEN = 30


class OpeningDay(LeavingSteps):
    """Afterwards one cup is used, one is paid, one is ordered, and Far has a membership, of which the bookshop has a
    share; Hong has a commission, and money went to her wallet. Far left and came back; Lan could not leave."""

    async def _begin(self) -> None:
        self.wallet.mood = Mood.FINE
        self.wallet.pay.always(SILENT)
        ming, wang = await self._bought("ming"), await self._bought("wang")
        await self.redeem(0)
        await self._ordered_and_cancelled()
        await self._two_parts_go_back(wang)
        await self._two_parts_go_back(await self._bought("far", "month"))
        self.rooms.clock.advance(DAY)
        await self.handlers.commission_releasing.sweep()
        await self._an_answer_is_lost()
        await self.leaves("lan")
        await self.leaves("far")
        await self._bought("far", "month")
        await self._somebody_lies_about(await self._buys("far"))
        await self.leaves("far")
        assert self.wallet.pay.trades[ming.number].told > 0

    async def _buys(self, who: str, what: str = "cup") -> OrderSeen:
        order = (await self.asked_for(self.people[who], what, self.key())).value.order
        self.book.sales[order.id] = who
        return order

    def _trade(self, order: OrderSeen) -> Trade:
        return self.wallet.pay.trades[order.number]

    async def _bought(self, who: str, what: str = "cup") -> OrderSeen:
        """Paid, and told of twice."""
        order = await self._buys(who, what)
        for _ in range(2):
            if not self._trade(order).transaction_id:
                await self._pays(self._trade(order), is_told=True)
            else:
                assert await self.wallet.pay.tell_trade(self._trade(order)) == TAKEN
        return order

    async def _ordered_and_cancelled(self) -> None:
        order = await self._buys("far")
        await self.handlers.orders.cancel(self.people["far"], order.id, request_id=self.key())

    async def _somebody_lies_about(self, order: OrderSeen) -> None:
        """A fen less, and nobody has paid at all."""
        amount = {"currency": "CNY", "total": order.amount_fen - 1}
        facts: dict[str, Any] = {"trade_state": "SUCCESS", "transaction_id": f"44{self.runs:026}", "amount": amount}
        assert await self.wallet.pay.tell_trade(self._trade(order), **facts) == NOT_OURS

    async def _two_parts_go_back(self, order: OrderSeen) -> None:
        for fen in (7, 8):
            answer = await self.handlers.order_refunds.give(
                self.house.finance[0], order.id, amount_fen=fen, reason="少找了", request_id=self.key()
            )
            self.book.refunds[answer.value.id] = fen
            self.rooms.clock.advance(MINUTE)
            await self.handlers.order_refunds.poll()

    async def _an_answer_is_lost(self) -> None:
        """Hong takes something out; the answer is lost, the next one is unclear, and then it can be taken."""
        key, asking = self.key(), self.handlers.withdrawals.asking
        asked = await asking.ask(self.people["hong"], amount_fen=LEAST_FEN, request_id=key)
        self.book.payouts[asked.value.id] = "hong", LEAST_FEN
        for mood in (Mood.LOST, Mood.UNSIGNED, Mood.FINE):
            with self.in_a(mood):
                await self.handlers.withdrawals.sending.poll()
            self.rooms.clock.advance(MINUTE)
        bill = self.wallet.pay.transfers.bills.get(asked.value.number)
        assert bill is not None
        assert bill.state == "WAIT_USER_CONFIRM"
        await self._page(bill, "take")
        assert await self.wallet.pay.tell_transfer(bill) == TAKEN
