"""Hot reads travel together, and see what a read of their own would have seen."""

import asyncio

import pytest

from models import gathering
from models.database import Both, atomic, rows, script
from models.gathering import Gathered

NUMBERS = Both(
    postgres="SELECT id, word FROM thing WHERE id = ANY($1::bigint[])",
    sqlite="SELECT id, word FROM thing WHERE id IN (SELECT value FROM json_each($1))",
)


@pytest.fixture
async def things(database):
    await script("CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT)")
    async with atomic():
        for number in range(40):
            await rows("INSERT INTO thing (id, word) VALUES ($1, $2) RETURNING id", number, f"word {number}")
    return Gathered(NUMBERS, value_of=lambda key: key, key_of=lambda found: found["id"])


@pytest.fixture
def statements(monkeypatch):
    sent = []

    async def counted(sql, *values):
        sent.append(values)
        return await rows(sql, *values)

    monkeypatch.setattr(gathering, "rows", counted)
    return sent


async def test_everybody_gets_their_own_row_and_few_statements_are_sent(things, statements):
    found = await asyncio.gather(*(things.row(number % 50) for number in range(100)))
    assert [each and each["word"] for each in found] == [
        f"word {number % 50}" if number % 50 < 40 else None for number in range(100)
    ]
    assert len(statements) <= 3


async def test_a_quiet_read_is_one_statement(things, statements):
    assert (await things.row(7))["word"] == "word 7"
    assert len(statements) == 1


async def test_a_read_sees_what_was_committed_before_it_was_asked_for(things):
    for turn in range(50):
        readers = [asyncio.create_task(things.row(number)) for number in range(10)]
        async with atomic():
            await rows("UPDATE thing SET word = $1 WHERE id = 3 RETURNING id", f"turn {turn}")
        assert (await things.row(3))["word"] == f"turn {turn}"
        await asyncio.gather(*readers)


async def test_inside_a_transaction_a_read_sees_its_own_writes_and_others_do_not(things):
    async with atomic():
        await rows("UPDATE thing SET word = 'mine' WHERE id = 1 RETURNING id")
        assert (await things.row(1))["word"] == "mine"
        outside = asyncio.create_task(things.row(2))
        assert (await outside)["word"] == "word 2"
    assert (await things.row(1))["word"] == "mine"


async def test_a_reader_that_leaves_takes_nobody_along(things):
    leaving = [asyncio.create_task(things.row(number)) for number in range(10)]
    staying = [asyncio.create_task(things.row(number)) for number in range(10)]
    await asyncio.sleep(0)
    for reader in leaving:
        reader.cancel()
    assert [each["word"] for each in await asyncio.gather(*staying)] == [f"word {number}" for number in range(10)]


async def test_an_error_reaches_every_reader_and_the_next_read_works(things, monkeypatch):
    async def broken(sql, *values):
        raise LookupError("planted")

    monkeypatch.setattr(gathering, "rows", broken)
    outcomes = await asyncio.gather(*(things.row(number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, LookupError) for outcome in outcomes)
    monkeypatch.setattr(gathering, "rows", rows)
    assert (await things.row(1))["word"] == "word 1"


async def test_a_task_left_over_from_a_transaction_does_not_spoil_the_reads_of_others(things):
    go = asyncio.Event()

    async def left_over():
        await go.wait()
        return await things.row(1)

    async with atomic():
        task = asyncio.create_task(left_over())
    go.set()
    outcomes = await asyncio.gather(task, *(things.row(number) for number in range(5)))
    assert all(each["word"].startswith("word") for each in outcomes)


async def test_readers_that_end_in_the_same_moment_leave_nobody_waiting(monkeypatch):
    """Whoever asks again at once, while both readers are on their way out, must be read for."""
    under_way: list[asyncio.Event] = []

    async def read(_sql, values):
        if len(under_way) < gathering.AT_ONCE:
            under_way.append(asyncio.Event())
            await under_way[-1].wait()
        return [{"id": value} for value in values]

    monkeypatch.setattr(gathering, "rows", read)
    monkeypatch.setattr(gathering, "in_atomic", lambda: False)
    things = Gathered("", value_of=lambda key: key, key_of=lambda found: found["id"])

    async def twice(number):
        await things.row(number)
        return await things.row(number + 10)

    first = asyncio.create_task(twice(0))
    while len(under_way) < 1:  # noqa: ASYNC110 - so that each travels in a statement of its own
        await asyncio.sleep(0)
    second = asyncio.create_task(things.row(1))
    while len(under_way) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert len(under_way) == gathering.AT_ONCE == 2
    for statement in under_way:
        statement.set()
    async with asyncio.timeout(20):
        assert await asyncio.gather(first, second) == [{"id": 10}, {"id": 1}]
