"""Steps of people who leave, with whatever is open, and come back as somebody else of the same WeChat."""

import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from handlers.actors import Person
from handlers.errors import (
    ApprovalOwn,
    DepartureHindered,
    DomainError,
    NotSignedIn,
    OrderNotWaiting,
    WithdrawalNotReviewed,
)
from handlers.identity.returning import is_returning
from handlers.privacy.departures import GivenUp
from handlers.rules.claim_states import OPEN
from models.claims import Claim
from models.database import row, rows
from models.identity import Identifier
from models.orders import Order
from models.withdrawals import Withdrawal
from models.words import OrderRefundState, OrderState, PromoterState, WithdrawalState
from tests.dumping import dump, found_in
from tests.handlers.distributing import Seller, brought, codes
from tests.handlers.money_machine.running import RunningSteps
from tests.handlers.money_machine.wallet import Mood
from tests.handlers.money_machine.world import DAY, HAS_POINTS, MINUTE, people, picks, places, strikes

PROMOTERS = {"hong", "lan"}
# What a departure may meet: another one of the same person, a notice that comes, a look at what is due.
meetings = st.sampled_from(["nothing", "nothing", "itself", "notice", "notice", "release"])
UNDER_WAY = {OrderRefundState.WAITING, OrderRefundState.SENT, OrderRefundState.STUCK}


