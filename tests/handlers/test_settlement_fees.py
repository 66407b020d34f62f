"""Fees and periods of settlement: what a line brings, what stays with the house, and months in one statement."""

import asyncio
from datetime import date, timedelta

import pytest

from handlers.errors import DayClosed, DayNotOver, PeriodOfBenefit
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins
from handlers.settlement.settlement_terms import TermsDraft
from models.benefits import Benefit
from models.database import dialect, script
from models.ids import new_id
from models.ledger import LedgerAccount, Transfer
from models.redemptions import Redemption
from models.settlement import SettlementEntry, SettlementStatement
from models.words import OperatorRole, RedemptionKind, SettlementPeriod
from tests.handlers.counter import open_counter
from tests.handlers.settling import DAY, Books, breaches

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def books(rooms, clock):
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def terms(books, **draft) -> None:
    """In force from a minute on, which is over."""
    desk = await books.somebody(OperatorRole.OPERATOR, f"desk-{new_id().hex[-6:]}")
    starts_at = books.clock.now() + MINUTE
    wanted, merchant_id = TermsDraft(starts_at=starts_at, **draft), books.counter.merchant.id
    await books.counter.handlers.settlement_terms.add(desk, merchant_id, wanted, request_id=str(new_id()))
    books.clock.advance(MINUTE)


async def booked() -> dict[tuple[str, str], int]:
    """What went from which kind of account to which, in fen."""
    kinds = {each.id: each.kind.value for each in await LedgerAccount.all()}
    found: dict[tuple[str, str], int] = {}
    for each in await Transfer.filter(unit="fen"):
        way = kinds[each.debit_id], kinds[each.credit_id]
        found[way] = found.get(way, 0) + each.amount
    return found


async def test_the_fee_is_of_each_line_and_what_is_paid_is_floored(books, ming):
    await terms(books, fee_bp=333)
    lines = [await books.redeemed(ming, price_fen=price, share_bp=10_000) for price in (1001, 10, 1)]
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    # 1001 x 0.9667 = 967.6 -> 967; 10 -> 9; 1 -> 0: the remainders are the house's.
    assert (made.redeemed_operator_fen, made.redeemed_fee_fen) == (1012, 34 + 1 + 1)
    finance = await books.finance()
    head, pages = await books.counter.handlers.statements.lines(finance, made.id)
    shown = {each.id: (each.operator_share_fen, each.fee_fen, each.net_fen) async for page in pages for each in page}
    assert [shown[each] for each in lines] == [(1001, 34, 967), (10, 1, 9), (1, 1, 0)]
    assert (head.totals.fee_fen, head.totals.net_fen) == (36, 976)
    assert await booked() == {("cost", "merchants"): 1012, ("merchants", "fees"): 36}
    assert await breaches() == []


async def test_the_fee_is_that_of_the_moment_and_a_reversal_takes_back_its_own(books, ming):
    await terms(books, fee_bp=1000)
    before = await books.redeemed(ming, price_fen=1000, share_bp=10_000)
    await terms(books, fee_bp=2000, fee_flat_fen=50)
    await books.redeemed(ming, price_fen=1000, share_bp=10_000)
    await books.redeemed(ming, price_fen=60, share_bp=10_000)  # less than the fee
    await books.counter.reverse(before, by=books.counter.manager)
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    assert (made.redeemed_fee_fen, made.reversed_fee_fen) == (100 + 250 + 60, 100)
    assert await breaches() == []


async def test_a_benefit_has_a_fee_of_its_own_and_the_merchant_bears_none_on_its_own_share(books, ming):
    claims = [await books.counter.claim(ming, price_fen=1000, share_bp=7000) for _ in range(2)]
    code = (await Benefit.get(id=claims[0].benefit_id)).code
    await terms(books, fee_bp=1000)
    await terms(books, benefit=code, fee_bp=0)
    for claim in claims:
        await books.counter.redeem(books.counter.typed(claim))
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    assert (made.redeemed_fen, made.redeemed_operator_fen, made.redeemed_fee_fen) == (2000, 1400, 70)


async def test_what_comes_back_after_the_closing_is_booked_contrariwise_with_its_fee(books, ming):
    await terms(books, fee_bp=1000)
    mine = await books.redeemed(ming, price_fen=1000, share_bp=10_000)
    await books.close(books.next_day())
    # As the cut-off of scans without a network writes it, for a redemption that is settled.
    row = await Redemption.get(id=mine)
    same = ("claim_id", "benefit_id", "merchant_id", "store_id", "clerk_id", "settlement_fen", "operator_share_fen")
    facts = {name: getattr(row, name) for name in same}
    now = books.clock.now()
    await terms(books, fee_bp=5000)
    await Redemption.create(
        kind=RedemptionKind.REVERSAL, reverses_id=mine, device_id="d", receipt="BACK", redeemed_at=now, uses=1, **facts
    )
    await books.close(books.next_day())
    first, second = await SettlementStatement.all().order_by("business_on")
    assert (first.redeemed_fee_fen, second.reversed_fee_fen, second.late_count) == (100, 100, 1)
    assert await booked() == {
        ("cost", "merchants"): 1000,
        ("merchants", "fees"): 100,
        ("merchants", "cost"): 1000,
        ("fees", "merchants"): 100,
    }
    wrong = await breaches()
    assert [each for each in wrong if "剩余次数" not in each] == []  # the row gave no use back


# --- what `doctor` sees


