"""Merchants' shares of plans' fees in their statements and on the ledger, to the fen; and the house's, by the day."""

import random
import re
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.plans.fee_figures import Days
from handlers.settlement import deferring, statement_parts
from handlers.settlement.statement_proofs import differing_statements
from models.database import atomic, dialect, rows
from models.failures import SerializationConflict
from models.fee_shares import PlanShareEntry
from models.ids import new_id
from models.settlement import DeferredFee, SettlementEntry, SettlementPart, SettlementStatement, ShareEntry
from models.statements import sales as sale_statements
from models.statements import settlement as statements
from models.statements import settlement_lines, settlement_parts
from models.words import EntryKind, SettlementPeriod
from tests.handlers.fusing import DAY, FEE, OF_BOOKS, OF_CINEMA, OF_HOUSE, fused
from tests.handlers.settling import breaches
from tests.handlers.test_settlement import unguarded
from tests.handlers.test_settlement_fees import go_to

SHARE, BACK, REDEEM = EntryKind.PLAN_SHARE, EntryKind.PLAN_SHARE_REFUND, EntryKind.REDEEM
HELD_BACK = "试算平衡：未实现的收入等于还没有用掉的订单款"


@pytest.fixture
async def pair(rooms, clock):
    return await fused(rooms, clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


@pytest.fixture
async def hong(rooms):
    return await rooms.member("o-hong")


# --- statements


async def test_a_month_of_two_merchants_with_fees_redemptions_and_a_refund_after_the_freeze(pair, ming, hong):
    for merchant, fee in ((pair.books, 200), (pair.cinema, 0)):
        await pair.terms(merchant, period=SettlementPeriod.MONTH, fee_bp=fee)
    first = (pair.today.replace(day=1) + 32 * DAY).replace(day=1)
    following = (first + 32 * DAY).replace(day=1)
    await go_to(pair, first + 9 * DAY)
    of_ming, of_hong = await pair.buy(ming), await pair.buy(hong)
    for _ in range(2):
        await pair.redeemed(ming, price_fen=1_000, share_bp=7_000)
    await go_to(pair, first + 19 * DAY)
    await pair.give(of_hong, 3_333)
    await go_to(pair, following, 2)
    await pair.settle(until=following - DAY)

    # Of 9999 hong keeps 6666: the merchants floor(3332 x 2/3) and floor(4999 x 2/3).
    books_back, cinema_back = OF_BOOKS - 2_221, OF_CINEMA - 3_332
    (books,), (cinema,) = await pair.stated(pair.books), await pair.stated(pair.cinema)
    assert (books.from_on, books.business_on) == (first.isoformat(), (following - DAY).isoformat())
    assert sorted(await pair.lines(books)) == [
        (SHARE, OF_BOOKS, 0, FEE),
        (SHARE, OF_BOOKS, 0, FEE),
        (BACK, books_back, 0, FEE),
        *[(REDEEM, 700, 14, None)] * 2,  # a fee is taken of these alone
    ]
    assert sorted(await pair.lines(cinema)) == [*[(SHARE, OF_CINEMA, 0, FEE)] * 2, (BACK, cinema_back, 0, FEE)]
    assert (books.redeemed_count, books.redeemed_operator_fen, books.redeemed_fee_fen) == (4, 2 * OF_BOOKS + 1_400, 28)
    assert (books.reversed_count, books.reversed_operator_fen, books.late_count) == (1, books_back, 0)
    books_net, cinema_net = 2 * OF_BOOKS - books_back, 2 * OF_CINEMA - cinema_back
    paid = 2 * FEE - 3_333
    await pair.defer()
    found = await pair.balances()
    assert (found["merchants"], found["fees"]) == (books_net + 1_400 - 28 + cinema_net, 28)
    # Parts and house are the fee: what came, less what is the merchants', is earned or of days to come.
    assert found["cost"] == -(books_net + cinema_net + 1_400)
    assert found["income"] + found["unearned"] == paid
    house = paid - books_net - cinema_net
    assert found["income"] + found["unearned"] + found["cost"] + 1_400 == house
    assert await breaches() == []

    # The rest goes back once it is frozen: rows of the next month, and the frozen ones stay.
    await go_to(pair, following + 4 * DAY)
    await pair.give(of_hong, FEE - 3_333)
    await pair.give(of_ming, 1)
    last = (following + 32 * DAY).replace(day=1)
    await go_to(pair, last, 2)
    await pair.settle(until=last - DAY)
    before, after = await pair.stated(pair.books)
    assert (before.hash, before.sums) == (books.hash, books.sums)
    assert sorted(await pair.lines(after)) == [(BACK, 1, 0, FEE), (BACK, 2_221, 0, FEE)]
    assert (after.redeemed_count, after.reversed_fen, after.late_count) == (0, 2_222, 2)
    kept = {each.merchant_id: 0 for each in await PlanShareEntry.all()}
    for each in await PlanShareEntry.all():
        kept[each.merchant_id] += each.amount_fen
    for merchant in (pair.books, pair.cinema):
        made = await pair.stated(merchant)
        net = sum(each.redeemed_operator_fen - each.reversed_operator_fen for each in made)
        assert net == kept[merchant.id] + (1_400 if merchant == pair.books else 0)
    await pair.defer()
    found = await pair.balances()
    assert "unearned" not in found  # its days are over
    assert found["income"] + found["cost"] + 1_400 == FEE - 1 - sum(kept.values())
    assert await breaches() == []


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_goes_back_in_whatever_parts_the_merchants_and_the_house_have_the_fee(pair, rooms, seed):
    chance, left = random.Random(seed), dict[object, int]()
    for day in range(4):
        for number in range(2):
            left[await pair.buy(await rooms.member(f"o-{day}-{number}"))] = FEE
        for order_id in chance.sample(sorted(left, key=str), len(left) // 2):
            if left[order_id]:
                part = chance.choice([1, left[order_id], chance.randint(1, left[order_id])])
                await pair.give(order_id, part)
                left[order_id] -= part
        await pair.settle()
        await pair.defer()
        assert await breaches() == []
    found = await pair.balances()
    theirs = sum(OF_BOOKS * paid // FEE + OF_CINEMA * paid // FEE for paid in left.values())
    assert found["merchants"] == -found["cost"] == theirs
    assert found["income"] + found.get("unearned", 0) == sum(left.values())


async def test_sums_name_the_plan_beside_the_benefits(pair, ming):
    await pair.buy(ming)
    await pair.redeemed(ming, price_fen=1_000)
    await pair.settle()
    (made,) = await pair.stated(pair.books)
    view = await pair.counter.handlers.statements.view(pair.paying, made.id)
    told = {(each.benefit_name, each.is_plan): each.totals.redeemed.settlement_fen for each in view.sums}
    assert told == {("金卡联合月卡", True): OF_BOOKS, ("咖啡一杯", False): 1_000}
    assert {each.benefit for each in view.sums if each.is_plan} == {"fused"}


async def test_finance_sees_which_statement_has_a_share(pair, ming):
    await pair.give(await pair.buy(ming), 100)
    await pair.settle(pair.books)
    wanted = {"merchant": None, "after": None, "limit": 9}
    found = await pair.desk.plans.fees.entries(pair.paying, Days(), **wanted)
    assert {(each.merchant, each.statement) for each in found} == {("books", "20260302-books"), ("cinema", None)}


async def test_what_a_batch_pays_says_how_much_of_it_are_shares(pair, ming):
    order_id = await pair.buy(ming)
    await pair.give(order_id, FEE // 3)
    await pair.redeemed(ming, price_fen=1_000, share_bp=10_000)
    await pair.settle()
    (made,) = await pair.stated(pair.books)
    replies = pair.counter.handlers.statement_replies
    await replies.confirm(pair.counter.manager, made.id, request_id="yes")
    batch = await pair.counter.handlers.payouts.propose(pair.paying, until_on=pair.today, request_id="pay")
    (line,) = batch.value.lines
    assert (line.amount_fen, line.plan_share_fen) == (2_221 + 1_000, 2_221)


async def test_shares_are_sealed_through_the_day_with_what_is_redeemed(pair, rooms, monkeypatch):
    monkeypatch.setattr(statement_parts, "PART", 3)
    for number in range(2):
        person = await rooms.member(f"o-{number}")
        await pair.buy(person)
        await pair.redeemed(person, price_fen=100)
    assert await pair.seal() == 1
    (part,) = await SettlementPart.all()
    kinds = [await kind.filter(part=part).count() for kind in (SettlementEntry, ShareEntry)]
    assert (part.entry_count, sum(kinds), min(kinds)) == (3, 3, 1)
    assert await breaches() == []
    await pair.settle()
    (made,) = await pair.stated(pair.books)
    assert (made.redeemed_count, made.redeemed_fen) == (4, 2 * OF_BOOKS + 200)
    assert await breaches() == []


async def test_a_part_without_anything_but_shares_is_proved_and_differs_when_one_is_changed(pair, ming):
    await pair.buy(ming)
    await pair.settle()
    assert await differing_statements() == []
    await unguarded("plan_share_entry", "share_entry")
    await PlanShareEntry.filter(merchant=pair.cinema).update(amount_fen=OF_CINEMA + 1)
    assert await differing_statements() == ["20260302-cinema"]
    assert any("合计" in each for each in await breaches())


async def test_what_was_shared_and_settled_never_changes(pair, ming):
    await pair.give(await pair.buy(ming), 100)
    await pair.settle()
    for attempt in (
        ShareEntry.all().update(part_id=None),
        ShareEntry.all().update(merchant_id=pair.books.id, happened_at=pair.clock.now()),
        ShareEntry.all().delete(),
        PlanShareEntry.filter(reverses_id=None).update(amount_fen=1, back_fen=0),
        PlanShareEntry.filter(reverses_id=None).update(back_fen=0),
        PlanShareEntry.exclude(reverses_id=None).update(reverses_id=None, amount_fen=1),
        PlanShareEntry.exclude(reverses_id=None).delete(),
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await attempt
    assert await breaches() == []


async def test_one_that_waits_longer_than_the_next_statement_is_named(pair, ming):
    await pair.buy(ming)
    await pair.settle(pair.books)
    await unguarded("share_entry")
    await ShareEntry.filter(merchant=pair.books).update(part_id=None)
    await rows("UPDATE share_entry SET created_at = '2026-01-01 00:00:00.000000+00:00'")
    later = await SettlementStatement.get()
    later._saved_in_db = False
    later.id, later.business_on = new_id(), pair.today.isoformat()
    await later.save(force_create=True)
    assert "已结账日的核销、销售和套餐分成没有漏结" in await breaches()


# --- what is no income yet


async def test_a_fee_is_earned_by_the_day_and_the_merchants_part_is_held_until_it_is_stated(pair, ming):
    await pair.buy(ming)
    assert await pair.balances() == {"received": -FEE, "income": FEE}
    assert await pair.defer() == 1
    assert await pair.balances() == {"received": -FEE, "unearned": FEE}
    await pair.settle()  # the merchants' parts are theirs, and one day of the house's has passed
    shared = OF_BOOKS + OF_CINEMA
    stood = {"received": -FEE, "cost": -shared, "merchants": shared}
    for passed in (1, 11):
        assert (await pair.defer(), await pair.defer()) == (1, 0)
        left = OF_HOUSE * (31 - passed) // 31
        assert await pair.balances() == {**stood, "income": FEE - left, "unearned": left}
        pair.clock.advance(10 * DAY)
    pair.clock.advance(10 * DAY)
    await pair.defer()
    assert await pair.balances() == {**stood, "income": FEE}
    assert await pair.defer() == 0
    assert await breaches() == []


async def test_what_goes_back_is_held_back_no_longer_and_what_is_kept_of_a_cut_term_is_earned(pair, ming):
    order_id = await pair.buy(ming)
    await pair.settle()
    await pair.defer()
    pair.clock.advance(9 * DAY)
    back = (await pair.desk.refund(ming, order_id)).amount_fen
    assert 0 < back < FEE
    await pair.defer()
    found = await pair.balances()
    assert ("unearned" in found, found["income"]) == (False, FEE - back)
    await pair.settle()
    kept = FEE - back
    theirs = OF_BOOKS * kept // FEE + OF_CINEMA * kept // FEE
    assert (await pair.balances())["cost"] == -theirs
    assert await DeferredFee.filter(held_fen__gt=0).count() == 0
    assert await breaches() == []


async def test_a_term_that_waits_for_another_is_held_back_whole(pair, ming):
    await pair.desk.buy(ming, pair.desk.month)
    await pair.desk.buy(ming, pair.desk.month)
    await pair.defer()
    pair.clock.advance(31 * DAY)
    await pair.defer()
    assert await pair.balances() == {"received": -2 * 3_100, "income": 3_100, "unearned": 3_100}
    assert await breaches() == []


async def test_without_the_guard_of_its_row_a_fee_would_be_held_back_twice(pair, ming, monkeypatch):
    """The negative control: both have looked before either has written, and nothing tells the second one."""
    await pair.desk.buy(ming, pair.desk.month)
    stale = await rows(sale_statements.DEFERRED_FEES, deferring._NO_ID, pair.clock.now(), 9)
    await pair.defer()
    page, looks = pair.counter.handlers.sale_deferring._page, iter([stale, stale])

    async def look(statement, *values):
        return next(looks) if statement is sale_statements.DEFERRED_FEES else await rows(statement, *values)

    monkeypatch.setattr(deferring, "rows", look)
    with pytest.raises(SerializationConflict):
        await page(deferring.FEES, deferring._NO_ID)
    assert await breaches() == []

    async def unguarded_write(*_) -> None: ...

    monkeypatch.setattr(deferring, "_write", unguarded_write)
    await page(deferring.FEES, deferring._NO_ID)
    assert HELD_BACK in await breaches()


# --- as fast as before


async def plan_of(statement, *values) -> str:
    """How the database would go about it, were the tables large."""
    if dialect() == "sqlite":
        found = await rows(f"EXPLAIN QUERY PLAN {statement}", *values)
        return "\n".join(each["detail"] for each in found)
    async with atomic():
        await rows("SET LOCAL enable_seqscan = off")
        return "\n".join(each["QUERY PLAN"] for each in await rows(f"EXPLAIN {statement}", *values))


async def test_everything_that_closing_asks_of_shares_goes_by_an_index_of_the_merchant_or_the_part(pair):
    now, one, no = pair.clock.now(), pair.books.id, deferring._NO_ID
    of_merchant, of_part, since = "share_entry_open", "part_id=?", now - timedelta(days=400)
    (seal,) = [each for each in settlement_parts.SEAL if "share_entry" in each]
    for by, statement, *values in (
        (of_merchant, statements.OPEN_SHARES, one, since, now, no, new_id(), 1_000),
        (of_merchant, statements.FIRST_OPEN, one, since, now),
        (of_merchant, settlement_parts.END_OF_PART, one, since, now, 5_000, 4_999),
        (of_merchant, seal, new_id(), one, since, now, new_id()),
        (of_part, statements.SHARES_OF, new_id(), no, 1_000),
        (of_part, settlement_parts.SEALED, new_id()),
        (of_part, settlement_lines.LINES, new_id(), no, 1_000),
    ):
        plan = await plan_of(statement, *values)
        assert "Seq Scan on share_entry" not in plan, plan
        assert not re.search(r"SCAN (share_entry|e)\b", plan), plan
        if dialect() == "sqlite":
            assert by in plan, plan
