"""A second hand-over that an operator pays is a line of a statement: once, in the open day, like a redemption."""

import asyncio
from contextlib import suppress
from datetime import date, timedelta
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import ConflictDecided
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import stated
from handlers.rules.settlement_terms import Fees
from handlers.settlement import redemption_reports, statement_entries
from handlers.settlement import statements as reading
from handlers.settlement.redemption_reports import Wanted
from handlers.settlement.statement_views import entry
from miniapp_api.cells import Yuan
from miniapp_api.operator.settlement_shapes import HEADER, cells
from models.database import rows
from models.offline import OfflineConflict
from models.redemptions import Redemption
from models.settlement import ConflictEntry, SettlementEntry, SettlementPart, SettlementStatement
from models.statements import offline_conflicts as deciding
from models.statements import settlement as statements
from models.statements import settlement_parts
from models.words import ConflictDecision, EntryKind
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, morning_after, offline_claim
from tests.handlers.settling import DAY, Books, breaches
from tests.handlers.test_settlement import Undo, looked_at, unguarded


@pytest.fixture
async def books(rooms, clock):
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


@pytest.fixture
async def case(books, ming, clock):
    """Scanned by two devices on a Monday; on Tuesday morning it waits for a person."""
    counter = books.counter
    claim = await offline_claim(counter, ming)
    other = await counter.clerk_in(await counter.rooms.member("o-two"), store=counter.lake)
    one, two = await a_device(counter, "one"), await a_device(counter, "two", clerk=other)
    one.scan(claim)
    clock.advance(timedelta(minutes=5))
    two.scan(claim)
    await one.upload()
    await two.upload()
    await morning_after(counter)
    return await OfflineConflict.get()


async def pays(books, case, *, is_paid: bool = True, key: str = "k"):
    if books.operator is None:
        await books.finance("paula")  # and the first operator of all
    decide = books.counter.handlers.offline_conflicts.decide
    return await decide(books.operator, case.id, is_paid=is_paid, note="补", request_id=key)


async def statement_of(case) -> SettlementStatement | None:
    entry = await ConflictEntry.get(conflict_id=case.id).prefetch_related("part__statement")
    return entry.part.statement if entry.part else None


async def test_what_is_paid_for_a_second_hand_over_is_in_the_statement_of_the_day_of_the_decision(books, case):
    monday = books.today - DAY
    assert await books.close(monday) == 1
    before = await SettlementStatement.get()
    await pays(books, case)
    assert await statement_of(case) is None
    tuesday = books.next_day()
    await books.close(tuesday)
    made = await statement_of(case)
    assert (made.business_on, made.late_count) == (tuesday.isoformat(), 1)
    assert (made.redeemed_count, made.redeemed_fen, made.redeemed_operator_fen, made.redeemed_merchant_fen) == (
        1,
        1000,
        700,
        300,
    )
    (of_monday,) = made.sums  # told with the day on which it was handed over
    assert (of_monday["belongs_on"], of_monday["redeemed"]) == (monday.isoformat(), [1, 1000, 700, 300])
    assert (await SettlementStatement.get(id=before.id)).redeemed_fen == 1000
    assert await breaches() == []


async def test_it_is_paid_once_however_often_it_is_decided_and_closed(books, case):
    await books.finance("paula")
    both = await asyncio.gather(pays(books, case, key="a"), pays(books, case, key="b"), return_exceptions=True)
    assert [type(each) for each in both].count(ConflictDecided) == 1
    assert (await pays(books, case, key="a" if isinstance(both[1], ConflictDecided) else "b")).replayed
    for _ in range(3):
        await books.close(books.next_day())
    assert await ConflictEntry.all().count() == 1
    assert sum(each.redeemed_fen for each in await SettlementStatement.all()) == 2000
    assert await breaches() == []


async def test_without_the_guard_two_who_decide_both_believe_to_have_paid(books, case, monkeypatch):
    """The negative control of the one above; beneath it the database holds by itself, and is told not to here."""
    monkeypatch.setattr(deciding, "DECIDE", deciding.DECIDE.replace("AND decision = 'open'", ""))
    await unguarded("offline_conflict")
    await books.finance("paula")
    both = await asyncio.gather(pays(books, case, key="a"), pays(books, case, key="b"))
    assert [each.value.decision for each in both] == [ConflictDecision.PAID] * 2


async def test_a_merchant_with_nothing_else_open_gets_a_statement_for_it(books, case, clock):
    await books.close(books.today - DAY)
    await pays(books, case)
    tuesday = books.next_day()
    assert await books.closing.plan(clock.now()) == 1
    assert await books.close(tuesday) == 1
    assert await books.close(tuesday) == 0


async def test_the_loss_of_the_merchant_is_in_no_statement(books, case):
    await pays(books, case, is_paid=False)
    await books.close(books.next_day())
    assert await ConflictEntry.all().count() == 0
    (made,) = await SettlementStatement.all()
    assert made.redeemed_fen == 1000  # the first alone
    assert await breaches() == []


