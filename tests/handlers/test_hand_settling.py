"""A supplier that says nothing: two operators settle the order, once, and what it says at last moves nothing."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    RoleMissing,
    TopUpNotUnderWay,
    TopUpProofMissing,
    TopUpTooSoon,
    TopUpUnknown,
)
from handlers.fulfillment import hand_settling, settling
from handlers.rules.fulfillment_states import QUIET, SILENCE, by_hand_from
from handlers.rules.offer_terms import Limit, Period
from models.claims import ClaimEvent, ClaimSlot
from models.database import rows
from models.fulfillments import FulfillmentAttempt
from models.ids import new_id
from models.operators import Approval, AuditEntry
from models.organizations import Organization
from models.words import ClaimState, FulfillmentAct, FulfillmentState, Heard, OperatorRole
from tests.handlers.charging import a_supplier, a_top_up, holds, order_of
from tests.handlers.offering import operator_at
from tests.handlers.test_top_ups import claimed, notice, placed, said, state_of
from tests.operating import city

ONCE = (Limit(Period.EVER, 1),)


class Desk:
    """A claim whose supplier does not answer, a day later, and two operators."""

    def __init__(self, rooms, person, offer, claim, order, first, second) -> None:
        self.rooms, self.person, self.offer, self.claim, self.order = rooms, person, offer, claim, order
        self.first, self.second = first, second

    @property
    def hand(self):
        return self.rooms.handlers.hand_settling

    async def propose(self, *, is_done: bool, by=None, **more):
        facts = {"proof": "YC-42" if is_done else "", "reason": "电话核实", "request_id": str(new_id()), **more}
        return (await self.hand.propose(by or self.first, self.order.id, is_done=is_done, **facts)).value

    async def approve(self, proposed, *, by=None):
        return (await self.hand.approve(by or self.second, proposed.approval_id, request_id=str(new_id()))).value

    async def settle(self, *, is_done: bool):
        return await self.approve(await self.propose(is_done=is_done))

    async def now_is(self):
        """Order, claim, what is left of the offer."""
        return (await order_of(self.claim.id)).state, await state_of(self.claim), await self.offer.left()


async def silent_order(rooms, **terms) -> Desk:
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1, limits=ONCE, **terms)
    rooms.supplier.is_deaf = True
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    root = await Organization.get(parent=None)
    return Desk(rooms, person, offer, claim, order, await operator_at(root), await operator_at(root))


@pytest.fixture
async def desk(rooms):
    await a_supplier(rooms)
    desk = await silent_order(rooms)
    rooms.clock.advance(SILENCE)
    return desk


def test_a_day_counts_from_the_last_news_and_nothing_is_decided_while_a_call_may_be_under_way(clock):
    now = clock.now()
    assert by_hand_from(now, now) == now + timedelta(hours=24)
    again = now + timedelta(hours=24)
    assert by_hand_from(now, again) == again + QUIET


async def test_what_two_operators_say_was_done_is_used_and_told_once(desk):
    proposed = await desk.propose(is_done=True)
    assert (proposed.state, proposed.approval_id is None) == (FulfillmentState.SENT, False)
    assert await desk.now_is() == (FulfillmentState.SENT, ClaimState.PENDING, 0)
    with pytest.raises(ApprovalOwn):
        await desk.approve(proposed, by=desk.first)
    done = await desk.approve(proposed)
    assert (done.state, done.is_done, done.approval_id) == (FulfillmentState.DONE, True, None)
    assert await desk.now_is() == (FulfillmentState.DONE, ClaimState.USED, 0)
    assert await said("say_topped_up") == 1
    attempt = await FulfillmentAttempt.get(act=FulfillmentAct.HAND)
    assert (attempt.result, attempt.reason, attempt.has_moved) == ("done", "YC-42", True)
    acts = await AuditEntry.filter(subject_kind="top_up").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["top_up.proposed", "top_up.settled"]
    await holds()


async def test_what_failed_gives_unit_and_slot_back_and_can_be_had_again(desk):
    assert (await desk.settle(is_done=False)).state is FulfillmentState.FAILED
    assert await desk.now_is() == (FulfillmentState.FAILED, ClaimState.REVOKED, 1)
    assert (await ClaimSlot.all().count(), await said("say_top_up_failed")) == (0, 1)
    await holds()
    await claimed(desk.rooms, desk.person, desk.offer, "k2")
    await holds()


async def test_with_a_second_supplier_it_goes_there_as_after_an_explicit_failure(rooms):
    await a_supplier(rooms)
    await a_supplier(rooms, "second")
    desk = await silent_order(rooms, fallback="second")
    rooms.clock.advance(SILENCE)
    assert (await desk.settle(is_done=False)).state is FulfillmentState.REPLACED
    assert await desk.now_is() == (FulfillmentState.WAITING, ClaimState.PENDING, 0)
    await holds()


async def test_before_a_day_without_news_nobody_settles_it(rooms):
    await a_supplier(rooms)
    desk = await silent_order(rooms)
    rooms.clock.advance(SILENCE - timedelta(seconds=1))
    with pytest.raises(TopUpTooSoon) as refused:
        await desk.propose(is_done=False)
    assert refused.value.facts["possible_at"] == (rooms.clock.now() + timedelta(seconds=1)).isoformat()
    rooms.clock.advance(timedelta(seconds=1))
    proposed = await desk.propose(is_done=False)
    await notice(rooms, desk.order, "accepted")  # news: it goes on there
    with pytest.raises(TopUpTooSoon):
        await desk.approve(proposed)
    rooms.clock.advance(SILENCE)
    await notice(rooms, desk.order, "accepted")  # the same again is none
    assert (await desk.approve(proposed)).state is FulfillmentState.FAILED
    await holds()


async def test_what_was_sent_again_a_moment_ago_is_not_settled(desk):
    desk.rooms.supplier.is_deaf = False
    desk.rooms.supplier.does_silently = True
    await desk.rooms.handlers.top_up_orders.look(desk.order.id)  # never had it; sent again, and did it in silence
    assert desk.rooms.supplier.calls[-2:] == [("query", desk.order.order_no), ("order", desk.order.order_no)]
    with pytest.raises(TopUpTooSoon):
        await desk.propose(is_done=False)
    desk.rooms.clock.advance(QUIET)
    await desk.propose(is_done=True)


async def test_what_was_not_sent_or_is_settled_is_not_settled_by_hand(rooms):
    await a_supplier(rooms)
    desk = await silent_order(rooms)
    rooms.clock.advance(SILENCE)
    await notice(rooms, desk.order, "done")
    with pytest.raises(TopUpNotUnderWay):
        await desk.propose(is_done=True)
    other = await a_top_up(rooms)
    desk.order = await order_of((await claimed(rooms, desk.person, other, "k2")).id)
    with pytest.raises(TopUpNotUnderWay):
        await desk.propose(is_done=False)


async def test_done_needs_a_proof_and_one_proposal_at_a_time_waits(desk):
    with pytest.raises(TopUpProofMissing):
        await desk.propose(is_done=True, proof="")
    both = await asyncio.gather(*(desk.propose(is_done=each) for each in (True, False)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["HandSettlement", "TopUpProposed"]
    (waiting,) = await desk.hand.pending(desk.second, after=None, limit=9)
    await desk.hand.reject(desk.second, waiting.id, request_id="r")
    assert await desk.hand.pending(desk.second, after=None, limit=9) == ()
    assert await desk.now_is() == (FulfillmentState.SENT, ClaimState.PENDING, 0)
    with pytest.raises(ApprovalDecided):
        await desk.hand.approve(desk.second, waiting.id, request_id="a")
    assert (await desk.settle(is_done=True)).state is FulfillmentState.DONE


async def test_a_supplier_that_was_quicker_leaves_the_proposal_to_be_rejected(desk):
    proposed = await desk.propose(is_done=False)
    await notice(desk.rooms, desk.order, "done")
    with pytest.raises(TopUpNotUnderWay):
        await desk.approve(proposed)
    assert (await Approval.get(kind="top_up")).outcome == ""
    await desk.hand.reject(desk.second, proposed.approval_id, request_id="r")
    assert await desk.now_is() == (FulfillmentState.DONE, ClaimState.USED, 0)


@pytest.mark.parametrize(
    ("is_done", "word", "kept"),
    [
        (True, "done", "done"),
        (True, "failed", "contradicted"),
        (False, "failed", "failed"),
        (False, "done", "contradicted"),
    ],
)
async def test_what_the_supplier_says_afterwards_is_kept_once_and_moves_nothing(desk, is_done, word, kept):
    await desk.settle(is_done=is_done)
    before, events = await desk.now_is(), await ClaimEvent.all().count()
    for _ in range(3):
        await notice(desk.rooms, desk.order, word)
    assert await desk.now_is() == before
    assert (await ClaimEvent.all().count(), await said("say_topped_up")) == (events, int(is_done))
    (late,) = await FulfillmentAttempt.filter(act=FulfillmentAct.NOTICE)
    assert (late.result, late.has_moved) == (kept, False)
    (listed,) = await desk.rooms.handlers.suppliers.orders(
        desk.first, desk.order.supplier_id, state=None, after=None, limit=9
    )
    assert (listed.is_by_hand, listed.heard_since) == (True, word)
    await holds()


async def test_what_a_supplier_settled_itself_says_nothing_of_hands(rooms):
    await a_supplier(rooms)
    desk = await silent_order(rooms)
    await notice(rooms, desk.order, "done")
    await notice(rooms, desk.order, "done")
    assert await FulfillmentAttempt.filter(act=FulfillmentAct.NOTICE).count() == 1
    (listed,) = await rooms.handlers.suppliers.orders(
        desk.first, desk.order.supplier_id, state=None, after=None, limit=9
    )
    assert (listed.is_by_hand, listed.heard_since) == (False, "")


async def by_hand_and_by_notice(desk, *, is_done: bool, word: str):
    """The approval among many notices."""
    proposed = await desk.propose(is_done=is_done)
    notices = [notice(desk.rooms, desk.order, word) for _ in range(20)]
    told = await asyncio.gather(*notices[:10], desk.approve(proposed), *notices[10:], return_exceptions=True)
    return told[10]


@pytest.mark.parametrize(("is_done", "word"), [(False, "done"), (True, "failed"), (True, "done")])
async def test_hand_and_notices_at_once_have_one_effect(desk, is_done, word):
    told = await by_hand_and_by_notice(desk, is_done=is_done, word=word)
    assert await FulfillmentAttempt.filter(has_moved=True).count() == 1
    moved = await FulfillmentAttempt.get(has_moved=True)
    if moved.act is FulfillmentAct.HAND:
        assert told.is_done is is_done
    else:
        assert isinstance(told, TopUpNotUnderWay)
    is_arrived = moved.result == Heard.DONE
    after = (
        (FulfillmentState.DONE, ClaimState.USED, 0) if is_arrived else (FulfillmentState.FAILED, ClaimState.REVOKED, 1)
    )
    assert await desk.now_is() == after
    assert (await said("say_topped_up"), await said("say_top_up_failed")) == (int(is_arrived), int(not is_arrived))
    await holds()


async def test_without_the_guard_hand_and_notices_each_believe_theirs_was_the_edge(desk, monkeypatch):
    """The negative control: everybody believes the state that was read before, and that they moved it."""
    seen = (await rows(settling.statements.LOCKED, desk.order.order_no))[0]

    async def as_it_was_read(*_):
        return seen

    async def unguarded(*_, **__) -> bool:
        return True

    async def unasked(found, _):
        return found

    monkeypatch.setattr(hand_settling, "_ready", unasked)
    monkeypatch.setattr(settling, "row", as_it_was_read)
    monkeypatch.setattr(settling, "move", unguarded)
    await by_hand_and_by_notice(desk, is_done=True, word="done")
    acts = set(await FulfillmentAttempt.filter(has_moved=True).values_list("act", flat=True))
    assert acts == {FulfillmentAct.HAND, FulfillmentAct.NOTICE}


async def test_two_who_approve_at_once_settle_once(desk):
    proposed = await desk.propose(is_done=False)
    root = await Organization.get(parent=None)
    others = [desk.second, *[await operator_at(root) for _ in range(3)]]
    told = await asyncio.gather(*(desk.approve(proposed, by=each) for each in others), return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == [*["ApprovalDecided"] * 3, "HandSettlement"]
    assert await desk.now_is() == (FulfillmentState.FAILED, ClaimState.REVOKED, 1)
    await holds()


async def test_finance_and_operators_elsewhere_settle_nothing(desk):
    proposed = await desk.propose(is_done=False)
    elsewhere, root = await city("south"), await Organization.get(parent=None)
    with pytest.raises(RoleMissing):
        await desk.approve(proposed, by=await operator_at(root, OperatorRole.FINANCE))
    stranger = await operator_at(elsewhere)
    with pytest.raises(ApprovalUnknown):
        await desk.approve(proposed, by=stranger)
    with pytest.raises(TopUpUnknown):
        await desk.propose(is_done=False, by=stranger)
    assert await desk.hand.pending(stranger, after=None, limit=9) == ()
