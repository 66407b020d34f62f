"""Orders and payments of the same moment: each gets its own answer, and nobody pays for a neighbour's trouble."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.benefits import code_pools
from handlers.distribution import money
from handlers.errors import (
    DomainError,
    MemberFrozen,
    OfferSoldOut,
    Overloaded,
    PaymentUnavailable,
    PayNoticeUnreadable,
    PriceChanged,
)
from handlers.group_commit import GroupCommit
from handlers.orders import settling
from handlers.orders.ordering import Ordering
from handlers.orders.wishes import Wanted
from handlers.retrying import DatabaseBusy
from models.claims import Claim
from models.database import atomic, dialect
from models.identity import Member
from models.orders import Order, OrderClaim
from models.outbox import Job
from models.words import MemberStatus, OrderState
from tests.handlers.buying import PRICE, a_buyer, breaches, claims, for_sale
from tests.handlers.distributing import a_seller, brought, rules
from tests.handlers.pooled import a_pool, fill


@pytest.fixture
def batches(rooms, monkeypatch):
    """How many were decided together, by what decides."""
    sizes: dict[str, list[int]] = {"orders": [], "payments": []}
    for name, room in (("orders", rooms.handlers.ordering), ("payments", rooms.handlers.order_watch)):
        decide = room._lane._decide

        async def counted(batch, decide=decide, name=name):
            sizes[name].append(len(batch))
            return await decide(batch)

        monkeypatch.setattr(room._lane, "_decide", counted)
    return sizes


async def people(rooms, count: int):
    return [await a_buyer(rooms, f"o-{number}") for number in range(count)]


async def all_at_once(*work):
    return await asyncio.gather(*work, return_exceptions=True)


async def test_of_many_orders_at_once_each_gets_its_own_answer(rooms, batches):
    buyers, few, many = await people(rooms, 8), await for_sale(rooms, stock=3), await for_sale(rooms, stock=50)
    await Member.filter(id=buyers[5].person.member_id).update(status=MemberStatus.FROZEN)
    wishes = [(each, few, {}) for each in buyers[:4]] + [(buyers[4], many, {"expected_fen": PRICE - 1})]
    wishes += [(buyers[5], many, {}), (buyers[6], many, {"quantity": 1}), (buyers[7], many, {"quantity": 1})]
    answers = await all_at_once(*(buyer.order(offer, **more) for buyer, offer, more in wishes))
    refused = [type(each) for each in answers if isinstance(each, DomainError)]
    assert sorted(refused, key=str) == sorted([OfferSoldOut, PriceChanged, MemberFrozen], key=str)
    assert [isinstance(answers[place], DomainError) for place in (4, 5, 6, 7)] == [True, True, False, False]
    assert max(batches["orders"]) > 2
    orders = await Order.all()
    assert sorted(each.number for each in orders) == sorted(
        each.value.order.number for each in answers if not isinstance(each, BaseException)
    )
    assert all(each.prepay_id for each in orders)
    assert (await few.left(), await many.left()) == (0, 48)
    assert await breaches() == []


async def test_the_same_key_many_times_at_once_is_one_order(rooms, batches):
    ming, offer = await a_buyer(rooms), await for_sale(rooms)
    answers = await all_at_once(*(ming.order(offer) for _ in range(20)))
    assert len({each.value.order.id for each in answers}) == 1
    assert len({each.value.payment.pay_sign for each in answers}) == 1
    assert (await Order.all().count(), await offer.left()) == (1, 4)


async def waiting(rooms, count: int, *, stock: int = 50):
    buyers, offers = await people(rooms, count), [await for_sale(rooms, stock=stock) for _ in range(3)]
    ordered = [(await buyer.order(offers[place % 3])).value.order for place, buyer in enumerate(buyers)]
    return offers, [each.number for each in ordered]


async def test_many_payments_at_once_become_a_claim_each_with_its_own_money(rooms, batches):
    _, numbers = await waiting(rooms, 12)
    notices = [rooms.payments.pay(number) for number in numbers]
    watch = rooms.handlers.order_watch
    heard = await all_at_once(*(watch.hear({}, notice) for notice in [*notices, *notices]))
    assert heard == [OrderState.PAID] * 24
    assert max(batches["payments"]) > 2
    bought = {each.order_id: each for each in await OrderClaim.all().prefetch_related("claim")}
    for order in await Order.all():
        assert (bought[order.id].amount_fen, bought[order.id].claim.member_id) == (PRICE, order.member_id)
        assert bought[order.id].claim.offer_id == order.offer_id
    kinds = [each.kind for each in await Job.filter(kind__in=["say_paid", "report_shipping"])]
    assert (kinds.count("say_paid"), kinds.count("report_shipping"), await claims()) == (12, 12, 12)
    assert await breaches() == []


async def test_who_cannot_be_given_anything_gets_the_money_back_and_the_neighbours_their_claims(rooms, batches):
    offers, numbers = await waiting(rooms, 6)
    left = await Order.get(number=numbers[2])
    await Member.filter(id=left.member_id).update(status=MemberStatus.ERASED)
    rooms.clock.advance(timedelta(minutes=1))
    notices = [rooms.payments.pay(number) for number in numbers]
    watch = rooms.handlers.order_watch
    heard = await all_at_once(*(watch.hear({}, notice) for notice in notices))
    assert heard == [OrderState.RETURNING if place == 2 else OrderState.PAID for place in range(6)]
    assert max(batches["payments"]) > 1
    assert await claims() == 5
    assert [await each.left() for each in offers] == [48, 48, 49]
    assert await breaches() == ["注销的会员没有留下个人信息"]  # made to have left by hand


async def test_one_that_is_not_about_its_order_says_so_and_the_others_are_taken(rooms, batches):
    _, numbers = await waiting(rooms, 4)
    notices = [rooms.payments.pay(number) for number in numbers]
    rooms.payments.paid[numbers[0]] = replace(rooms.payments.paid[numbers[0]], amount_fen=1)
    watch = rooms.handlers.order_watch
    heard = await all_at_once(*(watch.hear({}, notice) for notice in notices))
    assert isinstance(heard[0], PayNoticeUnreadable)
    assert heard[1:] == [OrderState.PAID] * 3


async def test_without_the_savepoint_a_neighbour_that_fails_takes_the_claims_of_the_others_along(rooms, monkeypatch):
    """The negative control: what was given together stays half given, and is given once more one by one."""
    _, numbers = await waiting(rooms, 6)
    real, calls = settling.fulfil, 0

    async def fails_after_giving(orders, *args, **kwargs):
        nonlocal calls
        calls += 1
        became = await real(orders, *args, **kwargs)
        if len(orders) > 1:
            raise OfferSoldOut(title="x", next_at=None, more="")
        return became

    class NoSavepoint:
        async def __aenter__(self):
            return None

        async def __aexit__(self, *_):
            return False

    monkeypatch.setattr(settling, "fulfil", fails_after_giving)
    monkeypatch.setattr(settling, "atomic", NoSavepoint)
    watch = rooms.handlers.order_watch
    await all_at_once(*(watch.hear({}, rooms.payments.pay(number)) for number in numbers))
    assert calls > 1
    assert await Claim.all().count() > 6
    assert await breaches() != []


async def test_a_payment_that_is_another_orders_is_complained_of_once_and_the_others_are_taken(rooms, caplog):
    _, numbers = await waiting(rooms, 6)
    watch, notices = rooms.handlers.order_watch, [rooms.payments.pay(number) for number in numbers]
    await watch.hear({}, notices[0])
    used = rooms.payments.paid[numbers[0]].transaction_id
    rooms.payments.paid[numbers[3]] = replace(rooms.payments.paid[numbers[3]], transaction_id=used)
    heard = await all_at_once(*(watch.hear({}, notice) for notice in notices[1:]))
    assert [type(each) for each in heard].count(PayNoticeUnreadable) == 1
    assert [each for each in heard if each is OrderState.PAID] == [OrderState.PAID] * 4
    told = {each.number for each in caplog.records if each.msg == "payment_of_another_order"}
    assert told == {numbers[3]}


async def test_late_money_for_many_locks_again_what_there_is(rooms, batches):
    offers, numbers = await waiting(rooms, 6, stock=2)
    notices = [rooms.payments.pay(number) for number in numbers]
    rooms.clock.advance(timedelta(minutes=16))
    for each in await Order.all():
        await rooms.handlers.order_watch._expire(each.id)
    assert [await each.left() for each in offers] == [2, 2, 2]
    watch = rooms.handlers.order_watch
    assert await all_at_once(*(watch.hear({}, notice) for notice in notices)) == [OrderState.PAID] * 6
    assert ([await each.left() for each in offers], await claims()) == ([0, 0, 0], 6)
    assert await breaches() == []


async def test_whoever_finds_nothing_left_finds_what_is_over_of_others(rooms):
    (ming, wang), offer = await people(rooms, 2), await for_sale(rooms, stock=1)
    await ming.order(offer)
    with pytest.raises(OfferSoldOut):
        await wang.order(offer)
    rooms.clock.advance(timedelta(minutes=16))  # nobody has swept
    assert (await wang.order(offer, "again")).value.order.state is OrderState.WAITING
    assert (await offer.left(), await breaches()) == (0, [])


async def test_the_commissions_of_many_are_posted_at_once(rooms, monkeypatch):
    """So that promoters' accounts are locked in one order, whoever else posts to them."""
    await rules(rooms)
    offer = await for_sale(rooms, stock=50, limits=())
    codes = [await (await a_seller(rooms, f"o-seller-{number}")).code() for number in range(2)]
    buyers = [await brought(rooms, f"o-buyer-{number}", codes[number % 2]) for number in range(6)]
    numbers = [(await buyer.order(offer)).value.order.number for buyer in buyers]
    postings, post = [], money.post

    async def counted(moves, **facts):
        postings.append(len(moves))
        return await post(moves, **facts)

    monkeypatch.setattr(money, "post", counted)
    monkeypatch.setattr(GroupCommit, "_lead", lead_once_all_are_there(GroupCommit._lead))
    watch = rooms.handlers.order_watch
    await all_at_once(*(watch.hear({}, rooms.payments.pay(number)) for number in numbers))
    assert sum(postings) == 6
    assert len(postings) <= 2  # one for each lane
    assert await breaches() == []


