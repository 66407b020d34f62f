"""What comes late, and closings while clerks redeem and take back: every row ends in exactly one statement."""

import asyncio
import random
from collections import Counter as Tally
from datetime import datetime, timedelta

import pytest

from handlers.errors import DayClosed, RedemptionSettled
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions import redeeming, reversals, tills
from handlers.rules.settlement import stated
from handlers.rules.settlement_terms import Fees
from handlers.rules.validity import begins
from handlers.settlement import statement_closing, statement_parts
from handlers.settlement.statement_views import entry
from models.database import dialect, rows
from models.ids import new_id
from models.redemptions import Redemption
from models.settlement import SettlementEntry, SettlementStatement
from models.statements import settlement as statements
from models.statements.settlement_parts import SEAL
from models.words import RedemptionKind
from tests.handlers.counter import open_counter
from tests.handlers.settling import DAY, Books, breaches


@pytest.fixture
async def books(rooms, clock):
    books = Books(await open_counter(rooms), clock)
    clock.advance(timedelta(hours=13, minutes=55))  # five to midnight
    return books


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


class Held:
    """The first call of a function is kept waiting until it is let go."""

    def __init__(self, monkeypatch, module, name: str) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self._was = getattr(module, name)
        monkeypatch.setattr(module, name, self)

    async def __call__(self, *args, **kwargs):
        if not self.reached.is_set():
            self.reached.set()
            await self.go.wait()
        return await self._was(*args, **kwargs)


async def somebody_waits_for_a_lock() -> None:
    """PostgreSQL says so itself; on SQLite whoever waits for the one writer cannot be seen, and need not be."""
    while dialect() == "postgres" and not await rows("SELECT 1 AS waits FROM pg_locks WHERE NOT granted"):
        await rows("SELECT pg_sleep(0.01)")


async def hash_by_time(books: Books, day) -> str:
    """What a statement would be that asks for the rows of a day whenever it is looked at."""
    since, until = begins(day, BUSINESS_ZONE), begins(day + DAY, BUSINESS_ZONE)
    found = await rows(
        "SELECT *, reverses_id AS about_id FROM redemption WHERE redeemed_at >= $1 AND redeemed_at < $2", since, until
    )
    entries = [entry({**each, "origin_at": None}, Fees(())) for each in found]
    return stated(books.counter.merchant.id, day, entries, BUSINESS_ZONE).hash


async def test_a_row_of_yesterday_that_is_written_after_the_closing_is_in_the_next_statement(books, ming, monkeypatch):
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever has looked at the clock holds the whole database")
    claim = await books.counter.claim(ming, price_fen=800)
    await books.redeemed(ming, price_fen=100)
    held = Held(monkeypatch, tills, "claims_of")
    scan = asyncio.create_task(books.counter.redeem(books.counter.typed(claim)))
    await held.reached.wait()  # it has looked at the clock: before midnight
    monday = books.next_day()
    await books.close(monday)
    first, by_time = await SettlementStatement.get(), await hash_by_time(books, monday)
    assert first.hash == by_time
    held.go.set()
    late = (await scan).value.lines[0].id
    # The control: by time alone, the closed day would be another now, or its row nowhere.
    assert await hash_by_time(books, monday) != by_time
    assert await books.statement_of(late) is None
    tuesday = books.next_day()
    await books.close(tuesday)
    second = await books.statement_of(late)
    assert (second.business_on, second.late_count, second.redeemed_fen) == (tuesday.isoformat(), 1, 800)
    assert second.sums[0]["belongs_on"] == monday.isoformat()
    assert (await SettlementStatement.get(id=first.id)).redeemed_fen == 100
    assert await breaches() == []


async def test_a_row_that_is_not_committed_when_the_day_is_closed_is_lost_to_no_statement(books, ming, monkeypatch):
    claim = await books.counter.claim(ming, price_fen=800)
    await books.redeemed(ming, price_fen=100)
    held = Held(monkeypatch, redeeming, "later_many")  # inside the transaction, its row written
    scan = asyncio.create_task(books.counter.redeem(books.counter.typed(claim)))
    await held.reached.wait()
    monday = books.next_day()
    closing = asyncio.create_task(books.close(monday))
    if dialect() == "postgres":  # it does not wait for the scan, and does not see it
        assert await closing == 1
    held.go.set()
    late = (await scan).value.lines[0].id
    assert await closing == 1
    tuesday = books.next_day()
    await books.close(tuesday)
    made = await books.statement_of(late)
    assert made.business_on == (tuesday if dialect() == "postgres" else monday).isoformat()
    assert sum(each.redeemed_fen for each in await SettlementStatement.all()) == 900
    assert await breaches() == []


