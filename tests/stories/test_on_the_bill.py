"""话费支付, as people live it: a number, a code by SMS, the phone bill; a refund on this bill, or on a later one."""

from datetime import timedelta

import pytest

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import day_of
from models.claims import Claim
from models.database import rows
from models.orders import Order, OrderRefund
from models.reconciliations import Reconciliation, ReconciliationDifference
from models.statements.invariants import CHECKS
from simulator import CarrierConduct
from tests.stories.market import desk, market
from tests.stories.test_buying import heard, later

__all__ = ["desk", "market"]

PRICE, NUMBER = 1_500, "13912345670"


@pytest.fixture
def takes_money() -> bool:
    return True


@pytest.fixture
def takes_bill() -> bool:
    return True


async def sound(town) -> None:
    """Every rule of the doctor; and what stands on phone bills is what our books say, to the fen."""
    assert [check.what for check in CHECKS if await rows(check.sql)] == []
    theirs = town.platform.carrier.on_bill()
    paid = await Order.filter(method="carrier").exclude(transaction_id=None)
    back: dict = {}
    for each in await OrderRefund.filter(state="done"):
        back[each.order_id] = back.get(each.order_id, 0) + each.amount_fen
    assert {each.number: each.amount_fen - back.get(each.id, 0) for each in paid} == theirs
    assert {each.charged_count for each in town.platform.carrier.charges.values()} <= {0, 1}


async def subscriber(market, name: str = "小明", number: str = NUMBER, **facts: object):
    """A member with a bound number, and the number's id. On its network, unless no facts are known of it."""
    town = market.town
    person = town.person(name, phone=number)
    await person.follow(town.oa)
    screen = person.open_mini_program(town.mp)
    assert (await screen.join(with_phone=True)).status == 201
    town.platform.carrier.sign_up(number, **facts)
    bound = await screen.call("POST", "/me/numbers", {"phone_code": screen.phone_code()}, key="bind")
    assert bound.status == 201, bound.answer
    return screen, bound.answer["id"]


async def priced(market, name: str = "手冲咖啡", **terms: object) -> str:
    offer = await market.offer(name, price={"carrier_fen": PRICE}, **{"stock": 5, "limits": [], **terms})
    market.town.house.handlers.offer_catalogue.forget()
    return offer


async def on_bill(screen, offer: str, number_id: str, key: str = "once", **more: object):
    return await screen.buy(offer, key=key, payment_method="carrier", number_id=number_id, **more)


async def confirm(screen, order: str, code: str, key: str = "confirm"):
    return await screen.call("POST", f"/orders/{order}/confirmation", {"code": code}, key=key)


