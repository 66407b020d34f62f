"""Buying with WeChat Pay, as people live it: paid and used, paid and given back, too late, and the forger."""

from datetime import timedelta

import pytest

from app.worker import Worker
from models.claims import Claim, ClaimSlot
from models.database import rows
from models.orders import Order, OrderRefund
from models.statements.invariants import CHECKS
from models.words import ClaimState, OrderState
from simulator import ImpossibleError, PayConduct
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

PRICE = 1_990


@pytest.fixture
def takes_money() -> bool:
    return True


async def worked(town) -> None:
    """The worker does what is due, what recurs included."""
    await Worker(town.house.registry, town.house.handlers, town.house.clock).start_due_tasks()
    await town.work()


async def later(town, **time: float) -> None:
    town.wait(timedelta(**time))
    await worked(town)


async def sound(town) -> None:
    """Every rule of the doctor; and their books are ours, to the fen."""
    assert [check.what for check in CHECKS if await rows(check.sql)] == []
    theirs = {each.number: each.amount_fen for each in town.platform.pay.trades.values() if each.transaction_id}
    ours = {each.number: each.amount_fen for each in await Order.exclude(transaction_id=None)}
    assert ours == theirs
    back = {each.number: each.amount_fen for each in town.platform.pay.refunds.values() if each.state == "SUCCESS"}
    assert {each.number: each.amount_fen for each in await OrderRefund.filter(state="done")} == back


async def priced(market, name: str = "手冲咖啡", **terms: object) -> str:
    offer = await market.offer(name, price={"fen": PRICE}, **{"stock": 5, **terms})
    market.town.house.handlers.offer_catalogue.forget()
    return offer


def heard(town, person, word: str) -> list[str]:
    return [text for text in person.chat(town.oa).texts() if word in text]


async def test_bought_redeemed_and_what_is_left_given_back(market):
    town, pay = market.town, market.town.platform.pay
    offer, screen, clerk = await priced(market, limits=[]), await market.member("小明"), await market.clerk()
    refused = await screen.claim(offer)
    assert (refused.status, refused.answer["code"]) == (409, "offer.priced")
    bought = await screen.buy(offer, quantity=2, amount_fen=2 * PRICE, key="once")
    assert bought.status == 201, bought.answer
    order = bought.answer["order"]
    assert (order["state"], order["amount_fen"], order["quantity"]) == ("waiting", 2 * PRICE, 2)
    again = await screen.buy(offer, quantity=2, amount_fen=2 * PRICE, key="once")
    assert (again.status, again.answer) == (201, bought.answer)
    assert again.headers["idempotency-replayed"] == "true"

    pay.once(PayConduct(duplicates=3))
    screen.pay(bought.answer["payment"])
    await pay.settle()
    assert list(pay.statuses) == [204] * 4
    held = (await screen.call("GET", f"/orders/{order['id']}")).answer
    assert (held["order"]["state"], held["payment"]) == ("paid", None)
    assert len(held["order"]["claims"]) == 2
    await town.work()
    assert heard(town, screen.person, "已付款") == ["手冲咖啡已付款39.80元，可到“我的权益”查看。"]
    used, kept = held["order"]["claims"]
    await screen.pass_of(used)
    await clerk.counter.look(token=screen.shown["token"])
    assert (await clerk.counter.redeem(token=screen.shown["token"])).status == 201

    await later(town, seconds=6)
    assert pay.trades[order["number"]].is_shipped

    quoted = (await screen.call("GET", f"/orders/{order['id']}/refund-quote")).answer
    assert quoted["amount_fen"] == PRICE
    assert {line["claim_id"]: line["reason"] for line in quoted["lines"]} == {used: "claim.used", kept: None}
    path = f"/orders/{order['id']}/refunds"
    changed = await screen.call("POST", path, {"amount_fen": 2 * PRICE}, key="all")
    assert (changed.status, changed.answer["code"]) == (409, "order.quote_changed")
    asked = await screen.call("POST", path, {"amount_fen": PRICE, "reason": "不去了"}, key="back")
    assert (asked.status, asked.answer["state"]) == (201, "waiting")
    await town.work()
    await pay.settle()
    await town.work()
    told = (await screen.call("GET", f"/orders/{order['id']}")).answer["order"]
    assert (told["state"], told["refunded_fen"], told["refunds"][0]["state"]) == ("paid", PRICE, "done")
    assert heard(town, screen.person, "已退款") == ["手冲咖啡已退款19.90元，原路退回，到账以微信支付通知为准。"]
    assert (await Claim.get(id=kept)).state is ClaimState.REVOKED
    nothing = await screen.call("POST", path, {"amount_fen": PRICE}, key="more")
    assert (nothing.status, nothing.answer["code"]) == (409, "order.nothing_to_refund")
    await sound(town)


