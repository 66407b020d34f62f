"""The balances of the programme's own accounts: the last checkpoint, and what came and went since.

Nothing is ever written before a checkpoint (the statement that adds transfers sees to that), so what it says stays
true. It is taken an hour after the day's end: no transaction that looked at the clock before is still open then.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.ledger import Unit
from handlers.rules.validity import begins, day_of
from models.database import atomic, row, rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import ledger as statements
from models.words import LedgerAccountKind

SETTLED_AFTER = timedelta(hours=1)


async def own_balances(unit: Unit, *, at: datetime) -> Mapping[LedgerAccountKind, int]:
    """What stands on the programme's own accounts of this unit: what was issued is negative."""
    found = await rows(statements.BALANCES, at, unit.programme_id, unit.code)
    return {LedgerAccountKind(each["kind"]): int(each["balance"]) for each in found}


class LedgerCheckpoints:
    """The daily job. Taking one again changes nothing."""

    def __init__(self, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._zone = zone

    async def take(self, slot: datetime) -> int:
        """Every account at the beginning of the business day of an hour before `slot`; how many were written down."""
        until = begins(day_of(slot - SETTLED_AFTER, self._zone), self._zone)
        taken = 0
        for account in await rows(statements.OWN_ACCOUNTS):
            async with atomic():
                found = await row(statements.BALANCE_UNTIL, until, as_uuid(account["id"]))
                if found is not None:
                    values = new_id(), slot, as_uuid(account["id"]), until, int(found["balance"])
                    taken += len(await rows(statements.CHECKPOINT, *values))
        return taken
