"""对账: a manager of the merchant confirms a statement, or says what is wrong with it.

A statement never changes: what was wrong is put right by entries of a later day, and then it is confirmed. Only what
is confirmed is paid.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk
from handlers.audit import record
from handlers.errors import StatementConfirmed, StatementsForManagers, StatementUnknown
from handlers.ports import Clock
from handlers.redemptions.counter import lock_clerk
from handlers.requests import Answer, once
from handlers.retrying import refusing
from models.database import row
from models.payouts import StatementReply
from models.sql import as_uuid
from models.statements import payouts as statements
from models.words import ClerkRole, StatementReplyKind


@dataclass(frozen=True, slots=True)
class Replied:
    """What was said. `payable_fen`: what the statement brings the merchant."""

    statement_id: UUID
    kind: StatementReplyKind
    note: str
    payable_fen: int
    replied_at: datetime


@refusing
class StatementReplies:
    """Takes the merchants' word."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def confirm(self, clerk: Clerk, statement_id: UUID, *, request_id: str) -> Answer[Replied]:
        """It is right, and may be paid; nothing more is said to it after that.

        Raises StatementsForManagers, StatementUnknown, StatementConfirmed, ClerkNotSignedIn, KeyReused.
        """
        return await self._reply(clerk, statement_id, StatementReplyKind.CONFIRMED, "", request_id)

    async def dispute(self, clerk: Clerk, statement_id: UUID, *, note: str, request_id: str) -> Answer[Replied]:
        """It is wrong, and why; it is not paid until it is confirmed after all. Raises as `confirm`."""
        return await self._reply(clerk, statement_id, StatementReplyKind.DISPUTED, note, request_id)

    async def _reply(
        self, clerk: Clerk, statement_id: UUID, kind: StatementReplyKind, note: str, request_id: str
    ) -> Answer[Replied]:
        if clerk.role is not ClerkRole.MANAGER:
            raise StatementsForManagers

        async def effect() -> Replied:
            await lock_clerk(clerk)
            now = self._clock.now()
            found = await row(statements.LOCK_STATEMENT, statement_id)
            if found is None or as_uuid(found["merchant_id"]) != clerk.merchant_id:
                raise StatementUnknown
            if found["reply"] == StatementReplyKind.CONFIRMED:
                raise StatementConfirmed
            payable = int(found["payable_fen"])
            await StatementReply.create(
                statement_id=statement_id, clerk_id=clerk.id, kind=kind, note=note, replied_at=now
            )
            place, told = as_uuid(found["organization_id"]), {"note": note, "payable_fen": payable}
            action = f"statement.{kind}"
            await record(clerk, action, "statement", statement_id, at=now, organization_id=place, **told)
            return Replied(statement_id, kind, note, payable, now)

        facts = {"statement": statement_id, "note": note}
        return await once(clerk, f"statement.{kind}", request_id, facts=facts, result=Replied, effect=effect)
