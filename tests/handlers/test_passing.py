"""What goes from one account of an owner to another one of theirs: all of many acts, each once, or none of them."""

import asyncio

import pytest
from tortoise.exceptions import IntegrityError

from handlers.ledger import passing
from handlers.ledger.passing import Way, pass_on
from handlers.rules.ledger import GROWTH, Cause, Move, Side
from models.database import NotInTransaction, atomic
from models.ids import new_id
from models.ledger import LedgerAccount, Transfer
from models.statements import ledger as statements
from models.words import LedgerAccountKind as Kind
from tests.handlers.ledgers import a_ledger, breaches, cause, somebody
from tests.handlers.test_benefit_machine import like
from tests.handlers.test_settlement_races import somebody_waits_for_a_lock

GIVEN = Side(Kind.ADJUSTED)


@pytest.fixture
async def money(database, clock):
    """What comes in no lots; whatever a test does to it, `doctor` has nothing to say in the end."""
    yield await a_ledger(clock, GROWTH)
    assert await breaches() == []


async def waiting(money, amount: int):
    """Somebody with so much pending."""
    member_id = await somebody()
    await money.post(Move(money.unit, GIVEN, Side(Kind.PENDING, member_id), amount, cause()))
    return member_id


async def passed(money, *amounts) -> bool:
    async with atomic():
        return await pass_on(Way(money.unit, Kind.PENDING, Kind.MEMBER, "passed"), amounts, at=money.clock.now())


async def has(money, member_id) -> tuple[int, int]:
    """What is pending, and what is theirs."""
    return await money.posted(member_id, Kind.PENDING), await money.posted(member_id)


async def test_each_act_is_a_transfer_and_each_owner_has_the_sum(money):
    ming, hong = await waiting(money, 100), await waiting(money, 50)
    acts = [new_id() for _ in range(3)]
    assert await passed(money, (acts[0], ming, 30), (acts[1], hong, 50), (acts[2], ming, 20))
    assert [await has(money, each) for each in (ming, hong)] == [(50, 50), (0, 50)]
    moved = await Transfer.filter(cause_kind="passed").order_by("cause_id").values_list("cause_id", "amount")
    assert moved == [(str(act), amount) for act, amount in zip(acts, (30, 50, 20), strict=True)]


async def test_a_thousand_are_as_many_statements_as_one(money, monkeypatch):
    people = [await waiting(money, 1_000) for _ in range(3)]
    assert await passed(money, *((new_id(), each, 1) for each in people))  # the accounts are there
    asked, real = [], passing.rows

    async def counted(sql, *values):
        asked.append(sql)
        return await real(sql, *values)

    monkeypatch.setattr(passing, "rows", counted)
    assert await passed(money, *((new_id(), people[number % 3], 1) for number in range(999)))
    assert len(asked) == 3
    assert [await has(money, each) for each in people] == [(666, 334)] * 3


async def test_where_somebody_is_short_nothing_goes_over(money):
    ming, hong = await waiting(money, 100), await waiting(money, 10)
    assert not await passed(money, (new_id(), ming, 60), (new_id(), hong, 6), (new_id(), hong, 6))
    assert [await has(money, each) for each in (ming, hong)] == [(100, 0), (10, 0)]
    assert not await Transfer.exists(cause_kind="passed")


async def test_whoever_has_nothing_to_pass_on_from_passes_nothing_on(money):
    assert not await passed(money, (new_id(), await somebody(), 1))


async def test_where_an_act_was_done_before_nothing_goes_over(money):
    ming, act = await waiting(money, 100), new_id()
    assert await passed(money, (act, ming, 30))
    assert not await passed(money, (new_id(), ming, 30), (act, ming, 30))
    assert await has(money, ming) == (70, 30)


async def test_the_rest_of_the_transaction_stands_when_nothing_goes_over(money):
    ming = await waiting(money, 10)
    async with atomic():
        await somebody()
        before = await LedgerAccount.all().count()
        way = Way(money.unit, Kind.PENDING, Kind.MEMBER, "passed")
        assert not await pass_on(way, [(new_id(), ming, 11)], at=money.clock.now())
        assert await LedgerAccount.all().count() == before
    assert await has(money, ming) == (10, 0)


async def test_without_the_floor_the_database_itself_refuses_what_goes_below_it(money, monkeypatch):
    ming = await waiting(money, 10)
    guard = "AND ledger_account.posted - r.amount - ledger_account.held >= ledger_account.floor"
    monkeypatch.setattr(statements, "MOVE_BETWEEN", like(statements.MOVE_BETWEEN, guard, ""))
    with pytest.raises(IntegrityError, match=r"(?i)check"):
        await passed(money, (new_id(), ming, 11))
    assert await has(money, ming) == (10, 0)


async def test_two_batches_of_the_same_people_wait_for_each_other(money, monkeypatch):
    people = [await waiting(money, 100) for _ in range(10)]
    held, go, real = asyncio.Event(), asyncio.Event(), passing.rows

    async def slowly(sql, *values):
        found = await real(sql, *values)
        if sql is statements.ADD_BETWEEN and not held.is_set():
            held.set()
            await go.wait()
        return found

    monkeypatch.setattr(passing, "rows", slowly)
    acts = [(new_id(), each, 60) for each in people]
    first = asyncio.create_task(passed(money, *acts))
    await held.wait()
    second = asyncio.create_task(passed(money, *((new_id(), each, 60) for each in reversed(people))))
    await somebody_waits_for_a_lock()
    go.set()
    assert await asyncio.gather(first, second) == [True, False]
    assert [await has(money, each) for each in people] == [(40, 60)] * 10


async def test_the_same_act_four_times_at_once_is_done_once(money):
    ming, act = await waiting(money, 100), new_id()
    done = await asyncio.gather(*(passed(money, (act, ming, 30)) for _ in range(4)))
    assert sorted(done) == [False] * 3 + [True]
    assert await has(money, ming) == (70, 30)


async def test_without_the_unique_act_it_is_done_as_often_as_it_is_asked_for(money, monkeypatch):
    """Negative control: as if each asking were an act of its own."""
    ming, act, real = await waiting(money, 100), new_id(), passing.dump_rows
    monkeypatch.setattr(passing, "dump_rows", lambda some: real([{**each, "act": new_id()} for each in some]))
    assert await asyncio.gather(*(passed(money, (act, ming, 30)) for _ in range(3))) == [True] * 3
    assert await has(money, ming) == (10, 90)


async def test_a_replay_by_the_careful_way_finds_what_was_passed_on(money):
    ming, act = await waiting(money, 100), new_id()
    assert await passed(money, (act, ming, 30))
    again = Move(money.unit, Side(Kind.PENDING, ming), Side(Kind.MEMBER, ming), 30, Cause("passed", str(act)))
    (posted,) = await money.post_each(again)
    assert posted.replayed
    assert await has(money, ming) == (70, 30)


async def test_nothing_is_passed_on_outside_of_a_transaction(money):
    with pytest.raises(NotInTransaction):
        await pass_on(Way(money.unit, Kind.PENDING, Kind.MEMBER, "passed"), [], at=money.clock.now())


async def test_what_comes_in_lots_is_not_passed_on(database, clock):
    points = await a_ledger(clock)
    with pytest.raises(ValueError, match="lots"):
        Way(points.unit, Kind.PENDING, Kind.MEMBER, "passed")
