"""Codes and orders on a phone bill that come at the same moment; and without its guard each race is lost."""

import asyncio
from collections import Counter

import pytest

from handlers.errors import CarrierAttemptsOver, CarrierCodeWrong, CarrierMonthCapped, CarrierUnderWay
from models.orders import Order
from models.statements import carrier as statements
from tests.handlers.billing import a_subscriber, charge, counted, on_the_bill
from tests.handlers.buying import breaches, claims
from tests.handlers.test_carrier_billing import ordered

AT_ONCE = 20
BY_FAR = 60_000  # fen that twenty orders come to; the month takes a third of it


@pytest.fixture
async def ming(rooms):
    """The carrier charges a number as often as it is told to, so that it is ours alone to tell it once."""
    rooms.carrier.is_naive = True
    return await a_subscriber(rooms)


class AllThere:
    """Whoever calls the carrier waits until everybody who gets so far is there."""

    def __init__(self, rooms) -> None:
        self.go = asyncio.Event()
        rooms.carrier.before = self._wait

    async def _wait(self, what: str) -> None:
        if what == "charge":
            await self.go.wait()


async def pressed(rooms, ming, order_id) -> list[object]:
    """Twenty times at once, under keys of their own; calls go out when nobody is on the way to one any more."""
    gate = AllThere(rooms)
    presses = [asyncio.ensure_future(ming.confirm(order_id, None, f"press-{number}")) for number in range(AT_ONCE)]
    for _ in range(6_000):
        if Counter(each for each, _ in rooms.carrier.calls)["charge"] + sum(map(_is_done, presses)) == AT_ONCE:
            break
        await asyncio.sleep(0.01)
    gate.go.set()
    return await asyncio.gather(*presses, return_exceptions=True)


def _is_done(press: asyncio.Future) -> bool:
    return press.done()


async def test_confirm_pressed_twenty_times_at_once_charges_once(rooms, ming):
    order = await ordered(rooms, ming)
    answers = await pressed(rooms, ming, order.id)
    assert sum(isinstance(each, CarrierUnderWay) for each in answers) == AT_ONCE - 1
    assert (len(rooms.carrier.charged[order.number]), await claims(), await breaches()) == (1, 1, [])


async def test_without_the_guarded_try_twenty_presses_charge_twenty_times(rooms, ming, monkeypatch):
    unguarded = statements.TAKE_ATTEMPT.replace("AND state = 'waiting' AND attempt_count < $4", "AND $4 > 0")
    monkeypatch.setattr(statements, "TAKE_ATTEMPT", unguarded)
    order = await ordered(rooms, ming)
    await pressed(rooms, ming, order.id)
    assert len(rooms.carrier.charged[order.number]) == AT_ONCE


async def guessed(rooms, ming, order_id) -> int:
    """Twenty guesses, each as soon as the one before may be told wrong; how many the carrier was asked about."""
    guesses = (ming.confirm(order_id, f"{number:06}", f"guess-{number}") for number in range(AT_ONCE))
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    for turn in range(AT_ONCE):
        try:
            await ming.confirm(order_id, "000000", f"then-{turn}")
        except (CarrierCodeWrong, CarrierAttemptsOver) as refusal:
            answers.append(refusal)
    assert not any(not isinstance(each, BaseException) for each in answers)
    return Counter(each for each, _ in rooms.carrier.calls)["charge"]


async def test_of_any_number_of_guesses_five_are_tried(rooms, ming):
    order = await ordered(rooms, ming)
    assert await guessed(rooms, ming, order.id) == 5
    assert (await charge(order.id)).attempt_count == 5


async def test_without_the_counted_tries_every_guess_is_tried(rooms, ming, monkeypatch):
    uncounted = statements.TAKE_ATTEMPT.replace("attempt_count < $4", "$4 > 0")
    monkeypatch.setattr(statements, "TAKE_ATTEMPT", uncounted)
    order = await ordered(rooms, ming)
    with pytest.raises(AssertionError):
        assert await guessed(rooms, ming, order.id) == 5


async def ordered_at_once(rooms, ming) -> list[object]:
    """Twenty orders of 3,000 fen, of offers of their own, so that only the month is between them."""
    offers = [await on_the_bill(rooms, carrier_fen=3_000) for _ in range(AT_ONCE)]
    orders = (ming.order(offer, f"order-{number}") for number, offer in enumerate(offers))
    return await asyncio.gather(*orders, return_exceptions=True)


async def test_twenty_orders_at_once_stay_within_the_month(rooms, ming):
    answers = await ordered_at_once(rooms, ming)
    assert sum(isinstance(each, CarrierMonthCapped) for each in answers) == AT_ONCE - 6
    assert (await Order.all().count(), await counted(), await breaches()) == (6, 18_000, [])


async def test_without_the_guarded_month_twenty_orders_exceed_it(rooms, ming, monkeypatch):
    unguarded = statements.COUNT.replace("counted_fen + $3 <= $4", "$4 > 0")
    monkeypatch.setattr(statements, "COUNT", unguarded)
    await ordered_at_once(rooms, ming)
    assert await counted() == BY_FAR
