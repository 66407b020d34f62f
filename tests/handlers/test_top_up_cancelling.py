"""An order that was never sent is called off by one operator; what may have been sent never is."""

import asyncio

import pytest

from handlers.errors import OfferLimitReached, RoleMissing, TopUpSent, TopUpUnknown
from handlers.fulfillment import cancelling
from handlers.fulfillment.cancelling import TopUpCancelled
from handlers.rules.offer_terms import Limit, Period, Price
from models.claims import Claim, ClaimEvent, ClaimSlot
from models.fulfillments import Fulfillment, FulfillmentAttempt, Supplier
from models.operators import AuditEntry
from models.organizations import Organization
from models.words import ClaimState, FulfillmentAct, FulfillmentState, Heard, OperatorRole
from tests.handlers.charging import NUMBER, a_supplier, a_top_up, holds, order_of
from tests.handlers.offering import key, operator_at
from tests.handlers.test_points import Mall
from tests.handlers.test_top_ups import claimed, notice, placed, said, state_of
from tests.operating import city

ONCE = (Limit(Period.EVER, 1),)


@pytest.fixture
async def operator(rooms):
    await a_supplier(rooms)
    return await operator_at(await Organization.get(parent=None))


async def cancel(rooms, operator, order, request_id=None):
    cancelling = rooms.handlers.top_up_cancelling
    return await cancelling.cancel(operator, order.id, reason="供应商停业", request_id=request_id or key())


async def test_what_was_never_sent_gives_unit_and_slot_back_and_is_never_sent(rooms, operator):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=2, limits=ONCE)
    claim = await claimed(rooms, person, offer)
    await Supplier.all().update(is_paused=True)
    order = await placed(rooms, claim)  # looked at, and left
    await Supplier.all().update(is_paused=False)
    with pytest.raises(OfferLimitReached):
        await claimed(rooms, person, offer, "k2")
    done = await cancel(rooms, operator, order, "once")
    assert done.value == TopUpCancelled(order.id, order.order_no, claim.id, FulfillmentState.CANCELLED)
    again = await cancel(rooms, operator, order, "once")
    assert (again.value, again.replayed) == (done.value, True)
    assert (await state_of(claim), await offer.left(), await ClaimSlot.all().count()) == (ClaimState.REVOKED, 2, 0)
    assert await said("say_top_up_failed") == 1
    attempt = await FulfillmentAttempt.get(has_moved=True)
    assert (attempt.act, attempt.result) == (FulfillmentAct.HAND, "cancelled")
    entry = await AuditEntry.get(action="top_up.cancelled")
    assert (entry.subject_id, entry.facts["reason"]) == (str(order.id), "供应商停业")
    assert (await placed(rooms, claim)).state is FulfillmentState.CANCELLED
    assert rooms.supplier.calls == []
    await holds()
    await claimed(rooms, person, offer, "k3")
    await holds()


async def test_the_points_that_it_cost_come_back(far):
    root = await Organization.get(parent=None)
    mall = Mall(far, root, await operator_at(root))
    await mall.rule()
    await a_supplier(far)
    ming = await far.member("o-ming")
    await mall.earn(ming, 9)
    claim = await claimed(far, ming, await a_top_up(far, price=Price(points=5)), key(), NUMBER)
    assert await mall.seen(ming) == (4, 0)
    await cancel(far, mall.operator, await order_of(claim.id))
    assert await mall.seen(ming) == (9, 0)
    await holds()


@pytest.mark.parametrize("word", ["", "accepted", "done", "failed"])
async def test_what_the_supplier_may_have_is_never_called_off(rooms, operator, word):
    rooms.supplier.is_deaf = True
    claim = await claimed(rooms, await rooms.member(), await a_top_up(rooms, stock=1))
    order = await placed(rooms, claim)
    if word:
        await notice(rooms, order, word)
    before = await order_of(claim.id), await state_of(claim), await ClaimEvent.all().count()
    with pytest.raises(TopUpSent) as refused:
        await cancel(rooms, operator, order)
    assert refused.value.facts == {"state": word or "sent"}
    assert (await order_of(claim.id), await state_of(claim), await ClaimEvent.all().count()) == before
    await holds()


async def test_what_waits_for_the_second_supplier_after_the_first_failed_may_be_called_off(rooms, operator):
    await a_supplier(rooms, "second")
    offer = await a_top_up(rooms, stock=1, fallback="second")
    rooms.supplier.becomes = Heard.FAILED
    claim = await claimed(rooms, await rooms.member(), offer)
    await placed(rooms, claim)
    first = await Fulfillment.get(claim_id=claim.id, ordinal=1)
    with pytest.raises(TopUpSent):
        await cancel(rooms, operator, first)
    await cancel(rooms, operator, await order_of(claim.id))
    states = await Fulfillment.filter(claim_id=claim.id).order_by("ordinal").values_list("state", flat=True)
    assert list(states) == [FulfillmentState.REPLACED, FulfillmentState.CANCELLED]
    assert (await state_of(claim), await offer.left()) == (ClaimState.REVOKED, 1)
    await holds()


async def at_once(rooms, operator, claim) -> tuple[bool, bool]:
    """Sent and called off in the same moment, several times each: whether the supplier has it, whether it went back."""
    order = await order_of(claim.id)
    looks = [rooms.handlers.top_up_orders.look(order.id) for _ in range(5)]
    calls = [cancel(rooms, operator, order) for _ in range(5)]
    both = [each for pair in zip(looks, calls, strict=True) for each in pair]
    told = await asyncio.gather(*both, return_exceptions=True)
    assert {type(each).__name__ for each in told} <= {"NoneType", "Answer", "TopUpSent"}
    return order.order_no in rooms.supplier.orders, await state_of(claim) is ClaimState.REVOKED


async def test_sent_and_called_off_at_once_one_of_both_happens(rooms, operator):
    offer = await a_top_up(rooms, stock=9)
    for number in range(4):
        claim = await claimed(rooms, await rooms.member(f"o-{number}"), offer, f"k{number}")
        was_sent, went_back = await at_once(rooms, operator, claim)
        assert was_sent is not went_back
    await holds()


async def test_without_the_guard_what_was_charged_goes_back_as_well(rooms, operator, monkeypatch):
    """The negative control: an operator's word alone decides, and not where the order stands."""

    async def unguarded(*_, **__) -> bool:
        return True

    monkeypatch.setattr(cancelling, "move", unguarded)
    rooms.supplier.becomes = Heard.ACCEPTED
    offer = await a_top_up(rooms, stock=1)
    claim = await claimed(rooms, await rooms.member(), offer)
    order = await placed(rooms, claim)
    await cancel(rooms, operator, order)
    assert (order.order_no in rooms.supplier.orders, (await Claim.get(id=claim.id)).state) == (True, ClaimState.REVOKED)


async def test_support_and_operators_elsewhere_call_nothing_off(rooms, operator):
    claim = await claimed(rooms, await rooms.member(), await a_top_up(rooms))
    order, elsewhere = await order_of(claim.id), await city("south")
    with pytest.raises(RoleMissing):
        await cancel(rooms, await operator_at(await Organization.get(parent=None), OperatorRole.SUPPORT), order)
    with pytest.raises(TopUpUnknown):
        await cancel(rooms, await operator_at(elsewhere), order)
    assert (await order_of(claim.id)).state is FulfillmentState.WAITING
