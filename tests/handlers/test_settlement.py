"""结算单: what closing a day takes, what comes late, and that nothing is counted twice or lost."""

from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import (
    DayClosed,
    DayNotOver,
    EarlierDayOpen,
    MerchantUnknown,
    NotReversible,
    RedemptionSettled,
    RoleMissing,
    StatementsForManagers,
    StatementUnknown,
)
from handlers.rules.settlement import Totals
from handlers.settlement import statement_parts
from models.database import atomic, dialect, rows
from models.ids import new_id
from models.operators import AuditEntry
from models.outbox import Job
from models.programmes import Merchant
from models.redemptions import Redemption
from models.settlement import SettlementEntry, SettlementPart, SettlementStatement
from models.words import ClerkRole, OperatorRole, RedemptionKind
from tests.handlers.counter import open_counter
from tests.handlers.settling import DAY, Books, breaches
from tests.operating import city


@pytest.fixture
async def books(rooms, clock):
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


# --- a day


async def test_a_day_is_closed_with_its_sums_and_what_came_after_it_waits(books, ming):
    first = await books.redeemed(ming, price_fen=1000, share_bp=7000)
    taken_back = await books.redeemed(ming, price_fen=501, share_bp=5000)
    await books.counter.reverse(taken_back)
    monday = books.next_day()
    second = await books.redeemed(ming, price_fen=300)
    assert await books.close(monday) == 1
    made = await SettlementStatement.get()
    assert (made.business_on, made.closed_by_id, made.late_count) == (monday.isoformat(), None, 0)
    assert (made.redeemed_count, made.redeemed_fen, made.redeemed_operator_fen, made.redeemed_merchant_fen) == (
        2,
        1501,
        950,
        551,
    )
    assert (made.reversed_count, made.reversed_fen, made.reversed_operator_fen) == (1, 501, 250)
    assert len(made.sums) == 2
    assert (await books.statement_of(first)).id == made.id
    assert await books.statement_of(second) is None
    assert await books.close(monday) == 0
    assert await breaches() == []


async def test_days_are_closed_in_order_one_statement_each_and_empty_ones_need_none(books, ming):
    for price in (100, 0, 300):
        if price:
            await books.redeemed(ming, price_fen=price)
        last = books.next_day()
    assert await books.close(last) == 2
    made = await SettlementStatement.all().order_by("business_on")
    assert [(each.business_on[-2:], each.redeemed_fen) for each in made] == [("02", 100), ("04", 300)]


async def test_the_clock_plans_a_job_for_each_merchant_with_something_open(books, ming, clock):
    await books.redeemed(ming)
    monday = books.next_day(hours=2)
    assert await books.closing.plan(clock.now()) == 1
    assert await books.closing.plan(clock.now()) == 1
    job = await Job.get(kind="close_days")
    assert (job.payload["merchant_id"], job.payload["until"]) == (str(books.counter.merchant.id), monday.isoformat())
    await books.close(monday)
    assert await books.closing.plan(clock.now()) == 0


# --- what is closed stays


async def test_what_a_closed_day_has_is_not_taken_back_by_clerks_or_managers(books, ming, clock):
    clock.advance(timedelta(hours=13, minutes=55))  # five to midnight
    mine, other = await books.redeemed(ming), await books.redeemed(ming)
    monday = books.next_day(hours=0)
    await books.counter.reverse(other)
    await books.close(monday)
    for by in (books.counter.clerk, books.counter.manager):
        with pytest.raises(RedemptionSettled) as refused:
            await books.counter.reverse(mine, by=by)
        assert refused.value.code == "redemption.settled"
    with pytest.raises(NotReversible):
        await books.counter.reverse(other)
    assert await Redemption.filter(kind=RedemptionKind.REVERSAL).count() == 1


async def test_a_reversal_after_midnight_is_in_the_next_statement_and_refers_to_the_day_before(books, ming, clock):
    clock.advance(timedelta(hours=13, minutes=55))
    mine = await books.redeemed(ming, price_fen=1000)
    monday = books.next_day(hours=0)
    back = (await books.counter.reverse(mine)).value.id
    await books.close(monday)
    tuesday = books.next_day()
    await books.close(tuesday)
    first, second = await SettlementStatement.all().order_by("business_on")
    assert (first.redeemed_fen, first.reversed_fen, second.redeemed_fen, second.reversed_fen) == (1000, 0, 0, 1000)
    assert (await books.statement_of(back)).id == second.id
    (told,) = second.sums
    assert (told["belongs_on"], second.late_count) == (monday.isoformat(), 1)
    finance = await books.finance()
    view = await books.counter.handlers.statements.view(finance, second.id)
    assert (view.head.totals.payable_fen, view.sums[0].belongs_on) == (-1000, monday)
    _, pages = await books.counter.handlers.statements.lines(finance, second.id)
    (line,) = [line async for page in pages for line in page]
    assert (line.reverses, line.belongs_on, line.statement) == (mine, monday, view.head.number)
    assert await breaches() == []


