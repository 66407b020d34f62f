"""What holds after every step, whatever happened, and at rest: our books, theirs, what was answered, what was told."""

import sys
from collections import defaultdict
from itertools import takewhile
from typing import Any
from uuid import UUID

from hypothesis.stateful import invariant

from handlers.distribution.money import money_of
from handlers.ledger.checkpoints import own_balances
from handlers.points.points_terms import fen
from handlers.settlement.statement_proofs import differing_statements
from models.database import row, rows
from models.orders import Order, OrderRefund
from models.settlement import SettlementStatement
from models.sql import as_uuid
from models.statements import invariants
from models.withdrawals import Withdrawal
from models.words import OrderRefundState, OrderState, WithdrawalState
from tests.handlers.machine.promises import OF_DOCTOR
from tests.handlers.money_machine.opening import OpeningDay
from tests.handlers.money_machine.world import DAY, HAS_FEN, RATES, Stands

# Each finds the rows that break a promise: every effect tells whom it has to tell, once, and nothing else is told.
PROMISES = {
    "what was paid for is told and reported, once, and a refund is sent": """
        SELECT e.id FROM order_event e JOIN sales_order o ON o.id = e.order_id LEFT JOIN job j
        ON j.key IN ('shipping:' || CAST(o.id AS TEXT), 'paid:' || CAST(o.id AS TEXT))
        WHERE e.to_state = 'paid' GROUP BY e.id, o.offer_id
        HAVING count(j.id) <> CASE WHEN o.offer_id IS NULL THEN 1 ELSE 2 END
        UNION ALL SELECT r.id FROM order_refund r WHERE NOT EXISTS
            (SELECT 1 FROM job j WHERE j.key = 'order_refund:' || CAST(r.id AS TEXT))
    """,
    "nobody is told of what did not happen": """
        SELECT j.id FROM job j WHERE j.kind IN ('say_paid', 'report_shipping') AND NOT EXISTS (
            SELECT 1 FROM order_event e WHERE e.to_state = 'paid' AND j.key IN
            ('shipping:' || CAST(e.order_id AS TEXT), 'paid:' || CAST(e.order_id AS TEXT)))
    """,
    "what went back is told, once, and only that": """
        SELECT r.id FROM order_refund r LEFT JOIN job j ON j.key = 'refunded:' || CAST(r.id AS TEXT)
        WHERE (r.state = 'done') <> (j.id IS NOT NULL)
        UNION ALL SELECT j.id FROM job j WHERE j.kind = 'say_refunded' AND NOT EXISTS
            (SELECT 1 FROM order_refund r WHERE j.key = 'refunded:' || CAST(r.id AS TEXT))
    """,
    "what is taken back of a commission is told, once": """
        SELECT c.id FROM commission c LEFT JOIN job j ON j.key = 'commission_back:' || CAST(c.id AS TEXT)
        WHERE (c.reverses_id IS NOT NULL) <> (j.id IS NOT NULL)
    """,
    "how a withdrawal ended is told, once, and only that": """
        SELECT w.id FROM withdrawal w LEFT JOIN job j ON j.kind = 'say_withdrawal'
            AND j.key LIKE 'withdrawal:' || CAST(w.id AS TEXT) || ':%' AND j.key NOT LIKE '%:confirm'
        GROUP BY w.id, w.state HAVING count(j.id) <> CASE WHEN w.state IN ('arrived', 'returned', 'refused')
            THEN 1 ELSE 0 END
    """,
    "whatever waits to be sent has its job": """
        SELECT w.id FROM withdrawal w WHERE w.state IN ('waiting', 'sent', 'confirm', 'moving') AND
            (w.look_at IS NULL OR NOT EXISTS (SELECT 1 FROM job j WHERE j.key = 'withdrawal:' || CAST(w.id AS TEXT)))
    """,
    "whoever left has nothing, waits for nothing and is nobody's promoter": """
        SELECT m.id FROM member m WHERE m.status = 'erased' AND (
            EXISTS (SELECT 1 FROM ledger_account a WHERE a.member_id = m.id AND (a.posted > 0 OR a.held <> 0))
            OR EXISTS (SELECT 1 FROM claim c WHERE c.member_id = m.id
                AND c.state IN ('pending', 'issued', 'partly_used'))
            OR EXISTS (SELECT 1 FROM sales_order o WHERE o.member_id = m.id
                AND (o.state = 'waiting' OR o.payer_hash <> ''))
            OR EXISTS (SELECT 1 FROM withdrawal w WHERE w.member_id = m.id
                AND (w.closed_at IS NULL OR w.payee_hash <> '' OR w.package <> ''))
            OR EXISTS (SELECT 1 FROM promoter_binding b WHERE b.member_id = m.id)
            OR EXISTS (SELECT 1 FROM promoter p WHERE p.member_id = m.id AND (p.state = 'active'
                OR EXISTS (SELECT 1 FROM promoter_link l WHERE l.promoter_id = p.id AND l.code NOT LIKE 'gone:%')
                OR EXISTS (SELECT 1 FROM commission c WHERE c.promoter_id = p.id AND c.back_fen < c.amount_fen
                    AND c.state IN ('pending', 'frozen'))))
            OR EXISTS (SELECT 1 FROM request r WHERE r.actor_kind = 'person' AND r.actor_id = CAST(m.id AS TEXT)))
    """,
    "an order that may still be paid is looked at": """
        SELECT id FROM sales_order WHERE state = 'waiting' AND look_at IS NULL
    """,
}
BROKEN = " UNION ALL ".join(
    f"SELECT {number} AS promise WHERE EXISTS ({sql})" for number, sql in enumerate(PROMISES.values())
)
OVER = {
    *(OrderState.REFUNDED, OrderRefundState.DONE, OrderRefundState.REPLACED),
    *(WithdrawalState.ARRIVED, WithdrawalState.RETURNED, WithdrawalState.REFUSED),
}
RESTS = {OrderState.PAID, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REFUNDED}


