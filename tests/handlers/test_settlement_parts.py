"""结算分段: what is sealed through the day, taken back, and taken by a statement."""

from contextlib import suppress
from datetime import timedelta

import pytest

from handlers.errors import RedemptionSettled
from handlers.settlement import statement_parts
from handlers.settlement.statement_proofs import differing_statements
from handlers.settlement.statements import Statements
from models.ids import new_id
from models.outbox import Job
from models.settlement import SettlementEntry, SettlementPart, SettlementStatement
from models.words import SettlementPeriod
from tests.handlers.counter import open_counter
from tests.handlers.settling import DAY, Books, breaches
from tests.handlers.test_settlement import Undo, looked_at, unguarded
from tests.handlers.test_settlement_fees import go_to, terms


@pytest.fixture
async def books(rooms, clock, monkeypatch):
    monkeypatch.setattr(statement_parts, "PART", 2)
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def redeemed(books, ming, *prices: int) -> list:
    return [await books.redeemed(ming, price_fen=price, share_bp=10_000) for price in prices]


async def test_a_statement_takes_what_was_sealed_through_its_day_and_what_came_last(books, ming):
    mine = await redeemed(books, ming, 100, 200, 300, 400, 500)
    assert await books.seal() == 2
    assert await books.seal() == 0
    assert [each.statement_id for each in await SettlementPart.all()] == [None, None]
    assert await books.statement_of(mine[0]) is None
    assert await breaches() == []
    assert await books.close(books.next_day()) == 1
    made = await SettlementStatement.get()
    assert (made.redeemed_count, made.redeemed_fen, made.redeemed_operator_fen, made.late_count) == (5, 1500, 1500, 0)
    parts = await SettlementPart.filter(statement=made).order_by("id")
    assert [each.entry_count for each in parts] == [2, 2, 1]
    assert made.hash not in {each.hash for each in parts}
    assert {(await books.statement_of(each)).id for each in mine} == {made.id}
    assert await breaches() == []


async def test_whoever_reads_a_statement_reads_its_parts_one_after_the_other(books, ming, monkeypatch):
    monkeypatch.setattr(statement_parts, "PAGE", 1)
    mine = await redeemed(books, ming, 100, 200, 300, 400, 500)
    await books.seal()
    await books.close(books.next_day())
    finance, read = await books.finance(), Statements()
    made = await SettlementStatement.get()
    head, pages = await read.lines(finance, made.id)
    told = [(each.id, each.settlement_fen, each.statement) async for page in pages for each in page]
    assert told == [(each, price, head.number) for each, price in zip(mine, (100, 200, 300, 400, 500), strict=True)]
    assert await breaches() == []


async def test_the_clock_plans_sealing_for_whom_a_whole_part_is_open(books, ming, clock):
    await redeemed(books, ming, 100)
    assert await books.sealing.plan(clock.now()) == 0
    await redeemed(books, ming, 200)
    assert [await books.sealing.plan(clock.now()) for _ in range(2)] == [1, 1]
    job = await Job.get(kind="seal_parts")
    assert job.payload == {"merchant_id": str(books.counter.merchant.id)}
    await books.seal()
    assert await books.sealing.plan(clock.now()) == 0


async def test_a_part_never_holds_two_days_and_each_statement_takes_its_own(books, ming):
    await redeemed(books, ming, 100, 200, 300)
    monday = books.next_day(hours=1)
    await redeemed(books, ming, 1000, 2000, 4000)
    assert await books.seal() == 2
    assert [each.business_on for each in await SettlementPart.all().order_by("id")] == [
        monday.isoformat(),
        books.today.isoformat(),
    ]
    await books.close(monday)
    assert [each.redeemed_fen for each in await SettlementStatement.all()] == [600]
    assert await SettlementPart.filter(statement=None).count() == 1
    assert await breaches() == []
    await books.close(books.next_day())
    assert [each.redeemed_fen for each in await SettlementStatement.all().order_by("id")] == [600, 7000]
    assert await breaches() == []


async def test_nothing_of_a_closed_day_is_sealed_by_itself(books, ming):
    await redeemed(books, ming, 100)
    monday = books.next_day(hours=1)
    await books.close(monday)
    await late(books, 2)
    assert await books.seal() == 0
    await books.close(books.next_day())
    assert [(each.redeemed_count, each.late_count) for each in await SettlementStatement.all().order_by("id")] == [
        (1, 0),
        (2, 2),
    ]
    assert await breaches() == []


async def late(books, count: int) -> None:
    """Rows of a day that is over, as an upload of what was scanned then writes them."""
    was = books.clock.now()
    books.clock.advance(-timedelta(hours=3))
    ming = await books.counter.rooms.member("o-late")
    await redeemed(books, ming, *[10] * count)
    books.clock.advance(was - books.clock.now())