async def test_a_decision_that_is_committed_after_its_day_was_closed_waits_for_the_next(books, case, monkeypatch):
    await pays(books, case)
    tuesday = books.next_day(hours=0)
    with monkeypatch.context() as not_there_yet:  # as if the transaction of the decision had not ended
        nothing = f"SELECT * FROM ({statements.OPEN_CONFLICTS}) AS unseen WHERE 1 = 0"
        not_there_yet.setattr(statements, "OPEN_CONFLICTS", nothing)
        blind = tuple(f"{each} AND 1 = 0" if "conflict_entry" in each else each for each in settlement_parts.SEAL)
        not_there_yet.setattr(settlement_parts, "SEAL", blind)
        await books.close(tuesday)
    assert await statement_of(case) is None
    wednesday = books.next_day()
    await books.close(wednesday)
    made = await statement_of(case)
    assert (made.business_on, made.late_count) == (wednesday.isoformat(), 1)
    assert await breaches() == []


async def test_its_line_names_the_redemption_that_counts_in_the_statement_and_in_the_report(books, case):
    await pays(books, case)
    finance = await books.finance()
    await books.close(books.next_day())
    made = await statement_of(case)
    head, pages = await books.counter.handlers.statements.lines(finance, made.id)
    lines = {each.kind: each async for page in pages for each in page}
    paid = lines[EntryKind.CONFLICT]
    assert (paid.id, paid.second_to, paid.reverses) == (case.id, case.counted_id, None)
    assert (paid.settlement_fen, paid.operator_share_fen, paid.merchant_share_fen, paid.uses) == (1000, 700, 300, 1)
    assert (paid.belongs_on, paid.statement) == (books.today - 2 * DAY, head.number)
    told = dict(zip(HEADER, cells(paid), strict=True))
    assert (told["类型"], told["结算金额（元）"], told["运营方承担（元）"]) == ("重复补付", Yuan(1000), Yuan(700))
    assert (told["重复于核销"], told["撤销的核销"], told["结算单"]) == (str(case.counted_id), None, head.number)
    reports = books.counter.handlers.redemption_reports
    first = await reports.listing(finance, Wanted(merchant="books"), after=None, limit=9)
    assert [each.kind for each in first] == [EntryKind.CONFLICT, EntryKind.REDEEM]
    assert first[0] == paid
    assert await reports.listing(finance, Wanted(benefit="no-such"), after=None, limit=9) == ()


async def test_pages_of_lines_hold_each_line_once_whichever_table_it_is_of(books, ming, case, monkeypatch):
    monkeypatch.setattr(redemption_reports, "PAGE", 1)
    monkeypatch.setattr(reading, "PAGE", 1)
    await books.redeemed(ming)
    await pays(books, case)
    await books.redeemed(ming)
    finance = await books.finance()
    await books.close(books.next_day())
    wanted = {row.id for row in await Redemption.all()} | {case.id}
    whole = await books.counter.handlers.redemption_reports.whole(finance, Wanted())
    of_report = [each.id async for page in whole for each in page]
    of_statements = []
    for made in await SettlementStatement.all():
        _, pages = await books.counter.handlers.statements.lines(finance, made.id)
        of_statements += [each.id async for page in pages for each in page]
    assert sorted(of_report) == sorted(of_statements) == sorted(wanted)


async def test_a_statement_read_in_pages_is_the_one_of_all_entries_together(books, ming, case, monkeypatch):
    monkeypatch.setattr(statement_entries, "PAGE", 2)
    await books.redeemed(ming)
    await pays(books, case)
    for _ in range(3):
        await books.redeemed(ming)
    tuesday = books.next_day()
    await books.close(tuesday)
    for made in await SettlementStatement.all():
        part = await SettlementPart.get(statement=made)
        of_it = [*await rows(statements.CONFLICTS_OF, part.id, UUID(int=0), 100)]
        of_it += await rows(statements.ENTRIES_OF, part.id, UUID(int=0), 100)
        day, entries = date.fromisoformat(made.business_on), [entry(each, Fees(())) for each in of_it]
        assert stated(books.counter.merchant.id, day, entries, BUSINESS_ZONE).hash == made.hash
    assert await SettlementEntry.filter(part_id=None).count() == 0
    assert (await statement_of(case)).redeemed_count == 5
    assert await breaches() == []


async def test_a_decision_and_its_entry_never_change(books, case):
    await pays(books, case)
    await books.close(books.next_day())
    for sql in (
        "UPDATE offline_conflict SET settlement_fen = 1",
        "UPDATE offline_conflict SET decision = 'open'",
        "UPDATE conflict_entry SET part_id = NULL",
        "DELETE FROM conflict_entry",
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await rows(sql)
    assert (await OfflineConflict.get()).decision is ConflictDecision.PAID


async def test_every_breach_about_what_is_paid_is_named(books, case):
    await pays(books, case)
    await books.close(books.next_day())
    assert await SettlementEntry.all().count() == 1
    await unguarded("offline_conflict", "conflict_entry")
    wrongs = [
        ("UPDATE offline_conflict SET merchant_share_fen = merchant_share_fen + 1", "重复交付"),
        ("UPDATE offline_conflict SET decision = 'loss'", "重复交付"),
        ("DELETE FROM conflict_entry", "重复交付"),
        ("UPDATE conflict_entry SET part_id = NULL", "合计"),
    ]
    assert await breaches() == []
    for sql, word in wrongs:
        found: list[str] = []
        with suppress(Undo):
            await looked_at(sql, found)
        assert any(word in each for each in found), (sql, found)
