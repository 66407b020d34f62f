"""递延: money of orders for which nobody has had anything yet is held back from income, and released as it is used.

income -> unearned: it waits. unearned -> income: it was redeemed, is over, or goes back. Done by a job that compares
what is held back with how the claims of orders stand, a page at a time, one act for each page: no payment and no
redemption waits for it. What is undone is held back again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.ports import Clock
from handlers.retrying import again
from handlers.rules.ledger import Cause, Move, Side
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import sales as statements
from models.words import LedgerAccountKind

PAGE = 1_000
DEFERRED = "deferral"  # the kind of cause; its id is the page's own
INCOME, UNEARNED = Side(LedgerAccountKind.INCOME), Side(LedgerAccountKind.UNEARNED)
_NO_ID = UUID(int=0)


class SaleDeferring:
    """The nightly job. Repeating it changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self) -> int:
        """Look at the claims of every order; of how many more or less is held back now."""
        after: UUID | None = _NO_ID
        moved = 0
        while after is not None:
            after, count = await again(partial(self._page, after))
            moved += count
        return moved

    async def _page(self, after: UUID) -> tuple[UUID | None, int]:
        """Behind which id the next page begins, if there is one, and how many of this one moved."""
        async with atomic():
            now = self._clock.now()
            seen = await rows(statements.DEFERRED, after, now, PAGE)
            following = as_uuid(seen[-1]["id"]) if len(seen) == PAGE else None
            found = [each for each in seen if each["target_fen"] != each["held_fen"]]
            if not found:
                return following, 0
            await _write(found, now)
            delta = sum(int(each["target_fen"]) - int(each["held_fen"]) for each in found)
            if delta:
                debit, credit = (INCOME, UNEARNED) if delta > 0 else (UNEARNED, INCOME)
                await post([Move(await fen(), debit, credit, abs(delta), Cause(DEFERRED, str(new_id())))], at=now)
            return following, len(found)


async def _write(found: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Raises SerializationConflict: somebody else moved one of them meanwhile; look again."""
    text = dump_rows(
        {
            "id": new_id(),
            "order_claim_id": as_uuid(each["id"]),
            "amount_fen": int(each["amount_fen"]),
            "held_fen": int(each["held_fen"]),
            "target_fen": int(each["target_fen"]),
        }
        for each in found
    )
    moved = [*await rows(statements.DEFER, text, now), *await rows(statements.RELEASE, text)]
    if len(moved) < len(found):
        raise SerializationConflict("what is held back moved meanwhile")
