"""A ledger for tests: its unit, people with accounts, and what is asked of it in a line."""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.ledger.holding import Hold, hold
from handlers.ledger.posting import Posted, post, post_each
from handlers.rules.ledger import Cause, Move, Side, Unit, of_member
from models.database import atomic, next_ordinal, rows
from models.identity import Member
from models.ledger import LedgerAccount, LedgerLot
from models.organizations import Organization
from models.programmes import Programme
from models.statements.invariants import CHECKS
from models.words import LedgerAccountKind as Kind
from tests.fakes import FakeClock

DAY = timedelta(days=1)
ISSUED, SPENT, EXPIRED = Side(Kind.ISSUED), Side(Kind.SPENT), Side(Kind.EXPIRED)
_numbers = itertools.count(1)


def cause(kind: str = "test", of: object = None) -> Cause:
    return Cause(kind, str(next(_numbers) if of is None else of))


@dataclass
class Ledger:
    unit: Unit
    clock: FakeClock

    def earning(self, member_id: UUID, amount: int, **more: Any) -> Move:
        facts = {"unit": self.unit, "debit": ISSUED, "credit": of_member(member_id), "cause": cause(), **more}
        return Move(amount=amount, **facts)

    def spending(self, member_id: UUID, amount: int, **more: Any) -> Move:
        facts = {"unit": self.unit, "debit": of_member(member_id), "credit": SPENT, "cause": cause(), **more}
        return Move(amount=amount, **facts)

    async def post(self, *moves: Move) -> dict[Cause, Posted]:
        async with atomic():
            return await post(moves, at=self.clock.now())

    async def post_each(self, *moves: Move) -> list[Any]:
        """What became of each, in the order of the moves; every one has a cause of its own."""
        async with atomic():
            decided = await post_each(moves, at=self.clock.now())
        return [decided[move.cause] for move in moves]

    async def earn(self, member_id: UUID, amount: int, **more: Any) -> UUID:
        return await self._one(self.earning(member_id, amount, **more))

    async def spend(self, member_id: UUID, amount: int, **more: Any) -> UUID:
        return await self._one(self.spending(member_id, amount, **more))

    async def give_back(self, member_id: UUID, amount: int, transfer_id: UUID, **more: Any) -> UUID:
        """A spending is taken back."""
        facts = {"debit": SPENT, "credit": of_member(member_id), "reverses": transfer_id, **more}
        return await self._one(self.spending(member_id, amount, **facts))

    async def hold(self, member_id: UUID, amount: int, of: Cause | None = None, *, for_: timedelta = DAY) -> Hold:
        now = self.clock.now()
        async with atomic():
            return await hold(
                self.unit,
                of_member(member_id),
                amount,
                for_=SPENT,
                cause=of or cause("test_hold"),
                expires_at=now + for_,
                at=now,
            )

    async def _one(self, move: Move) -> UUID:
        return (await self.post(move))[move.cause].transfer_ids[0]

    async def account(self, member_id: UUID, kind: Kind = Kind.MEMBER) -> LedgerAccount:
        return await LedgerAccount.get(member_id=member_id, unit=self.unit.code, kind=kind)

    async def posted(self, member_id: UUID, kind: Kind = Kind.MEMBER) -> int:
        found = await LedgerAccount.get_or_none(member_id=member_id, unit=self.unit.code, kind=kind)
        return found.posted if found else 0

    async def left(self, member_id: UUID) -> list[tuple[int, datetime | None]]:
        """What is left in the lots of a member, the soonest to end first."""
        found = await LedgerLot.filter(account__member_id=member_id, left_amount__gt=0).order_by("id")
        return sorted(((each.left_amount, each.expires_at) for each in found), key=lambda pair: str(pair[1] or "9"))


async def a_ledger(clock: FakeClock, code: str = "points") -> Ledger:
    programme = await Programme.first()
    if programme is None:
        root = await Organization.create(code="root", name="省公司")
        programme = await Programme.create(organization=root, code="main", name="会员计划")
    return Ledger(Unit(programme.id, code), clock)


async def somebody() -> UUID:
    async with atomic():
        return (await Member.create(ordinal=await next_ordinal("member_ordinal"))).id


async def breaches() -> list[str]:
    """What `doctor` would say."""
    return [check.what for check in CHECKS if await rows(check.sql)]
