"""Whoever brings somebody who buys a membership has a part of it, and gives it back with what is given back."""

import pytest

from handlers.rules.commission import shares
from tests.handlers.buying import breaches
from tests.handlers.distributing import DAY, a_seller, amounts, brought, rules, sweep
from tests.handlers.planning import MONTH_FEN, plan_desk


@pytest.fixture
async def desk(rooms):
    await rules(rooms)
    yield await plan_desk(rooms)
    assert await breaches() == []


async def test_a_membership_brings_its_promoter_the_general_rate_and_a_refund_takes_its_part(desk, rooms, clock):
    hong = await a_seller(rooms)
    ming = (await brought(rooms, "o-ming", await hong.code())).person
    order_id = await desk.buy(ming, desk.month)
    (earned,) = shares(MONTH_FEN, [1_000], 10_000)
    assert await amounts() == [(earned, "pending")]
    clock.advance(7 * DAY)
    for _ in range(2):  # its day is found out, then it comes
        await sweep(rooms)
    assert await hong.totals() == (0, 0, earned, 0)
    back = (await desk.quote(ming, order_id)).amount_fen
    await desk.refund(ming, order_id)
    assert await hong.totals() == (0, 0, earned * (MONTH_FEN - back) // MONTH_FEN, 0)
    assert [state for _, state in await amounts()] == ["available", "back"]
    assert await desk.ends(ming) is None


async def test_whoever_buys_through_the_own_code_brings_nobody(desk, rooms):
    hong = await a_seller(rooms)
    await desk.buy(hong.person, desk.month)
    assert await amounts() == []
