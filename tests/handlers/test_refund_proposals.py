"""Money given back by hand: up to a limit by one operator, small steps counted together, above it by two."""

import asyncio

import pytest

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    OrderRefundTooMuch,
    RefundNeedsSecond,
    RefundNothing,
    RoleMissing,
)
from handlers.orders import returning
from handlers.orders.returning import ALONE_FEN
from models.operators import AuditEntry
from models.orders import OrderRefund
from models.organizations import Organization
from models.statements import orders as statements
from models.words import OperatorRole
from tests.handlers.buying import a_buyer, breaches, for_sale
from tests.handlers.offering import operator_at
from tests.operating import city

PAID = 4 * ALONE_FEN


@pytest.fixture
async def desk(rooms):
    """Whatever is done at it, `doctor` has nothing to say in the end."""
    root = await Organization.get(parent=None)
    rooms.one, rooms.two = [await operator_at(root, OperatorRole.FINANCE) for _ in range(2)]
    buyer = await a_buyer(rooms)
    rooms.order_id = await buyer.buy(await for_sale(rooms, fen=PAID))
    yield rooms
    assert await breaches() == []


async def give(desk, amount_fen: int, key: str = "give", by=None):
    refunds = desk.handlers.order_refunds
    return await refunds.give(by or desk.one, desk.order_id, amount_fen=amount_fen, reason="慢了", request_id=key)


async def proposed(desk, amount_fen: int, key: str = "propose", by=None):
    asking = desk.handlers.refund_proposals.propose
    return (await asking(by or desk.one, desk.order_id, amount_fen=amount_fen, reason="慢了", request_id=key)).value


async def given() -> list[int]:
    return [each.amount_fen for each in await OrderRefund.all().order_by("id")]


async def test_small_steps_count_together_whoever_takes_them(desk):
    await give(desk, ALONE_FEN - 1, "a")
    await give(desk, 1, "b", by=desk.two)
    with pytest.raises(RefundNeedsSecond) as refused:
        await give(desk, 1, "c")
    assert refused.value.facts == {"most_fen": ALONE_FEN}
    assert await given() == [ALONE_FEN - 1, 1]


async def test_more_is_given_by_two(desk):
    made = await proposed(desk, PAID)
    assert (await given(), made.amount_fen, made.order_id) == ([], PAID, desk.order_id)
    proposals = desk.handlers.refund_proposals
    assert [each.id for each in await proposals.pending(desk.two, after=None, limit=9)] == [made.id]
    with pytest.raises(ApprovalOwn):
        await proposals.approve(desk.one, made.id, request_id="own")
    done = await proposals.approve(desk.two, made.id, request_id="yes")
    assert (done.value.amount_fen, await given()) == (PAID, [PAID])
    assert (await proposals.approve(desk.two, made.id, request_id="yes")).replayed
    with pytest.raises(ApprovalDecided):
        await proposals.approve(desk.two, made.id, request_id="again")
    entry = await AuditEntry.get(action="order.refunded")
    assert (entry.actor_id, entry.facts["proposed_by"]) == (str(desk.two.id), str(desk.one.id))


async def test_what_is_rejected_is_not_given(desk):
    made, proposals = await proposed(desk, PAID), desk.handlers.refund_proposals
    assert (await proposals.reject(desk.two, made.id, request_id="no")).value.id == made.id
    with pytest.raises(ApprovalDecided):
        await proposals.approve(desk.two, made.id, request_id="yes")
    assert (await given(), await proposals.pending(desk.two, after=None, limit=9)) == ([], ())


async def test_what_cannot_be_given_is_neither_proposed_nor_given(desk):
    with pytest.raises(OrderRefundTooMuch):
        await proposed(desk, PAID + 1)
    made, proposals = await proposed(desk, PAID), desk.handlers.refund_proposals
    await give(desk, 1, "meanwhile")
    with pytest.raises(OrderRefundTooMuch):
        await proposals.approve(desk.two, made.id, request_id="yes")
    await proposals.reject(desk.two, made.id, request_id="no")  # it stayed, to be rejected
    rest = await proposed(desk, PAID - 1, "rest")
    await proposals.approve(desk.two, rest.id, request_id="rest")
    with pytest.raises((RefundNothing, OrderRefundTooMuch)):
        await proposed(desk, 1, "more")


async def test_who_may_not_see_it_decides_nothing(desk):
    made, proposals = await proposed(desk, PAID), desk.handlers.refund_proposals
    elsewhere = await operator_at(await city("north"), OperatorRole.ADMIN)
    with pytest.raises(ApprovalUnknown):
        await proposals.approve(elsewhere, made.id, request_id="x")
    with pytest.raises(RoleMissing):
        await proposals.approve(
            await operator_at(await Organization.get(parent=None), OperatorRole.SUPPORT), made.id, request_id="y"
        )


async def in_halves(desk) -> list[object]:
    """Two operators give what each may alone, at once."""
    asked = (give(desk, ALONE_FEN, key, by=by) for key, by in (("a", desk.one), ("b", desk.two)))
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_of_two_at_once_one_needs_a_second(desk):
    answers = await in_halves(desk)
    assert sum(isinstance(each, RefundNeedsSecond) for each in answers) == 1
    assert await given() == [ALONE_FEN]


async def test_without_the_sum_both_give(desk, monkeypatch):
    monkeypatch.setattr(
        returning.statements, "GIVEN_BY_HAND", statements.GIVEN_BY_HAND.replace("cause = 'operator'", "cause = ''")
    )
    await in_halves(desk)
    assert await given() == [ALONE_FEN, ALONE_FEN]
