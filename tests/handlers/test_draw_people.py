"""What people may see of their spins, and what stays when they leave."""

from datetime import timedelta

import pytest

from models.draws import Parcel, Spin
from models.words import ParcelState, SpinPaid
from tests.handlers.drawing import fair_of, goods, holds
from tests.handlers.offering import key

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
