"""Notices about money that goes back: who forges them or speaks of something else closes no refund."""

import pytest

from models.orders import OrderRefund
from models.words import OrderRefundState
from simulator import PayConduct
from tests.stories.market import desk, market
from tests.stories.test_buying import PRICE, priced, sound
from tests.stories.test_promoting import bought

__all__ = ["desk", "market"]


@pytest.fixture
def takes_money() -> bool:
    return True


async def test_who_forges_or_mumbles_gives_nothing_back(market):
    town, pay = market.town, market.town.platform.pay
    offer, screen = await priced(market, limits=[], stock=9), await market.member("小明")
    orders = [await bought(market, screen, offer, key) for key in ("first", "second")]
    pay.always(PayConduct(is_silent=True, refund_becomes="PROCESSING"))
    for order in orders:
        asked = await screen.orders.refund(order["id"], PRICE, key=f"back-{order['id']}")
        assert asked.status == 201, asked.answer
    await town.work()
    first, second = (
        next(each for each in pay.refunds.values() if each.trade.number == order["number"]) for order in orders
    )
    first.state = "SUCCESS"  # what they will say, not what is so
    url, whole = first.notify_url, pay.notice_of_refund(first)
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    assert [
        await pay.post(url, whole, age=301),
        await pay.post(url, whole, age=-301),
        await pay.post(url, whole, probe=True),
        await pay.post(url, bytes(flipped), signed_over=whole),
        await pay.post(url, pay.notice_of_refund(second), signed_over=whole),
        await pay.post(url, whole, headers={"Wechatpay-Serial": "PUB_KEY_ID_OF_SOMEBODY"}),
    ] == [403] * 6
    amount = {"total": PRICE, "refund": PRICE, "currency": "CNY"}
    assert [
        await pay.tell_refund(first, amount={**amount, "refund": PRICE - 1}),
        await pay.tell_refund(first, amount={**amount, "refund": PRICE + 1}),
        await pay.tell_refund(first, amount={**amount, "total": PRICE - 1}),
        await pay.tell_refund(first, mchid="1900000000"),
        await pay.tell_refund(first, out_trade_no=second.trade.number),  # swapped: the one's refund, the other's order
        await pay.tell_refund(first, out_refund_no=second.number),
        await pay.tell_refund(first, out_refund_no="0" * 32),
        await pay.tell_refund(first, refund_status="NEWS"),
        await pay.post(url.replace("/refund", "/transaction"), whole),
        await pay.post(url.replace("/refund", "/transfer"), whole),
    ] == [422] * 10
    assert {each.state for each in await OrderRefund.all()} == {OrderRefundState.SENT}
    second.state = "SUCCESS"
    assert [await pay.tell_refund(each) for each in (first, first, second, second)] == [204] * 4
    assert await pay.tell_refund(first, refund_status="ABNORMAL") == 204  # late, and against what is booked: nothing
    assert {each.state for each in await OrderRefund.all()} == {OrderRefundState.DONE}
    pay.behave()
    await sound(town)
