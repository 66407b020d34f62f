"""Orders that cost points beside money: set aside with the order, spent by its claims, back with everything else."""

import asyncio
from datetime import timedelta

import pytest

from handlers.claims.paying import Purses
from handlers.errors import DomainError, PointsShort, PriceChanged
from handlers.orders import fulfilling, locking, writing
from handlers.points.points import EntryKind
from handlers.rules.offer_terms import Limit, Period, Price
from models.claims import Claim
from models.ledger import LedgerHold
from models.orders import Order, OrderRefund
from models.organizations import Organization
from models.words import HoldState, OrderState
from tests.handlers.buying import Buyer, breaches, claims, stands
from tests.handlers.claimable import an_offer
from tests.handlers.offering import operator_at
from tests.handlers.test_points import Mall

BOTH = Price(fen=1_000, points=30)
OFTEN = (Limit(Period.EVER, 1_000),)
MINUTES = timedelta(minutes=1)


@pytest.fixture
async def mall(rooms):
    """Whatever a test does, `doctor` has nothing to say in the end."""
    root = await Organization.get(parent=None)
    mall = Mall(rooms, root, await operator_at(root))
    await mall.rule()
    yield mall
    assert await breaches() == []


@pytest.fixture
async def ming(mall, rooms):
    """A hundred points, and the mini-program in hand."""
    person = await rooms.member("o-ming")
    await mall.earn(person, 100)
    return Buyer(rooms, person)


async def sold(rooms, *, stock=9, price=BOTH, **terms):
    return await an_offer(rooms.clock.now(), stock=stock, price=price, **{"limits": OFTEN, **terms})


async def test_points_are_set_aside_while_the_money_is_awaited_and_spent_with_it(mall, ming, rooms):
    offer = await sold(rooms)
    ordered = (await ming.order(offer, quantity=2, expected_fen=2_000, expected_points=60)).value.order
    assert (ordered.amount_fen, ordered.points, ordered.price_fen) == (2_000, 60, 1_000)
    assert await mall.seen(ming.person) == (40, 0)
    await ming.told(ordered.number)
    assert (await stands(ordered.id), await claims()) == ("paid", 2)
    assert await Claim.all().values_list("price_points", "price_fen") == [(30, 1_000)] * 2
    assert await mall.seen(ming.person) == (40, 0)
    assert await mall.entries(ming.person, limit=2) == [(EntryKind.SPENT, -30)] * 2


@pytest.mark.parametrize("way", ["cancelled", "expired", "swept"])
async def test_with_an_order_that_ends_unpaid_they_are_there_again_once(mall, ming, rooms, way):
    offer = await sold(rooms, stock=1)
    ordered = (await ming.order(offer)).value.order
    if way == "cancelled":
        await rooms.handlers.orders.cancel(ming.person, ordered.id, request_id="cancel")
    else:
        rooms.clock.advance(16 * MINUTES)
        if way == "expired":  # whoever comes next ends it
            lan = Buyer(rooms, await rooms.member("o-lan"))
            await mall.earn(lan.person, 30)
            await lan.order(offer)
        await rooms.handlers.order_watch.poll()
    assert await stands(ordered.id) == ("cancelled" if way == "cancelled" else "expired")
    assert await mall.seen(ming.person) == (100, 0)
    assert await LedgerHold.filter(state=HoldState.VOIDED).count() == 1


async def test_whoever_has_too_few_locks_nothing(mall, ming, rooms):
    offer = await sold(rooms)
    with pytest.raises(PointsShort) as short:
        await ming.order(offer, quantity=4)
    assert (short.value.facts["needed"], short.value.facts["available"]) == (120, 100)
    assert (await offer.left(), await Order.exists(), await LedgerHold.exists()) == (9, False, False)


async def test_what_was_not_shown_is_not_taken(mall, ming, rooms):
    offer = await sold(rooms)
    with pytest.raises(PriceChanged) as changed:
        await ming.order(offer, expected_fen=1_000, expected_points=20)
    assert changed.value.facts == {"amount_fen": 1_000, "points": 30}
    assert await mall.seen(ming.person) == (100, 0)


@pytest.mark.parametrize(("spent", "became"), [(0, OrderState.PAID), (80, OrderState.RETURNING)])
async def test_late_money_takes_the_points_again_or_goes_back_itself(mall, ming, rooms, spent, became):
    ordered = (await ming.order(await sold(rooms))).value.order
    rooms.clock.advance(16 * MINUTES)
    await rooms.handlers.order_watch.poll()
    if spent:
        await mall.spend(ming.person, spent)
    await ming.told(ordered.number)
    assert (await Order.get(id=ordered.id)).state is became
    left = (70, 1) if became is OrderState.PAID else (20, 0)
    assert (*await mall.seen(ming.person), await claims()) == (left[0], 0, left[1])
    assert await OrderRefund.all().count() == (became is OrderState.RETURNING)


async def test_a_refund_says_what_comes_back_of_both_and_gives_it(mall, ming, rooms):
    order_id = await ming.buy(await sold(rooms), quantity=2)
    told = await rooms.handlers.order_refunds.quote(ming.person, order_id)
    assert (told.amount_fen, told.points, [line.points for line in told.lines]) == (2_000, 60, [30, 30])
    await ming.refund(order_id, 2_000)
    assert await mall.seen(ming.person) == (100, 0)
    await rooms.handlers.order_refunds.poll()


async def fifty(ming, offer):
    orders = (ming.order(offer, f"k{number}") for number in range(50))
    done = await asyncio.gather(*orders, return_exceptions=True)
    assert all(isinstance(each, DomainError) for each in done if isinstance(each, BaseException))
    return [each.value.order for each in done if not isinstance(each, BaseException)]


async def test_of_fifty_orders_at_once_as_many_wait_as_can_be_paid_in_points(mall, ming, rooms):
    offer = await sold(rooms, stock=50)
    waiting = await fifty(ming, offer)
    assert (len(waiting), await offer.left()) == (3, 47)
    for each in waiting:
        await ming.told(each.number)
    assert (await claims(), await mall.seen(ming.person)) == (3, (10, 0))


async def test_without_setting_them_aside_money_is_taken_for_what_cannot_be_given(mall, ming, rooms, monkeypatch):
    """The negative control: the points are only looked at once the money has come."""

    async def nothing(*_, **__):
        return None

    async def bottomless(*_, **__):
        return Purses({}, {})

    monkeypatch.setattr(writing, "purses_of", bottomless)
    monkeypatch.setattr(writing, "set_aside", nothing)
    monkeypatch.setattr(fulfilling, "give_back", nothing)
    monkeypatch.setattr(locking, "give_back", nothing)
    waiting = await fifty(ming, await sold(rooms, stock=50))
    assert len(waiting) == 50
    for each in waiting[:5]:
        await ming.told(each.number)
    states = sorted([await stands(each.id) for each in waiting[:5]])
    assert states == ["paid"] * 3 + ["returning"] * 2
    for each in waiting:  # what is asked of every order at the end does not hold
        await Order.filter(id=each.id, state=OrderState.WAITING).update(price_points=0)
