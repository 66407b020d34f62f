"""One game: a shop, its buyers, the promoters who brought them; and how anything is asked for, and asked again.

The shop has a cup of which there are few, a thing that costs points too, and paid membership. Ming and Wang were
brought by Hong, and she by Lan; nobody brought Far. Whoever leaves comes back as somebody else of the same name.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from handlers.actors import Operator, Person
from handlers.errors import DomainError, OutcomeUnknown, Overloaded
from handlers.requests import Answer
from handlers.rules.offer_terms import Price
from models.failures import CommitUnknown, DatabaseUnavailable
from models.orders import Order, OrderRefund
from models.withdrawals import Withdrawal
from models.words import OrderRefundState, OrderState, WithdrawalState
from tests.handlers.claimable import Offering, a_benefit, an_offer
from tests.handlers.counter import Counter as Till
from tests.handlers.distributing import Seller, brought
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.money_machine.wallet import Mood, Wallet
from tests.handlers.planning import PlanDesk
from tests.handlers.test_points import Mall
from tests.handlers.withdrawing import given

RATES = (1_000, 500)  # of what was paid: of who brought the buyer, and of who brought them
CUP_FEN, BOTH_FEN, BOTH_POINTS, HAS_POINTS, HAS_FEN = 9_990, 2_003, 10, 60, 300
CUPS, BOTHS = 4, 5
REVIEWED_FROM, TWICE_FROM = 700, 1_200
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

buyers = st.sampled_from(["ming", "wang", "far"])
promoters = st.sampled_from(["hong", "lan"])
people = st.sampled_from(["ming", "wang", "far", "far", "hong", "lan"])
picks = st.integers(0, 19)
strikes = st.sampled_from([None, None, None, None, *How])
moods = st.sampled_from([None, None, None, Mood.FINE, Mood.DEAF, Mood.LOST, Mood.UNSIGNED, Mood.FAULTY])
places = st.integers(0, 25)  # the statement; of commits there are fewer


@dataclass
class House:
    """What every game has in common: the rooms over the wallet, who works there, and how a process starts anew."""

    rooms: Any
    wallet: Wallet
    build: Callable[[], Any]
    finance: tuple[Operator, Operator]
    desk: PlanDesk
    till: Till
    mall: Mall


@dataclass
class Book:
    """What was answered, and so must be there for ever."""

    sales: dict[UUID, str] = field(default_factory=dict)  # orders, by whom
    unanswered: dict[str, tuple[str, Any]] = field(default_factory=dict)  # keys that have no clear answer yet
    refunds: dict[UUID, int] = field(default_factory=dict)  # fen
    payouts: dict[UUID, tuple[str, int]] = field(default_factory=dict)  # by whom, fen
    ended: dict[UUID, str] = field(default_factory=dict)  # what has come to an end stays so
    brought: dict[str, str] = field(default_factory=dict)  # who came by whom
    given: set[str] = field(default_factory=set)  # to whom money was given by hand on the first day
    gone: set[str] = field(default_factory=set)  # who left, by the names of then
    gave_up: dict[str, int] = field(default_factory=dict)  # and what they left here, fen
    chains: dict[UUID, list[str]] = field(default_factory=dict)  # by order: who brought it about, as it was made
    earners: dict[UUID, list[str]] = field(
        default_factory=dict
    )  # by order: those of them who were there as it was paid


@dataclass(frozen=True)
class Stands:
    """The rows of this game as they were after the last step."""

    orders: tuple[Order, ...] = ()
    refunds: tuple[OrderRefund, ...] = ()
    payouts: tuple[Withdrawal, ...] = ()


class World(RuleBasedStateMachine):
    """What every step needs. Its steps run in the loop that the database belongs to."""

    house: ClassVar[House]
    redis: ClassVar[Any]
    loop: ClassVar[asyncio.AbstractEventLoop]
    runs: ClassVar[int]
    closed: ClassVar[dict[UUID, str]]  # the statements of all games, and their hashes
    seen: ClassVar[Counter[str]]  # so that no promise holds for want of trying

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @property
    def rooms(self) -> Any:
        return self.house.rooms

    @property
    def handlers(self) -> Any:
        return self.rooms.handlers

    @property
    def wallet(self) -> Wallet:
        return self.house.wallet

    @property
    def now(self) -> datetime:
        return self.rooms.clock.now()

    @initialize(number=st.integers(0, 2**32))
    def opens(self, number):
        """Hypothesis begins with what is simplest, forty times the same step: that game is not played."""
        assume(number)
        type(self).runs += 1
        self.book, self.stands = Book(), Stands()
        self.asked = 0
        self.do(self._open())

    async def _open(self) -> None:
        rooms, name = self.rooms, f"o-{self.runs}"
        lan = await Seller(rooms, await rooms.member(f"{name}-lan")).approved()
        hong = await Seller(rooms, (await brought(rooms, f"{name}-hong", await lan.code())).person).approved()
        code = await hong.code()
        self.people: dict[str, Person] = {"lan": lan.person, "hong": hong.person}
        for each in ("ming", "wang"):
            self.people[each] = (await brought(rooms, f"{name}-{each}", code)).person
        self.people["far"] = await rooms.member(f"{name}-far")
        for each in ("ming", "wang", "far"):
            await self.house.mall.earn(self.people[each], HAS_POINTS)
        for each in ("hong", "lan"):
            await given(rooms, self.people[each].member_id, HAS_FEN)
        self.names = {person.member_id: each for each, person in self.people.items()}
        self.book.given = {"hong", "lan"}
        self.book.brought = {"ming": "hong", "wang": "hong", "hong": "lan"}
        facts = {"merchant": self.house.till.merchant, "settlement_price_fen": 800, "operator_share_bp": 5_000}
        terms: dict[str, Any] = {"limits": (), "returns_to_stock": True}
        cup, both = await a_benefit("杯子", **facts), await a_benefit("茶点", **facts)
        self.offers: dict[str, Offering] = {
            "cup": await an_offer(self.now, stock=CUPS, benefit=cup, price=Price(fen=CUP_FEN), **terms),
            "both": await an_offer(
                self.now, stock=BOTHS, benefit=both, price=Price(fen=BOTH_FEN, points=BOTH_POINTS), **terms
            ),
        }
        self.plans = {"month": self.house.desk.month, "year": self.house.desk.year}
        await self._begin()

    async def _begin(self) -> None:
        raise NotImplementedError

    async def keeps_its_promises(self) -> None:
        raise NotImplementedError

    # --- asking

    def key(self) -> str:
        self.asked += 1
        return f"{self.runs}-{self.asked}"

    def ask(self, work: Callable[[], Awaitable[Any]], how: How | None, at: int) -> Any:
        """Once, or into a failpoint and then again with the same key; the answer, or the refusal.

        Whatever breaks takes its process along: those who ask again meet one that remembers nothing.
        """
        told: list[Any] = []

        async def first() -> None:
            told.append(await work())

        if how is not None and self.breaks(first, how, at):
            told = [] if told and not isinstance(told[0], Answer) else told
        try:
            answer = self.do(work())
        except DomainError as refusal:
            assert not told, refusal  # noqa: PT017 - both ends are looked at
            self.seen[f"refused: {type(refusal).__name__}"] += 1
            return refusal
        if told and isinstance(answer, Answer):
            assert (_facts(answer.value), answer.replayed) == (_facts(told[0].value), True)
            self.seen["answered again"] += 1
        return answer

    def breaks(self, work: Callable[[], Awaitable[None]], how: How, at: int) -> bool:
        """Into a failpoint; whether it was struck. The process is another one afterwards."""
        broken = Failpoint(how, at % 4 if how in {How.COMMIT_LOST, How.ANSWER_LOST} else at)
        outcome = self.do(broken.strikes(work))
        self.seen[f"struck by {how}"] += broken.has_struck
        hits = asyncio.CancelledError | CommitUnknown | DatabaseUnavailable | Overloaded | OutcomeUnknown
        if isinstance(outcome, hits):
            assert broken.has_struck, outcome
        elif isinstance(outcome, BaseException) and not isinstance(outcome, DomainError):
            raise outcome
        if broken.has_struck:
            self.do(self.starts_anew())
        return broken.has_struck

    async def starts_anew(self) -> None:
        """A process that remembers nothing, once what the last one did behind its answers has ended."""
        await self.handlers.close()
        self.rooms.handlers = self.house.build()

    async def all_is_quiet(self) -> None:
        for each in (self.handlers.order_watch, self.handlers.order_refunds, self.handlers.withdrawals.sending):
            await each._in_time.close()

    async def look(self) -> None:
        """How everything of this game stands now."""
        orders = await Order.filter(member_id__in=list(self.names)).order_by("id")
        refunds = await OrderRefund.filter(order_id__in=[each.id for each in orders]).order_by("id")
        payouts = await Withdrawal.filter(member_id__in=list(self.names)).order_by("id")
        self.stands = Stands(tuple(orders), tuple(refunds), tuple(payouts))

    def orders(self, state: OrderState) -> list[Order]:
        return [each for each in self.stands.orders if each.state is state]

    def orders_here(self, *states: OrderState) -> list[Order]:
        """Of those who are still somebody."""
        return [
            each
            for each in self.stands.orders
            if each.state in states and self.names[each.member_id] not in self.book.gone
        ]

    def failed(self) -> list[OrderRefund]:
        """What the payment service closed without effect."""
        return [each for each in self.stands.refunds if each.state is OrderRefundState.FAILED]

    def payouts(self, *states: WithdrawalState) -> list[Withdrawal]:
        return [each for each in self.stands.payouts if each.state in states]

    @contextmanager
    def in_a(self, mood: Mood | None) -> Iterator[None]:
        """For as long as this lasts; None: in whatever mood they are."""
        before, self.wallet.mood = self.wallet.mood, mood or self.wallet.mood
        yield
        self.wallet.mood = before

    def one_of(self, found: list[Any], pick: int) -> Any:
        return found[pick % len(found)] if found else None


def _facts(value: Any) -> Any:
    """Of an order its row: what the payment service signs anew is no answer of ours."""
    return getattr(value, "order", value)
