"""Asking twice has one effect and one answer."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from handlers import requests
from handlers.errors import KeyReused, NotAMember, OutcomeUnknown, Overloaded, StillRunning
from handlers.requests import Answer, Asked, answering, once, purge_requests, recall, record, settle
from models.database import CommitUnknown, atomic, dialect, rows
from models.failures import DatabaseUnavailable, SerializationConflict
from models.ids import new_id
from models.words import JobState
from tests.handlers.commits import slow_commits_of


@dataclass(frozen=True, slots=True)
class Visitor:
    kind: str = "visitor"
    actor_id: str = "visitor-1"


@dataclass(frozen=True, slots=True)
class Booked:
    id: UUID
    at: datetime
    state: JobState
    seats: tuple[int, ...]


VISITOR = Visitor()


class Bookings:
    """A small effect that can be counted."""

    async def create(self) -> None:
        await rows("CREATE TABLE booking (id TEXT PRIMARY KEY)")

    async def book(self) -> Booked:
        booked = Booked(new_id(), datetime.now(UTC), JobState.DONE, (1, 2))
        await rows("INSERT INTO booking (id) VALUES ($1) RETURNING id", str(booked.id))
        return booked

    async def count(self) -> int:
        return (await rows("SELECT COUNT(*) AS n FROM booking"))[0]["n"]


@pytest.fixture
async def bookings(database):
    made = Bookings()
    async with atomic():
        await made.create()
    return made


async def stored_requests() -> int:
    return (await rows("SELECT COUNT(*) AS n FROM request"))[0]["n"]


def book(bookings, key, facts="seat 1", actor=VISITOR):
    return once(actor, "book", key, facts=facts, result=Booked, effect=bookings.book)


async def test_asking_again_gets_the_first_answer_and_books_once(bookings):
    first = await book(bookings, "k")
    second = await book(bookings, "k")
    assert (first.replayed, second.replayed) == (False, True)
    assert second.value == first.value
    assert await bookings.count() == 1


async def test_another_key_actor_or_operation_is_another_request(bookings):
    await book(bookings, "k")
    await book(bookings, "other")
    await book(bookings, "k", actor=Visitor(actor_id="visitor-2"))
    await book(bookings, "k", actor=Visitor(kind="clerk"))
    await once(VISITOR, "rebook", "k", facts="seat 1", result=Booked, effect=bookings.book)
    assert await bookings.count() == 5


async def test_the_same_key_with_other_facts_is_refused_and_changes_nothing(bookings):
    await book(bookings, "k", {"seat": 1})
    with pytest.raises(KeyReused):
        await book(bookings, "k", {"seat": 2})
    assert await bookings.count() == 1


async def test_without_a_key_every_call_counts(bookings):
    answers = [await book(bookings, None) for _ in range(2)]
    assert not any(answer.replayed for answer in answers)
    assert await bookings.count() == 2
    assert await stored_requests() == 0


async def test_a_refusal_leaves_no_row_and_is_judged_anew(bookings):
    async def refuse() -> Booked:
        await bookings.book()
        raise NotAMember

    with pytest.raises(NotAMember):
        await once(VISITOR, "book", "k", facts="seat 1", result=Booked, effect=refuse)
    assert (await bookings.count(), await stored_requests()) == (0, 0)
    assert not (await book(bookings, "k")).replayed


async def test_a_block_that_gives_no_result_changes_nothing(bookings):
    with pytest.raises(RuntimeError, match="without giving"):
        async with atomic(), answering(VISITOR, "book", "k", facts=1, result=Booked):
            await bookings.book()
    assert (await bookings.count(), await stored_requests()) == (0, 0)


async def test_fifty_identical_calls_at_once_book_once(bookings):
    answers = await asyncio.gather(*(book(bookings, "k") for _ in range(50)))
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 49}
    assert len({answer.value for answer in answers}) == 1
    assert await bookings.count() == 1


async def test_fifty_different_keys_at_once_book_fifty_times(bookings):
    answers = await asyncio.gather(*(book(bookings, f"k{n}") for n in range(50)))
    assert not any(answer.replayed for answer in answers)
    assert await bookings.count() == 50


async def test_looking_before_writing_would_book_several_times(bookings):
    """The negative control: the same fifty calls do race, and looking first does not stop them."""
    taken: set[str] = set()
    everybody_has_looked = asyncio.Barrier(50)

    async def look_first() -> None:
        is_free = not await rows("SELECT key FROM request WHERE key = $1", "k") and "k" not in taken
        await everybody_has_looked.wait()
        if is_free:
            async with atomic():
                await bookings.book()
            taken.add("k")

    await asyncio.gather(*(look_first() for _ in range(50)))
    assert await bookings.count() == 50


async def test_a_twin_of_another_process_waits_and_gets_the_first_answer(bookings):
    """`answering` alone has no waiting room in the process: the database decides, as it would between processes."""
    inside = asyncio.Event()

    async def slow() -> Answer[Booked]:
        async with atomic(), answering(VISITOR, "book", "k", facts=1, result=Booked) as asking:
            assert asking.replay is None
            inside.set()
            await asyncio.sleep(0.2)
            return asking.give(await bookings.book())

    async def twin() -> Answer[Booked]:
        await inside.wait()
        async with atomic(), answering(VISITOR, "book", "k", facts=1, result=Booked) as asking:
            assert asking.replay is not None
            return asking.replay

    first, second = await asyncio.gather(slow(), twin())
    assert (second.value, second.replayed) == (first.value, True)
    assert await bookings.count() == 1


async def test_a_twin_waits_three_seconds_at_most(bookings, monkeypatch):
    monkeypatch.setattr(requests, "TWIN_PATIENCE", 0.1)
    release = asyncio.Event()

    async def slow() -> Booked:
        await release.wait()
        return await bookings.book()

    first = asyncio.create_task(once(VISITOR, "book", "k", facts="seat 1", result=Booked, effect=slow))
    await asyncio.sleep(0.05)
    with pytest.raises(StillRunning) as refusal:
        await book(bookings, "k")
    assert refusal.value.retry_after
    release.set()
    made = await first  # not waited for by a twin again, whose patience is short here
    assert (await book(bookings, "k")).value == made.value
    assert await bookings.count() == 1


async def test_a_twin_of_another_process_waits_no_longer_than_the_database_lets_it(bookings):
    if dialect() != "postgres":
        pytest.skip("SQLite has one process: twins meet in its waiting room")
    release, inside = asyncio.Event(), asyncio.Event()

    async def slow() -> Answer[Booked]:
        async with atomic(), answering(VISITOR, "book", "k", facts=1, result=Booked) as asking:
            inside.set()
            await release.wait()
            return asking.give(await bookings.book())

    async def twin() -> None:
        async with atomic():
            await rows("SET LOCAL lock_timeout = '100ms'")
            async with answering(VISITOR, "book", "k", facts=1, result=Booked):
                await bookings.book()

    first = asyncio.create_task(slow())
    await inside.wait()
    with pytest.raises(StillRunning):
        await twin()
    release.set()
    await first
    assert await bookings.count() == 1


async def test_a_cancelled_first_does_not_lock_out_its_twin(bookings):
    async def stuck() -> Booked:
        await asyncio.sleep(30)
        return await bookings.book()

    first = asyncio.create_task(once(VISITOR, "book", "k", facts="seat 1", result=Booked, effect=stuck))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not (await book(bookings, "k")).replayed
    assert not requests._alone_now


async def test_a_deadlock_is_tried_again_at_most_three_times(bookings):
    tries = 0

    async def effect() -> Booked:
        nonlocal tries
        tries += 1
        booked = await bookings.book()
        if tries < 3:
            raise SerializationConflict("40001")
        return booked

    await once(VISITOR, "book", "k", facts=1, result=Booked, effect=effect)
    assert (tries, await bookings.count()) == (3, 1)
    tries = -10
    with pytest.raises(Overloaded):
        await once(VISITOR, "book", "again", facts=1, result=Booked, effect=effect)
    assert (tries, await bookings.count()) == (-7, 1)


def break_commits(monkeypatch, *, times: int, is_done: bool):
    """The connection breaks during commit: after the database did it, or before."""
    left = times

    @asynccontextmanager
    async def breaking():
        nonlocal left
        async with atomic():
            yield
            if left and not is_done:
                left -= 1
                raise CommitUnknown
        if left:
            left -= 1
            raise CommitUnknown

    monkeypatch.setattr(requests, "atomic", breaking)


@pytest.mark.parametrize("is_done", [True, False])
async def test_an_interrupted_commit_is_settled_and_books_once(bookings, monkeypatch, is_done):
    break_commits(monkeypatch, times=1, is_done=is_done)
    answer = await book(bookings, "k")
    assert not answer.replayed
    assert await bookings.count() == 1
    assert (await book(bookings, "k")) == Answer(answer.value, replayed=True)


async def test_a_connection_killed_while_it_commits_is_settled_and_books_once(bookings, database):
    if dialect() != "postgres":
        pytest.skip("SQLite has no connection to kill")
    async with slow_commits_of("booking", database) as kill_a_commit:
        call = asyncio.create_task(book(bookings, "k"))
        assert await kill_a_commit() == 1
        answer = await call
    assert not answer.replayed
    assert await bookings.count() == 1
    assert (await book(bookings, "k")).value == answer.value


async def test_an_interrupted_commit_without_a_key_is_of_unknown_outcome(bookings, monkeypatch):
    break_commits(monkeypatch, times=1, is_done=True)
    with pytest.raises(OutcomeUnknown):
        await book(bookings, None)


async def test_when_the_database_stays_away_the_outcome_is_unknown_and_the_key_finds_out_later(bookings, monkeypatch):
    monkeypatch.setattr(requests, "SETTLE_PAUSES", (0.0, 0.0))
    is_away = False

    @asynccontextmanager
    async def going_away():
        nonlocal is_away
        if is_away:
            raise DatabaseUnavailable
        async with atomic():
            yield
        is_away = True
        raise CommitUnknown

    monkeypatch.setattr(requests, "atomic", going_away)
    with pytest.raises(OutcomeUnknown):
        await book(bookings, "k")
    monkeypatch.setattr(requests, "atomic", atomic)
    assert (await book(bookings, "k")).replayed
    assert await bookings.count() == 1


async def test_a_batch_is_recorded_recalled_and_settled(bookings):
    known, foreign, absent = (Asked.of(VISITOR, "book", key, facts) for key, facts in (("a", 1), ("b", 1), ("c", 1)))
    booked = Booked(new_id(), datetime.now(UTC), JobState.DONE, ())
    async with atomic():
        await record({known: booked, foreign: booked})
    other_facts = Asked.of(VISITOR, "book", "b", 2)
    expected = {known: Answer(booked, replayed=True)}
    for found in (
        await recall([known, other_facts, absent], Booked),
        await settle([known, other_facts, absent], Booked),
    ):
        assert isinstance(found.pop(other_facts), KeyReused)
        assert found == expected
    assert await stored_requests() == 2  # looking left nothing behind


async def test_a_key_taken_meanwhile_rolls_the_batch_back(bookings):
    booked = Booked(new_id(), datetime.now(UTC), JobState.DONE, ())
    mine, theirs = Asked.of(VISITOR, "book", "a", 1), Asked.of(VISITOR, "book", "b", 1)
    async with atomic():
        await record({theirs: booked})

    async def book_both() -> None:
        async with atomic():
            await bookings.book()
            await record({mine: booked, theirs: booked})

    with pytest.raises(SerializationConflict):
        await book_both()
    assert (await bookings.count(), await stored_requests()) == (0, 1)


async def test_requests_are_forgotten_after_72_hours(bookings):
    await book(bookings, "k")
    assert await purge_requests(datetime.now(UTC) + timedelta(hours=71)) == 0
    assert (await book(bookings, "k")).replayed
    assert await purge_requests(datetime.now(UTC) + timedelta(hours=73), batch=1) == 1
    assert not (await book(bookings, "k")).replayed
