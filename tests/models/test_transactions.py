"""What a transaction promises: all or nothing, nested blocks, nothing held afterwards, whoever is cancelled when."""

import asyncio
import contextlib
from contextvars import Context
from datetime import UTC, datetime

import pytest
from tortoise.exceptions import IntegrityError

from models import database as db
from models.database import after_commit, atomic, in_atomic, pool_in_use, require_atomic, row, rows
from models.failures import (
    DatabaseUnavailable,
    LockTimeout,
    NotInTransaction,
    TransactionAborted,
    TransactionEnded,
)
from models.outbox import Job
from models.transactions import OpenTransaction

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database")


class Refused(Exception):
    """Stands for a refusal of a handler."""


async def a_job(key: str) -> Job:
    return await Job.create(kind="test", key=key, run_at=NOON)


async def keys() -> list[str]:
    return [each["key"] for each in await rows("SELECT key FROM job ORDER BY key")]


async def all_is_well() -> None:
    """Nothing is held, and many at once can still work."""
    for _ in range(500):
        if not pool_in_use():
            break
        await asyncio.sleep(0.01)

    async def work(number: int) -> None:
        async with atomic():
            await a_job(f"well {number}")

    async with asyncio.timeout(20):
        await asyncio.gather(*(work(number) for number in range(30)))
    assert len([key for key in await keys() if key.startswith("well")]) == 30
    assert pool_in_use() == 0


