"""What people may see of their spins, and what stays when they leave."""

from datetime import timedelta

import pytest

from handlers.rules.draw_rules import Pity, SpinPrice
from models.draws import Parcel, Spin
from models.words import ParcelState, SpinPaid
from tests.handlers.checking_in import elsewhere
from tests.handlers.drawing import DAY, fair_of, goods, holds, points
from tests.handlers.offering import key
from tests.handlers.test_unmerging import merge
from tests.handlers.trips import counting_trips

ADDRESS = "小明 138 江南路1号"


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def won(fair, person):
    """Two things: one is to be sent, the other waits for an address."""
    draw = await fair.published(goods(1_000_000, stock=2), terms={"address_days": 1})
    first, _ = [(await fair.spin(person, draw)).spins[0] for _ in range(2)]
    await fair.handlers.parcels.address(person, first.parcel_id, address=ADDRESS, request_id=key())
    return draw


async def test_draws_are_listed_by_pages_the_newest_first(fair, ming):
    first, second, third = [await fair.published() for _ in range(3)]
    seen = [each.id for each in await fair.handlers.draws.listing(ming)]
    assert seen == [third, second, first]
    for before, limit, page in ((None, 2, seen[:2]), (second, 2, [first]), (first, 2, [])):
        found = await fair.handlers.draws.listing(ming, before=before, limit=limit)
        assert [each.id for each in found] == page


async def test_the_export_shows_spins_and_where_things_go(fair, ming):
    await won(fair, ming)
    data = await fair.handlers.personal_data.export(ming)
    assert [(each.sequence, each.awarded, each.paid_by) for each in data.spins] == [
        (1, "kettle", SpinPaid.FREE),
        (2, "kettle", SpinPaid.FREE),
    ]
    assert [(each.state, each.address) for each in data.parcels] == [("addressed", ADDRESS), ("waiting", None)]


async def test_whoever_leaves_takes_the_address_along_and_the_thing_goes_back(fair, ming, clock):
    draw = await won(fair, ming)
    await fair.handlers.departures.leave(ming)
    assert {(each.state, each.address_cipher) for each in await Parcel.all()} == {(ParcelState.WAITING, "")}
    clock.advance(timedelta(days=3))
    assert await fair.handlers.parcels.lapse() == 2
    assert await fair.left(draw, "kettle") == 2
    assert await Spin.all().count() == 2  # under a pseudonym, for two years


async def test_a_block_stays_with_whoever_becomes_one_with_the_blocked_and_is_lifted_from_both(fair, ming):
    draw = await fair.published(goods(1_000_000, stock=30), points(0), consolation="points")
    other, stock = await elsewhere(fair.rooms), fair.handlers.draw_stock
    for person in (ming, other):
        await stock.block(fair.operator, person.member_id, is_blocked=True, reason="刷奖", request_id=key())
    await merge(fair.rooms, ming, other)
    assert (await fair.spin(ming, draw)).spins[0].why == "blocked"
    await stock.block(fair.operator, ming.member_id, is_blocked=False, reason="误判", request_id=key())
    assert (await fair.spin(ming, draw)).spins[0].prize == "kettle"


async def test_a_list_of_draws_tells_the_turns_that_each_of_them_tells_alone(fair, ming, clock):
    """Free spins, chances, pity; also of somebody who was two."""
    other, price = await elsewhere(fair.rooms), SpinPrice(free_daily=3, points=5)
    pity = Pity(rarity=1, guaranteed_at=9)
    draws = [await fair.published(points(0), goods(1, rarity=1), price=price, pity=pity) for _ in range(3)]
    for person, draw, count in ((ming, 0, 2), (other, 0, 1), (other, 1, 1)):
        for _ in range(count):
            await fair.spin(person, draws[draw])
    await fair.chances(other, draws[1], 2)
    await fair.chances(ming, draws[1], 1)
    await merge(fair.rooms, ming, other)
    for _ in range(2):
        told = {draw.id: turn for draw, turn in await fair.handlers.draws.turns(ming)}
        assert told == {each: (await fair.handlers.draws.view(ming, each)).turn for each in draws}
        clock.advance(DAY)
    assert [(told[each].free_left, told[each].chances, told[each].spins) for each in draws] == [
        *((3, 0, 3), (3, 3, 1), (3, 0, 0)),
    ]


async def test_a_list_of_many_draws_takes_as_many_trips_as_one(fair, ming):
    counted = []
    for more in (1, 6):
        for _ in range(more):
            await fair.published(points(0))
        await fair.handlers.draws.turns(ming)  # versions are read once per process
        with counting_trips() as trips:
            await fair.handlers.draws.turns(ming)
        counted.append(trips.count)
    assert counted[0] == counted[1] <= 6