@pytest.mark.parametrize("fee", [0, 100])
async def test_the_doctor_sees_a_statement_that_is_booked_otherwise(books, ming, fee):
    """Planted: a transfer that nobody made a statement for, and one of a statement that says something else."""
    await terms(books, fee_bp=fee)
    await books.redeemed(ming, price_fen=1000, share_bp=10_000)
    await books.close(books.next_day())
    assert await breaches() == []
    made = await SettlementStatement.get()
    cost, owed = await LedgerAccount.get(kind="cost"), await LedgerAccount.get(kind="merchants")
    facts = {"programme_id": cost.programme_id, "unit": "fen", "debit_id": cost.id, "credit_id": owed.id, "amount": 1}
    await Transfer.create(cause_kind="statement", cause_id=str(new_id()), happened_at=made.closed_at, **facts)
    assert await breaches() == ["试算平衡：账上欠商户的钱等于还没有付的结算单的净额"]


async def test_the_doctor_sees_a_statement_whose_fee_was_changed(books, ming):
    await terms(books, fee_bp=1000)
    await books.redeemed(ming, price_fen=1000, share_bp=10_000)
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    await without_guard("settlement_statement", "UPDATE settlement_statement SET redeemed_fee_fen = 99")
    assert await breaches() == [
        "每张结算单在账上记了一次：运营方承担的金额和手续费",
        "试算平衡：手续费收入等于结算单的手续费",
        "试算平衡：账上欠商户的钱等于还没有付的结算单的净额",
        f"{date.fromisoformat(made.business_on):%Y%m%d}-books",
    ]


async def without_guard(table: str, sql: str) -> None:
    """As somebody does it who may drop triggers."""
    if dialect() == "postgres":
        await script(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await script(sql)
        await script(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    else:
        await script(f"DROP TRIGGER {table}_no_update")
        await script(sql)


# --- months


def at(day: date, hours: float = 10):
    return begins(day, BUSINESS_ZONE) + timedelta(hours=hours)


async def go_to(books, day: date, hours: float = 10) -> None:
    books.clock.advance(at(day, hours) - books.clock.now())


async def test_by_the_month_all_its_days_are_in_one_statement_which_waits_for_its_end(books, ming):
    await terms(books, period=SettlementPeriod.MONTH)
    books.next_day()  # one that they began in the course of would be closed alone
    first = books.today.replace(day=1)
    following = (first + 32 * DAY).replace(day=1)
    last = following - DAY
    prices = {books.today: 100, books.today + DAY: 200, last: 400}
    for day, price in prices.items():
        await go_to(books, day, 12)
        await books.redeemed(ming, price_fen=price, share_bp=10_000)
        assert await books.close(day - DAY) == 0
    finance = await books.finance()
    with pytest.raises(DayNotOver) as refused:
        await books.closing.by_hand(finance, merchant="books", business_on=last, request_id="early")
    assert refused.value.facts["ends_at"] == at(following, 0).isoformat()
    await go_to(books, following, 2)
    late = await books.redeemed(ming, price_fen=800, share_bp=10_000)
    assert await books.close(last) == 1
    made = await SettlementStatement.get()
    assert (made.from_on, made.business_on) == (first.isoformat(), last.isoformat())
    assert (made.redeemed_fen, made.late_count) == (sum(prices.values()), 0)
    assert (await SettlementEntry.get(redemption_id=late)).part_id is None
    with pytest.raises(DayClosed):
        await books.closing.by_hand(finance, merchant="books", business_on=first + 3 * DAY, request_id="again")
    assert await books.close(last) == 0
    assert await breaches() == []


async def test_days_that_were_closed_before_are_not_in_the_month_and_what_belongs_to_them_is_late(books, ming):
    monday_row = await books.redeemed(ming, price_fen=100, share_bp=10_000)
    monday = books.next_day()
    await books.close(monday)
    await terms(books, period=SettlementPeriod.MONTH)
    books.next_day()
    await books.redeemed(ming, price_fen=200, share_bp=10_000)
    row = await Redemption.get(id=monday_row)
    same = ("claim_id", "benefit_id", "merchant_id", "store_id", "clerk_id")
    facts = {name: getattr(row, name) for name in same}
    money = {"settlement_fen": 50, "operator_share_fen": 50}
    more = {"device_id": "d", "receipt": "LATE", "uses": 0, "redeemed_at": row.redeemed_at}
    await Redemption.create(kind=RedemptionKind.REDEEM, **facts, **money, **more)
    following = (books.today.replace(day=1) + 32 * DAY).replace(day=1)
    await go_to(books, following, 2)
    assert await books.close(following - DAY) == 1
    made = await SettlementStatement.get(business_on=(following - DAY).isoformat())
    assert (made.from_on, made.redeemed_fen, made.late_count) == ((monday + DAY).isoformat(), 250, 1)
    assert await breaches() == []


async def test_a_month_asked_for_by_many_at_once_is_closed_once(books, ming):
    await terms(books, period=SettlementPeriod.MONTH)
    await books.redeemed(ming, price_fen=100, share_bp=10_000)
    following = (books.today.replace(day=1) + 32 * DAY).replace(day=1)
    await go_to(books, following, 2)
    done = await asyncio.gather(*(books.close(following - DAY) for _ in range(10)))
    assert (sum(done), await SettlementStatement.all().count()) == (1, 1)
    assert await booked() == {("cost", "merchants"): 100}
    assert await breaches() == []


async def test_a_benefit_has_no_period_of_its_own(books, ming):
    code = (await Benefit.get(id=(await books.counter.claim(ming)).benefit_id)).code
    with pytest.raises(PeriodOfBenefit):
        await terms(books, benefit=code, period=SettlementPeriod.MONTH)
