"""A membership is given back pro rata: quoted before, cut once, unused rights revoked and used ones counted."""

from dataclasses import replace

import pytest

from handlers.errors import RefundNothing, RefundQuoteChanged
from handlers.rules.plans import PlanTerms
from models.benefits import Benefit
from models.claims import Claim
from models.orders import Order, OrderRefund
from models.words import ClaimState, OrderState, PlanPeriod
from tests.handlers.buying import breaches
from tests.handlers.planning import (
    BASE,
    BLACK,
    DAY,
    GOLD,
    MONTH,
    MONTH_FEN,
    QUARTER_FEN,
    claims_of,
    plan_desk,
    stretches,
)
from tests.handlers.scanning import a_device, morning_after, net
from tests.handlers.test_orders import balances, poll


@pytest.fixture
async def desk(rooms):
    yield await plan_desk(rooms)
    assert await breaches() == []


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def test_what_comes_back_is_told_before_and_ends_it_at_once(desk, ming, rooms, clock):
    await desk.right()
    order_id = await desk.buy(ming, desk.month)
    await desk.work()
    clock.advance(10 * DAY)
    quoted = await desk.quote(ming, order_id)
    assert (quoted.amount_fen, quoted.paid_fen, quoted.term.reason) == (2_100, MONTH_FEN, None)
    assert [(each.value_fen, each.is_used) for each in quoted.term.rights] == [(700, False)]
    with pytest.raises(RefundQuoteChanged) as refused:
        await desk.refund(ming, order_id, MONTH_FEN)
    assert refused.value.facts["amount_fen"] == 2_100
    assert await desk.ends(ming) is not None
    await desk.refund(ming, order_id)
    assert (await desk.ends(ming), await desk.steps.level(ming)) == (None, BASE)
    assert await desk.steps.history(ming) == [("paid", GOLD), ("paid_back", BASE)]
    assert [each.state for each in await claims_of(ming)] == [ClaimState.REVOKED]
    await poll(rooms)
    assert ((await Order.get()).state, (await Order.get()).refunded_fen) == (OrderState.PAID, 2_100)
    assert await balances(rooms) == {"received": 2_100 - MONTH_FEN, "income": MONTH_FEN - 2_100, "payable": 0}
    with pytest.raises(RefundNothing):
        await desk.refund(ming, order_id, 1)


async def test_two_months_given_back_the_later_one_before_it_began_are_no_breach(desk, ming, clock):
    """The desk looks for breaches at the end: what was given back before it began says nothing about the end."""
    first, second = await desk.buy(ming, desk.month), await desk.buy(ming, desk.month)
    clock.advance(10 * DAY)
    await desk.refund(ming, second)
    assert await desk.ends(ming) is not None
    await desk.refund(ming, first)
    assert await desk.ends(ming) is None


async def test_a_day_that_has_begun_is_not_charged_and_a_used_right_is(desk, ming, clock):
    await desk.right()
    order_id = await desk.buy(ming, desk.month)
    await desk.work()
    assert (await desk.quote(ming, order_id)).amount_fen == MONTH_FEN
    (claim,) = await claims_of(ming)
    await desk.use(claim)
    clock.advance(DAY / 2)
    quoted = await desk.quote(ming, order_id)
    assert (quoted.term.unused_fen, quoted.term.used_fen, quoted.amount_fen) == (MONTH_FEN, 700, MONTH_FEN - 700)
    await desk.refund(ming, order_id)
    assert (await Claim.get()).state is ClaimState.USED


async def test_a_right_that_a_device_may_have_redeemed_offline_counts_and_stays_theirs(desk, ming, clock):
    await desk.right()
    await Benefit.all().update(is_offline_allowed=True)
    order_id = await desk.buy(ming, desk.month)
    await desk.work()
    (claim,) = await claims_of(ming)
    assert (await desk.quote(ming, order_id)).term.used_fen == 0  # no device has it in a pack
    device = await a_device(desk.counter)
    device.scan(claim)
    assert (await desk.quote(ming, order_id)).term.used_fen == 700
    await desk.refund(ming, order_id)
    assert (await Claim.get()).state is ClaimState.ISSUED
    await device.upload()
    await morning_after(desk.counter)
    assert ((await Claim.get()).state, [each.settlement_fen for each in await net(claim)]) == (ClaimState.USED, [700])


async def test_who_used_more_than_is_left_gets_nothing_back(desk, ming):
    await desk.right(value=5_000)
    order_id = await desk.buy(ming, desk.month)
    await desk.work()
    await desk.use((await claims_of(ming))[0])
    assert (await desk.quote(ming, order_id)).amount_fen == 0
    with pytest.raises(RefundNothing):
        await desk.refund(ming, order_id, 1)


