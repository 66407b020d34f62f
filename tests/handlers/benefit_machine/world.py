"""One run of the machine: its shop, its offers and its members; and how anything is asked for, and asked again."""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from hypothesis.stateful import RuleBasedStateMachine

from handlers.actors import Clerk, Operator, Person
from handlers.benefits.code_imports import code_hash
from handlers.errors import DomainError, OutcomeUnknown, Overloaded
from handlers.requests import Answer
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms, VoucherTerms
from handlers.rules.offer_terms import Limit, Period, Validity, ValidityKind
from models.benefits import Benefit, CodePool, Offer
from models.claims import PoolCode
from models.programmes import Merchant, Store
from models.redemptions import Clerk as ClerkRow
from models.words import BenefitKind, ClerkRole
from tests.handlers.benefit_machine.model import Done, Held, OnOffer
from tests.handlers.charging import a_top_up
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.conftest import Rooms
from tests.handlers.machine.failpoints import Failpoint, How

MEMBERS = range(3)


@dataclass(frozen=True)
class Staff:
    """Who works here in every run."""

    clerk: Person
    manager: Person
    stranger: Clerk  # of another merchant
    operators: tuple[Operator, Operator]


@dataclass(frozen=True)
class Act:
    """What somebody asks for under a key; the refusals that the model calls for (none: it must be done), and what then.

    `settled` is told of what was done, once, however often it is asked.
    """

    ask: Callable[[str], Awaitable[Answer[Any]]]
    refusals: frozenset[type[DomainError]]
    settled: Callable[[Any], None]


class World(RuleBasedStateMachine):
    """What every step needs. Its steps run in the loop that the database belongs to."""

    rooms: ClassVar[Rooms]
    redis: ClassVar[Any]
    staff: ClassVar[Staff]
    loop: ClassVar[asyncio.AbstractEventLoop]
    begins_at: ClassVar[datetime]
    runs: ClassVar[int]
    seen_happen: ClassVar[Tally[str]]  # so that no promise holds for want of trying

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @property
    def now(self) -> datetime:
        return self.rooms.clock.now()

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.name = f"w{self.runs}"
        self.rooms.clock.advance(self.begins_at - self.now)
        self.held: dict[UUID, Held] = {}
        self.done: list[Done] = []
        self.offers: list[OnOffer] = []
        self.gone: set[int] = set()
        self.claim_keys: Tally[int] = Tally()  # by member: requests that were answered with a claim
        self.records = 0  # that the acts of operators left
        self.guesses = self.scans = self.lists = 0
        self.do(self._open())

    async def _open(self) -> None:
        self.people = [await self.rooms.member(f"o-{self.name}-{number}") for number in MEMBERS]
        organization_id = self.staff.operators[0].organization_id
        merchant = await Merchant.create(organization_id=organization_id, code=self.name, name="江南书店")
        store = await Store.create(merchant=merchant, code=self.name, name="湖滨店")
        self.clerk = await self._serves(self.staff.clerk, merchant, store, ClerkRole.CLERK)
        self.manager = await self._serves(self.staff.manager, merchant, None, ClerkRole.MANAGER)
        ever, day = Limit(Period.EVER, 3), Limit(Period.DAY, 2)
        two_days = Validity(ValidityKind.DAYS, days=1)

        async def benefit(name: str, kind: BenefitKind = BenefitKind.VOUCHER, terms: Any = None) -> Benefit:
            made = await a_benefit(name, kind, terms, settlement_price_fen=1_000, operator_share_bp=3_333)
            await Benefit.filter(id=made.id).update(merchant_id=merchant.id)
            return made

        wash = await an_offer(
            self.now,
            benefit=await benefit("洗车", terms=VoucherTerms(uses=3)),
            stock=4,
            limits=(ever, day),
            validity=two_days,
            returns_to_stock=True,
        )
        limits = {"ever": 3, "day": 2}
        self.offers.append(OnOffer(wash.id, "wash", limits, uses=3, days=1, added=4, returns=True))
        tea = await an_offer(self.now, benefit=await benefit("茶"), stock=9, daily_stock=2, limits=(day,))
        self.offers.append(OnOffer(tea.id, "tea", {"day": 2}, added=9, daily=2))
        film = await benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool=f"{self.name}-pool"))
        pool = await CodePool.create(benefit=film, code=f"{self.name}-pool", name="电影票码")
        for code in ("A", "B"):
            await PoolCode.create(pool=pool, code_hash=code_hash(self.rooms.vault, self.name + code), code_cipher="c")
        coupons = await an_offer(self.now, benefit=film, limits=(ever,))
        self.offers.append(OnOffer(coupons.id, "film", {"ever": 3}, codes=2, is_redeemed=False))
        polish, cake = await benefit("打蜡", terms=VoucherTerms(uses=2)), await benefit("蛋糕")
        parts = (PackagePart(polish.code, 2, "month"), PackagePart(cake.code))
        bundle = await benefit("礼包", BenefitKind.PACKAGE, PackageTerms(parts, choose=1))
        package = await an_offer(
            self.now,
            benefit=bundle,
            stock=3,
            limits=(ever,),
            validity=Validity(ValidityKind.DAYS, days=40),
            returns_to_stock=True,
        )
        chosen = {polish.code: (2, 2, True), cake.code: (1, 1, False)}
        offered = OnOffer(package.id, "package", {"ever": 3}, days=40, added=3, choices=chosen, returns=True)
        self.offers.append(offered)
        offered.is_redeemed = False
        await Benefit.filter(id=(await Offer.get(id=tea.id)).benefit_id).update(is_offline_allowed=True)  # type: ignore[attr-defined]
        charge = await a_top_up(self.rooms, stock=6, limits=(ever,))
        self.offers.append(OnOffer(charge.id, "charge", {"ever": 3}, added=6, is_redeemed=False))

    async def _serves(self, person: Person, merchant: Merchant, store: Store | None, role: ClerkRole) -> Clerk:
        member_id = person.member_id
        made = await ClerkRow.create(member_id=member_id, merchant=merchant, store=store, role=role, name="小红")
        return Clerk(made.id, member_id, merchant.id, store.id if store else None, role, made.name)

    # --- asking

    async def perform(self, act: Act, failpoint: Failpoint | None = None, *, is_repeated: bool = False) -> None:
        """Ask, perhaps into a failure and then again with the key; what came of it is what the model says."""
        key, told = str(uuid4()), []
        if failpoint is not None:

            async def ask() -> None:
                told.append(await act.ask(key))

            outcome = await failpoint.strikes(ask)
            self.seen_happen[f"struck by {failpoint.how}"] += failpoint.has_struck
            if isinstance(outcome, Overloaded | OutcomeUnknown | asyncio.CancelledError):
                assert failpoint.has_struck, outcome
                if failpoint.how is How.ABORT:
                    await self.everything_is_as_remembered()
            elif outcome is not None:
                assert type(outcome) in act.refusals, outcome
        try:
            answer = await act.ask(key)
        except DomainError as refusal:
            assert type(refusal) in act.refusals, (refusal, act.refusals)  # noqa: PT017
            assert not told
            self.seen_happen[f"refused: {type(refusal).__name__}"] += 1
            return
        assert not act.refusals, act.refusals
        act.settled(answer.value)
        if told:
            assert (answer.value, answer.replayed) == (told[0].value, True)
        if is_repeated:
            again = await act.ask(key)
            assert (again.value, again.replayed) == (answer.value, True)
            self.seen_happen["answered again"] += 1

    async def everything_is_as_remembered(self) -> None:
        raise NotImplementedError