async def test_the_notice_that_never_came_is_asked_for(market):
    town, pay = market.town, market.town.platform.pay
    offer, screen = await priced(market), await market.member("小明")
    bought = await screen.buy(offer)
    pay.once(PayConduct(is_silent=True))
    screen.pay(bought.answer["payment"])
    await later(town, seconds=30)
    assert (await Order.get()).state is OrderState.WAITING
    await later(town, seconds=45)
    assert (await Order.get()).state is OrderState.PAID
    (trade,) = pay.trades.values()
    assert (trade.asked, await Claim.all().count()) == (1, 1)
    await later(town, minutes=40)
    assert trade.asked == 1

    desk, order = market.desk, bought.answer["order"]["id"]
    status, listed = await desk.tell("GET", "/operator/orders?state=paid&limit=1")
    assert (status, [each["order"]["id"] for each in listed["items"]]) == (200, [order])
    assert listed["items"][0]["transaction_id"] == trade.transaction_id
    assert (await desk.tell("GET", "/operator/orders?state=expired"))[1]["items"] == []
    path = f"/operator/orders/{order}/refunds"
    status, told = await desk.tell("POST", path, {"amount_fen": PRICE + 1, "reason": "送晚了"})
    assert (status, told["code"], told["left_fen"]) == (409, "order.refund_too_much", PRICE)
    status, told = await desk.tell("POST", path, {"amount_fen": 90, "reason": "送晚了"})
    assert (status, told["state"], told["cause"]) == (201, "waiting", "operator")
    await worked(town)
    await pay.settle()
    shown = (await desk.tell("GET", f"/operator/orders/{order}"))[1]["order"]
    assert (shown["state"], shown["refunded_fen"], shown["refunds"][0]["state"]) == ("paid", 90, "done")
    (mine,) = (await screen.call("GET", "/orders")).answer["items"]
    assert mine["id"] == order
    await sound(town)


async def test_nobody_pays_and_somebody_else_has_it(market):
    town, pay = market.town, market.town.platform.pay
    offer, ming = await priced(market, stock=1), await market.member("小明")
    bought = await ming.buy(offer)
    hong = await market.member("小红")
    gone = await hong.buy(offer)
    assert (gone.status, gone.answer["code"]) == (409, "offer.sold_out")
    town.wait(timedelta(minutes=15))
    seen = (await ming.call("GET", f"/orders/{bought.answer['order']['id']}")).answer
    assert (seen["order"]["state"], seen["payment"]) == ("expired", None)
    taken = await hong.buy(offer)  # nobody has swept yet
    assert taken.status == 201
    with pytest.raises(ImpossibleError):
        ming.pay(bought.answer["payment"])
    await worked(town)
    assert pay.trades[bought.answer["order"]["number"]].state == "CLOSED"
    hong.pay(taken.answer["payment"])
    await pay.settle()
    assert {each.state for each in await Order.all()} == {OrderState.EXPIRED, OrderState.PAID}
    await sound(town)


