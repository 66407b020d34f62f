"""What `doctor` says of withdrawals: what is planted is named."""

from contextlib import suppress

import pytest

from models.database import atomic, rows
from models.ids import new_id
from models.statements.invariants_withdrawals import RULES
from models.words import TransferHeard
from tests.handlers.withdrawing import a_payee, breaches, publish

HOLDS = "提现没有结束就冻结着余额，到账入账一次，退回解冻一次"
ORPHANS = "为提现冻结的余额都有它的提现"
PATH = "提现的变更记录连成合法的一条路，到当前状态为止"
BOOKS = "账上付出的钱等于到账的提现"
PLANTED = {
    "UPDATE withdrawal SET closed_at = NULL": {HOLDS},
    "UPDATE withdrawal SET amount_fen = amount_fen + 1": {HOLDS, BOOKS},
    """
    INSERT INTO ledger_hold (id, created_at, account_id, credit_id, amount, posted_amount, cause_kind, cause_id, leg,
        state, expires_at, closed_at)
    SELECT '{id}', created_at, account_id, credit_id, 1, 0, 'withdrawal', '{id}', 0, 'voided', expires_at, closed_at
    FROM ledger_hold
    """: {ORPHANS},
    """
    INSERT INTO withdrawal_event (id, created_at, withdrawal_id, from_state, to_state, reason, actor_kind, actor_id,
        happened_at)
    SELECT '{id}', created_at, id, 'arrived', 'returned', '', '', '', asked_at FROM withdrawal
    """: {PATH},
}


class _Undo(Exception):
    """Nothing of what was planted stays."""


@pytest.mark.parametrize("planted", PLANTED)
async def test_what_is_planted_is_named(rooms, planted):
    await publish(rooms)
    ming = await a_payee(rooms)
    await ming.heard(await ming.sent(4_000), TransferHeard.DONE)
    assert await breaches() == []
    said: list[str] = []
    with suppress(_Undo):
        async with atomic():
            await rows(planted.format(id=new_id()))
            said = await breaches()
            raise _Undo
    assert set(said) == PLANTED[planted]


def test_every_rule_is_named_somewhere():
    """That one is open at a time is shown where the race is lost."""
    assert {what for what, _ in RULES} == {*set().union(*PLANTED.values()), "每人同时只有一笔没有结束的提现"}
