"""Stock is added to and taken from, never set; more than a fifth up needs two; nothing is lost in a race."""

import asyncio

import pytest

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    KeyReused,
    StockBelowZero,
    StockTooLarge,
    StockUnknown,
)
from handlers.offers.offers import keep_buckets
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.stock_buckets import Bucket
from models.benefits import OfferStock, StockChange
from models.database import atomic, row, rows
from models.ids import new_id
from models.operators import Approval, AuditEntry
from models.statements import offers as statements
from tests.handlers.offering import Stall, key, operator_at, stall_of
from tests.operating import city

# What a claim does to a counter.
TAKE = """
    UPDATE offer_stock SET left_count = left_count - 1, taken_count = taken_count + 1
    WHERE offer_id = $1 AND bucket = 'total' AND left_count >= 1 RETURNING id
"""


@pytest.fixture
async def stall(rooms) -> Stall:
    return await stall_of(rooms)


async def counted(offer_id, bucket="total"):
    stock = await OfferStock.get(offer_id=offer_id, bucket=bucket)
    changes = await StockChange.filter(offer_id=offer_id, bucket=bucket)
    assert stock.added_count == stock.left_count + stock.taken_count == sum(each.delta for each in changes)
    return stock.added_count, stock.left_count, stock.taken_count


async def test_adding_and_taking_are_changes_on_record(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    added = await stall.change(offer.id, 20)
    assert (added.stock.added, added.stock.left, added.approval_id) == (120, 120, None)
    taken = await stall.change(offer.id, -70)
    assert (taken.stock.added, taken.stock.left) == (50, 50)
    assert await counted(offer.id) == (50, 50, 0)
    listed = await stall.stocks.changes(stall.operator, offer.id, before=None, limit=10)
    assert [each.delta for each in listed] == [-70, 20, 100]
    assert {each.operator_id for each in listed} == {stall.operator.id}
    older = await stall.stocks.changes(stall.operator, offer.id, before=listed[1].id, limit=10)
    assert [each.delta for each in older] == [100]
    assert [each.bucket for each in await stall.stocks.view(stall.operator, offer.id)] == ["total"]
    assert await AuditEntry.filter(action="stock.changed").count() == 2


async def test_what_was_claimed_cannot_be_taken_away(stall):
    offer = await stall.publish(OfferTerms(stock=10))
    for _ in range(6):
        assert await rows(TAKE, offer.id)
    with pytest.raises(StockBelowZero) as refused:
        await stall.change(offer.id, -5)
    assert refused.value.facts == {"left": 4}
    assert (await stall.change(offer.id, -4)).stock.left == 0
    assert await counted(offer.id) == (6, 0, 6)


async def test_a_counter_that_is_not_there_and_one_that_would_overflow(stall):
    unlimited, offer = await stall.publish(), await stall.publish(OfferTerms(stock=2_000_000_000))
    for offer_id, bucket in ((unlimited.id, "total"), (offer.id, "day:2026-03-02")):
        with pytest.raises(StockUnknown):
            await stall.change(offer_id, 1, bucket=bucket)
    with pytest.raises(StockTooLarge):
        await stall.change(offer.id, 200_000_000)
    assert (await counted(offer.id))[0] == 2_000_000_000


async def test_more_than_a_fifth_up_waits_for_a_second_operator(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    proposed = await stall.change(offer.id, 21)
    assert proposed.approval_id is not None
    assert (proposed.stock.added, await counted(offer.id)) == (100, (100, 100, 0))
    (waiting,) = await stall.stocks.pending(stall.second, after=None, limit=10)
    assert (waiting.id, waiting.delta, waiting.proposed_by) == (proposed.approval_id, 21, stall.operator.id)
    with pytest.raises(ApprovalOwn):
        await stall.stocks.approve(stall.operator, waiting.id, request_id=key())
    done = await stall.stocks.approve(stall.second, waiting.id, request_id="a")
    assert done.value.stock.added == 121
    again = await stall.stocks.approve(stall.second, waiting.id, request_id="a")
    assert (again.replayed, again.value) == (True, done.value)
    with pytest.raises(ApprovalDecided) as refused:
        await stall.stocks.reject(stall.second, waiting.id, request_id=key())
    assert refused.value.facts == {"outcome": "approved"}
    assert await counted(offer.id) == (121, 121, 0)
    change = await StockChange.get(offer_id=offer.id, delta=21)
    assert (change.operator_id, change.approved_by_id) == (stall.operator.id, stall.second.id)
    assert await stall.stocks.pending(stall.second, after=None, limit=10) == ()


async def test_small_steps_do_not_add_up_to_more_than_a_fifth(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    for _ in range(2):
        assert (await stall.change(offer.id, 10)).approval_id is None
    third = await stall.change(offer.id, 1, by=stall.second)
    assert third.approval_id is not None
    await stall.stocks.approve(stall.operator, third.approval_id, request_id=key())
    assert (await stall.change(offer.id, 24)).approval_id is None  # a fifth of 121
    assert (await stall.change(offer.id, 1)).approval_id is not None
    assert await counted(offer.id) == (145, 145, 0)


async def test_what_was_rejected_leaves_the_stock_as_it_is(stall):
    offer = await stall.publish(OfferTerms(stock=10))
    proposed = await stall.change(offer.id, 10)
    with pytest.raises(ApprovalOwn):
        await stall.stocks.reject(stall.operator, proposed.approval_id, request_id=key())
    rejected = await stall.stocks.reject(stall.second, proposed.approval_id, request_id=key())
    assert rejected.value.stock.added == 10
    with pytest.raises(ApprovalDecided):
        await stall.stocks.approve(stall.second, proposed.approval_id, request_id=key())
    assert await AuditEntry.filter(action="stock.rejected").count() == 1


async def test_an_approval_of_another_place_is_as_good_as_not_there(stall):
    offer = await stall.publish(OfferTerms(stock=10))
    proposed = await stall.change(offer.id, 10)
    northern = await operator_at(await city("north"))
    for approval_id in (proposed.approval_id, new_id()):
        with pytest.raises(ApprovalUnknown):
            await stall.stocks.approve(northern, approval_id, request_id=key())
    assert await stall.stocks.pending(northern, after=None, limit=10) == ()
    assert (await Approval.get(id=proposed.approval_id)).outcome == ""


async def test_asking_again_adds_once(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    facts = {"bucket": "total", "delta": 5, "reason": "补货"}
    for _ in range(3):
        done = await stall.stocks.change(stall.operator, offer.id, **facts, request_id="k")
        assert done.value.stock.added == 105
    with pytest.raises(KeyReused):
        await stall.stocks.change(stall.operator, offer.id, **{**facts, "delta": 6}, request_id="k")
    assert (await counted(offer.id))[0] == 105


async def test_the_counter_of_a_day_comes_to_be_once_and_is_on_record(stall):
    offer = await stall.publish(OfferTerms(daily_stock=7))
    now = stall.rooms.clock.now()

    async def keep():
        async with atomic():
            await keep_buckets([(offer.id, Bucket("day:2026-03-02", 7))], now=now)

    await asyncio.gather(*(keep() for _ in range(20)))
    assert await counted(offer.id, "day:2026-03-02") == (7, 7, 0)
    assert (await stall.change(offer.id, 1, bucket="day:2026-03-02")).stock.left == 8


# --- at the same moment


async def test_fifty_edits_and_fifty_claims_at_once_lose_nothing_and_never_pass_zero(stall):
    offer = await stall.publish(OfferTerms(stock=60))

    async def claim():
        return bool(await rows(TAKE, offer.id))

    edits = [stall.change(offer.id, -1) for _ in range(50)]
    outcomes = await asyncio.gather(*edits, *(claim() for _ in range(50)), return_exceptions=True)
    refused = [each for each in outcomes[:50] if isinstance(each, BaseException)]
    assert {type(each) for each in refused} <= {StockBelowZero}
    claimed = sum(each is True for each in outcomes[50:])
    assert claimed + 50 - len(refused) == 60
    assert await counted(offer.id) == (60 - (50 - len(refused)), 0, claimed)


async def test_fifty_identical_edits_add_once(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    facts = {"bucket": "total", "delta": 3, "reason": "补货", "request_id": "same"}
    answers = await asyncio.gather(*(stall.stocks.change(stall.operator, offer.id, **facts) for _ in range(50)))
    assert {each.value.stock.added for each in answers} == {103}
    assert sum(not each.replayed for each in answers) == 1
    assert (await counted(offer.id))[0] == 103


async def test_many_small_steps_at_once_stay_within_the_fifth(stall):
    offer = await stall.publish(OfferTerms(stock=100))
    answers = await asyncio.gather(*(stall.change(offer.id, 1) for _ in range(50)))
    assert sum(each.approval_id is None for each in answers) == 20
    assert (await counted(offer.id))[0] == 120


async def test_one_proposal_is_approved_once_however_many_press(stall):
    offer = await stall.publish(OfferTerms(stock=10))
    proposed = await stall.change(offer.id, 10)
    presses = (stall.stocks.approve(stall.second, proposed.approval_id, request_id=key()) for _ in range(20))
    outcomes = await asyncio.gather(*presses, return_exceptions=True)
    assert sum(isinstance(each, ApprovalDecided) for each in outcomes) == 19
    assert await counted(offer.id) == (20, 20, 0)


async def test_what_is_read_and_written_back_loses_one_of_two(stall):
    """Negative control: what was read is written back, with something done in between."""
    offer = await stall.publish(OfferTerms(stock=60))
    read = asyncio.Barrier(2)

    async def set_to_one_less():
        found = await row("SELECT left_count FROM offer_stock WHERE offer_id = $1", offer.id)
        await read.wait()
        less = int(found["left_count"]) - 1
        await rows("UPDATE offer_stock SET left_count = $2 WHERE offer_id = $1 RETURNING id", offer.id, less)

    await asyncio.gather(set_to_one_less(), set_to_one_less())
    assert (await OfferStock.get(offer_id=offer.id)).left_count == 59  # one of the two is lost


async def test_weighed_by_what_was_there_before_small_steps_pass_the_fifth(stall, monkeypatch):
    """Negative control: the count is one from before the counter was locked."""
    offer = await stall.publish(OfferTerms(stock=100))
    stale = "SELECT 100 AS added_count, left_count, taken_count FROM offer_stock WHERE offer_id = $1 AND bucket = $2"
    monkeypatch.setattr(statements, "LOCK_STOCK", stale)
    answers = await asyncio.gather(*(stall.change(offer.id, 20) for _ in range(5)))
    assert [each.approval_id for each in answers] == [None] * 5
    assert (await counted(offer.id))[0] == 200