def but_the_last_once(monkeypatch) -> list[int]:
    """The first look at what is open does not see the last entry, as if it were committed right after it."""
    true, looks = statement_parts.open_entries, list[int]()

    async def short(*asked):
        found = [each async for each in true(*asked)]
        looks.append(len(found))
        for each in found[: -1 if len(looks) == 1 else None]:
            yield each

    monkeypatch.setattr(statement_parts, "open_entries", short)
    return looks


async def test_an_entry_that_comes_between_reading_and_assigning_makes_the_closing_look_again(books, ming, monkeypatch):
    for price in (100, 200):
        await books.redeemed(ming, price_fen=price)
    looks = but_the_last_once(monkeypatch)
    await books.close(books.next_day())
    made = await SettlementStatement.get()
    assert (looks[:2], made.redeemed_count, made.redeemed_fen) == ([2, 2], 2, 300)
    assert await breaches() == []


async def test_without_counting_what_was_assigned_it_would_be_in_no_sum(books, ming, monkeypatch):
    """The negative control of the one above."""

    async def unlooked(*where):
        for seal in SEAL:
            await rows(seal, *where[:-1])

    for price in (100, 200):
        await books.redeemed(ming, price_fen=price)
    but_the_last_once(monkeypatch)
    monkeypatch.setattr(statement_parts, "_assign", unlooked)
    await books.close(books.next_day())
    assert (await SettlementStatement.get()).redeemed_fen == 100
    assert await breaches() != []


async def test_a_reversal_under_way_makes_the_closing_wait_and_is_then_of_the_next_day(books, ming, monkeypatch):
    mine = await books.redeemed(ming, price_fen=500)
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, reversals, "transition")  # after it has asked whether the day is closed
    back = asyncio.create_task(books.counter.reverse(mine))
    await held.reached.wait()
    closing = asyncio.create_task(books.close(monday))
    await somebody_waits_for_a_lock()
    assert not closing.done()
    held.go.set()
    await asyncio.gather(back, closing)
    await books.close(books.next_day())
    first, second = await SettlementStatement.all().order_by("business_on")
    assert (first.redeemed_fen, first.reversed_fen, second.reversed_fen) == (500, 0, 500)
    assert await breaches() == []


async def test_without_the_lock_on_the_entry_a_day_is_closed_under_a_reversals_hands(books, ming, monkeypatch):
    """The negative control of the one above."""
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever reverses holds the whole database")
    monkeypatch.setattr(statements, "LOCK_ENTRY", statements.LOCK_ENTRY.sqlite)
    mine = await books.redeemed(ming)
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, reversals, "transition")
    back = asyncio.create_task(books.counter.reverse(mine))
    await held.reached.wait()
    assert await books.close(monday) == 1
    held.go.set()
    await back
    assert (await books.statement_of(mine)).business_on == monday.isoformat()  # and it was taken back afterwards


async def test_a_closing_under_way_makes_the_reversal_wait_and_refuses_it(books, ming, monkeypatch):
    mine = await books.redeemed(ming)
    monday = books.next_day(hours=0)
    held = Held(monkeypatch, statement_closing, "record")  # everything written, nothing committed
    closing = asyncio.create_task(books.close(monday))
    await held.reached.wait()
    back = asyncio.create_task(books.counter.reverse(mine))
    await somebody_waits_for_a_lock()
    assert not back.done()
    held.go.set()
    assert await closing == 1
    with pytest.raises(RedemptionSettled):
        await back
    assert await Redemption.filter(kind=RedemptionKind.REVERSAL).count() == 0


