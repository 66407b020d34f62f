"""Promoters, whom they bring, and their commissions: who counts, at which rate, until when, and what goes back."""

import pytest

from tests.handlers.buying import PRICE, breaches, for_sale
from tests.handlers.distributing import a_seller, amounts, balance, brought, rules


@pytest.fixture
async def sold(rooms):
    """Hong brought Ming, who buys for 10 yuan; 10 % of that is Hong's."""
    await rules(rooms)
    rooms.offer, rooms.hong = await for_sale(rooms), await a_seller(rooms)
    rooms.ming = await brought(rooms, "o-ming", await rooms.hong.code())
    rooms.order_id = await rooms.ming.buy(rooms.offer)
    return rooms


async def test_a_sale_gives_its_promoter_a_pending_commission_of_what_was_paid(sold):
    assert await amounts() == [(100, "pending")]
    assert await sold.hong.totals() == (100, 0, 0, 0)
    assert await balance(sold.hong.person.member_id, "pending") == 100
    assert await breaches() == []


async def test_what_is_given_back_before_it_is_used_leaves_no_commission(sold):
    await sold.ming.refund(sold.order_id, PRICE)
    assert await amounts() == [(100, "void"), (-100, "back")]
    assert await sold.hong.totals() == (0, 0, 0, 0)
    assert await breaches() == []