class MoneyGame(OpeningDay):
    """All steps, and the promises."""

    @invariant()
    def every_promise_is_kept(self):
        self.do(self.keeps_its_promises())

    async def keeps_its_promises(self) -> None:
        await self.all_is_quiet()
        assert [list(PROMISES)[each["promise"]] for each in await rows(BROKEN)] == []
        assert [invariants.CHECKS[each["rule"]].what for each in await rows(OF_DOCTOR)] == []
        await self.look()
        await self._as_answered(self.stands)

    async def _as_answered(self, stands: Stands) -> None:
        """Nothing that was answered is lost, nothing is there that nobody asked for, and what is over stays so."""
        orders, refunds, payouts = stands.orders, stands.refunds, stands.payouts
        book, there = self.book, {each.id: each for each in orders}
        assert book.sales.keys() <= there.keys()
        assert all(there[each].member_id == self.people[who].member_id for each, who in book.sales.items())
        asked = {each.id: each.amount_fen for each in refunds}
        assert book.refunds.items() <= asked.items()
        ours = {each.id for each in refunds if each.cause in {"member", "operator"}}
        assert ours <= book.refunds.keys(), "a refund that nobody was told of"
        assert {each.id: each.amount_fen for each in payouts} == {
            each: amount for each, (_, amount) in book.payouts.items()
        }
        for each in (*orders, *refunds, *payouts):
            assert book.ended.get(each.id, each.state) == each.state
            if each.state in OVER:
                book.ended[each.id] = each.state
        self._never_ahead_of_them(stands)
        await self._promoters_have_their_part(stands)

    def _never_ahead_of_them(self, stands: Stands) -> None:
        """Money that we say came, went back or went out did so there, to the fen; what we gave up nobody can have."""
        pay, orders, refunds, payouts = self.wallet.pay, stands.orders, stands.refunds, stands.payouts
        for order in orders:
            trade = pay.trades.get(order.number)
            if order.transaction_id is not None:
                assert trade is not None
                assert (trade.transaction_id, trade.amount_fen) == (order.transaction_id, order.amount_fen)
            if trade is not None:
                assert trade.refunded_fen <= trade.amount_fen == order.amount_fen
            if order.look_at is None and order.transaction_id is None:
                assert trade is None or trade.state != "NOTPAY"
        numbers = {each.number: each for each in refunds}
        for refund in refunds:
            if refund.state is OrderRefundState.DONE:
                there = pay.refunds[refund.number]
                assert (there.state, there.amount_fen) == ("SUCCESS", refund.amount_fen)
        for there in pay.refunds.values():
            if there.trade.number in {each.number for each in orders}:
                assert numbers[there.number].amount_fen == there.amount_fen
        for payout in payouts:
            bill = pay.transfers.bills.get(payout.number)
            assert bill is None or (bill.paid_count <= 1 and bill.amount_fen == payout.amount_fen)
            if payout.state is WithdrawalState.ARRIVED:
                assert bill is not None
                assert bill.state == "SUCCESS"
            if payout.state in {WithdrawalState.RETURNED, WithdrawalState.REFUSED}:
                assert bill is None or bill.state in {"FAIL", "CANCELLED"}
        known, openids = {each.number for each in payouts}, {f"o-{self.runs}-{each}" for each in self.people}
        assert {each.number for each in pay.transfers.bills.values() if each.openid in openids} <= known

    async def _promoters_have_their_part(self, stands: Stands) -> None:
        """Of what is still paid of every order that was given: floored, less what went out; a debt is below zero."""
        gave = await rows("SELECT DISTINCT order_id FROM order_event WHERE to_state = 'paid'")
        given = {as_uuid(each["order_id"]) for each in gave}
        part: dict[str, int] = defaultdict(int, dict.fromkeys(self.book.given, HAS_FEN))
        for order in stands.orders:
            chain = self.book.chains.setdefault(order.id, self._chain(self.names[order.member_id]))
            if order.id in given:
                for who, rate in zip(
                    self.book.earners.setdefault(order.id, self._still_here(chain)), RATES, strict=False
                ):
                    earned = order.amount_fen * rate // 10_000
                    part[who] += earned * (order.amount_fen - order.refunded_fen) // order.amount_fen
        for who, left_fen in self.book.gave_up.items():
            part[who] -= left_fen
        for each in stands.payouts:
            if each.state is WithdrawalState.ARRIVED:
                part[self.names[each.member_id]] -= each.amount_fen
        has: dict[str, int] = defaultdict(int)
        found = await rows(
            "SELECT member_id, kind, posted FROM ledger_account WHERE unit = 'fen' AND member_id IS NOT NULL"
        )
        for account in found:
            if (who := self.names.get(as_uuid(account["member_id"]))) is not None:
                has[who] += int(account["posted"])
                self.seen["a debt"] += account["kind"] == "receivable" and int(account["posted"]) < 0
        assert {who: fen for who, fen in has.items() if fen} == {who: fen for who, fen in part.items() if fen}

    def _chain(self, buyer: str) -> list[str]:
        """Who brings about what is ordered now: the promoter who brought them, and who brought that one."""
        chain: list[str] = []
        while len(chain) < len(RATES) and (by := self.book.brought.get(chain[-1] if chain else buyer)) is not None:
            chain.append(by)
        return self._still_here(chain)

    def _still_here(self, chain: list[str]) -> list[str]:
        """Up to the first who left: nobody stands on whoever does not count."""
        return list(takewhile(lambda who: who not in self.book.gone, chain))

    # --- at rest

    def teardown(self) -> None:
        """The end of a game that went well: everything comes to rest, and both have the same books."""
        if sys.exc_info()[0] is None:
            self.do(self.comes_to_rest())
            self.every_promise_is_kept()
            self.do(self._both_have_the_same_books())

    async def _both_have_the_same_books(self) -> None:
        orders, refunds, payouts = self.stands.orders, self.stands.refunds, self.stands.payouts
        assert {each.state for each in orders} <= RESTS
        left = [(each.id, each.state, each.look_at) for each in orders if each.look_at is not None]
        assert left == [], (left, self.now)
        assert {each.state for each in refunds} <= {OrderRefundState.DONE, OrderRefundState.REPLACED}
        open_ = [
            (each.state, each.said, each.look_at, self.wallet.pay.transfers.bills.get(each.number))
            for each in payouts
            if each.state not in OVER
        ]
        assert open_ == [], (open_, self.now)
        pay, everything = self.wallet.pay, await Order.all()
        came = {each.number: each.amount_fen for each in pay.trades.values() if each.transaction_id}
        assert {each.number: each.amount_fen for each in everything if each.transaction_id} == came
        back = {each.number: each.amount_fen for each in pay.refunds.values() if each.state == "SUCCESS"}
        done = await OrderRefund.filter(state=OrderRefundState.DONE)
        assert {each.number: each.amount_fen for each in done} == back
        out = {each.number: each.amount_fen for each in pay.transfers.bills.values() if each.paid_count}
        arrived = await Withdrawal.filter(state=WithdrawalState.ARRIVED)
        assert {each.number: each.amount_fen for each in arrived} == out
        money = (await money_of([each.member_id for each in self.people.values()])).values()
        assert all(each.owed_fen == 0 or each.available_fen == 0 for each in money), "a debt that could be paid"
        balances = await own_balances(await fen(), at=self.now + DAY)
        stands = {kind.value: amount for kind, amount in balances.items()}
        assert stands.get("received", 0) == sum(back.values()) - sum(came.values())
        assert (stands.get("payable", 0), stands.get("paid_out", 0)) == (0, sum(out.values()))
        assert await differing_statements() == []
        self._statements_stay(await SettlementStatement.all())
        told = await row("SELECT count(*) AS n FROM job WHERE state = 'dead'")
        assert told is not None
        assert told["n"] == 0
        self.seen["came to rest"] += 1

    def _statements_stay(self, found: list[Any]) -> None:
        """What was closed is never another one."""
        stood: dict[UUID, str] = self.closed
        assert stood.items() <= {each.id: each.hash for each in found}.items()
        stood.update({each.id: each.hash for each in found})