async def test_fifty_at_once_redeem_reverse_and_close_and_each_row_is_in_one_statement(books, ming):
    count = 15
    done = [await books.redeemed(ming, price_fen=100 + number) for number in range(count)]
    fresh = [await books.counter.claim(ming, price_fen=1000 + number) for number in range(count)]
    monday = books.next_day(hours=0)
    finance = await books.finance()  # a minute or two later
    acts = [books.counter.reverse(each) for each in done]
    acts += [books.counter.redeem(books.counter.typed(each)) for each in fresh]
    acts += [books.close(monday) for _ in range(10)]
    acts += [
        books.closing.by_hand(finance, merchant="books", business_on=monday, request_id=f"k{number}")
        for number in range(10)
    ]
    random.Random(1).shuffle(acts)
    answers = await asyncio.gather(*acts, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, BaseException)]
    assert {type(each) for each in refused} <= {RedemptionSettled, DayClosed}, refused
    await books.close(books.next_day())
    first, second = await SettlementStatement.all().order_by("business_on")
    backs = count - sum(isinstance(each, RedemptionSettled) for each in refused)
    assert (first.redeemed_count, first.reversed_count) == (count, 0)
    assert (second.redeemed_count, second.reversed_count, second.late_count) == (count, backs, backs)
    assert await SettlementEntry.filter(part_id=None).count() == 0
    assert await breaches() == []


# --- whatever happens in whatever order


class Ledger:
    """Rows as any writer makes them: the counter, an upload of yesterday's scans, a contra row of the cut-off."""

    def __init__(self, books: Books, claim) -> None:
        self.books, self.claim = books, claim
        self.standing: list[Redemption] = []

    async def write(self, kind: RedemptionKind, at: datetime, fen: int, reverses: Redemption | None = None):
        clerk = self.books.counter.clerk
        return await Redemption.create(
            kind=kind,
            claim_id=self.claim.id,
            benefit_id=self.claim.benefit_id,
            reverses_id=reverses.id if reverses else None,
            merchant_id=clerk.merchant_id,
            store_id=clerk.store_id,
            clerk_id=clerk.id,
            device_id="d1",
            receipt=new_id().hex,
            redeemed_at=at,
            settlement_fen=fen,
            operator_share_fen=fen * 7 // 10,
            merchant_share_fen=fen - fen * 7 // 10,
        )

    async def step(self, chance: random.Random) -> None:
        now = self.books.clock.now()
        act = chance.choice(["redeem", "redeem", "late", "reverse", "reverse", "hour", "day", "close", "close"])
        if act in {"redeem", "late"}:
            at = now - chance.randint(1, 3) * DAY if act == "late" else now
            self.standing.append(await self.write(RedemptionKind.REDEEM, at, chance.randint(0, 9999)))
        elif act == "reverse" and self.standing:
            taken = self.standing.pop(chance.randrange(len(self.standing)))
            await self.write(RedemptionKind.REVERSAL, now, taken.settlement_fen, taken)
        elif act == "hour":
            self.books.clock.advance(timedelta(hours=chance.randint(1, 9)))
        elif act == "day":
            self.books.next_day()
        elif act == "close":
            await self.books.close(self.books.today - chance.randint(1, 2) * DAY)


@pytest.mark.parametrize("seed", range(4))
async def test_in_any_order_of_acts_every_row_is_settled_once_and_closed_days_stay(books, ming, seed):
    chance, ledger = random.Random(seed), Ledger(books, await books.counter.claim(ming, uses=1))
    closed: dict[str, str] = {}
    for _ in range(40):
        await ledger.step(chance)
        now = {each["business_on"]: str(each) for each in await rows("SELECT * FROM settlement_statement")}
        assert closed.items() <= now.items()
        closed = now
    await books.close(books.next_day())
    await books.close(books.next_day())
    of_rows, of_statements = Tally(), Tally()
    for each in await Redemption.all():
        of_rows[each.kind] += each.settlement_fen
    for made in await SettlementStatement.all():
        of_statements[RedemptionKind.REDEEM] += made.redeemed_fen
        of_statements[RedemptionKind.REVERSAL] += made.reversed_fen
    assert of_statements == of_rows
    assert await SettlementEntry.filter(part_id=None).count() == 0
    assert len(closed) > 1
    wrong = await breaches()
    assert [each for each in wrong if "剩余次数" not in each] == []  # the rows took no uses
