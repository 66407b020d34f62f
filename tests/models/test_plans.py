"""What every statement of ours reads: by an index, or a table whole where that is meant.

Asked of SQLite, which tells it without rows; what it has no index for PostgreSQL has none for either.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from tortoise.exceptions import OperationalError

from models import statements
from models.database import Both, dialect, rows
from models.sql import sqlite_sql

# Of each: why all of a table may be read, for every row of another one or to change a few of its own.
MEANT = {
    "carrier.FORGET_MONTHS": "housekeeping, once a day",
    "clerks.END_SESSIONS": "sessions of clerks are few and short",
    "departures.CANCEL_JOBS": "jobs are pruned; nobody leaves often",
    "grants.RESUME": "approvals are given by hand",
    "jobs.PRUNE": "housekeeping",
    "jobs.PRUNE_SLOTS": "housekeeping",
    "offers.ASKERS": "organizations are a handful",
    "redemptions.FORGIVE": "wrong codes are forgotten within the day, and nobody forgives who has none",
}


def texts() -> Iterator[tuple[str, str]]:
    for module in pkgutil.walk_packages(statements.__path__, "models.statements."):
        for name, value in vars(importlib.import_module(module.name)).items():
            sql = value.sqlite if isinstance(value, Both) else value
            if isinstance(sql, str) and not name.startswith("_") and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", sql):
                yield f"{module.name.rpartition('.')[2]}.{name}", sql


async def read_whole(sql: str, tables: set[str]) -> set[str]:
    """Tables that are read from end to end for each row of another one; of a statement that changes, at all."""
    named = {
        alias or table: table for table, alias in re.findall(r"(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+([a-z]\w*))?", sql)
    }
    named |= {table: table for table in tables}
    values = ["[]"] * max((int(each) for each in re.findall(r"\$(\d+)", sql)), default=0)
    try:
        plan = {each["id"]: each for each in await rows(f"EXPLAIN QUERY PLAN {sqlite_sql(sql)}", *values)}
    except OperationalError:  # one of the few that only PostgreSQL is ever asked
        return set()
    is_change = not re.match(r"\s*SELECT", sql)
    found = set()
    for step in plan.values():
        scanned = re.fullmatch(r"SCAN (\w+)", step["detail"])
        if scanned is None or named.get(scanned[1]) not in tables:
            continue
        above, up = [], step["parent"]
        while up in plan:
            above.append(plan[up]["detail"])
            up = plan[up]["parent"]
        if is_change or any(each.startswith("CORRELATED") for each in above):
            found.add(named[scanned[1]])
    return found


async def test_no_statement_reads_a_table_whole_for_every_row_of_another(database):
    if dialect() == "postgres":
        pytest.skip("the plans are SQLite's")
    tables = {each["name"] for each in await rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = {name: whole for name, sql in texts() if (whole := await read_whole(sql, tables))}
    assert set(found) == set(MEANT)  # and nothing is meant that is not so any more


async def test_it_would_be_seen(database):
    """The control: whoever asks for something that no index knows."""
    if dialect() == "postgres":
        pytest.skip("the plans are SQLite's")
    each = (
        "SELECT m.id, EXISTS (SELECT 1 FROM consent s WHERE s.version = m.number) AS it FROM member m WHERE m.id = $1"
    )
    assert await read_whole(each, {"member", "consent"}) == {"consent"}
    assert await read_whole("DELETE FROM claim_slot WHERE number = $1 RETURNING id", {"claim_slot"}) == {"claim_slot"}
