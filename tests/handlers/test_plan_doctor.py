"""What `doctor` says of paid membership: each rule is shown a breach of its own, and sees it."""

from datetime import timedelta

from handlers.plans.codes import BatchWanted
from models.statements.invariants_plans import RULES
from tests.handlers.buying import breaches
from tests.handlers.offering import key
from tests.handlers.planning import plan_desk
from tests.handlers.test_planted_breaches import found

_LAST = "number = (SELECT MAX(number) FROM membership_term)"
PLANTED = {
    "付费会员的到期时间是最后一段的结束": f"UPDATE membership_term SET cut_at = starts_at WHERE {_LAST}",
    "付费会员的各段首尾不重叠：付两次就延两次": (
        f"UPDATE membership_term SET starts_at = (SELECT MIN(starts_at) FROM membership_term) WHERE {_LAST}"
    ),
    "套餐订单付款后变成一段会员，没有成交的没有": "UPDATE membership_term SET paid_fen = 1 WHERE order_id IS NOT NULL",
    "激活码用过一次就变成一段会员": "UPDATE plan_code SET used_at = NULL WHERE used_at IS NOT NULL",
    "激活码的数量和批次一致": "UPDATE plan_code_batch SET code_count = 9",
}


def test_every_rule_has_a_breach_here():
    assert set(PLANTED) == {what for what, _ in RULES}


async def test_each_breach_is_found_by_its_rule(rooms):
    desk, ming = await plan_desk(rooms), await rooms.member()
    await desk.buy(ming, desk.month)
    wanted = BatchWanted(1, rooms.clock.now() + timedelta(days=9))
    (code,) = (await desk.plans.codes.make(desk.operator, desk.month, wanted, request_id=key())).value.codes
    await desk.plans.codes.use(ming, code, request_id=key())
    assert await breaches() == []
    assert {what: await found(planted) for what, planted in PLANTED.items()} == {what: [what] for what in PLANTED}
    assert await breaches() == []
