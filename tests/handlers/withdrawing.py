"""Withdrawals for tests: somebody who has money, what they ask for, and what the payment service says of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.requests import Answer
from handlers.rules.ledger import Cause, Move, Side, of_member
from handlers.rules.withdrawals import WithdrawalRules
from handlers.withdrawals.withdrawal_views import WithdrawalSeen
from models.database import atomic
from models.ids import new_id
from models.organizations import Organization
from models.withdrawals import Withdrawal
from models.words import LedgerAccountKind, OperatorRole, TransferHeard
from tests.handlers.buying import breaches

__all__ = ["breaches"]

HAS = 10_000
RULES = WithdrawalRules()
DAY = timedelta(days=1)


async def given(rooms, member_id: UUID, amount_fen: int) -> None:
    """Money that somebody has, by hand."""
    await given_at(member_id, amount_fen, at=rooms.clock.now())


async def given_at(member_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """The same by the clock on the wall."""
    by_hand, cause = Side(LedgerAccountKind.ADJUSTED), Cause("test", str(new_id()))
    async with atomic():
        await post([Move(await fen(), by_hand, of_member(member_id), amount_fen, cause)], at=at)


async def an_operator(role: OperatorRole = OperatorRole.FINANCE) -> Operator:
    """Somebody of the root who really is in the books: proposals refer to them."""
    from models.operators import Operator as OperatorRow

    root, operator_id = await Organization.get(parent_id=None), new_id()
    await OperatorRow.create(
        id=operator_id,
        organization_id=root.id,
        login=f"{role}-{operator_id.hex}",
        role=role,
        password_hash="x",
        totp_cipher="x",
    )
    return Operator(operator_id, root.id, role, "fin", new_id())


async def publish(rooms, **rules: Any) -> None:
    admin = await an_operator(OperatorRole.ADMIN)
    wanted = replace(RULES, **rules)
    await rooms.handlers.withdrawals.terms.publish(admin, wanted, request_id=str(new_id()))


@dataclass
class Payee:
    """Somebody with money, and the mini-program in hand."""

    rooms: Any
    person: Any

    async def ask(self, amount_fen: int = HAS, key: str = "ask", **more: Any) -> Answer[WithdrawalSeen]:
        asking = self.rooms.handlers.withdrawals.asking
        return await asking.ask(self.person, amount_fen=amount_fen, request_id=key, **more)

    async def sent(self, amount_fen: int = HAS, key: str = "ask", **more: Any) -> WithdrawalSeen:
        """Asked for, and the payment service has it."""
        seen = (await self.ask(amount_fen, key, **more)).value
        await self.look(seen)
        return seen

    async def look(self, seen: WithdrawalSeen) -> None:
        await self.rooms.handlers.withdrawals.sending.look(seen.id)

    async def heard(self, seen: WithdrawalSeen, what: TransferHeard, **bent: Any) -> Any:
        """It becomes so over there, and they tell us."""
        self.rooms.payments.transfers_become[seen.number] = what
        return await self.rooms.handlers.withdrawals.sending.hear(bent, seen.number.encode())

    async def money(self) -> tuple[int, int]:
        """What is there, and what is set aside."""
        seen = await self.rooms.handlers.withdrawals.asking.balance(self.person)
        return seen.available_fen, seen.held_fen


async def a_payee(rooms, openid: str = "o-ming", has: int = HAS) -> Payee:
    person = await rooms.member(openid)
    await given(rooms, person.member_id, has)
    return Payee(rooms, person)


async def stands(seen: WithdrawalSeen) -> str:
    return (await Withdrawal.get(id=seen.id)).state.value
