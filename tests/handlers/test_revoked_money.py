"""Whoever paid has the benefit or the money: what is taken away from them is paid back, of what they did not use."""

from datetime import timedelta

import pytest

from handlers.errors import VoidTooValuable
from handlers.rules.offer_terms import Price, Validity, ValidityKind
from models.benefits import Benefit, Offer
from models.claims import Claim
from models.fulfillments import Fulfillment
from models.orders import Order, OrderRefund
from models.organizations import Organization
from models.outbox import Job
from models.settlement import SaleEntry, SettlementTerms
from models.words import Heard, OperatorRole
from tests.handlers.buying import PRICE, a_buyer, breaches, for_sale, stands
from tests.handlers.charging import NUMBER, a_supplier, a_top_up
from tests.handlers.counter import open_counter
from tests.handlers.offering import operator_at
from tests.handlers.test_order_points import mall, ming, sold
from tests.handlers.test_orders import an_operator, balances, poll

__all__ = ["mall", "ming"]  # fixtures


@pytest.fixture
async def counter(rooms):
    counter = await open_counter(rooms)
    yield counter
    assert await breaches() == []


async def of_merchant(rooms, counter, *, fen: int = PRICE, uses: int = 1):
    """An offer for money of this merchant, who gets 85 % of a sale."""
    offer = await for_sale(rooms, fen=fen, stock=None, limits=())
    benefit_id = (await Offer.get(id=offer.id)).benefit_id
    benefit = await Benefit.get(id=benefit_id)
    await Benefit.filter(id=benefit_id).update(merchant_id=counter.merchant.id, terms={**benefit.terms, "uses": uses})
    decided_by = await operator_at(await Organization.get(parent=None), OperatorRole.FINANCE)
    await SettlementTerms.create(
        merchant=counter.merchant,
        number=1,
        decided_by_id=decided_by.id,
        starts_at=rooms.clock.now() - timedelta(minutes=1),
        sale_share_bp=8_500,
    )
    return offer


async def worked(rooms) -> None:
    """The jobs that send money back, each twice: a job may be done more than once."""
    for job in await Job.filter(kind="return_revoked"):
        for _ in range(2):
            await rooms.handlers.order_refunds.return_revoked(job.payload["order_id"])
    for _ in range(2):
        await poll(rooms)
        rooms.clock.advance(timedelta(minutes=10))


async def returned() -> list[int]:
    return [each.amount_fen for each in await OrderRefund.all().order_by("id")]


async def sales() -> list[int]:
    """What the merchant has of sales, what was taken back below nought."""
    return [
        -each.settlement_fen if each.reverses_id else each.settlement_fen  # type: ignore[attr-defined]
        for each in await SaleEntry.all().order_by("id")
    ]


async def test_what_a_merchant_voids_is_paid_back_and_the_merchant_earns_nothing(rooms, counter):
    offer, buyer = await of_merchant(rooms, counter), await a_buyer(rooms)
    order_id = await buyer.buy(offer)
    await rooms.handlers.voiding.void(counter.manager, (await Claim.get()).id, reason="下架", request_id="v")
    await worked(rooms)
    assert (await returned(), await stands(order_id), sorted(await sales())) == ([PRICE], "refunded", [-850, 850])
    assert (await balances(rooms))["income"] == 0


async def test_what_an_operator_takes_back_is_paid_back(rooms, counter):
    offer, buyer = await of_merchant(rooms, counter), await a_buyer(rooms)
    order_id = await buyer.buy(offer)
    operator = await operator_at(await Organization.get(parent=None), OperatorRole.ADMIN)
    claim = await Claim.get()
    await rooms.handlers.claim_desk.revoke(operator, claim.id, reason="错发", request_id="r")
    await worked(rooms)
    assert (await returned(), await stands(order_id)) == ([PRICE], "refunded")


async def test_of_what_was_used_in_part_the_rest_is_paid_back(rooms, counter):
    offer, buyer = await of_merchant(rooms, counter, uses=3), await a_buyer(rooms)
    await buyer.buy(offer)
    claim = await Claim.get()
    assert claim.uses_total == 3
    await counter.redeem(counter.typed(claim))
    await rooms.handlers.voiding.void(counter.manager, claim.id, reason="下架", request_id="v")
    await worked(rooms)
    assert (await returned(), await sales()) == ([667], [850])  # 1,000 x 2 / 3, rounded up


async def test_what_was_claimed_for_nothing_costs_nothing(rooms, counter):
    person = await rooms.member("o-ming")
    claim = await counter.claim(person)
    await rooms.handlers.voiding.void(counter.manager, claim.id, reason="下架", request_id="v")
    assert await Job.filter(kind="return_revoked").count() == 0


async def test_what_was_paid_is_what_one_manager_may_not_void_alone(rooms, counter):
    offer, buyer = await of_merchant(rooms, counter, fen=500_000), await a_buyer(rooms)
    await buyer.buy(offer)
    with pytest.raises(VoidTooValuable):
        await rooms.handlers.voiding.void(counter.manager, (await Claim.get()).id, reason="下架", request_id="v")


async def test_after_an_operators_refund_of_a_part_what_fails_is_paid_back_too(rooms):
    await a_supplier(rooms)
    offer, buyer = await a_top_up(rooms, price=Price(fen=PRICE), stock=1), await a_buyer(rooms)
    order_id = await buyer.buy(offer, recharge_to=NUMBER)
    give = rooms.handlers.order_refunds.give
    await give(await an_operator(), order_id, amount_fen=300, reason="慢了", request_id="a")
    rooms.supplier.becomes = Heard.FAILED
    await rooms.handlers.top_up_orders.look((await Fulfillment.get()).id)
    await worked(rooms)
    order = await Order.get(id=order_id)
    assert (await returned(), order.refunded_fen, order.state.value) == ([300, 700], PRICE, "refunded")
    assert await breaches() == []


async def test_after_an_operators_refund_of_all_nothing_is_looked_at_for_ever(rooms):
    await a_supplier(rooms)
    offer, buyer = await a_top_up(rooms, price=Price(fen=PRICE), stock=1), await a_buyer(rooms)
    order_id = await buyer.buy(offer, recharge_to=NUMBER)
    give = rooms.handlers.order_refunds.give
    await give(await an_operator(), order_id, amount_fen=PRICE, reason="慢了", request_id="a")
    rooms.supplier.becomes = Heard.FAILED
    await rooms.handlers.top_up_orders.look((await Fulfillment.get()).id)
    assert await rooms.handlers.order_refunds.return_unfulfilled() == 0
    assert await returned() == [PRICE]


@pytest.mark.parametrize("swept", [False, True])
async def test_points_of_what_expired_come_back_as_the_quote_says(mall, ming, rooms, swept):
    offer = await sold(rooms, validity=Validity(ValidityKind.DAYS, days=1))
    order_id = await ming.buy(offer)
    rooms.clock.advance(timedelta(days=3))
    if swept:
        await rooms.handlers.claim_expiry.sweep()
    told = await rooms.handlers.order_refunds.quote(ming.person, order_id)
    assert (told.amount_fen, told.points, await mall.seen(ming.person)) == (1_000, 30, (70, 0))
    await ming.refund(order_id, told.amount_fen)
    assert await mall.seen(ming.person) == (100, 0)
