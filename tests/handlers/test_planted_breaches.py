"""What `doctor` says of purchases, check-ins and tasks: each rule is shown a breach of its own, and sees that alone."""

from contextlib import suppress

import pytest

from handlers.rules.tasks import PROFILE
from models.database import atomic, rows
from models.ids import new_id
from models.statements.invariants_checkins import RULES as CHECK_IN_RULES
from models.statements.invariants_purchases import RULES as PURCHASE_RULES
from tests.handlers.checking_in import a_parlour
from tests.handlers.ledgers import breaches
from tests.handlers.test_tasks import FULL, Board
from tests.handlers.tilling import a_till

# Lines, rewards and finished tasks cannot be edited: there is one too many of them.
PURCHASES = {
    "消费明细之和等于金额": """
        INSERT INTO purchase_line (id, created_at, purchase_id, ordinal, category, amount_fen)
        SELECT '{id}', created_at, id, 9, '', 1 FROM purchase
    """,
    "消费的退款额等于已计入的退款之和": "UPDATE purchase_refund SET state = 'refused' WHERE state = 'applied'",
    "等待中的退款没有对应的消费，已处理的都有": "UPDATE purchase_refund SET state = 'refused' WHERE state = 'waiting'",
    "每笔归到会员的消费都记了积分和成长值，其他消费都没有": (
        "UPDATE purchase_earning SET unit = 'chances' WHERE unit = 'growth'"
    ),
    "消费所得等于它的流水，收回的等于流水的退回": (
        "UPDATE purchase_earning SET amount = amount + 1, owed_amount = owed_amount + 1 WHERE unit = 'points'"
    ),
    "收回和欠下的所得与退款成比例": "UPDATE purchase_earning SET owed_amount = 1 WHERE unit = 'points'",
}
_REWARD = """
    INSERT INTO given_reward (id, created_at, act, act_id, part, place, member_id, kind, code, wanted, amount, cut_by,
        given_at)
    SELECT '{{id}}', created_at, 'check_in', {act_id}, '{part}', 9, member_id, '{kind}', '', 5, {amount}, '',
        checked_in_at
    FROM check_in
"""
CHECK_INS = {
    "连续签到天数和按日子重算的一致": "UPDATE check_in SET streak_count = 9",
    "每次签到都给了当天的奖励，补签不给": _REWARD.format(act_id="id", part="daily", kind="benefit", amount=0),
    "每个完成的任务都给了它的奖励": """
        INSERT INTO finished_task (id, created_at, task_id, version, member_id, period, subject, finished_at)
        SELECT '{id}', created_at, task_id, version, member_id, 'day:2020-01-01', '', finished_at FROM finished_task
    """,
    "签到和任务的奖励都属于一次签到或一个完成的任务": _REWARD.format(
        act_id="terms_id", part="streak:9", kind="benefit", amount=0
    ),
    "奖励的积分和补签卡等于它的流水": _REWARD.format(act_id="id", part="streak:9", kind="points", amount=5),
    "同一个人的同一天只用一张补签卡，每个补签日都用了一张": """
        INSERT INTO check_in (id, created_at, member_id, business_on, is_made_up, streak_count, terms_id, checked_in_at)
        SELECT '{id}', created_at, member_id, '2020-01-01', true, 1, terms_id, checked_in_at FROM check_in
    """,
}


class _Undo(Exception):
    """Nothing of what was planted stays."""


async def found(planted: str) -> list[str]:
    """What `doctor` says of it."""
    said: list[str] = []
    with suppress(_Undo):
        async with atomic():
            await rows(planted.format(id=new_id()))
            said = await breaches()
            raise _Undo
    return said


def test_every_rule_has_a_breach_here():
    assert set(PURCHASES) == {what for what, _ in PURCHASE_RULES}
    assert set(CHECK_INS) == {what for what, _ in CHECK_IN_RULES}


@pytest.fixture
async def a_purchase(rooms):
    """One that earned and was given back in part, and a refund that waits for its order."""
    till, ming = await a_till(rooms), await rooms.member()
    await till.earning()
    await till.rule()
    await till.sell("A-1", ming)
    await till.refund("A-1", "R-1", 5_000)
    await till.refund("B-1", "R-1", 100)
    return till


async def test_each_breach_of_purchases_is_found_by_its_rule(a_purchase):
    assert await breaches() == []
    assert {what: await found(planted) for what, planted in PURCHASES.items()} == {what: [what] for what in PURCHASES}
    assert await breaches() == []


async def test_each_breach_of_check_ins_and_tasks_is_found_by_its_rule(far):
    async with a_parlour(far) as parlour:
        board, ming = Board(far, parlour), await far.member()
        await parlour.press(ming)
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        await board.claim(ming, task)
        assert {what: await found(each) for what, each in CHECK_INS.items()} == {what: [what] for what in CHECK_INS}