def lead_once_all_are_there(lead):
    async def later(self, lane, queue):
        await asyncio.sleep(0.2)
        await lead(self, lane, queue)

    return later


async def test_codes_that_somebody_holds_and_leaves_are_not_missing_for_whoever_paid(rooms):
    if dialect() == "sqlite":
        pytest.skip("there is one writer: nobody holds codes beside another")
    pool = await a_pool()
    await fill(rooms, pool, ["A1", "A2", "A3"])
    offer = await for_sale(rooms, stock=3, benefit=await pool.benefit)
    numbers = [(await buyer.order(offer)).value.order.number for buyer in await people(rooms, 3)]
    notices = [rooms.payments.pay(number) for number in numbers]
    watch, holds, leaves = rooms.handlers.order_watch, asyncio.Event(), asyncio.Event()

    async def somebody() -> None:
        async with atomic():
            assert await code_pools.hold("cinema", 3, now=rooms.clock.now()) == 3
            holds.set()
            await leaves.wait()

    task = asyncio.create_task(somebody())
    await holds.wait()
    refused = await all_at_once(*(watch.hear({}, notice) for notice in notices))
    assert {type(each) for each in refused} == {DatabaseBusy}
    leaves.set()
    await task
    assert await all_at_once(*(watch.hear({}, notice) for notice in notices)) == [OrderState.PAID] * 3
    assert await breaches() == []