async def test_bought_on_the_phone_bill_and_given_back_within_its_month(market):
    town, carrier = market.town, market.town.platform.carrier
    offer, (screen, number_id) = await priced(market), await subscriber(market)
    shown = (await screen.call("GET", f"/offers/{offer}")).answer
    assert shown["offer"]["price"]["carrier_fen"] == PRICE
    cash = await screen.buy(offer)
    assert (cash.status, cash.answer["code"]) == (409, "payment.method_missing")
    nobodys = await screen.buy(offer, payment_method="carrier")
    assert nobodys.status == 400

    bought = await on_bill(screen, offer, number_id, quantity=2, amount_fen=2 * PRICE)
    assert bought.status == 201, bought.answer
    order, confirmation = bought.answer["order"], bought.answer["confirmation"]
    assert (order["state"], order["method"], order["amount_fen"]) == ("waiting", "carrier", 2 * PRICE)
    assert (bought.answer["payment"], confirmation["tail"], confirmation["state"]) == (None, "5670", "waiting")
    again = await on_bill(screen, offer, number_id, quantity=2, amount_fen=2 * PRICE)
    assert (again.status, again.answer, len(carrier.messages[NUMBER])) == (201, bought.answer, 1)

    wrong = await confirm(screen, order["id"], "000000", "guess")
    assert (wrong.status, wrong.answer["code"], wrong.answer["attempts_left"]) == (422, "carrier.code_wrong", 4)
    soon = await screen.call("POST", f"/orders/{order['id']}/codes", key="soon")
    assert (soon.status, soon.answer["code"]) == (429, "carrier.code_too_often")
    paid = await confirm(screen, order["id"], carrier.code(NUMBER))
    assert (paid.status, paid.answer["order"]["state"], paid.answer["confirmation"]) == (200, "paid", None)
    twice = await confirm(screen, order["id"], carrier.code(NUMBER))
    assert (twice.status, twice.headers["idempotency-replayed"]) == (200, "true")
    assert carrier.on_bill() == {order["number"]: 2 * PRICE}
    await town.work()
    assert heard(town, screen.person, "已付款") == ["手冲咖啡已付款30元，可到“我的权益”查看。"]

    quoted = (await screen.call("GET", f"/orders/{order['id']}/refund-quote")).answer
    assert quoted["amount_fen"] == 2 * PRICE
    asked = await screen.call("POST", f"/orders/{order['id']}/refunds", {"amount_fen": 2 * PRICE}, key="back")
    assert asked.status == 201
    await town.work()
    told = (await screen.call("GET", f"/orders/{order['id']}")).answer["order"]
    assert (told["state"], told["refunds"][0]["state"]) == ("refunded", "done")
    assert heard(town, screen.person, "已退款") == ["手冲咖啡已退款30元，已从话费账单里冲销。"]
    assert carrier.on_bill() == {order["number"]: 0}
    await sound(town)


async def test_a_charge_that_timed_out_after_the_work_is_found_and_a_late_refund_is_a_credit(market):
    town, carrier = market.town, market.town.platform.carrier
    offer, (screen, number_id) = await priced(market), await subscriber(market)
    order = (await on_bill(screen, offer, number_id)).answer["order"]
    carrier.once(CarrierConduct(act="charges/confirm", wrong_signature=True))
    carrier.once(CarrierConduct(act="charges/query", status=503))
    unclear = await confirm(screen, order["id"], carrier.code(NUMBER))
    assert (unclear.status, unclear.answer["confirmation"]["state"]) == (200, "sent")
    pressed = await confirm(screen, order["id"], carrier.code(NUMBER), "again")
    assert (pressed.status, pressed.answer["code"]) == (409, "carrier.under_way")
    await later(town, minutes=1)
    shown = (await screen.call("GET", f"/orders/{order['id']}")).answer
    assert (shown["order"]["state"], shown["confirmation"]) == ("paid", None)
    assert (carrier.charges[order["number"]].confirmed_in, await Claim.all().count()) == (1, 1)

    town.wait(timedelta(days=32))
    await screen.login()
    carrier.once(CarrierConduct(act="refunds", wrong_signature=True))
    asked = await screen.call("POST", f"/orders/{order['id']}/refunds", {"amount_fen": PRICE}, key="back")
    assert asked.status == 201, asked.answer
    await town.work()
    await later(town, minutes=2)
    (refund,) = carrier.refunds.values()
    assert (refund.status, refund.came_in) == ("credited", 1)
    assert refund.billing_month > carrier.charges[order["number"]].billing_month
    assert (await Order.get()).state == "refunded"
    await sound(town)


