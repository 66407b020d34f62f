"""Paid membership for tests: plans that are sold, somebody who buys them, and the rights of their levels."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.work import work
from app.worker import Worker
from handlers.actors import Operator, Person
from handlers.level_rights.right_editing import RightWanted
from handlers.orders.wishes import Ordered
from handlers.plans.buying import PlanWanted
from handlers.requests import Answer
from handlers.rules.levels import Ladder, Level
from handlers.rules.plans import PlanTerms
from models.claims import Claim
from models.organizations import Organization
from models.plans import MembershipTerm, PaidMembership
from models.words import DowngradePolicy, OperatorRole, PlanPeriod, RightPeriod
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.counter import Counter, open_counter
from tests.handlers.laddering import Steps
from tests.handlers.offering import key, operator_at

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BASE, GOLD, BLACK = "base", "gold", "black"
MONTH_FEN, QUARTER_FEN, BLACK_FEN = 3_100, 9_200, 36_600
LADDER = Ladder(
    (
        Level(BASE, "普通会员", 0),
        Level("silver", "银卡会员", 100),
        Level(GOLD, "金卡会员", 1_000_000),
        Level(BLACK, "黑金会员", 2_000_000),
    ),
    DowngradePolicy.NONE,
)
MONTH = PlanTerms("金卡月卡", GOLD, PlanPeriod.MONTH, MONTH_FEN, trial_days=7)
QUARTER = PlanTerms("金卡季卡", GOLD, PlanPeriod.QUARTER, QUARTER_FEN)
YEAR = PlanTerms("黑金年卡", BLACK, PlanPeriod.YEAR, BLACK_FEN)


@dataclass
class PlanDesk:
    """The rooms with three plans on sale, and the operator who sells them."""

    rooms: Any
    operator: Operator
    steps: Steps
    month: UUID
    quarter: UUID
    year: UUID
    counter: Counter | None = None

    @property
    def plans(self):
        return self.rooms.handlers.plans

    async def sell(self, code: str, terms: PlanTerms) -> UUID:
        saved = (await self.plans.editing.save(self.operator, code, terms, request_id=None)).value
        return (await self.plans.editing.publish(self.operator, saved.id, request_id=key())).value.id

    async def order(self, person: Person, plan: UUID, by: str | None = None, fen: int | None = None) -> Answer[Ordered]:
        return await self.plans.buying.order(person, PlanWanted(plan, fen), request_id=by or key())

    async def buy(self, person: Person, plan: UUID) -> UUID:
        """Ordered, paid, and told."""
        ordered = (await self.order(person, plan)).value.order
        await self.paid(ordered.number)
        return ordered.id

    async def paid(self, number: str) -> Any:
        return await self.rooms.handlers.order_watch.hear({}, self.rooms.payments.pay(number))

    async def quote(self, person: Person, order_id: UUID):
        return await self.rooms.handlers.order_refunds.quote(person, order_id)

    async def refund(self, person: Person, order_id: UUID, fen: int | None = None):
        fen = (await self.quote(person, order_id)).amount_fen if fen is None else fen
        return (await self.rooms.handlers.order_refunds.ask(person, order_id, amount_fen=fen, request_id=key())).value

    async def ends(self, person: Person) -> datetime | None:
        return (await self.plans.mine.view(person)).ends_at

    async def work(self) -> int:
        return await Worker(work(), self.rooms.handlers, self.rooms.clock).drain()

    async def right(self, *, code="tea", levels=(GOLD,), value: int = 700, period=RightPeriod.MONTH) -> UUID:
        """Given from now on to whoever stands on these levels, worth so many fen."""
        self.counter = self.counter or await open_counter(self.rooms)
        benefit = await a_benefit("茶", merchant=self.counter.merchant, settlement_price_fen=value)
        offer = await an_offer(self.rooms.clock.now(), stock=100, benefit=benefit, shows_typed_code=True)
        editing = self.rooms.handlers.level_right_editing
        wanted = RightWanted(code, "每月一杯茶", offer.id, levels, period)
        saved = (await editing.save(self.operator, wanted, request_id=None)).value
        await editing.publish(self.operator, saved.id, request_id=key())
        await self.work()
        return saved.id

    async def use(self, claim: Claim) -> None:
        assert self.counter
        await self.counter.redeem(self.counter.typed(claim))


async def plan_desk(rooms) -> PlanDesk:
    steps = Steps(rooms.clock)
    await steps.publish(LADDER)
    operator = await operator_at(await Organization.get(parent_id=None), OperatorRole.ADMIN)
    desk = PlanDesk(rooms, operator, steps, *[UUID(int=0)] * 3)
    for name, terms in (("month", MONTH), ("quarter", QUARTER), ("year", YEAR)):
        setattr(desk, name, await desk.sell(name, terms))
    return desk


async def claims_of(person: Person) -> list[Claim]:
    return await Claim.filter(member_id=person.member_id).order_by("id")


async def stretches(person: Person) -> list[tuple[str, datetime, datetime]]:
    found = await MembershipTerm.filter(member_id=person.member_id).order_by("number")
    return [(each.cause.value, each.starts_at, each.cut_at or each.ends_at) for each in found]


async def membership(person: Person) -> PaidMembership:
    return await PaidMembership.get(member_id=person.member_id)


async def at_once(*works: Any) -> list[Any]:
    return list(await asyncio.gather(*works, return_exceptions=True))
