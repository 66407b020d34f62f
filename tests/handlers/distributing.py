"""Promoters for tests: the rules in force, somebody who promotes, and somebody whom they brought."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.rules.commission import CommissionTerms
from models.distribution import Commission, Promoter, PromoterLink
from models.ids import new_id
from models.ledger import LedgerAccount
from models.operators import Operator as OperatorRow
from models.organizations import Organization
from models.words import OperatorRole
from tests.handlers.buying import Buyer

DAY = timedelta(days=1)
TERMS = {"rates": (1_000,), "hold_days": 7, "freeze_days": 7}


async def a_manager() -> Operator:
    """An operator with a row, whom published rules can name."""
    root = await Organization.get(parent_id=None)
    known = await OperatorRow.get_or_none(login="manager")
    found = known or await OperatorRow.create(
        organization=root, login="manager", role=OperatorRole.ADMIN, password_hash="-", totp_cipher="-"
    )
    return Operator(found.id, root.id, OperatorRole.ADMIN, "manager", new_id())


async def rules(rooms, **terms: Any) -> Operator:
    """Published; whoever did that."""
    manager, editing = await a_manager(), rooms.handlers.commission_rules
    await editing.set_draft(manager, CommissionTerms(**{**TERMS, **terms}), request_id=None)
    await editing.publish(manager, request_id=str(new_id()))
    return manager


@dataclass
class Seller(Buyer):
    """Somebody who promotes, and buys like anybody."""

    async def apply(self, key: str = "apply") -> Any:
        return (await self.rooms.handlers.promoters.apply(self.person, request_id=key)).value

    async def approved(self, grade: str = "") -> "Seller":
        await self.apply()
        promoter = await Promoter.get(member_id=self.person.member_id)
        await self.rooms.handlers.operator_promoters.decide(
            await a_manager(), promoter.id, "approve", grade=grade, request_id=str(new_id())
        )
        return self

    async def code(self, offer_id: UUID | None = None) -> str:
        made = await self.rooms.handlers.promoter_links.make(self.person, offer_id, request_id=str(new_id()))
        return made.value.code

    async def totals(self) -> tuple[int, int, int, int]:
        """Pending, frozen, available, owed."""
        seen = await self.rooms.handlers.promoters.totals(self.person)
        return seen.pending_fen, seen.frozen_fen, seen.available_fen, seen.owed_fen


async def a_seller(rooms, openid: str = "o-hong", grade: str = "") -> Seller:
    """An approved promoter."""
    return await Seller(rooms, await rooms.member(openid)).approved(grade)


async def brought(rooms, openid: str, code: str) -> Buyer:
    """A member who signs in by a promoter's code."""
    person = await rooms.member(openid)
    await comes(rooms, openid, code)
    return Buyer(rooms, person)


async def comes(rooms, openid: str, code: str) -> None:
    await rooms.handlers.sessions.open(code=rooms.wechat.login_code(openid), scene=code)


async def sweep(rooms) -> int:
    return await rooms.handlers.commission_releasing.sweep()


async def amounts() -> list[tuple[int, str]]:
    """Every commission row, the oldest first."""
    return [(each.amount_fen, each.state.value) for each in await Commission.all().order_by("id")]


async def balance(member_id: UUID, kind: str) -> int:
    found = await LedgerAccount.get_or_none(member_id=member_id, unit="fen", kind=kind)
    return int(found.posted) if found else 0


async def codes() -> list[str]:
    return [each.code for each in await PromoterLink.all().order_by("id")]
