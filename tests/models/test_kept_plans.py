"""A plan is kept from when tables were empty: it must go by keys, or it reads whole tables once they have grown."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from models.database import atomic, dialect, rows
from models.statements import cards, claims, identity, ledger, orders, redemptions

NOW, NOBODY = datetime(2026, 1, 1, tzinfo=UTC), UUID(int=7)
HOT = {
    "who is this": (identity.FIND_BY_IDENTIFIERS, [["h"]]),
    "this card": (cards.BY_NUMBERS, [[f"{NOBODY}:h"]]),
    "binding it": (cards.BIND, [NOBODY, NOBODY, NOW]),
    "claims of codes": (redemptions.LOCK_CLAIMS, [[NOBODY], ["h"]]),
    "what was settled": (redemptions.SETTLED, ["[]", [NOBODY]]),
    "uses taken": (redemptions.TAKE_USES, ["[]", [NOBODY]]),
    "made today": (redemptions.MADE, [[NOBODY], NOW, "redeem", "offline.cut_off"]),
    "who serves": (redemptions.LOCK_CLERKS, [[NOBODY]]),
    "booked already": (ledger.KNOWN, ["[]"]),
    "called so": (orders.KEEP_PREPAID, ["[]", NOW, [NOBODY]]),
    "had before": (claims.SLOTS, [[NOBODY], [NOBODY], ["ever"]]),
}


@pytest.fixture
async def postgres(database):
    if dialect() != "postgres":
        pytest.skip("SQLite plans each statement by its indexes alone, however many rows there are")


async def read_from_end_to_end(statement, values) -> list[str]:
    """Of what tables this plan reads all rows, or an index without saying which."""
    sql = statement if isinstance(statement, str) else statement.postgres
    (found,) = await rows(f"EXPLAIN (FORMAT JSON) {sql}", *values)
    (told,) = found.values()
    told = json.loads(told) if isinstance(told, str) else told
    return [each for plan in told for each in _whole(plan["Plan"])]


def _whole(node) -> list[str]:
    kind = node["Node Type"]
    is_whole = kind == "Seq Scan" or ("Index" in kind and "Scan" in kind and "Index Cond" not in node)
    here = [f"{kind} of {node.get('Relation Name') or node.get('Index Name')}"] if is_whole else []
    return here + [each for below in node.get("Plans", ()) for each in _whole(below)]


@pytest.mark.parametrize("name", HOT)
async def test_a_plan_for_empty_tables_goes_by_keys(postgres, name):
    assert await read_from_end_to_end(*HOT[name]) == []


async def test_what_a_clerk_made_today_is_not_looked_for_among_everybodys(postgres):
    """The index of all redemptions by time would be gone by with a key, too: that of all shops' whole day."""
    statement, values = HOT["made today"]
    plan = str(await rows(f"EXPLAIN {statement.postgres}", *values))
    assert "clerk_id = k.id) AND (redeemed_at >=" in plan


async def test_what_reads_whole_tables_is_found_out(postgres):
    """Negative control: a planner that may, does."""
    async with atomic():
        for each in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material"):
            await rows(f"SET LOCAL {each} = on")
        found = [name for name in HOT if await read_from_end_to_end(*HOT[name])]
    assert "booked already" in found


async def test_no_statement_is_shared_out_among_processes(postgres):
    """What has no index to go by seems endless to this planner, and it would start processes for a dozen rows."""
    over_two = (
        "EXPLAIN SELECT sum(amount) FROM (SELECT amount FROM transfer WHERE unit = 'fen'"
        " UNION ALL SELECT -amount FROM transfer WHERE unit = 'fen') _"
    )
    async with atomic():
        plan = str(await rows(over_two))
        await rows("SET LOCAL max_parallel_workers_per_gather = 2")
        were_it_not_so = str(await rows(over_two))
    assert "Gather" in were_it_not_so
    assert "Gather" not in plan