class Gate:
    """Holds the next opening or finishing of any transaction until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        for kind in (db.PostgresClient, db.SqliteClient):
            (transaction,) = [each for each in kind.__subclasses__() if issubclass(each, OpenTransaction)]
            original = getattr(transaction, method)

            async def held(one: OpenTransaction, *args: object, _original=original, **kwargs: object) -> None:
                self.reached.set()
                await self.opened.wait()
                await _original(one, *args, **kwargs)

            monkeypatch.setattr(transaction, method, held)


async def test_leaving_commits():
    async with atomic():
        await a_job("a")
    assert await keys() == ["a"]


@pytest.mark.parametrize("reason", [Refused, asyncio.CancelledError])
async def test_an_exception_rolls_back_really(reason):
    with pytest.raises(reason):
        async with atomic():
            await a_job("a")
            await rows("UPDATE job SET kind = 'changed' RETURNING key")
            assert await keys() == ["a"]
            raise reason
    assert await keys() == []
    assert pool_in_use() == 0


async def test_others_do_not_see_what_is_not_committed():
    async with atomic():
        await a_job("a")
        outside = asyncio.create_task(keys(), context=Context())
        assert await outside == []
    assert await keys() == ["a"]


async def test_a_nested_block_that_fails_undoes_itself_alone():
    async with atomic():
        await a_job("outer")
        with pytest.raises(Refused):
            async with atomic():
                await a_job("inner")
                raise Refused
        with pytest.raises(IntegrityError):
            async with atomic():
                await a_job("outer")
        await a_job("after")
    assert await keys() == ["after", "outer"]


async def test_a_nested_block_shares_the_fate_of_the_outer():
    with pytest.raises(Refused):
        async with atomic():
            async with atomic():
                await a_job("inner")
            raise Refused
    assert await keys() == []


async def test_a_nested_block_that_runs_out_of_time_leaves_the_outer_usable():
    async with atomic():
        await a_job("outer")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), atomic():
                await a_job("inner")
                await asyncio.sleep(5)
        await a_job("after")
    assert await keys() == ["after", "outer"]


async def test_tortoises_own_use_of_transactions_nests_too():
    async with atomic():
        job, is_new = await Job.get_or_create(key="a", defaults={"kind": "test", "run_at": NOON})
        await Job.bulk_create([Job(kind="test", key=key, run_at=NOON) for key in "bc"])
    assert (is_new, job.key, await keys()) == (True, "a", ["a", "b", "c"])


async def test_a_bulk_insert_outside_of_a_transaction_is_all_or_nothing():
    await a_job("b")
    with pytest.raises(IntegrityError):
        await Job.bulk_create([Job(kind="test", key=key, run_at=NOON) for key in "abc"])
    assert await keys() == ["b"]
    await all_is_well()


async def test_a_task_knows_whether_it_is_in_a_transaction():
    assert not in_atomic()
    with pytest.raises(NotInTransaction):
        require_atomic()
    async with atomic():
        require_atomic()
        assert in_atomic()
    assert not in_atomic()


async def test_tasks_inside_share_the_transaction():
    async with atomic():
        await asyncio.gather(*(a_job(key) for key in "abc"))
        assert pool_in_use() == 1
    assert await keys() == ["a", "b", "c"]


async def test_siblings_that_still_work_do_not_break_the_rollback():
    async def slow() -> None:
        for number in range(50):
            await a_job(f"slow {number}")

    async def failing() -> None:
        await asyncio.sleep(0.005)
        raise Refused

    with pytest.raises(Refused):
        async with atomic():
            await asyncio.gather(slow(), failing())
    await asyncio.sleep(0.05)
    assert await keys() == []
    await all_is_well()


async def test_a_task_that_outlives_its_transaction_cannot_use_it():
    ended = asyncio.Event()

    async def late() -> str:
        await ended.wait()
        outcomes = []
        for use in (lambda: a_job("late"), keys, nested):
            try:
                await use()
            except TransactionEnded:
                outcomes.append("ended")
        return " ".join(outcomes)

    async def nested() -> None:
        async with atomic():
            await a_job("nested")

    async with atomic():
        task = asyncio.create_task(late())
    ended.set()
    assert await task == "ended ended ended"
    assert await keys() == []


async def test_a_swallowed_failure_never_looks_like_a_commit():
    async def swallow() -> None:
        async with atomic():
            await a_job("a")
            with contextlib.suppress(IntegrityError):
                await a_job("a")

    if db.dialect() == "postgres":
        with pytest.raises(TransactionAborted):
            await swallow()
        assert await keys() == []
    else:
        await swallow()  # SQLite undoes the failed statement alone
        assert await keys() == ["a"]
    await all_is_well()


class TestAfterCommit:
    async def test_callbacks_come_after_the_commit_in_order(self):
        seen: list[object] = []

        async def look() -> None:
            seen.append((in_atomic(), await keys()))

        async with atomic():
            after_commit(lambda: seen.append("first"))
            async with atomic():
                after_commit(look)
            await a_job("a")
            assert seen == []
        assert seen == ["first", (False, ["a"])]

    async def test_what_was_undone_calls_nobody(self):
        seen: list[str] = []
        with pytest.raises(Refused):
            async with atomic():
                after_commit(lambda: seen.append("outer"))
                raise Refused
        async with atomic():
            with pytest.raises(Refused):
                async with atomic():
                    after_commit(lambda: seen.append("inner"))
                    raise Refused
            after_commit(lambda: seen.append("kept"))
        assert seen == ["kept"]

    async def test_a_callback_that_fails_does_not_turn_the_commit_into_a_failure(self):
        def broken() -> None:
            raise Refused

        async with atomic():
            after_commit(broken)
            await a_job("a")
        assert await keys() == ["a"]

    async def test_outside_of_a_transaction_there_is_nothing_to_wait_for(self):
        with pytest.raises(NotInTransaction):
            after_commit(lambda: None)


class TestCancelled:
    async def test_while_opening_nothing_is_held(self, monkeypatch):
        gate = Gate(monkeypatch, "open")
        task = asyncio.create_task(self._one_job("a"))
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.opened.set()
        await all_is_well()
        assert "a" not in await keys()

    async def test_while_committing_the_effect_stands_and_the_cancellation_is_heard(self, monkeypatch):
        gate = Gate(monkeypatch, "finish")
        task = asyncio.create_task(self._one_job("a"))
        await gate.reached.wait()
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()  # it waits for the commit to be done
        task.cancel()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool_in_use() == 0
        assert await keys() == ["a"]

    async def test_while_rolling_back_the_rollback_is_done(self, monkeypatch):
        gate = Gate(monkeypatch, "finish")

        async def refused() -> None:
            async with atomic():
                await a_job("a")
                raise Refused

        task = asyncio.create_task(refused())
        await gate.reached.wait()
        task.cancel()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (pool_in_use(), await keys()) == (0, [])

    async def test_in_the_middle_of_a_statement_the_connection_comes_back_clean(self):
        slow = """
            WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000)
            SELECT COUNT(*) AS n FROM c
        """

        async def work() -> None:
            async with atomic():
                await a_job("a")
                await rows(slow)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await keys() == []
        await all_is_well()

    async def test_those_who_wait_in_line_leave_without_a_trace(self, database):
        await db.disconnect()
        await db.connect(database, pool=1)
        async with atomic():
            waiting = [asyncio.create_task(self._one_job(str(number)), context=Context()) for number in range(50)]
            await asyncio.sleep(0.02)
            for task in waiting:
                task.cancel()
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
        await all_is_well()
        assert len(await keys()) == 30

    @staticmethod
    async def _one_job(key: str) -> None:
        async with atomic():
            await a_job(key)


async def test_whoever_came_first_writes_first(database):
    await db.disconnect()
    await db.connect(database, pool=1)
    order: list[int] = []

    async def work(number: int) -> None:
        async with atomic():
            order.append(number)
            await row("SELECT 1 AS one")

    await asyncio.gather(*(work(number) for number in range(20)))
    assert order == list(range(20))


async def test_tasks_that_were_made_before_connecting_are_served_too(database):
    async def ask() -> int:
        return await Job.all().count()

    assert await asyncio.create_task(ask(), context=Context()) == 0


async def test_connecting_again_works_in_the_same_process(database):
    await a_job("a")
    await db.disconnect()
    await db.disconnect()
    with pytest.raises(DatabaseUnavailable):
        await keys()
    await db.connect(database)
    assert await keys() == ["a"]
    with pytest.raises(RuntimeError):
        await db.connect(database)


async def test_a_read_only_connection_cannot_write(database):
    await db.disconnect()
    await db.connect(database, read_only=True)
    assert await keys() == []
    async with atomic():
        assert await keys() == []
    with pytest.raises(DatabaseUnavailable):
        await a_job("a")
    await db.ping()


async def test_an_unknown_kind_of_address_is_refused():
    for url in ("mysql://root@localhost/x", "sqlite://:memory:", "sqlite://", "nonsense"):
        with pytest.raises(ValueError):
            db.configuration(url)


async def test_a_lock_that_is_not_granted_is_told_apart():
    if db.dialect() == "sqlite":
        pytest.skip("SQLite's writers wait in line in the process")
    await a_job("a")

    async def blocked() -> None:
        async with atomic():
            await rows("SET LOCAL lock_timeout = '50ms'")
            await rows("UPDATE job SET kind = 'x' RETURNING key")

    async with atomic():
        await rows("UPDATE job SET kind = 'y' RETURNING key")
        with pytest.raises(LockTimeout):
            await asyncio.create_task(blocked(), context=Context())