async def test_by_the_month_parts_go_over_days_and_wait_for_its_end(books, ming):
    await terms(books, period=SettlementPeriod.MONTH)
    books.next_day()  # one that they began in the course of would be closed alone
    first = books.today.replace(day=1)
    following = (first + 32 * DAY).replace(day=1)
    await redeemed(books, ming, 100)
    await go_to(books, books.today + DAY)
    await redeemed(books, ming, 200, 400)
    assert await books.seal() == 1
    assert await books.close(books.today - DAY) == 0
    await go_to(books, following, 1)
    await redeemed(books, ming, 1000, 2000)
    assert await books.seal() == 1
    assert await books.close(following - DAY) == 1
    made = await SettlementStatement.get()
    assert (made.from_on, made.redeemed_fen, made.late_count) == (first.isoformat(), 700, 0)
    assert await breaches() == []


async def test_a_month_that_begins_with_its_terms_takes_nothing_that_a_day_before_it_has(books, ming):
    await redeemed(books, ming, 100, 200)
    await terms(books, period=SettlementPeriod.MONTH)
    monday = books.next_day(hours=1)
    await redeemed(books, ming, 1000, 2000)
    assert await books.seal() == 2
    await books.close(monday)
    assert [each.redeemed_fen for each in await SettlementStatement.all()] == [300]
    following = (books.today.replace(day=1) + 32 * DAY).replace(day=1)
    await go_to(books, following, 2)
    await books.close(following - DAY)
    assert [each.redeemed_fen for each in await SettlementStatement.all().order_by("id")] == [300, 3000]
    assert await breaches() == []


async def test_what_is_sealed_can_be_taken_back_until_a_statement_has_its_part(books, ming):
    mine = await redeemed(books, ming, 100, 200, 400)
    await books.seal()
    await books.counter.reverse(mine[0])
    monday = books.next_day(hours=0)
    await books.close(monday)
    made = await SettlementStatement.get()
    assert (made.redeemed_fen, made.reversed_fen) == (700, 100)
    for each in mine[1:]:
        with pytest.raises(RedemptionSettled):
            await books.counter.reverse(each, by=books.counter.manager)
    assert await breaches() == []


async def test_every_breach_of_parts_is_named(books, ming):
    await redeemed(books, ming, 100, 200, 400, 800, 1600, 3200)
    await books.seal()
    monday = books.next_day(hours=1)
    await books.close(monday)
    await redeemed(books, ming, 100, 200)
    await books.seal()
    await unguarded()
    (waiting,) = await SettlementPart.filter(statement=None)
    one, two = (await SettlementPart.exclude(statement=None).order_by("id"))[:2]
    entry = (await SettlementEntry.filter(part=one))[0]
    waiting_entry = (await SettlementEntry.filter(part=waiting))[0]
    segment = "结算分段只有自己商户的记录"
    wrongs = [
        (f"UPDATE settlement_entry SET part_id = '{two.id}' WHERE id = '{entry.id}'", segment),
        (f"UPDATE settlement_entry SET part_id = '{one.id}' WHERE id = '{waiting_entry.id}'", "当天结束前"),
        (f"UPDATE settlement_entry SET part_id = NULL WHERE id = '{waiting_entry.id}'", segment),
        (f"UPDATE settlement_part SET entry_count = 3 WHERE id = '{one.id}'", segment),
        (f"UPDATE settlement_part SET statement_id = NULL WHERE id = '{one.id}'", "合计"),
        (f"UPDATE settlement_part SET statement_id = '{one.statement_id}' WHERE id = '{waiting.id}'", segment),
        (f"UPDATE settlement_part SET hash = '{'0' * 64}' WHERE id = '{waiting.id}'", str(waiting.id)),
        (f"UPDATE settlement_part SET sums = '[]' WHERE id = '{waiting.id}'", str(waiting.id)),
        (f"UPDATE settlement_part SET hash = '{'0' * 64}' WHERE id = '{one.id}'", "20260302-books"),
    ]
    assert await breaches() == []
    for sql, word in wrongs:
        found: list[str] = []
        with suppress(Undo):
            await looked_at(sql, found)
        assert any(word in each for each in found), (sql, found)
    assert await breaches() == []


async def test_a_part_that_says_other_sums_than_its_entries_makes_its_statement_differ(books, ming):
    """Even where the parts' sums, in all, are the statement's."""
    await redeemed(books, ming, 100, 200, 400, 800)
    await books.seal()
    await books.close(books.next_day())
    await unguarded()
    one, two = await SettlementPart.filter(entry_count=2).order_by("id")
    await SettlementPart.filter(id=one.id).update(sums=two.sums, hash=two.hash)
    await SettlementPart.filter(id=two.id).update(sums=one.sums, hash=one.hash)
    assert await differing_statements() == ["20260302-books"]


async def test_a_statement_without_a_part_is_named(books, ming):
    await redeemed(books, ming, 100)
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    made._saved_in_db = False
    made.id, made.business_on = new_id(), books.today.isoformat()
    await made.save(force_create=True)
    assert any("每张结算单至少有一段" in each for each in await breaches())
