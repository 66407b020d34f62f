"""The clock's own work: what has matured becomes spendable, what has expired goes. Both are true already.

Whoever spends writes it down for their own account first; the job does it for all others, a chunk per transaction, so
that it goes on wherever it was broken off.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from handlers.ledger.books import Place
from handlers.ledger.posting import settle
from handlers.ports import Clock
from handlers.retrying import again
from handlers.rules.ledger import Side, Unit
from models.database import atomic, rows
from models.sql import Both, as_uuid
from models.statements import ledger as statements
from models.words import LedgerAccountKind

CHUNK = 200  # accounts per transaction


class LedgerDue:
    """The recurring job; two at once share the work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self) -> int:
        """Everything that is due by now; on how many accounts there was something."""
        return await self._all(statements.MATURING_NOW) + await self._all(statements.EXPIRING_NOW)

    async def _all(self, statement: Both) -> int:
        """Each account once in a round, in the order of ids: one that stays due is the next round's."""
        settled, after = 0, None
        while True:
            found = await rows(statement, self._clock.now(), CHUNK, after)
            if not found:
                return settled
            await again(partial(self._settle, found))
            settled, after = settled + len(found), as_uuid(found[-1]["id"])

    async def _settle(self, found: Sequence[Mapping[str, Any]]) -> None:
        async with atomic():
            await settle([place for each in found for place in _places(each)], at=self._clock.now())


def _places(found: Mapping[str, Any]) -> list[Place]:
    """A pending account matures into the account beside it, which therefore has to be there."""
    unit = Unit(as_uuid(found["programme_id"]), found["unit"])
    member_id = as_uuid(found["member_id"])
    mine = unit, Side(LedgerAccountKind.MEMBER, member_id)
    return [mine, (unit, Side(LedgerAccountKind(found["kind"]), member_id))]
