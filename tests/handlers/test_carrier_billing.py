"""Orders on a phone bill: whose number, the code, the caps, an answer that is lost, the time, and the way back."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from handlers.carrier_billing import codes as codes_module
from handlers.errors import (
    CarrierArrears,
    CarrierAttemptsOver,
    CarrierClosed,
    CarrierCodeOver,
    CarrierCodeTooOften,
    CarrierCodeWrong,
    CarrierMonthCapped,
    CarrierNumberForeign,
    CarrierOrderCapped,
    CarrierPortingOut,
    CarrierRefusedCharge,
    CarrierTermsWrong,
    CarrierUnavailable,
    CarrierUnderWay,
    KeyReused,
    NumberUnknown,
    OfferFree,
    OfferPriced,
    OrderNotOnTheBill,
    OrderNotWaiting,
    OrderUnknown,
    PaymentMethodMissing,
    RoleMissing,
)
from handlers.ports import CarrierGaveUp, CarrierRefused, CarrierRetryLater, Subscriber
from handlers.privacy.departures import GivenUp
from handlers.rules.carrier_billing import CarrierRules
from handlers.rules.offer_terms import Price
from models.carrier import CarrierCharge, CarrierCredit, CarrierMonth
from models.orders import Order, OrderRefund
from models.outbox import Job
from models.words import BillKind, ChargeState, CreditWay, Listed, OperatorRole, PaymentMethod
from tests.dumping import dump, found_in
from tests.handlers.billing import NUMBER, PRICE, a_subscriber, charge, counted, on_the_bill
from tests.handlers.buying import a_buyer, breaches, claims, for_sale, stands
from tests.handlers.claimable import an_offer
from tests.handlers.withdrawing import an_operator

MINUTES = timedelta(minutes=1)


@pytest.fixture
async def ming(rooms):
    return await a_subscriber(rooms)


async def ordered(rooms, ming, **more):
    offer = await on_the_bill(rooms)
    return (await ming.order(offer, **more)).value.order


async def test_it_is_ordered_confirmed_with_the_code_and_charged_once(rooms, ming):
    offer = await on_the_bill(rooms)
    answer = await ming.order(offer, quantity=1, expected_fen=PRICE)
    order, confirmation = answer.value.order, answer.value.confirmation
    assert (order.method, order.amount_fen, answer.value.payment) == (PaymentMethod.CARRIER, PRICE, None)
    assert (confirmation.tail, confirmation.state) == (NUMBER[-4:], ChargeState.WAITING)
    assert (confirmation.attempts_left, confirmation.codes_left) == (5, 4)
    assert (await ming.order(offer, quantity=1, expected_fen=PRICE)).replayed
    assert rooms.carrier.calls == [("subscriber", ""), ("announce", order.number)]
    paid = await ming.confirm(order.id)
    assert (paid.value.order.state, paid.value.confirmation) == ("paid", None)
    assert (await ming.confirm(order.id)).replayed
    assert [each for each, _ in rooms.carrier.calls].count("charge") == 1
    assert ((await charge(order.id)).billing_month, await counted()) == ("2026-03", PRICE)
    assert (await claims(), await breaches()) == (1, [])
    assert await Job.filter(kind="report_shipping").count() == 0


async def test_the_code_is_stored_nowhere(rooms, ming):
    order = await ordered(rooms, ming)
    code = ming.code(order.id)
    await ming.confirm(order.id)
    assert found_in(await dump(), [code]) == set()


async def test_only_bound_numbers_of_the_own_network_without_arrears_are_charged(rooms, ming):
    offer, hong = await on_the_bill(rooms), await a_subscriber(rooms, "o-hong", "13912345671")
    known = rooms.carrier.subscribers
    for subscriber, refusal in (
        (Subscriber(is_ours=False), CarrierNumberForeign),
        (Subscriber(is_ours=True, arrears_fen=1), CarrierArrears),
        (Subscriber(is_ours=True, is_porting_out=True), CarrierPortingOut),
    ):
        known[NUMBER] = subscriber
        with pytest.raises(refusal):
            await ming.order(offer)
    known.clear()
    for trouble, refusal in (
        (CarrierRetryLater("timeout"), CarrierUnavailable),
        (CarrierGaveUp("http_403"), CarrierUnavailable),
        (CarrierRefused("blocked"), CarrierRefusedCharge),
    ):
        rooms.carrier.trouble = trouble
        with pytest.raises(refusal):
            await ming.order(offer)
    rooms.carrier.trouble, ming.number_id = None, hong.number_id
    with pytest.raises(NumberUnknown):
        await ming.order(offer)
    assert (await Order.all().count(), await offer.left()) == (0, 5)


async def test_a_number_of_another_country_stands_on_no_bill_here(rooms, ming):
    code = rooms.wechat.phone_code("91234567", "852")
    bound = (await rooms.handlers.numbers.bind(ming.person, phone_code=code, request_id=None)).value
    ming.number_id = bound.number.id
    with pytest.raises(CarrierNumberForeign):
        await ming.order(await on_the_bill(rooms))


async def test_either_way_of_paying_has_a_price_of_its_own(rooms, ming):
    both, buyer = await on_the_bill(rooms, fen=900, carrier_fen=1_100, limits=()), await a_buyer(rooms)
    cash, bill = (await buyer.order(both)).value.order, (await ming.order(both, "bill", quantity=1)).value.order
    assert (cash.amount_fen, bill.amount_fen) == (900, 1_100)
    with pytest.raises(KeyReused):
        await ming.order(both, "order")
    with pytest.raises(PaymentMethodMissing):
        await ming.order(await for_sale(rooms), "cash")
    with pytest.raises(PaymentMethodMissing):
        await buyer.order(await on_the_bill(rooms), "bill-alone")
    free = await an_offer(rooms.clock.now(), price=Price())
    with pytest.raises(OfferFree):
        await ming.order(free, "free")
    with pytest.raises(OfferPriced):
        await rooms.handlers.claiming.claim(ming.person, offer_id=both.id, request_id="k")
    assert await breaches() == []


async def test_five_wrong_codes_are_told_apart_and_then_it_is_over(rooms, ming):
    order = await ordered(rooms, ming)
    for left in (4, 3, 2, 1):
        with pytest.raises(CarrierCodeWrong) as wrong:
            await ming.confirm(order.id, "000000", f"try-{left}")
        assert wrong.value.facts == {"attempts_left": left}
    with pytest.raises(CarrierAttemptsOver):
        await ming.confirm(order.id, "000000", "last")
    with pytest.raises(CarrierAttemptsOver):
        await ming.confirm(order.id, key="right")
    assert (await stands(order.id), rooms.carrier.charged, await breaches()) == ("waiting", {}, [])


async def test_a_wrong_code_asked_again_with_its_key_is_not_tried_again(rooms, ming):
    order = await ordered(rooms, ming)
    for _ in range(3):
        with pytest.raises(CarrierCodeWrong):
            await ming.confirm(order.id, "000000")
    assert (await charge(order.id)).attempt_count == 1
    with pytest.raises(KeyReused):
        await ming.confirm(order.id)
    assert (await ming.confirm(order.id, key="right")).value.order.state == "paid"


async def test_a_code_is_good_for_five_minutes_and_another_comes_after_one(rooms, ming):
    codes, order = rooms.handlers.carrier_billing.codes, await ordered(rooms, ming)
    first = ming.code(order.id)
    with pytest.raises(CarrierCodeTooOften) as often:
        await codes.send(ming.person, order.id, request_id="soon")
    assert often.value.retry_after == 60
    rooms.clock.advance(5 * MINUTES)
    with pytest.raises(CarrierCodeOver):
        await ming.confirm(order.id)
    again = await codes.send(ming.person, order.id, request_id="another")
    assert again.value.confirmation.codes_left == 3
    assert (await codes.send(ming.person, order.id, request_id="another")).replayed
    with pytest.raises(CarrierCodeWrong):
        await ming.confirm(order.id, first, "old")
    assert (await ming.confirm(order.id, key="new")).value.order.state == "paid"


async def test_five_codes_are_sent_for_an_order_and_no_more(rooms, ming):
    codes, order = rooms.handlers.carrier_billing.codes, await ordered(rooms, ming)
    for turn in range(4):
        rooms.clock.advance(MINUTES)
        await codes.send(ming.person, order.id, request_id=f"code-{turn}")
    rooms.clock.advance(MINUTES)
    with pytest.raises(CarrierCodeTooOften) as often:
        await codes.send(ming.person, order.id, request_id="sixth")
    assert often.value.retry_after is None
    assert [each for each, _ in rooms.carrier.calls].count("announce") == 5


async def test_a_phone_is_sent_so_many_codes_a_month_whatever_is_ordered(rooms, ming, monkeypatch):
    monkeypatch.setattr(codes_module, "MOST_CODES_A_MONTH", 3)
    offer = await on_the_bill(rooms, limits=(), stock=20)
    orders = (ming.order(offer, f"order-{number}") for number in range(6))
    answers = await asyncio.gather(*orders, return_exceptions=True)
    assert sum(isinstance(each, CarrierCodeTooOften) for each in answers) == 3
    assert [each for each, _ in rooms.carrier.calls].count("announce") == 3
    hong = await a_subscriber(rooms, "o-hong", "13912345671")
    await hong.order(offer)


async def test_an_order_that_could_not_be_announced_is_kept_and_goes_on_with_the_same_key(rooms, ming):
    offer = await on_the_bill(rooms, stock=1)
    rooms.carrier.is_deaf = {"announce"}
    with pytest.raises(CarrierUnavailable):
        await ming.order(offer)
    rooms.carrier.is_deaf, rooms.carrier.does_silently = set(), {"announce"}
    with pytest.raises(CarrierUnavailable):
        await ming.order(offer)
    rooms.carrier.does_silently = set()
    answer = await ming.order(offer)
    assert (answer.replayed, await Order.all().count()) == (True, 1)
    assert answer.value.confirmation.codes_left == 2
    assert (await ming.confirm(answer.value.order.id)).value.order.state == "paid"


async def test_what_timed_out_after_it_was_charged_is_asked_about_and_charged_once(rooms, ming):
    order, rooms.carrier.does_silently = await ordered(rooms, ming), {"charge"}
    assert (await ming.confirm(order.id)).value.order.state == "paid"
    assert [each for each, _ in rooms.carrier.calls][-2:] == ["charge", "query"]
    assert len(rooms.carrier.charged[order.number]) == 1
    assert await breaches() == []


async def test_what_nobody_knows_stays_under_way_until_it_is_known_and_no_other_code_is_sent(rooms, ming):
    order, carrier = await ordered(rooms, ming), rooms.carrier
    carrier.does_silently, carrier.is_deaf = {"charge"}, {"query"}
    shown = (await ming.confirm(order.id)).value
    assert (shown.order.state, shown.confirmation.state) == ("waiting", ChargeState.SENT)
    with pytest.raises(CarrierUnderWay):
        await ming.confirm(order.id, key="again")
    with pytest.raises(CarrierUnderWay):
        rooms.clock.advance(MINUTES)
        await rooms.handlers.carrier_billing.codes.send(ming.person, order.id, request_id="code")
    carrier.is_deaf = set()
    assert (await ming.confirm(order.id)).value.order.state == "paid"  # the same key asks
    assert len(carrier.charged[order.number]) == 1
    assert await breaches() == []


async def test_whoever_died_after_the_charge_finds_it_by_the_watch(rooms, ming):
    order, carrier = await ordered(rooms, ming), rooms.carrier
    carrier.does_silently, carrier.is_deaf = {"charge"}, {"query"}
    await ming.confirm(order.id)
    carrier.is_deaf = set()
    rooms.clock.advance(MINUTES)
    assert await rooms.handlers.order_watch.poll() == 1
    assert (await stands(order.id), await claims(), await breaches()) == ("paid", 1, [])


async def test_what_never_arrived_can_be_tried_again_once_it_cannot_be_on_its_way(rooms, ming):
    order, carrier = await ordered(rooms, ming), rooms.carrier
    carrier.is_deaf = {"charge"}
    assert (await ming.confirm(order.id)).value.confirmation.state is ChargeState.SENT
    await ming.confirm(order.id)  # asked at once: it may still be on its way
    assert (await charge(order.id)).state is ChargeState.SENT
    rooms.clock.advance(MINUTES)
    await rooms.handlers.order_watch.poll()
    assert (await charge(order.id)).state is ChargeState.WAITING
    carrier.is_deaf = set()
    assert (await ming.confirm(order.id, key="again")).value.order.state == "paid"


async def test_a_refusal_of_the_carrier_ends_the_order_and_gives_everything_back(rooms, ming):
    offer, carrier = await on_the_bill(rooms), rooms.carrier
    order = (await ming.order(offer)).value.order
    carrier.refuses = "arrears"
    with pytest.raises(CarrierArrears):
        await ming.confirm(order.id)
    with pytest.raises(CarrierArrears):
        await ming.confirm(order.id)
    assert (await stands(order.id), await counted(), await offer.left()) == ("cancelled", 0, 5)
    carrier.refuses = "limit"
    with pytest.raises(CarrierRefusedCharge):
        await ming.order(offer, "another")
    assert (await Order.filter(state="cancelled").count(), await breaches()) == (2, [])


async def test_the_caps_are_of_an_order_and_of_a_number_in_a_month(rooms, ming):
    offer = await on_the_bill(rooms, limits=(), stock=50)
    with pytest.raises(CarrierOrderCapped) as capped:
        await ming.order(offer, "big", quantity=6)
    assert capped.value.facts == {"most_fen": 5_000}
    for turn in range(4):
        await ming.order(offer, f"five-{turn}", quantity=5)
    with pytest.raises(CarrierMonthCapped) as capped:
        await ming.order(offer, "more")
    assert (capped.value.facts, await counted()) == ({"left_fen": 0}, 20_000)
    hong = await a_subscriber(rooms, "o-hong", "13912345671")
    await hong.order(offer)
    rooms.clock.advance(16 * MINUTES)
    await rooms.handlers.order_watch.poll()
    assert await counted() == 0
    await ming.order(offer, "after")
    rooms.clock.advance(datetime(2026, 4, 1, tzinfo=UTC) - rooms.clock.now())
    for turn in range(4):
        await ming.order(offer, f"next-{turn}", quantity=5)
    assert await breaches() == []


async def test_what_is_cancelled_or_expires_counts_no_more_and_late_money_counts_again(rooms, ming):
    order = await ordered(rooms, ming)
    rooms.carrier.does_silently, rooms.carrier.is_deaf = {"charge"}, {"query"}
    await ming.confirm(order.id)
    rooms.clock.advance(16 * MINUTES)
    await rooms.handlers.order_watch.poll()
    assert (await stands(order.id), await counted()) == ("expired", 0)
    rooms.carrier.is_deaf = set()
    rooms.clock.advance(15 * MINUTES)
    await rooms.handlers.order_watch.poll()
    assert (await stands(order.id), await counted(), await breaches()) == ("paid", PRICE, [])


async def test_money_for_what_was_cancelled_meanwhile_goes_back_to_the_bill(rooms, ming):
    order = await ordered(rooms, ming)
    rooms.carrier.does_silently, rooms.carrier.is_deaf = {"charge"}, {"query"}
    await ming.confirm(order.id)
    await rooms.handlers.orders.cancel(ming.person, order.id, request_id="no")
    rooms.carrier.is_deaf = set()
    rooms.clock.advance(MINUTES)
    await rooms.handlers.order_watch.poll()
    assert await stands(order.id) == "returning"
    await rooms.handlers.order_refunds.poll()
    assert (await stands(order.id), await counted(), await breaches()) == ("refunded", 0, [])


@pytest.mark.parametrize(("way", "left"), [(CreditWay.CANCELLED, 0), (CreditWay.CREDITED, PRICE)])
async def test_a_refund_is_taken_off_its_month_or_credited_on_a_later_bill(rooms, ming, way, left):
    order_id = await ming.buy(await on_the_bill(rooms))
    rooms.carrier.credit, rooms.carrier.billing_month = way, "2026-04"
    await ming.refund(order_id, PRICE)
    await rooms.handlers.order_refunds.poll()
    (credit,) = await CarrierCredit.all()
    assert (credit.way, credit.billing_month, await counted()) == (way, "2026-04", left)
    assert (await stands(order_id), await breaches()) == ("refunded", [])
    (told,) = await Job.filter(kind="say_refunded")
    assert told.payload["credit"] == way


async def test_a_refund_that_timed_out_after_it_was_done_is_done_once(rooms, ming):
    order_id, carrier = await ming.buy(await on_the_bill(rooms)), rooms.carrier
    carrier.does_silently = {"refund"}
    await ming.refund(order_id, PRICE)
    await rooms.handlers.order_refunds.poll()
    assert (await OrderRefund.get()).state == "sent"
    rooms.clock.advance(2 * MINUTES)
    await rooms.handlers.order_refunds.poll()
    assert (await stands(order_id), len(carrier.refunds), await counted()) == ("refunded", 1, 0)
    assert [each for each, _ in carrier.calls].count("refund") == 1


async def test_an_order_of_somebody_else_or_of_another_way_takes_no_code(rooms, ming):
    order, hong = await ordered(rooms, ming), await a_subscriber(rooms, "o-hong", "13912345671")
    with pytest.raises(OrderUnknown):
        await hong.confirm(order.id)
    with pytest.raises(OrderUnknown):
        await rooms.handlers.carrier_billing.codes.send(hong.person, order.id, request_id="code")
    buyer = await a_buyer(rooms)
    cash = (await buyer.order(await for_sale(rooms), "cash")).value.order
    with pytest.raises(OrderNotOnTheBill):
        await ming.confirm(cash.id, "123456")
    await ming.confirm(order.id)
    with pytest.raises(OrderNotWaiting):
        await ming.confirm(order.id, "123456", "late")


async def test_a_number_that_was_given_up_meanwhile_is_not_charged(rooms, ming):
    order = await ordered(rooms, ming)
    await rooms.handlers.numbers.unbind(ming.person, ming.number_id)
    with pytest.raises(NumberUnknown):
        await ming.confirm(order.id)
    assert ((await charge(order.id)).attempt_count, rooms.carrier.charged) == (0, {})


async def test_what_the_carrier_says_of_another_number_amount_or_house_is_not_believed(rooms, ming):
    order, carrier = await ordered(rooms, ming), rooms.carrier
    whole = carrier._trade(carrier.announced[order.number])
    carrier.charged[order.number] = [replace(whole, openid="13912345671")]
    with pytest.raises(CarrierUnavailable):
        await ming.confirm(order.id)
    for wrong in ({"amount_fen": PRICE - 1}, {"mch_id": "another"}, {"currency": "HKD"}, {"number": "0" * 32}):
        carrier.charged[order.number] = [replace(whole, **wrong)]
        assert (await ming.confirm(order.id)).value.confirmation.state is ChargeState.SENT  # the same key asks
    assert (await stands(order.id), await claims(), await breaches()) == ("waiting", 0, [])
    carrier.charged[order.number] = [whole]
    assert (await ming.confirm(order.id)).value.order.state == "paid"


async def test_the_limits_are_published_by_administrators_of_the_root(rooms, ming):
    terms, admin = rooms.handlers.carrier_billing.terms, await an_operator(OperatorRole.ADMIN)
    with pytest.raises(CarrierTermsWrong):
        await terms.publish(admin, CarrierRules(per_order_fen=2, per_month_fen=1), request_id="wrong")
    with pytest.raises(RoleMissing):
        await terms.publish(await an_operator(), CarrierRules(), request_id="no")
    first = (await terms.publish(admin, CarrierRules(per_order_fen=PRICE), request_id="one")).value
    assert (await terms.publish(admin, CarrierRules(per_order_fen=PRICE), request_id="one")).value == first
    offer = await on_the_bill(rooms, limits=())
    with pytest.raises(CarrierOrderCapped):
        await ming.order(offer, quantity=2)
    await terms.publish(admin, CarrierRules(is_open=False), request_id="two")
    with pytest.raises(CarrierClosed):
        await ming.order(offer)
    assert [each.number for each in await terms.versions(admin, before=None, limit=5)] == [2, 1]


async def test_the_carriers_bill_is_compared_with_its_own_orders_alone(rooms, ming):
    order_id, buyer = await ming.buy(await on_the_bill(rooms)), await a_buyer(rooms)
    await buyer.buy(await for_sale(rooms), "cash")
    day, look = date(2026, 3, 2), rooms.handlers.reconciliations.look
    rooms.carrier.bills[BillKind.TRADE, day] = {order_id.hex: PRICE}
    assert await look(BillKind.TRADE, day, PaymentMethod.CARRIER) == ()
    rooms.carrier.bills[BillKind.TRADE, day] = {order_id.hex: PRICE - 1, "f" * 32: 5}
    found = await look(BillKind.TRADE, day, PaymentMethod.CARRIER)
    assert {each.number: each.listed for each in found} == {
        order_id.hex: Listed.DIFFERS,
        "f" * 32: Listed.THEIRS_ONLY,
    }
    rooms.carrier.bills[BillKind.TRADE, day] = {}
    (ours,) = await look(BillKind.TRADE, day, PaymentMethod.CARRIER)
    assert (ours.number, ours.listed) == (order_id.hex, Listed.OURS_ONLY)
    seen = await rooms.handlers.reconciliations.page(await an_operator(), after=None, limit=5)
    assert [each.mch_id for each in seen] == [rooms.carrier.mch_id]


async def test_of_months_that_are_over_the_number_is_forgotten_and_the_sum_stays(rooms, ming):
    await ming.buy(await on_the_bill(rooms))
    months = rooms.handlers.carrier_billing.months
    rooms.clock.advance(datetime(2026, 4, 30, tzinfo=UTC) - rooms.clock.now())
    assert await months.forget() == 0
    rooms.clock.advance(timedelta(days=2))
    assert (await months.forget(), await months.forget()) == (1, 0)
    (month,) = await CarrierMonth.all()
    assert (month.number_hash, month.counted_fen) == (f"over:{month.id}", PRICE)
    assert await breaches() == []


async def test_whoever_leaves_takes_the_number_along_and_the_charge_stays(rooms, ming):
    order_id = await ming.buy(await on_the_bill(rooms))
    (told,) = (await rooms.handlers.personal_data.export(ming.person)).orders
    assert (told.method, told.billing_month) == (PaymentMethod.CARRIER, "2026-03")
    await rooms.handlers.departures.leave(ming.person, GivenUp(claims=1))
    kept, order = await CarrierCharge.get(order_id=order_id), await Order.get(id=order_id)
    assert (kept.bound_number_id, kept.state, order.payer_hash) == (None, ChargeState.CHARGED, "")
    await ming.rooms.handlers.order_refunds.give(
        await an_operator(), order_id, amount_fen=PRICE, reason="停业", request_id="back"
    )
    await rooms.handlers.order_refunds.poll()
    assert (await stands(order_id), await breaches()) == ("refunded", [])
