"""A plan is kept from when tables were empty: it must go by keys, or it reads whole tables once they have grown."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from models.database import dialect, rows
from models.statements import cards, identity, orders, redemptions

NOW, NOBODY = datetime(2026, 1, 1, tzinfo=UTC), UUID(int=7)
HOT = {
    "who is this": (identity.FIND_BY_IDENTIFIERS.postgres, [["h"]]),
    "binding a card": (cards.BIND, [NOBODY, NOBODY, NOW]),
    "what was settled": (redemptions.SETTLED.postgres, ["[]", [NOBODY]]),
    "uses taken": (redemptions.TAKE_USES.postgres, ["[]", [NOBODY]]),
    "called so": (orders.KEEP_PREPAID.postgres, ["[]", NOW, [NOBODY]]),
}


@pytest.fixture
async def postgres(database):
    if dialect() != "postgres":
        pytest.skip("SQLite plans each statement by its indexes alone, however many rows there are")


async def read_from_end_to_end(sql, values) -> list[str]:
    """Of what tables this plan reads all rows, or an index without saying which."""
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


async def test_what_reads_whole_tables_is_found_out(postgres):
    """Negative control: as the naming of orders was written before."""
    sql, values = HOT["called so"]
    before = sql.replace("sales_order.id = ANY($3::uuid[]) AND ", "")
    assert before != sql
    assert await read_from_end_to_end(before, values[:2]) == ["Seq Scan of sales_order"]
