"""How long things stay that are of no use afterwards. `docs/controls.md` lists these and all other retentions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.identity.devices import KEPT as DEVICES_KEPT
from handlers.identity.returning import DEPARTED_KEPT
from handlers.operators.sign_in_tries import ADDRESSES_KEPT
from models.database import atomic, rows
from models.statements import retention as statements


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of `table` go away once their instant in `column` is longer ago than `kept`."""

    table: str
    column: str
    kept: timedelta


RETENTIONS: Sequence[Retention] = (
    Retention("ticket", "expires_at", timedelta(days=1)),
    Retention("proof_attempts", "created_at", timedelta(days=2)),  # each counts one hour
    Retention("recent_tries", "tried_at", timedelta(hours=2)),  # of no use after one; clocks of servers differ
    Retention("seen_device", "last_seen_at", DEVICES_KEPT),
    Retention("operator_address", "last_used_at", ADDRESSES_KEPT),
    Retention("operator_session", "expires_at", timedelta(days=30)),
    Retention("departed", "left_at", DEPARTED_KEPT),
)


async def purge_expired(now: datetime, *, batch: int = 1_000) -> dict[str, int]:
    """Delete what is past its time, a batch per transaction; how many rows of which table there were."""
    purged = dict.fromkeys((retention.table for retention in RETENTIONS), 0)
    for retention in RETENTIONS:
        statement = statements.purge(retention.table, retention.column)
        while True:
            async with atomic():
                gone = len(await rows(statement, now - retention.kept, batch))
            purged[retention.table] += gone
            if gone < batch:
                break
    return purged
