"""Days that end, clerks who redeem, and finance that closes: what tests of settlement have in common."""

from datetime import date, timedelta

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from handlers.settlement.statement_proofs import differing_statements
from models.database import rows
from models.settlement import SettlementEntry, SettlementStatement
from models.statements.invariants import CHECKS
from models.words import OperatorRole
from tests.handlers.counter import Counter
from tests.operating import another, first_operator, sign_in

DAY = timedelta(days=1)


async def breaches() -> list[str]:
    """What `doctor` would say."""
    return [check.what for check in CHECKS if await rows(check.sql)] + await differing_statements()


class Books:
    """A counter, and the days of its merchant."""

    def __init__(self, counter: Counter, clock) -> None:
        self.counter = counter
        self.clock = clock
        self.operator = None

    @property
    def closing(self):
        return self.counter.handlers.statement_closing

    @property
    def sealing(self):
        return self.counter.handlers.sealing

    @property
    def today(self) -> date:
        return day_of(self.clock.now(), BUSINESS_ZONE)

    def next_day(self, hours: int = 10) -> date:
        """Let the day end; the day that ended. The new one is so many hours old."""
        ended = self.today
        self.clock.advance(begins(ended + DAY, BUSINESS_ZONE) + timedelta(hours=hours) - self.clock.now())
        return ended

    async def close(self, until: date) -> int:
        """As the worker does it for this merchant."""
        return await self.closing.up_to(self.counter.merchant.id, until)

    async def seal(self) -> int:
        """As the worker does it for this merchant."""
        return await self.sealing.of_merchant(self.counter.merchant.id)

    async def redeemed(self, ming, **more):
        """One claim of a benefit of its own, redeemed; the id of the row."""
        claim = await self.counter.claim(ming, **more)
        return (await self.counter.redeem(self.counter.typed(claim))).value.lines[0].id

    async def statement_of(self, redemption_id) -> SettlementStatement | None:
        entry = await SettlementEntry.get(redemption_id=redemption_id).prefetch_related("part__statement")
        return entry.part.statement if entry.part else None

    async def finance(self, login: str = "finance", *, organization_id=None):
        """Somebody of finance, signed in; the first operator of all is made on the way."""
        return await self.somebody(OperatorRole.FINANCE, login, organization_id=organization_id)

    async def somebody(self, role: OperatorRole, login: str, *, organization_id=None):
        handlers = self.counter.handlers
        if self.operator is None:
            self.operator, _ = await sign_in(handlers, self.clock, await first_operator(handlers))
        worker = await another(handlers, self.operator, login, role=role, organization_id=organization_id)
        operator, _ = await sign_in(handlers, self.clock, worker)
        return operator
