"""递延: money of orders for which nobody has had anything yet is held back from income, and released as it is used.

income -> unearned: it waits. unearned -> income: it was redeemed, is over, or goes back. Done by a job that compares
what is held back with how the claims of orders stand, and with the days that are left of what was paid for a plan, a
page at a time, one act for each page: no payment and no redemption waits for it. What is undone is held back again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.ports import Clock
from handlers.retrying import again
from handlers.rules.ledger import Cause, Move, Side
from handlers.rules.plans import unearned_fen
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import Both, as_instant, as_uuid, dump_rows
from models.statements import sales as statements
from models.words import LedgerAccountKind

PAGE = 1_000
DEFERRED = "deferral"  # the kind of cause; its id is the page's own
INCOME, UNEARNED = Side(LedgerAccountKind.INCOME), Side(LedgerAccountKind.UNEARNED)
_NO_ID = UUID(int=0)
_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What is held back of an order, or of one of its claims (`about_id`), and what should be, in fen."""

    about_id: UUID
    amount_fen: int
    held_fen: int
    target_fen: int


@dataclass(frozen=True, slots=True)
class Sort:
    """Something that money is held back of: a page of it, what should be of each, and the two ways it moves."""

    page: str
    target_fen: Callable[[_Row, datetime], int]
    defer: Both
    release: Both


def _of_plan(found: _Row, now: datetime) -> int:
    return unearned_fen(
        int(found["amount_fen"]) - int(found["refunded_fen"]),
        int(found["shared_fen"]),
        int(found["open_fen"]),
        starts_at=as_instant(found["starts_at"]),
        ends_at=as_instant(found["cut_at"] or found["ends_at"]),
        at=now,
    )


SALES = Sort(statements.DEFERRED, lambda found, _: int(found["target_fen"]), statements.DEFER, statements.RELEASE)
FEES = Sort(statements.DEFERRED_FEES, _of_plan, statements.DEFER_FEES, statements.RELEASE_FEES)


class SaleDeferring:
    """The nightly job. Repeating it changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self) -> int:
        """Look at the claims of every order, and at every plan that was paid for; of how many it moves."""
        return await self._all(SALES) + await self._all(FEES)

    async def _all(self, sort: Sort) -> int:
        after: UUID | None = _NO_ID
        moved = 0
        while after is not None:
            after, count = await again(partial(self._page, sort, after))
            moved += count
        return moved

    async def _page(self, sort: Sort, after: UUID) -> tuple[UUID | None, int]:
        """Behind which id the next page begins, if there is one, and how many of this one moved."""
        async with atomic():
            now = self._clock.now()
            seen = await rows(sort.page, after, now, PAGE)
            following = as_uuid(seen[-1]["id"]) if len(seen) == PAGE else None
            found = [each for row in seen if (each := _held(sort, row, now)).target_fen != each.held_fen]
            if not found:
                return following, 0
            await _write(sort, found, now)
            delta = sum(each.target_fen - each.held_fen for each in found)
            if delta:
                debit, credit = (INCOME, UNEARNED) if delta > 0 else (UNEARNED, INCOME)
                await post([Move(await fen(), debit, credit, abs(delta), Cause(DEFERRED, str(new_id())))], at=now)
            return following, len(found)


def _held(sort: Sort, found: _Row, now: datetime) -> Held:
    held = int(found["held_fen"])
    return Held(as_uuid(found["about_id"]), int(found["amount_fen"]), held, sort.target_fen(found, now))


async def _write(sort: Sort, found: Sequence[Held], now: datetime) -> None:
    """Raises SerializationConflict: somebody else moved one of them meanwhile; look again."""
    text = dump_rows(
        {
            "id": new_id(),
            "about_id": each.about_id,
            "amount_fen": each.amount_fen,
            "held_fen": each.held_fen,
            "target_fen": each.target_fen,
        }
        for each in found
    )
    moved = [*await rows(sort.defer, text, now), *await rows(sort.release, text)]
    if len(moved) < len(found):
        raise SerializationConflict("what is held back moved meanwhile")