class LeavingSteps(RunningSteps):
    """Leave, be refused with every reason there is, come back."""

    @rule(
        who=people, is_tidy=st.booleans(), is_brought=st.booleans(), meets=meetings, pick=picks, how=strikes, at=places
    )
    def somebody_leaves(self, who, is_tidy, is_brought, meets, pick, how, at):
        """As everything stands, or once they have seen to what is in their hands; some leave their money."""
        if is_tidy:
            self.do(self._tidies_up(who))
        if meets == "nothing":
            if how is not None:
                self.do(self._before(who))
                self.breaks(lambda: self._asks_to(self.people[who]), how, at)
            self.do(self.leaves(who, gives_up=pick % 2 == 0, insists=pick % 5 == 4, is_brought=is_brought))
        else:
            self.do(self._leaves_while(who, meets, pick, is_brought=is_brought))

    async def leaves(self, who: str, *, gives_up: bool = False, insists: bool = False, is_brought: bool = True) -> None:
        """And comes back; or is refused with exactly what is open. `insists`: on what they paid for."""
        person, left = self.people[who], await self._was_gone(who)
        reasons = set() if left else await self._before(who)
        hashes, free, paid = await self._hashes(person), 0, await self._paid_claims(person.member_id)
        if insists and paid:
            paid = 0
            reasons.add("claims.paid")
        if gives_up and "balance.left" in reasons:
            reasons.remove("balance.left")
            free = await self._free(person.member_id)
        try:
            await self._asks_to(person, GivenUp(free, paid))
        except DepartureHindered as refused:
            assert set(refused.facts["reasons"]) == reasons, (refused.facts, reasons)  # noqa: PT017
            self._hindered(refused)
        else:
            assert not reasons, reasons
            self.book.gave_up[f"{who}*{len(self.book.gone)}"] = free
            self.seen["gave up money"] += free > 0
            await self._is_gone(who, hashes, is_brought=is_brought)

    async def _leaves_while(self, who: str, meets: str, pick: int, *, is_brought: bool) -> None:
        """At the same moment; whichever is first."""
        await self._before(who)
        person = self.people[who]
        hashes = await self._hashes(person)
        also: list[Any] = []
        if meets == "notice":
            self.wallet.collect()
            notice = self.one_of(self.wallet.box, pick)
            also = [self._post(notice)] if notice is not None else []
        elif meets == "release":
            also = [self.handlers.commission_releasing.sweep()]
        else:
            also = [self._asks_to(person)]
        answer, *others = await asyncio.gather(self._asks_to(person), *also, return_exceptions=True)
        for each in (answer, *others):
            if isinstance(each, BaseException) and not isinstance(each, DomainError):
                raise each
        if isinstance(answer, DomainError):
            assert isinstance(answer, DepartureHindered), answer
            self._hindered(answer)
        else:
            await self._is_gone(who, hashes, is_brought=is_brought)
            self.seen[f"left and met {meets}"] += 1

    async def _asks_to(self, person: Person, gives_up: GivenUp | None = None) -> None:
        """By themselves they give up what they paid for, and no money."""
        paid = await self._paid_claims(person.member_id)
        await self.handlers.departures.leave(person, gives_up or GivenUp(claims=paid))

    def _hindered(self, refused: DepartureHindered) -> None:
        for each in refused.facts["reasons"]:
            self.seen[f"stays: {each}"] += 1

    async def _before(self, who: str) -> set[str]:
        """Everything is looked at as it stands, for what comes counts otherwise; what speaks against their leaving."""
        await self.keeps_its_promises()
        member_id, stands = self.people[who].member_id, self.stands
        theirs = [each for each in stands.orders if each.member_id == member_id]
        ids = {each.id for each in theirs}
        reasons = set()
        if any(each.state in {OrderState.WAITING, OrderState.RETURNING} for each in theirs) or any(
            each.order_id in ids and each.state in UNDER_WAY for each in stands.refunds
        ):
            reasons.add("order.open")
        has = await self._money(member_id)
        if any(each.member_id == member_id and each.closed_at is None for each in stands.payouts):
            reasons.add("withdrawal.open")
        if await self._free(member_id) > 0:
            reasons.add("balance.left")
        if has.get("pending", 0) > 0:
            reasons.add("commission.pending")
        return reasons

    async def _money(self, member_id: Any) -> dict[str, int]:
        found = await rows("SELECT kind, posted FROM ledger_account WHERE unit = 'fen' AND member_id = $1", member_id)
        return {each["kind"]: int(each["posted"]) for each in found}

    async def _free(self, member_id: Any) -> int:
        sql = (
            "SELECT posted - held AS free FROM ledger_account WHERE unit = 'fen' AND kind = 'member' AND member_id = $1"
        )
        found = await row(sql, member_id)
        return int(found["free"]) if found else 0

    async def _paid_claims(self, member_id: Any) -> int:
        held = Claim.filter(member_id=member_id, state__in=OPEN, price_fen__gt=0)
        return sum(each.expires_at is None or each.expires_at > self.now for each in await held)

    async def _was_gone(self, who: str) -> bool:
        """Whether what broke was done all the same."""
        return not await Identifier.filter(member_id=self.people[who].member_id).exists()

    async def _hashes(self, person: Person) -> set[str]:
        held = set(await Identifier.filter(member_id=person.member_id).values_list("value_hash", flat=True))
        held |= set(await Order.filter(member_id=person.member_id).values_list("payer_hash", flat=True))
        held |= set(await Withdrawal.filter(member_id=person.member_id).values_list("payee_hash", flat=True))
        return held - {""}

    async def _is_gone(self, who: str, hashes: set[str], *, is_brought: bool) -> None:
        former, person, book = f"{who}*{len(self.book.gone)}", self.people[who], self.book
        assert not found_in(await dump(), hashes | {f"o-{self.runs}-{who}"})
        await self._no_door_opens(person)
        self.people[former], self.names[person.member_id] = person, former
        book.gone.add(former)
        book.given = {former if each == who else each for each in book.given}
        book.sales |= {each: former for each, whose in book.sales.items() if whose == who}
        book.payouts |= {each: (former, fen) for each, (whose, fen) in book.payouts.items() if whose == who}
        book.unanswered = {key: each for key, each in book.unanswered.items() if each[0] != who}
        book.brought = {one: former if by == who else by for one, by in book.brought.items()}
        book.brought.pop(who, None)
        for chains in (book.chains, book.earners):
            for chain in chains.values():
                chain[:] = [former if each == who else each for each in chain]
        self.seen["left"] += 1
        self.seen["a promoter left"] += who in PROMOTERS
        await self._comes_back(who, is_brought=is_brought)
        assert not await Identifier.filter(member_id=person.member_id).exists()

    async def _no_door_opens(self, person: Person) -> None:
        """To whoever they were, whatever they still have in hand."""
        asks = [
            self.asked_for(person, "cup", self.key()),
            self.handlers.withdrawals.asking.ask(person, amount_fen=30, request_id=self.key()),
        ]
        asks += [
            self.handlers.order_refunds.ask(person, order.id, amount_fen=1, request_id=self.key())
            for order in await Order.filter(member_id=person.member_id)
        ]
        for each in asks:
            try:
                await each
            except NotSignedIn:
                continue
            raise AssertionError("a door opened to somebody who had left")

    async def _comes_back(self, who: str, *, is_brought: bool) -> None:
        openid, by = f"o-{self.runs}-{who}", {"ming": "hong", "wang": "hong", "hong": "lan"}.get(who)
        if is_brought and by is not None:
            code = (await self.handlers.promoter_links.make(self.people[by], None, request_id=self.key())).value.code
            assert code in await codes()
            person = (await brought(self.rooms, openid, code)).person
            self.book.brought[who] = by
        else:
            person = await self.rooms.member(openid)
        assert person.member_id not in self.names
        assert await is_returning([person.member_id], now=self.now, vault=self.rooms.vault)
        if who in PROMOTERS:
            promoter = await Seller(self.rooms, person).approved()
            assert (await promoter.rooms.handlers.promoters.view(person)).state is PromoterState.ACTIVE
        else:
            await self.house.mall.earn(person, HAS_POINTS)
        self.people[who], self.names[person.member_id] = person, who
        self.seen["came back"] += 1

    # --- seeing to it

    async def _tidies_up(self, who: str) -> None:
        """What is in their own hands, and in those of whom they ask."""
        with self.in_a(Mood.FINE):
            for order in await Order.filter(member_id=self.people[who].member_id, state=OrderState.WAITING):
                try:
                    await self.handlers.orders.cancel(self.people[who], order.id, request_id=self.key())
                except OrderNotWaiting:  # it was paid
                    self.seen["paid for all the same"] += 1
            await self.handlers.order_refunds.poll()
            if who in PROMOTERS:
                await self._takes_everything_out(who)

    async def _takes_everything_out(self, who: str) -> None:
        """Once everything that was sold is used, and its time is over."""
        for pick in range(12):
            await self.redeem(pick)
        for _ in range(2):
            self.rooms.clock.advance(DAY + MINUTE)
            await self.a_day_is_over_there()
            await self.close_days()
            await self.handlers.withdrawals.sending.poll()
            self.seen["released"] += await self.handlers.commission_releasing.sweep()
        fen = (await self.handlers.withdrawals.asking.balance(self.people[who])).available_fen
        try:
            asked = await self.handlers.withdrawals.asking.ask(self.people[who], amount_fen=fen, request_id=self.key())
        except DomainError as refused:
            self.seen[f"keeps it: {type(refused).__name__}"] += 1
            return
        self._asked(who, fen, asked)
        for operator in self.house.finance:
            try:
                await self.handlers.withdrawals.reviews.approve(operator, asked.value.id, request_id=self.key())
            except (ApprovalOwn, WithdrawalNotReviewed):
                break
        await self.handlers.withdrawals.sending.poll()
        bill = self.wallet.pay.transfers.bills.get(asked.value.number)
        if bill is not None and bill.state == "WAIT_USER_CONFIRM":
            await self._page(bill, "take")
            self.rooms.clock.advance(MINUTE)
            await self.wallet.pay.tell_transfer(bill)
            stands = (await Withdrawal.get(id=asked.value.id)).state
            self.seen["took everything out"] += stands is WithdrawalState.ARRIVED
