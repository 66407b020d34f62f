"""What must always hold, looked at while the installation runs: a breach is told before somebody types `doctor`."""

import logging

from prometheus_client import Gauge

from models.database import long_reads
from models.statements.invariants import CHECKS

BREACHES = Gauge("fanpiao_invariant_breaches", "Rows that break a rule, by rule; looked at every night", ["rule"])
TOLD = 5  # ids of rows

log = logging.getLogger(__name__)


async def watch_rules() -> dict[str, int]:
    """Look at every rule; how many rows break which. Each breach is an error in the log, and stands in the metrics."""
    broken: dict[str, int] = {}
    async for rule, found in long_reads({check.what: check.sql for check in CHECKS}):
        BREACHES.labels(rule).set(len(found))
        if found:
            broken[rule] = len(found)
            ids = [str(each["id"]) for each in found[:TOLD]]
            log.error("invariant_broken", extra={"rule": rule, "rows": len(found), "ids": ids})
    return broken