async def test_the_database_refuses_to_change_a_statement_or_to_move_an_entry(books, ming):
    mine = await books.redeemed(ming)
    await books.close(books.next_day())
    part = await SettlementPart.get()
    for attempt in (
        SettlementStatement.all().update(redeemed_fen=1),
        SettlementStatement.all().delete(),
        SettlementPart.all().update(statement_id=None),
        SettlementPart.all().update(sums=[]),
        SettlementPart.all().delete(),
        SettlementEntry.filter(redemption_id=mine).update(part_id=None),
        SettlementEntry.filter(redemption_id=mine).update(part_id=part.id),
        SettlementEntry.filter(redemption_id=mine).delete(),
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await attempt
    with pytest.raises((IntegrityError, OperationalError)):
        await SettlementEntry.create(
            redemption_id=mine, merchant_id=books.counter.merchant.id, happened_at=books.clock.now()
        )


async def test_an_open_entry_can_only_be_assigned(books, ming):
    mine = await books.redeemed(ming)
    for change in ({"happened_at": books.clock.now() + DAY}, {"id": new_id()}):
        with pytest.raises((IntegrityError, OperationalError)):
            await SettlementEntry.filter(redemption_id=mine).update(**change)
    with pytest.raises((IntegrityError, OperationalError)):
        await SettlementEntry.filter(redemption_id=mine).delete()


async def test_a_statement_that_was_tampered_with_is_found_by_its_hash(books, ming):
    await books.redeemed(ming)
    await books.close(books.next_day())
    assert await breaches() == []
    if dialect() == "sqlite":
        await rows("DROP TRIGGER redemption_no_update")
    else:
        await rows("ALTER TABLE redemption DISABLE TRIGGER redemption_no_change")
    await rows("UPDATE redemption SET uses = 2")
    assert "20260302-books" in await breaches()


async def test_every_breach_of_settlement_is_named(books, ming):
    await books.redeemed(ming)
    mine = await books.redeemed(ming)
    await books.counter.reverse(mine)
    await books.close(books.next_day())
    await unguarded()
    wrongs = [
        ("UPDATE redemption SET merchant_share_fen = merchant_share_fen + 1 WHERE kind = 'redeem'", "分担"),
        ("UPDATE redemption SET uses = uses + 1 WHERE kind = 'reversal'", "撤销"),
        ("UPDATE settlement_statement SET redeemed_count = redeemed_count + 1", "合计"),
        ("UPDATE settlement_entry SET part_id = NULL", "合计"),
        ("DELETE FROM settlement_entry", "每笔核销"),
    ]
    assert await breaches() == []
    for sql, word in wrongs:
        found: list[str] = []
        with suppress(Undo):
            await looked_at(sql, found)
        assert any(word in each for each in found), (sql, found)
    assert await breaches() == []


class Undo(Exception):
    pass


async def looked_at(sql: str, found: list[str]) -> None:
    """What is broken after this statement, which is taken back."""
    async with atomic():
        await rows(sql)
        found += await breaches()
        raise Undo


async def unguarded(*more: str) -> None:
    """Somebody with the database's own password."""
    for table in ("redemption", "settlement_statement", "settlement_part", "settlement_entry", *more):
        if dialect() == "postgres":
            await rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            continue
        found = await rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1", table)
        for each in found:
            await rows(f'DROP TRIGGER "{each["name"]}"')


# --- by hand


async def test_finance_closes_a_day_by_hand_once_it_is_over_and_it_is_recorded(books, ming):
    await books.redeemed(ming, price_fen=900)
    finance = await books.finance()
    ask = {"merchant": "books", "business_on": books.today, "request_id": "k1"}
    with pytest.raises(DayNotOver):
        await books.closing.by_hand(finance, **ask)
    monday = books.next_day(hours=0)
    done = await books.closing.by_hand(finance, **ask)
    head = done.value.head
    assert (head.number, head.closed_by, head.totals.payable_fen) == ("20260302-books", "finance", 900)
    again = await books.closing.by_hand(finance, **ask)
    assert (again.replayed, again.value) == (True, done.value)
    with pytest.raises(DayClosed):
        await books.closing.by_hand(finance, merchant="books", business_on=monday, request_id="k2")
    with pytest.raises(DayClosed):
        await books.closing.by_hand(finance, merchant="books", business_on=monday - DAY, request_id="k3")
    (entry,) = await AuditEntry.filter(action="statement.closed")
    assert (entry.subject_id, entry.facts["hash"], entry.actor_id) == (str(head.id), head.hash, finance.actor_id)


async def test_an_earlier_day_is_closed_first_and_an_empty_one_may_be(books, ming):
    await books.redeemed(ming)
    monday = books.next_day()
    tuesday = books.next_day()
    finance = await books.finance()
    with pytest.raises(EarlierDayOpen) as refused:
        await books.closing.by_hand(finance, merchant="books", business_on=tuesday, request_id="k1")
    assert refused.value.facts == {"business_on": monday.isoformat()}
    await books.closing.by_hand(finance, merchant="books", business_on=monday, request_id="k2")
    empty = await books.closing.by_hand(finance, merchant="books", business_on=tuesday, request_id="k3")
    assert (empty.value.head.totals, empty.value.sums) == (Totals(), ())
    assert await breaches() == []


async def test_roles_and_subtrees_decide_who_closes_and_who_reads(books, ming):
    await books.redeemed(ming)
    monday = books.next_day()
    ask = {"merchant": "books", "business_on": monday}
    support = await books.somebody(OperatorRole.SUPPORT, "support")
    desk = await books.somebody(OperatorRole.OPERATOR, "desk")
    elsewhere = await books.finance("south", organization_id=(await city("south")).id)
    read = books.counter.handlers.statements
    for who in (support, desk):
        with pytest.raises(RoleMissing):
            await books.closing.by_hand(who, **ask, request_id="k1")
    with pytest.raises(MerchantUnknown):
        await books.closing.by_hand(elsewhere, **ask, request_id="k1")
    await books.close(monday)
    made = await SettlementStatement.get()
    assert (await read.view(desk, made.id)).head.id == made.id
    assert [each.id for each in await read.listing(desk, before=None, limit=9)] == [made.id]
    with pytest.raises(RoleMissing):
        await read.view(support, made.id)
    for attempt in (read.view(elsewhere, made.id), read.lines(elsewhere, made.id), read.view(desk, new_id())):
        with pytest.raises(StatementUnknown):
            await attempt
    assert await read.listing(elsewhere, before=None, limit=9) == ()


async def test_statements_are_listed_by_merchant_and_day_the_last_closed_first(books, ming):
    for price in (1, 2, 3):
        await books.redeemed(ming, price_fen=price)
        last = books.next_day()
    await books.close(last)
    finance = await books.finance()

    async def fens(**wanted):
        asked = {"before": None, "limit": 9, **wanted}
        found = await books.counter.handlers.statements.listing(finance, **asked)
        return [each.totals.payable_fen for each in found]

    assert await fens() == [3, 2, 1]
    assert await fens(from_on=last - DAY) == [3, 2]
    assert await fens(to_on=last - DAY) == [2, 1]
    assert await fens(merchant="books", limit=1) == [3]
    assert await fens(merchant="others") == []
    newest = await SettlementStatement.get(business_on=last.isoformat())
    assert await fens(before=newest.id) == [2, 1]


async def test_managers_read_the_own_merchants_statements_and_clerks_do_not(books, ming, rooms):
    await books.redeemed(ming)
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    read, counter = books.counter.handlers.statements, books.counter
    (seen,) = await read.own_listing(counter.manager, before=None, limit=9)
    assert seen.id == made.id
    assert (await read.own_view(counter.manager, made.id)).head == seen
    with pytest.raises(StatementsForManagers):
        await read.own_listing(counter.clerk, before=None, limit=9)
    with pytest.raises(StatementsForManagers):
        await read.own_view(counter.clerk, made.id)
    tea = await Merchant.create(organization_id=counter.merchant.organization_id, code="tea", name="茶馆")
    elsewhere = await counter.clerk_in(await rooms.member("o-tea"), merchant=tea, role=ClerkRole.MANAGER)
    assert await read.own_listing(elsewhere, before=None, limit=9) == ()
    with pytest.raises(StatementUnknown):
        await read.own_view(elsewhere, made.id)
    with pytest.raises(StatementUnknown):
        await read.own_view(counter.manager, new_id())


async def test_no_one_statement_of_the_database_assigns_more_than_it_has_time_for(books, ming, monkeypatch):
    """A million in one UPDATE takes longer than the three seconds that PostgreSQL lets any run."""
    monkeypatch.setattr(statement_parts, "PART", 2)
    taken, real = [0], statement_parts.rows

    async def counted(statement, *values):
        found = await real(statement, *values)
        taken.append(await SettlementEntry.exclude(part_id=None).count())
        return found

    for price in (100, 200, 300, 400, 500):
        await books.redeemed(ming, price_fen=price)
    monkeypatch.setattr(statement_parts, "rows", counted)
    await books.close(books.next_day())
    assert max(after - before for before, after in pairwise(taken)) == 2
    assert (await SettlementStatement.get()).redeemed_fen == 1500
    assert await breaches() == []
