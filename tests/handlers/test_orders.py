"""Orders: what they lock, how they are paid, given back and refunded; the money in the ledger, to the fen."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.actors import Operator
from handlers.errors import (
    ClaimUnknown,
    DepartureHindered,
    KeyReused,
    OfferFree,
    OfferLimitReached,
    OfferPriced,
    OfferSoldOut,
    OfferTooMany,
    OrderNotWaiting,
    OrderRefundTooMuch,
    OrderUnknown,
    PaymentNotOpen,
    PaymentUnavailable,
    PayNoticeUnreadable,
    PriceChanged,
    RechargeToMissing,
    RefundNotFailed,
    RefundNothing,
    RefundQuoteChanged,
    RoleMissing,
)
from handlers.ledger.checkpoints import own_balances
from handlers.orders.services import PaymentServices
from handlers.orders.watching import OrderWatch
from handlers.orders.wishes import Wanted
from handlers.points.points_terms import fen
from handlers.ports import WeChatGaveUp, WeChatRetryLater
from handlers.privacy.departures import GivenUp
from handlers.rules.offer_terms import Audience, AudiencePrice, Limit, Period, Price
from models.benefits import Benefit, Offer
from models.claims import Claim, ClaimSlot
from models.fulfillments import Fulfillment
from models.identity import Member
from models.ids import new_id
from models.operators import AuditEntry
from models.orders import Order, OrderClaim, OrderRefund
from models.organizations import Organization
from models.words import (
    ClaimSource,
    ClaimState,
    Heard,
    LedgerAccountKind,
    OfferState,
    OperatorRole,
    OrderRefundState,
    OrderState,
    RefundHeard,
)
from tests.handlers.buying import PRICE, a_buyer, breaches, claims, for_sale, stands
from tests.handlers.charging import NUMBER, a_supplier, a_top_up
from tests.handlers.claimable import an_offer

MINUTES = timedelta(minutes=1)


async def balances(rooms) -> dict[str, int]:
    found = await own_balances(await fen(), at=rooms.clock.now() + timedelta(seconds=1))
    kinds = LedgerAccountKind.RECEIVED, LedgerAccountKind.INCOME, LedgerAccountKind.PAYABLE
    return {kind.value: found.get(kind, 0) for kind in kinds}


async def an_operator(role: OperatorRole = OperatorRole.FINANCE) -> Operator:
    root = await Organization.get(parent_id=None)
    return Operator(new_id(), root.id, role, "fin", new_id())


async def poll(rooms) -> None:
    await rooms.handlers.order_watch.poll()
    await rooms.handlers.order_refunds.return_unfulfilled()
    await rooms.handlers.order_refunds.poll()


async def test_an_order_locks_its_units_and_slots_and_its_claims_take_them_over(rooms):
    offer, ming = await for_sale(rooms, limits=(Limit(Period.DAY, 2),)), await a_buyer(rooms)
    ordered = (await ming.order(offer, quantity=2)).value
    assert (await offer.left(), await claims()) == (3, 0)
    assert await ClaimSlot.filter(order_id=ordered.order.id, claim_id=None).count() == 2
    assert ordered.order.expires_at == rooms.clock.now() + 15 * MINUTES
    assert await breaches() == []
    await ming.told(ordered.order.number)
    assert (await stands(ordered.order.id), await offer.left()) == ("paid", 3)
    found = await Claim.all()
    assert {(each.source, each.price_fen, each.state) for each in found} == {
        (ClaimSource.ORDER, PRICE, ClaimState.ISSUED)
    }
    assert await ClaimSlot.filter(claim_id=None).count() == 0
    assert {each.claim_id for each in await ClaimSlot.all()} == {each.id for each in found}
    assert await balances(rooms) == {"received": -2 * PRICE, "income": 2 * PRICE, "payable": 0}
    assert await breaches() == []


async def test_a_slot_that_is_locked_counts_as_used_and_a_unit_too(rooms):
    offer, ming, hong = await for_sale(rooms, stock=2), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    await ming.order(offer)
    with pytest.raises(OfferLimitReached):
        await ming.order(offer, "again")
    with pytest.raises(OfferLimitReached):
        await ming.order(offer, "two", quantity=2)
    await hong.order(offer)
    with pytest.raises(OfferSoldOut):
        await (await a_buyer(rooms, "o-wang")).order(offer)
    assert await Order.all().count() == 2


async def test_more_than_is_left_is_refused_whole(rooms):
    offer, ming = await for_sale(rooms, stock=2, limits=()), await a_buyer(rooms)
    with pytest.raises(OfferTooMany) as refused:
        await ming.order(offer, quantity=3)
    assert (refused.value.facts["left"], await offer.left()) == (2, 2)


async def test_the_price_is_the_published_version_s_and_what_was_shown_is_compared(rooms):
    offer, ming = await for_sale(rooms, limits=()), await a_buyer(rooms)
    with pytest.raises(PriceChanged) as refused:
        await ming.order(offer, expected_fen=PRICE - 1)
    assert refused.value.facts["amount_fen"] == PRICE
    ordered = (await ming.order(offer, expected_fen=PRICE)).value.order
    await offer.publish(replace(offer.terms, price=Price(fen=9 * PRICE)), rooms.clock.now())
    assert (await ming.order(offer, "dear")).value.order.amount_fen == 9 * PRICE
    await ming.told(ordered.number)
    claim = await Claim.get()
    assert (claim.price_fen, claim.offer_version) == (PRICE, 1)
    assert await breaches() == []


async def test_who_has_a_price_of_their_own_pays_it_and_who_pays_nothing_claims(rooms):
    free = AudiencePrice(Audience(member_list=((await rooms.member("o-hong")).member_id,)), Price())
    offer, ming, hong = await for_sale(rooms, prices=(free,)), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    with pytest.raises(OfferPriced):
        await rooms.handlers.claiming.claim(ming.person, offer_id=offer.id, request_id="c")
    with pytest.raises(OfferFree):
        await hong.order(offer)
    assert (await rooms.handlers.claiming.claim(hong.person, offer_id=offer.id, request_id="c")).value.claims


async def test_the_same_key_is_the_same_order_and_a_lost_answer_goes_on(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    rooms.payments.does_silently = True
    with pytest.raises(PaymentUnavailable):
        await ming.order(offer)
    rooms.payments.does_silently = False
    first = await ming.order(offer)
    rooms.clock.advance(5 * MINUTES)
    again = await ming.order(offer)
    assert (first.replayed, again.replayed, first.value) == (True, True, again.value)
    assert (len(rooms.payments.announced), await Order.all().count()) == (1, 1)
    with pytest.raises(KeyReused):
        await ming.order(offer, quantity=2)


async def test_where_wechat_does_not_know_them_nobody_pays(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    with pytest.raises(PaymentNotOpen):
        await rooms.handlers.ordering.order(replace(ming.person, account="oa"), Wanted(offer.id), request_id="chat")


async def test_an_order_nobody_pays_gives_everything_back_once_and_is_closed_there(rooms):
    offer, ming = await for_sale(rooms, stock=1), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    asked = []
    for minutes in (1, 2, 7, 5, 15, 10, 60):
        rooms.clock.advance(minutes * MINUTES)
        await poll(rooms)
        asked.append(rooms.payments.calls.count(("query", ordered.number)))
    assert asked == [1, 2, 3, 4, 4, 4, 4]  # at 1, 3, 10 and 15; then it was closed there, and nothing more can come
    assert rooms.payments.calls[-1] == ("close", ordered.number)
    assert (await stands(ordered.id), await offer.left(), await ClaimSlot.all().count()) == ("expired", 1, 0)
    await rooms.handlers.order_watch.look(ordered.id)
    assert await offer.left() == 1
    assert await breaches() == []


async def test_a_service_that_is_away_locks_nothing_for_ever_and_is_asked_until_it_says(rooms):
    offer, ming = await for_sale(rooms, stock=1), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    rooms.payments.is_deaf = True
    for _ in range(12):
        rooms.clock.advance(5 * MINUTES)
        await poll(rooms)
    assert (await stands(ordered.id), await offer.left()) == ("expired", 1)
    assert (await Order.get()).look_at is not None
    rooms.payments.is_deaf = False
    rooms.payments.pay(ordered.number)
    rooms.clock.advance(11 * MINUTES)
    await poll(rooms)
    assert (await stands(ordered.id), await claims()) == ("paid", 1)
    assert (await Order.get()).look_at is None
    assert await breaches() == []


async def test_whoever_comes_after_the_time_finds_what_nobody_has_swept(rooms):
    offer, ming, hong = await for_sale(rooms, stock=1), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    first = (await ming.order(offer)).value.order
    rooms.clock.advance(15 * MINUTES)
    second = (await hong.order(offer)).value.order
    assert (await stands(first.id), await stands(second.id), await offer.left()) == ("expired", "waiting", 0)
    assert await breaches() == []


async def test_money_in_time_counts_although_it_is_heard_of_after_the_time(rooms):
    offer, ming = await for_sale(rooms, stock=1), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    notice = rooms.payments.pay(ordered.number)
    rooms.clock.advance(20 * MINUTES)  # nobody has swept: it is locked still
    assert await rooms.handlers.order_watch.hear({}, notice) is OrderState.PAID
    assert (await offer.left(), await claims()) == (0, 1)
    assert await breaches() == []


async def test_late_money_locks_again_or_goes_back_whole_and_never_both(rooms):
    offer, ming, hong = await for_sale(rooms, stock=1), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    first = (await ming.order(offer)).value.order
    rooms.clock.advance(16 * MINUTES)
    await poll(rooms)
    await hong.buy(offer)
    assert await ming.told(first.number) is OrderState.RETURNING
    assert await ming.told(first.number) is OrderState.RETURNING
    refund = await OrderRefund.get()
    assert (refund.cause.value, refund.amount_fen, await claims()) == ("late", PRICE, 1)
    assert await balances(rooms) == {"received": -2 * PRICE, "income": PRICE, "payable": PRICE}
    await poll(rooms)
    assert (await stands(first.id), await balances(rooms)) == (
        "refunded",
        {"received": -PRICE, "income": PRICE, "payable": 0},
    )
    assert await breaches() == []


@pytest.mark.parametrize("ended", ["offer", "benefit"])
async def test_late_money_for_what_is_over_goes_back(rooms, ended):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    rooms.clock.advance(16 * MINUTES)
    await poll(rooms)
    if ended == "offer":
        await Offer.filter(id=offer.id).update(state=OfferState.ENDED)
    else:
        await Benefit.filter(id=offer.benefit_id).update(is_paused=True)
    assert await ming.told(ordered.number) is OrderState.RETURNING
    assert (await claims(), await offer.left()) == (0, 5)
    assert await breaches() == []


async def test_an_order_that_was_cancelled_and_paid_all_the_same_goes_back(rooms):
    offer, ming = await for_sale(rooms, stock=1), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    ended = await rooms.handlers.orders.cancel(ming.person, ordered.id, request_id="no")
    assert (ended.value.state, await offer.left()) == (OrderState.CANCELLED, 1)
    with pytest.raises(OrderNotWaiting):
        await rooms.handlers.orders.cancel(ming.person, ordered.id, request_id="again")
    assert await ming.told(ordered.number) is OrderState.RETURNING
    await poll(rooms)
    assert (await stands(ordered.id), await offer.left()) == ("refunded", 1)
    assert await breaches() == []


@pytest.mark.parametrize(
    "other",
    [
        {"amount_fen": PRICE - 1},
        {"amount_fen": PRICE + 1},
        {"currency": "USD"},
        {"app_id": "wx-somebody"},
        {"mch_id": "1900000000"},
        {"openid": "o-hong"},
    ],
)
async def test_words_about_another_payment_settle_nothing_however_they_come(rooms, other):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    notice = rooms.payments.pay(ordered.number)
    right = rooms.payments.paid[ordered.number]
    rooms.payments.paid[ordered.number] = replace(right, **other)
    with pytest.raises(PayNoticeUnreadable):
        await rooms.handlers.order_watch.hear({}, notice)
    rooms.clock.advance(MINUTES)
    await rooms.handlers.order_watch.poll()
    assert (await stands(ordered.id), await claims()) == ("waiting", 0)
    rooms.payments.paid[ordered.number] = right
    assert await rooms.handlers.order_watch.hear({}, notice) is OrderState.PAID


async def test_a_payment_that_another_order_has_settles_none(rooms):
    offer, ming, hong = await for_sale(rooms), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    await ming.buy(offer)
    hers = (await hong.order(offer)).value.order
    notice = rooms.payments.pay(hers.number)
    taken = (await Order.exclude(id=hers.id).get()).transaction_id
    rooms.payments.paid[hers.number] = replace(rooms.payments.paid[hers.number], transaction_id=taken)
    with pytest.raises(PayNoticeUnreadable):
        await rooms.handlers.order_watch.hear({}, notice)
    assert (await stands(hers.id), await claims()) == ("waiting", 1)
    assert await breaches() == []


async def test_a_slow_database_does_not_keep_the_notice_waiting(rooms, monkeypatch):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    watch = OrderWatch(rooms.clock, rooms.vault, PaymentServices(rooms.payments, rooms.carrier), answer_within=0.05)
    go, heard = asyncio.Event(), watch._heard

    async def slowly(number, says):
        await go.wait()
        return await heard(number, says)

    monkeypatch.setattr(watch, "_heard", slowly)
    with pytest.raises(PaymentUnavailable):
        await watch.hear({}, rooms.payments.pay(ordered.number))
    assert await stands(ordered.id) == "waiting"
    go.set()
    await watch.close()
    assert await stands(ordered.id) == "paid"  # it went on behind the answer


async def test_a_top_up_is_charged_to_the_number_of_its_order_and_its_failure_gives_the_money_back(rooms):
    await a_supplier(rooms)
    offer = await a_top_up(rooms, price=Price(fen=PRICE), stock=1)
    ming = await a_buyer(rooms)
    with pytest.raises(RechargeToMissing):
        await ming.order(offer)
    order_id = await ming.buy(offer, recharge_to=NUMBER)
    order = await Order.get(id=order_id)
    assert NUMBER not in order.recharge_to_cipher
    assert order.recharge_to_tail == NUMBER[-4:]
    rooms.supplier.becomes = Heard.FAILED
    await rooms.handlers.top_up_orders.look((await Fulfillment.get()).id)
    assert (await Claim.get()).state is ClaimState.REVOKED
    await poll(rooms)
    await poll(rooms)
    assert (await stands(order_id), (await OrderRefund.get()).cause.value) == ("refunded", "unfulfilled")
    assert next(iter(rooms.supplier.orders.values())).recharge_to == NUMBER
    assert await breaches() == []


async def test_what_was_paid_for_is_reported_to_wechat_as_given_and_a_refusal_ends_it(rooms):
    offer, ming = await for_sale(rooms, limits=()), await a_buyer(rooms)
    first, second = await ming.buy(offer), await ming.buy(offer, "second")
    report, order = rooms.handlers.order_shipping.report, await Order.get(id=first)
    await report(first)
    assert rooms.wechat.shipped == [(order.transaction_id, "o-ming", "洗车")]
    rooms.wechat.trouble = WeChatRetryLater(10060001)
    with pytest.raises(WeChatRetryLater):
        await report(second)
    rooms.wechat.trouble = WeChatGaveUp(48001)  # a mini-program without this duty
    await report(second)
    waiting = (await ming.order(offer, "third")).value.order
    rooms.wechat.trouble = None
    await report(waiting.id)
    assert len(rooms.wechat.shipped) == 1


# --- refunds


async def test_the_quote_says_claim_by_claim_what_comes_back_and_only_that_does(rooms):
    offer, ming = await for_sale(rooms, limits=()), await a_buyer(rooms)
    order_id = await ming.buy(offer, quantity=3)
    used, over, kept = await OrderClaim.all().order_by("id").values_list("claim_id", flat=True)
    await Claim.filter(id=used).update(uses_left=0, state=ClaimState.USED)
    await Claim.filter(id=over).update(expires_at=rooms.clock.now())
    told = await rooms.handlers.order_refunds.quote(ming.person, order_id)
    assert [(line.claim_id, line.reason) for line in told.lines] == [(used, "claim.used"), (over, None), (kept, None)]
    assert (told.amount_fen, told.paid_fen) == (2 * PRICE, 3 * PRICE)
    with pytest.raises(RefundQuoteChanged):
        await ming.refund(order_id, 3 * PRICE)
    await ming.refund(order_id, 2 * PRICE)
    assert (await Claim.get(id=kept)).state is ClaimState.REVOKED
    again = await rooms.handlers.order_refunds.quote(ming.person, order_id)
    assert (again.amount_fen, again.refunded_fen) == (0, 2 * PRICE)
    with pytest.raises(RefundNothing):
        await ming.refund(order_id, PRICE, "more")
    await poll(rooms)
    assert (await stands(order_id), (await OrderRefund.get()).state) == ("paid", OrderRefundState.DONE)


async def test_a_whole_refund_ends_the_order_frees_the_limit_and_leaves_no_income(rooms):
    offer, ming = await for_sale(rooms, stock=1, returns_to_stock=True), await a_buyer(rooms)
    order_id = await ming.buy(offer)
    assert (await ming.refund(order_id, PRICE)).value.state is OrderRefundState.WAITING
    assert await balances(rooms) == {"received": -PRICE, "income": 0, "payable": PRICE}
    assert await stands(order_id) == "paid"
    await poll(rooms)
    assert await stands(order_id) == "refunded"
    assert await balances(rooms) == {"received": 0, "income": 0, "payable": 0}
    assert (await offer.left(), await breaches()) == (1, [])
    assert (await ming.order(offer, "again")).value.order.state is OrderState.WAITING


async def test_a_refund_whose_answer_was_lost_is_asked_about_and_sent_under_one_number(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id = await ming.buy(offer)
    await ming.refund(order_id, PRICE)
    number = (await OrderRefund.get()).number
    rooms.payments.is_deaf = True
    await poll(rooms)
    rooms.payments.is_deaf, rooms.payments.does_silently = False, True
    rooms.clock.advance(2 * MINUTES)
    await poll(rooms)  # absent, sent, and the answer lost again
    rooms.payments.does_silently = False
    rooms.clock.advance(2 * MINUTES)
    await poll(rooms)
    about = [what for what, asked in rooms.payments.calls if asked == number]
    assert about == ["refund", "query_refund", "refund", "query_refund"]
    assert (await stands(order_id), len(rooms.payments.refunds)) == ("refunded", 1)
    assert await breaches() == []


@pytest.mark.parametrize(("heard", "state"), [(RefundHeard.FAILED, "failed"), (RefundHeard.STUCK, "stuck")])
async def test_a_refund_that_does_not_arrive_stays_owed(rooms, heard, state):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id = await ming.buy(offer)
    await ming.refund(order_id, PRICE)
    rooms.payments.refund_becomes = heard
    await poll(rooms)
    assert ((await OrderRefund.get()).state.value, await stands(order_id)) == (state, "paid")
    assert await balances(rooms) == {"received": -PRICE, "income": 0, "payable": PRICE}
    rooms.payments.refund_becomes = RefundHeard.DONE
    rooms.clock.advance(60 * MINUTES)
    await poll(rooms)
    assert await stands(order_id) == ("refunded" if heard is RefundHeard.STUCK else "paid")
    assert await breaches() == []


async def test_what_was_closed_without_effect_is_tried_anew_once_under_another_number(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id, refunds, finance = await ming.buy(offer), rooms.handlers.order_refunds, await an_operator()
    await ming.refund(order_id, PRICE)
    first = await OrderRefund.get()
    with pytest.raises(RefundNotFailed):
        await refunds.send_another(finance, first.id, request_id="early")
    rooms.payments.refund_becomes = RefundHeard.FAILED
    await poll(rooms)
    rooms.payments.refund_becomes = RefundHeard.DONE
    second = (await refunds.send_another(finance, first.id, request_id="anew")).value
    with pytest.raises(RefundNotFailed):
        await refunds.send_another(finance, first.id, request_id="twice")
    assert second.number != first.number
    rooms.clock.advance(2 * MINUTES)
    await poll(rooms)
    states = dict(await OrderRefund.all().values_list("number", "state"))
    assert states == {first.number: OrderRefundState.REPLACED, second.number: OrderRefundState.DONE}
    assert await stands(order_id) == "refunded"
    assert await balances(rooms) == {"received": 0, "income": 0, "payable": 0}
    assert await breaches() == []


async def test_an_operator_gives_back_a_part_and_never_more_than_is_left(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id, refunds = await ming.buy(offer), rooms.handlers.order_refunds
    with pytest.raises(RoleMissing):
        await refunds.give(await an_operator(OperatorRole.SUPPORT), order_id, amount_fen=1, reason="x", request_id="a")
    finance = await an_operator()
    await refunds.give(finance, order_id, amount_fen=300, reason="送晚了", request_id="a")
    with pytest.raises(OrderRefundTooMuch) as refused:
        await refunds.give(finance, order_id, amount_fen=701, reason="送晚了", request_id="b")
    assert refused.value.facts["left_fen"] == 700
    await refunds.give(finance, order_id, amount_fen=700, reason="送晚了", request_id="c")
    first, second = await OrderRefund.all().order_by("id")
    assert second.look_at - first.look_at >= MINUTES  # two refunds of one order keep their distance
    assert [each.facts["amount_fen"] for each in await AuditEntry.filter(action="order.refunded").order_by("id")] == [
        300,
        700,
    ]
    assert (await Claim.get()).state is ClaimState.ISSUED
    await poll(rooms)
    rooms.clock.advance(2 * MINUTES)
    await poll(rooms)
    assert (await stands(order_id), await balances(rooms)) == ("refunded", {"received": 0, "income": 0, "payable": 0})


async def test_an_order_of_somebody_else_is_none(rooms):
    offer, ming, hong = await for_sale(rooms), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    order_id = await ming.buy(offer)
    for ask in (
        rooms.handlers.orders.one(hong.person, order_id),
        rooms.handlers.orders.cancel(hong.person, order_id, request_id="x"),
        rooms.handlers.order_refunds.quote(hong.person, order_id),
        hong.refund(order_id, PRICE),
    ):
        with pytest.raises(OrderUnknown):
            await ask
    assert await rooms.handlers.orders.mine(hong.person, after=None, limit=9) == []
    (seen,) = await rooms.handlers.orders.mine(ming.person, after=None, limit=9)
    assert (seen.id, seen.state) == (order_id, OrderState.PAID)


async def test_nobody_leaves_while_an_order_waits_and_then_who_paid_is_forgotten(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id = (await ming.order(offer)).value.order.id
    with pytest.raises(DepartureHindered) as refused:
        await rooms.handlers.departures.leave(ming.person)
    assert refused.value.facts["reasons"] == ["order.open"]
    await ming.told((await Order.get(id=order_id)).number)
    held = await rooms.handlers.personal_data.export(ming.person)
    assert [(each.title, each.amount_fen, each.state) for each in held.orders] == [("洗车", PRICE, OrderState.PAID)]
    await rooms.handlers.departures.leave(ming.person, GivenUp(claims=1))
    order = await Order.get(id=order_id)
    assert (order.payer_hash, order.state) == ("", OrderState.PAID)


async def test_what_was_paid_for_and_is_unused_is_lost_only_by_whoever_says_how_much_it_is(rooms):
    offer, ming = await for_sale(rooms, limits=()), await a_buyer(rooms)
    for each in ("one", "two"):
        await ming.buy(offer, each)
    for named in (0, 1, 3):
        with pytest.raises(DepartureHindered) as refused:
            await rooms.handlers.departures.leave(ming.person, GivenUp(claims=named))
        assert refused.value.facts == {"reasons": ["claims.paid"], "left_fen": 0, "paid_claims": 2}
    await Claim.filter(id=(await Claim.first()).id).update(expires_at=rooms.clock.now())  # nothing to lose any more
    await rooms.handlers.departures.leave(ming.person, GivenUp(claims=1))
    assert await breaches() == []


async def test_money_of_somebody_who_left_goes_back(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    ordered = (await ming.order(offer)).value.order
    rooms.clock.advance(16 * MINUTES)
    await poll(rooms)
    await rooms.handlers.departures.leave(ming.person)
    assert await ming.told(ordered.number) is OrderState.RETURNING
    await poll(rooms)
    assert (await stands(ordered.id), await claims()) == ("refunded", 0)
    assert await breaches() == []


async def test_a_member_who_became_another_one_gets_what_was_paid_for(rooms):
    offer, ming, hong = await for_sale(rooms), await a_buyer(rooms), await a_buyer(rooms, "o-hong")
    ordered = (await ming.order(offer)).value.order
    await Member.filter(id=ming.person.member_id).update(canonical_id=hong.person.member_id, status="merged")
    await ming.told(ordered.number)
    claim = await Claim.get()
    assert claim.member_id == hong.person.member_id
    assert (await rooms.handlers.orders.one(hong.person, ordered.id))[0].claims == (claim.id,)
    with pytest.raises(OfferLimitReached):
        await hong.order(offer, "again")  # the slot counts for whoever they are now
    assert "限领名额属于领取或等待付款的订单" not in await breaches()


async def test_what_a_claim_costs_in_money_is_no_reason_to_find_it(rooms):
    free, ming = await an_offer(rooms.clock.now()), await a_buyer(rooms)
    with pytest.raises(OfferFree):
        await ming.order(free)
    with pytest.raises(ClaimUnknown):
        await rooms.handlers.wallet.claim(ming.person, new_id())