async def test_what_was_bought_behind_it_moves_up_and_what_it_brings_stays(desk, ming, clock):
    await desk.right()
    first = await desk.buy(ming, desk.month)
    second = await desk.buy(ming, desk.quarter)
    await desk.work()
    clock.advance(5 * DAY)
    now = clock.now().replace(microsecond=0)
    await desk.refund(ming, first)
    assert await desk.ends(ming) == now + 92 * DAY
    assert await stretches(ming) == [("bought", now - 5 * DAY, now), ("bought", now, now + 92 * DAY)]
    assert [each.state for each in await claims_of(ming)] == [ClaimState.ISSUED]
    assert await desk.steps.level(ming) == GOLD
    # And what the first one brought goes with the second, or counts where it was used since.
    await desk.use((await claims_of(ming))[0])
    quoted = await desk.quote(ming, second)
    assert (quoted.term.used_fen, quoted.amount_fen) == (700, QUARTER_FEN - 700)
    await desk.refund(ming, second)
    assert await desk.ends(ming) is None


async def test_what_was_counted_once_is_not_counted_again(desk, ming):
    await desk.right()
    first, second = await desk.buy(ming, desk.month), await desk.buy(ming, desk.month)
    await desk.work()
    await desk.use((await claims_of(ming))[0])
    assert (await desk.refund(ming, first)).amount_fen == MONTH_FEN - 700
    assert (await desk.refund(ming, second)).amount_fen == MONTH_FEN


async def test_one_that_has_not_begun_comes_back_whole_and_leaves_the_running_one(desk, ming, clock):
    await desk.buy(ming, desk.month)
    ends = await desk.ends(ming)
    second = await desk.buy(ming, desk.quarter)
    clock.advance(10 * DAY)
    assert (await desk.refund(ming, second)).amount_fen == QUARTER_FEN
    assert (await desk.ends(ming), await desk.steps.level(ming)) == (ends, GOLD)


async def test_one_that_is_over_does_not_come_back(desk, ming, clock):
    order_id = await desk.buy(ming, desk.month)
    clock.advance(31 * DAY)
    quoted = await desk.quote(ming, order_id)
    assert (quoted.amount_fen, quoted.term.reason) == (0, "membership.over")


async def test_an_upgrade_goes_back_before_what_it_lies_upon(desk, ming, clock):
    dear = await desk.sell("dear", PlanTerms("黑金月卡", BLACK, PlanPeriod.MONTH, 2 * MONTH_FEN))
    base = await desk.buy(ming, desk.month)
    ends = await desk.ends(ming)
    upgrade = await desk.buy(ming, dear)
    assert (await desk.quote(ming, base)).term.reason == "membership.newer_first"
    with pytest.raises(RefundNothing):
        await desk.refund(ming, base, 1)
    clock.advance(11 * DAY)
    assert (await desk.refund(ming, upgrade)).amount_fen == 2_000
    assert (await desk.ends(ming), await desk.steps.level(ming)) == (ends, GOLD)
    assert (await desk.refund(ming, base)).amount_fen == 2_000
    assert (await desk.ends(ming), await desk.steps.level(ming)) == (None, BASE)


async def test_whom_growth_carries_keeps_the_level_and_its_rights(desk, ming):
    await desk.right(levels=(GOLD, BLACK))
    order_id = await desk.buy(ming, desk.month)
    await desk.work()
    await desk.steps.earn(ming, 2_000_000)
    await desk.refund(ming, order_id)
    assert await desk.steps.level(ming) == BLACK
    assert [each.state for each in await claims_of(ming)] == [ClaimState.ISSUED]


async def test_what_an_operator_gave_back_is_not_given_back_again(desk, ming, rooms, clock):
    order_id = await desk.buy(ming, desk.month)
    await rooms.handlers.order_refunds.give(
        desk.operator, order_id, amount_fen=MONTH_FEN - 90, reason="补偿", request_id="give"
    )
    assert (await desk.quote(ming, order_id)).amount_fen == 90
    await poll(rooms)
    await desk.refund(ming, order_id)
    clock.advance(DAY)  # the payment service wants a minute between two refunds
    await poll(rooms)
    assert sum(await OrderRefund.all().values_list("amount_fen", flat=True)) == MONTH_FEN
    assert (await Order.get()).state is OrderState.REFUNDED


async def test_bought_again_in_the_same_month_the_right_does_not_come_twice(desk, ming):
    await desk.right()
    await desk.refund(ming, await desk.buy(ming, desk.month))
    await desk.buy(ming, await desk.sell("other", replace(MONTH, name="又一张")))
    await desk.work()
    assert len(await claims_of(ming)) <= 1
