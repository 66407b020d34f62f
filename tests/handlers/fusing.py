"""Fused plans whose shares are settled: one merchant with a counter, one without, their days, and the ledger."""

from datetime import date, timedelta
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.ledger.checkpoints import own_balances
from handlers.points.points_terms import fen
from handlers.rules.fee_shares import FeeShare
from handlers.rules.plans import PlanTerms
from models.organizations import Organization
from models.programmes import Merchant
from models.settlement import SettlementStatement, SettlementTerms
from models.words import EntryKind, LedgerAccountKind, OperatorRole, PlanPeriod
from tests.handlers.counter import Counter, open_counter
from tests.handlers.offering import key, operator_at
from tests.handlers.planning import GOLD, PlanDesk, plan_desk
from tests.handlers.settling import DAY, Books

FEE = 9_999
SHARES = (FeeShare("books", 3_333), FeeShare("cinema", 5_000))
OF_BOOKS, OF_CINEMA = 3_332, 4_999  # floored: 3332.6667 and 4999.5
OF_HOUSE = FEE - OF_BOOKS - OF_CINEMA
FUSED = PlanTerms("金卡联合月卡", GOLD, PlanPeriod.MONTH, FEE, shares=SHARES)
MINUTE = timedelta(minutes=1)
_KINDS = LedgerAccountKind


class Fused(Books):
    """The bookshop's counter, the cinema, and the plan of which both have a share."""

    desk: PlanDesk
    cinema: Merchant
    paying: Operator
    plan: UUID

    @property
    def books(self) -> Merchant:
        return self.counter.merchant

    async def buy(self, person: Person) -> UUID:
        return await self.desk.buy(person, self.plan)

    async def give(self, order_id: UUID, amount_fen: int, by: str | None = None) -> None:
        """So much of the order goes back, as an operator decides."""
        giving = self.desk.rooms.handlers.order_refunds.give
        await giving(self.desk.operator, order_id, amount_fen=amount_fen, reason="补偿", request_id=by or key())

    async def terms(self, merchant: Merchant, number: int = 1, **facts: object) -> None:
        whose = {"merchant": merchant, "decided_by_id": self.paying.id, "number": number}
        await SettlementTerms.create(**whose, starts_at=self.clock.now() - MINUTE, **facts)

    async def settle(self, *merchants: Merchant, until: date | None = None) -> None:
        """The day ends, and is closed for each (both where none is named)."""
        until = until or self.next_day()
        for each in merchants or (self.books, self.cinema):
            await self.closing.up_to(each.id, until)

    async def stated(self, merchant: Merchant) -> list[SettlementStatement]:
        return await SettlementStatement.filter(merchant=merchant).order_by("business_on")

    async def lines(self, statement: SettlementStatement) -> list[tuple[EntryKind, int, int, int | None]]:
        """Kind, gross, fee, and what was paid."""
        _, pages = await self.counter.handlers.statements.lines(self.paying, statement.id)
        return [
            (each.kind, each.operator_share_fen, each.fee_fen, each.bill_amount_fen)
            async for page in pages
            for each in page
        ]

    async def balances(self) -> dict[str, int]:
        """What stands on the house's accounts; together they are nothing."""
        found = await own_balances(await fen(), at=self.clock.now() + MINUTE)
        assert sum(found.values()) == 0
        return {kind.value: amount for kind, amount in found.items() if amount}

    async def defer(self) -> int:
        return await self.counter.handlers.sale_deferring.sweep()


async def fused(rooms, clock) -> Fused:
    counter: Counter = await open_counter(rooms)
    made = Fused(counter, clock)
    root = await Organization.get(parent_id=None)
    made.desk, made.paying = await plan_desk(rooms), await operator_at(root, OperatorRole.FINANCE)
    made.cinema = await Merchant.create(organization=root, code="cinema", name="影院")
    made.plan = await made.desk.sell("fused", FUSED)
    return made


__all__ = ["DAY", "FEE", "FUSED", "OF_BOOKS", "OF_CINEMA", "OF_HOUSE", "SHARES", "Fused", "fused"]