def of_another_process(ordering: Ordering) -> Ordering:
    """Within one, what is ordered of one offer goes through one lane."""
    return Ordering(ordering._clock, ordering._vault, ordering._accounts, ordering._payments)


async def test_several_processes_sell_no_more_than_there_is(rooms):
    offer, buyers = await for_sale(rooms, stock=3), await people(rooms, 12)
    ours = rooms.handlers.ordering
    processes = [ours, of_another_process(ours), of_another_process(ours)]
    wishes = enumerate(buyers)
    answers = await all_at_once(
        *(processes[n % 3].order(each.person, Wanted(offer.id), request_id="k") for n, each in wishes)
    )
    assert sorted(type(each).__name__ for each in answers) == ["Answer"] * 3 + ["OfferSoldOut"] * 9
    assert (await Order.all().count(), await offer.left(), await breaches()) == (3, 0, [])


async def test_one_key_in_two_processes_at_once_is_one_order(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    ours = rooms.handlers.ordering
    processes = [ours, of_another_process(ours)] * 5
    answers = await all_at_once(
        *(each.order(ming.person, Wanted(offer.id), request_id="k") for each in processes),
    )
    assert len({each.value.order.id for each in answers}) == 1
    assert (await Order.all().count(), await offer.left(), await breaches()) == (1, 4, [])


async def test_an_order_whose_word_could_not_be_kept_is_not_said_to_have_come_to_nothing(rooms, monkeypatch):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)

    async def busy(*_):
        raise Overloaded(retry_after=2)

    with monkeypatch.context() as patched:
        patched.setattr(rooms.handlers.ordering._announced, "submit", busy)
        with pytest.raises(PaymentUnavailable) as refused:
            await ming.order(offer)
    assert refused.value.retry_after == 2
    again = await ming.order(offer)
    assert (again.replayed, await Order.all().count(), again.value.payment is not None) == (True, 1, True)
