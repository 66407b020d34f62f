"""What `doctor` says of orders on phone bills: what is planted is named."""

from contextlib import suppress

from models.database import atomic, rows
from models.statements.invariants_carrier import RULES
from tests.handlers.billing import PRICE, a_subscriber, on_the_bill
from tests.handlers.buying import breaches

ROWS = "话费支付的订单都有自己的扣费，别的订单都没有"
CHARGED = "话费扣成的订单都收到了钱，收到钱的都扣成了，并记着账期"
COUNTED = "号码每月的话费额度等于它的扣费占用的合计，等待付款和没有退的订单都占用"
CREDITED = "话费支付的退款都记着是冲销还是返还"
PLANTED = {
    "UPDATE sales_order SET method = 'wechat' WHERE state = 'paid'": {ROWS},
    "UPDATE sales_order SET method = 'wechat' WHERE state = 'refunded'": {ROWS, CREDITED},
    "UPDATE carrier_charge SET billing_month = ''": {CHARGED},
    "UPDATE carrier_charge SET state = 'waiting', billing_month = ''": {CHARGED},
    "UPDATE carrier_month SET counted_fen = counted_fen + 1": {COUNTED},
    "UPDATE carrier_charge SET counted_fen = 0": {COUNTED},
}


class _Undo(Exception):
    """Nothing of what was planted stays."""


async def test_what_is_planted_is_named(rooms):
    ming = await a_subscriber(rooms)
    offer = await on_the_bill(rooms, limits=())
    await ming.buy(offer, "kept")
    await ming.refund(await ming.buy(offer, "given-back"), PRICE)
    await rooms.handlers.order_refunds.poll()
    assert await breaches() == []
    said: dict[str, set[str]] = {}
    for planted in PLANTED:
        with suppress(_Undo):
            async with atomic():
                await rows(planted)
                said[planted] = set(await breaches())
                raise _Undo
    assert said == PLANTED


def test_every_rule_is_named_somewhere():
    assert {what for what, _ in RULES} == set().union(*PLANTED.values())
