"""Orders and payments of the same moment: each gets its own answer, and nobody pays for a neighbour's trouble."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.errors import DomainError, MemberFrozen, OfferSoldOut, PayNoticeUnreadable, PriceChanged
from handlers.orders import settling
from models.claims import Claim
from models.identity import Member
from models.orders import Order, OrderClaim
from models.outbox import Job
from models.words import MemberStatus, OrderState
from tests.handlers.buying import PRICE, a_buyer, breaches, claims, for_sale


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
