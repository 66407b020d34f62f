"""What `doctor` says of commissions: each rule is shown a breach of its own, and names it."""

from contextlib import suppress

import pytest

from models.database import atomic, rows
from models.ids import new_id
from models.statements.invariants_distribution import RULES
from tests.handlers.buying import breaches
from tests.handlers.test_distribution import give, sold

__all__ = ["sold"]

# Transfers and rules cannot be edited: what stands beside them is.
PLANTED = {
    "每笔佣金在账上记了一次": "UPDATE commission SET amount_fen = amount_fen + 1 WHERE reverses_id IS NULL",
    "可提现的佣金都入了账，没到期的都没有": "UPDATE commission SET state = 'available' WHERE reverses_id IS NULL",
    "扣回的佣金和扣回记录一致，且都记了账": "UPDATE commission SET back_fen = 49 WHERE reverses_id IS NULL",
    "待结算的佣金等于账上待结算的钱": "UPDATE ledger_account SET posted = posted + 1 WHERE kind = 'pending'",
    "全额退款的订单没有留下佣金": "UPDATE sales_order SET refunded_fen = amount_fen",
    "一笔订单的佣金不超过规则的上限": "UPDATE commission SET base_fen = 300 WHERE reverses_id IS NULL",
    "欠款账户不会是正数": """
        INSERT INTO ledger_account (id, created_at, programme_id, unit, kind, member_id, has_lots, posted, held, floor)
        SELECT '{id}', created_at, programme_id, unit, 'receivable', member_id, has_lots, 1, 0, 0
        FROM ledger_account WHERE kind = 'pending' AND unit = 'fen'
    """,
}


class _Undo(Exception):
    """Nothing of what was planted stays."""


async def test_each_breach_of_commissions_is_found_by_its_rule(sold):
    assert {what for what, _ in RULES} == set(PLANTED)
    await give(sold, 500)
    assert await breaches() == []
    for what, plant in PLANTED.items():
        with suppress(_Undo):
            async with atomic():
                await rows(plant.replace("{id}", str(new_id())))
                assert what in await breaches(), what
                raise _Undo
    assert await breaches() == []


@pytest.mark.parametrize("table", ["commission_rule", "order_promoter"])
async def test_what_was_published_and_what_an_order_was_made_under_cannot_be_changed(sold, table):
    with pytest.raises(Exception, match=f"{table} is append-only"):
        await rows(f"UPDATE {table} SET created_at = created_at")