async def test_who_owes_who_is_of_another_network_and_who_has_enough_is_told_so(market):
    town, carrier = market.town, market.town.platform.carrier
    offer, (ming, number_id) = await priced(market, stock=50), await subscriber(market)
    known = carrier.subscribers.pop(NUMBER)
    foreign = await on_bill(ming, offer, number_id, "a")
    assert (foreign.status, foreign.answer["code"]) == (409, "carrier.number_foreign")
    carrier.subscribers[NUMBER], known.arrears_fen = known, 2_000
    owes = await on_bill(ming, offer, number_id, "b")
    assert (owes.status, owes.answer["code"]) == (409, "carrier.arrears")
    assert owes.answer["title"] == "这个号码有欠费，请先缴清话费，或用微信支付。"
    known.arrears_fen = 0
    hong, _ = await subscriber(market, "小红", "13912345671")
    hers = await on_bill(hong, offer, number_id, "c")
    assert (hers.status, hers.answer["code"]) == (404, "number.unknown")
    assert await Order.all().count() == 0

    status, told = await market.desk.tell("GET", "/operator/carrier/terms")
    assert (status, told["items"]) == (200, [])
    body = {"per_order_fen": 2 * PRICE, "per_month_fen": 3 * PRICE}
    status, told = await market.desk.tell("POST", "/operator/carrier/terms", body)
    assert (status, told["number"], told["per_month_fen"]) == (201, 1, 3 * PRICE)
    status, told = await market.desk.tell("POST", "/operator/carrier/terms", {**body, "per_month_fen": 1})
    assert (status, told["code"]) == (422, "carrier.terms_wrong")
    much = await on_bill(ming, offer, number_id, "d", quantity=3)
    assert (much.status, much.answer["code"], much.answer["most_fen"]) == (409, "carrier.order_capped", 2 * PRICE)
    assert (await on_bill(ming, offer, number_id, "e", quantity=2)).status == 201
    more = await on_bill(ming, offer, number_id, "f", quantity=2)
    assert (more.status, more.answer["code"], more.answer["left_fen"]) == (409, "carrier.month_capped", PRICE)
    known.arrears_fen = 1  # between the order and the code
    waiting = await Order.get()
    refused = await confirm(ming, str(waiting.id), carrier.code(NUMBER))
    assert (refused.status, refused.answer["code"]) == (409, "carrier.arrears")
    assert (await Order.get()).state == "cancelled"
    await sound(town)


async def test_the_carriers_bill_of_the_day_before_is_looked_at_every_morning(market):
    town, carrier = market.town, market.town.platform.carrier
    offer, (screen, number_id) = await priced(market), await subscriber(market)
    day = day_of(town.clock.now(), BUSINESS_ZONE)
    order = (await on_bill(screen, offer, number_id)).answer["order"]
    await confirm(screen, order["id"], carrier.code(NUMBER))
    town.wait(timedelta(days=1))
    carrier.bent.added.append(("trade", "f" * 32, 5))
    await town.house.handlers.reconciliations.plan(town.clock.now())
    await town.work()
    looked = await Reconciliation.get(kind="trade", mch_id="carrier-one", business_on=str(day))
    assert (looked.line_count, looked.total_fen, looked.difference_count) == (2, PRICE + 5, 1)
    (found,) = await ReconciliationDifference.filter(reconciliation_id=looked.id)
    assert (found.number, found.listed, found.theirs_fen) == ("f" * 32, "theirs_only", 5)
    await sound(town)


@pytest.mark.parametrize("takes_bill", [False])
async def test_without_a_carrier_a_price_on_the_bill_is_refused_with_its_reason(market, takes_bill):
    code = "benefit-bill"
    body = {"code": code, "name": "咖啡", "kind": "voucher", "terms": {"uses": 1}, "merchant": "books"}
    benefit = (await market.desk.made("/benefits", body))["id"]
    for step, who in (("submit", "root"), ("accept", "second")):
        assert (await market.desk.tell("POST", f"/operator/benefits/{benefit}/{step}", who=who))[0] == 200
    terms = {"price": {"carrier_fen": PRICE}, "stock": 5}
    made = await market.desk.made("/offers", {"benefit_id": benefit, "code": code, "keyword": "咖啡", "terms": terms})
    status, told = await market.desk.tell("POST", f"/operator/offers/{made['id']}/publish")
    assert (status, told["problems"][0]["problem"]) == (422, "carrier_missing")