async def test_money_that_comes_too_late_finds_its_thing_again_or_goes_back(market):
    town, pay = market.town, market.town.platform.pay
    offer, ming, hong = await priced(market, stock=1), await market.member("小明"), await market.member("小红")
    first, number = await ming.buy(offer), "number"
    await later(town, minutes=16)
    pay.pay_number(first.answer["order"][number], even_late=True)
    await pay.settle()
    assert (await Order.get()).state is OrderState.PAID
    assert await ClaimSlot.filter(claim_id=None).count() == 0

    other = await priced(market, "桂花拿铁", stock=1)
    late = await ming.buy(other)
    await later(town, minutes=16)
    won = await hong.buy(other)
    pay.pay_number(late.answer["order"][number], even_late=True)
    await pay.settle()
    hong.pay(won.answer["payment"])
    await pay.settle()
    states = dict(await Order.filter(offer_id=other).values_list("number", "state"))
    assert states[late.answer["order"][number]] is OrderState.RETURNING
    assert states[won.answer["order"][number]] is OrderState.PAID
    await ming.person.say(town.oa, "我的权益")  # a window to be told in
    await town.work()
    await pay.settle()
    await town.work()
    assert (await Order.get(number=late.answer["order"][number])).state is OrderState.REFUNDED
    assert len(heard(town, ming.person, "已退款")) == 1
    assert await Claim.all().count() == 2
    await sound(town)


async def test_who_forges_or_mumbles_pays_nothing(market):
    town, pay = market.town, market.town.platform.pay
    offer, screen, hong = await priced(market), await market.member("小明"), await market.member("小红")
    bought, hers = await screen.buy(offer), await hong.buy(offer)
    pay.once(PayConduct(is_silent=True), times=2)
    screen.pay(bought.answer["payment"])
    trade = pay.trades[bought.answer["order"]["number"]]
    url, whole = trade.notify_url, pay.notice_of(trade)
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    other = pay.trades[hers.answer["order"]["number"]]
    assert [
        await pay.post(url, whole, age=301),
        await pay.post(url, whole, age=-301),
        await pay.post(url, whole, probe=True),
        await pay.post(url, whole, headers={"Wechatpay-Serial": "PUB_KEY_ID_OF_SOMEBODY"}),
        await pay.post(url, whole, headers={"Wechatpay-Signature-Type": "NONE"}),
        await pay.post(url, bytes(flipped), signed_over=whole),
        await pay.post(url, pay.notice_of(trade), signed_over=whole),
    ] == [403] * 7
    assert [
        await pay.tell_trade(trade, amount={"total": PRICE - 1, "currency": "CNY"}),
        await pay.tell_trade(trade, amount={"total": PRICE, "currency": "USD"}),
        await pay.tell_trade(trade, appid="wx0000000000000000"),
        await pay.tell_trade(trade, mchid="1900000000"),
        await pay.tell_trade(trade, payer={"openid": other.openid}),
        await pay.tell_trade(trade, out_trade_no=other.number),
        await pay.tell_trade(trade, out_trade_no="0" * 32),
        await pay.tell_trade(trade, trade_state="NOTPAY"),
        await pay.post(url.replace("/transaction", "/refund"), whole),
    ] == [422] * 9
    assert {each.state for each in await Order.all()} == {OrderState.WAITING}
    assert await pay.tell_trade(trade) == 204
    assert await pay.tell_trade(trade) == 204
    assert (await Order.get(number=trade.number)).state is OrderState.PAID
    assert await Claim.all().count() == 1
    await sound(town)


async def test_a_prepay_that_timed_out_goes_on_with_the_same_key_and_number(market):
    town, pay = market.town, market.town.platform.pay
    offer, screen = await priced(market, stock=1), await market.member("小明")
    pay.once(PayConduct(refuses="SYSTEM_ERROR"))
    unclear = await screen.buy(offer, key="once")
    assert (unclear.status, unclear.answer["code"]) == (503, "payment.unavailable")
    pay.once(PayConduct(is_unsigned=True))
    unclear = await screen.buy(offer, key="once")
    assert (unclear.status, unclear.answer["code"]) == (503, "payment.unavailable")
    bought = await screen.buy(offer, key="once")
    assert bought.status == 201
    (trade,) = pay.trades.values()
    assert (trade.came_in, trade.number) == (2, bought.answer["order"]["number"])
    cancelled = await screen.call("POST", f"/orders/{bought.answer['order']['id']}/cancel", key="no")
    assert (cancelled.status, cancelled.answer["state"]) == (200, "cancelled")
    await worked(town)
    assert trade.state == "CLOSED"
    assert (await screen.buy(offer)).status == 201
    await sound(town)
