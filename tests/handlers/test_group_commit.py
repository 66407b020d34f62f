"""The lane gives everybody the answer they would have got alone, many of them in one transaction."""

import asyncio
import gc
from collections import Counter
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from handlers import group_commit
from handlers.errors import DomainError, ErrorKind, OutcomeUnknown, Overloaded
from handlers.group_commit import GroupCommit
from models.database import CommitUnknown, atomic, dialect, rows
from models.failures import DatabaseUnavailable, SerializationConflict
from tests.handlers.commits import slow_commits_of


class SoldOut(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "test.sold_out", "已领完，请看看别的。"


class Poisoned(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Want:
    who: str
    count: int = 1
    key: str = ""
    is_poison: bool = False


@dataclass
class Shop:
    """One hot row and its entries, decided in batches: first come, first served, all of a wish or nothing."""

    batches: list[int] = field(default_factory=list)
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)  # a batch stands at the gate, in its transaction

    async def open(self, stock: int) -> None:
        async with atomic():
            await rows(
                "CREATE TABLE IF NOT EXISTS stock (id INTEGER PRIMARY KEY, remaining INTEGER CHECK (remaining >= 0))"
            )
            await rows("CREATE TABLE IF NOT EXISTS taken (who TEXT PRIMARY KEY, count INTEGER)")
            await rows("DELETE FROM taken")
            await rows("DELETE FROM stock")
            await rows("INSERT INTO stock (id, remaining) VALUES (1, $1)", stock)

    async def decide(self, wants: Sequence[Want]) -> list[int | DomainError]:
        if self.gate is not None:
            self.entered.set()
            await self.gate.wait()
        lock = " FOR UPDATE" if dialect() == "postgres" else ""
        remaining = (await rows(f"SELECT remaining FROM stock WHERE id = 1{lock}"))[0]["remaining"]
        names = {f"${n}": want.who for n, want in enumerate(wants, 1)}
        known = {
            each["who"]: each["count"]
            for each in await rows(f"SELECT who, count FROM taken WHERE who IN ({','.join(names)})", *names.values())
        }
        outcomes: list[int | DomainError] = []
        new: list[Want] = []
        for want in wants:
            if want.who in known:
                outcomes.append(known[want.who])
            elif want.count > remaining:
                outcomes.append(SoldOut())
            else:
                remaining -= want.count
                new.append(want)
                known[want.who] = want.count
                outcomes.append(want.count)
        for want in new:
            await rows("INSERT INTO taken (who, count) VALUES ($1, $2) RETURNING who", want.who, want.count)
        if any(want.is_poison for want in wants):
            raise Poisoned
        await rows("UPDATE stock SET remaining = $1 WHERE id = 1 RETURNING id", remaining)
        self.batches.append(len(wants))
        return outcomes

    async def settle(self, wants: Sequence[Want]) -> list[int | DomainError | None]:
        known = {each["who"]: each["count"] for each in await rows("SELECT who, count FROM taken")}
        return [known.get(want.who) for want in wants]

    async def remaining(self) -> int:
        return (await rows("SELECT remaining FROM stock WHERE id = 1"))[0]["remaining"]

    async def taken(self) -> int:
        return int((await rows("SELECT COALESCE(SUM(count), 0) AS n FROM taken"))[0]["n"])


@pytest.fixture
async def shop(database):
    made = Shop()
    await made.open(100)
    return made


@pytest.fixture
async def lane(shop):
    made = GroupCommit("shop", shop.decide, key=lambda want: want.key or want.who, settle=shop.settle)
    yield made
    await made.close(0.5)


async def all_of(lane, wants, **options):
    return await asyncio.gather(*(lane.submit("hot", want, **options) for want in wants), return_exceptions=True)


async def test_sixty_four_at_once_on_a_stock_of_a_hundred_have_exactly_a_hundred_winners(shop, lane):
    async def customer(number: int) -> list[object]:
        return [(await all_of(lane, [Want(f"{number}:{n}")]))[0] for n in range(3)]

    outcomes = [one for many in await asyncio.gather(*(customer(n) for n in range(64))) for one in many]
    assert Counter("won" if one == 1 else type(one).__name__ for one in outcomes) == {"won": 100, "SoldOut": 92}
    assert (await shop.remaining(), await shop.taken()) == (0, 100)
    assert max(shop.batches) > 8
    assert not lane._lanes


async def test_reading_and_then_writing_without_the_lane_oversells(shop):
    """The negative control: the same customers race, and without lane or lock the stock is sold more than once."""
    everybody_has_looked = asyncio.Barrier(64)

    async def naive(number: int) -> int:
        remaining = (await rows("SELECT remaining FROM stock WHERE id = 1"))[0]["remaining"]
        await everybody_has_looked.wait()
        if remaining < 1:
            return 0
        async with atomic():
            await rows("INSERT INTO taken (who, count) VALUES ($1, 1) RETURNING who", str(number))
            await rows("UPDATE stock SET remaining = $1 WHERE id = 1 RETURNING id", remaining - 1)
        return 1

    await shop.open(5)
    assert sum(await asyncio.gather(*(naive(n) for n in range(64)))) == 64


async def test_two_processes_sell_no_more_than_there_is(shop):
    """Two lanes know nothing of each other, as in two processes: the row's lock decides."""
    lanes = [GroupCommit(f"process-{n}", shop.decide) for n in range(2)]
    outcomes = await asyncio.gather(
        *(lanes[n % 2].submit("hot", Want(str(n))) for n in range(150)), return_exceptions=True
    )
    assert Counter(type(one).__name__ for one in outcomes) == {"int": 100, "SoldOut": 50}
    assert (await shop.remaining(), await shop.taken()) == (0, 100)


wants = st.lists(
    st.builds(Want, who=st.sampled_from("abcdefgh"), count=st.integers(1, 4), is_poison=st.booleans()), max_size=20
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wants=wants, stock=st.integers(0, 12), cap=st.integers(1, 8))
def test_outcomes_are_those_of_a_plain_model_one_by_one(wants, stock, cap, model_loop):
    def model() -> tuple[list[object], int]:
        remaining, known, outcomes = stock, {}, []
        for want in wants:
            if want.is_poison:
                outcomes.append(Poisoned)
            elif want.who in known:
                outcomes.append(known[want.who])
            elif want.count > remaining:
                outcomes.append(SoldOut)
            else:
                remaining -= want.count
                known[want.who] = want.count
                outcomes.append(want.count)
        return outcomes, remaining

    async def real() -> tuple[list[object], int]:
        shop = Shop()
        await shop.open(stock)
        lane = GroupCommit("model", shop.decide, cap=cap)
        outcomes = await all_of(lane, wants)
        return [type(one) if isinstance(one, Exception) else one for one in outcomes], await shop.remaining()

    assert model_loop(real()) == model()


@pytest.fixture
def model_loop(database_url):
    """Hypothesis calls plain functions: one loop and one connection for all examples."""
    from models import database

    with asyncio.Runner() as runner:
        runner.run(database.connect(database_url))
        yield runner.run
        runner.run(database.disconnect())


async def test_one_poisoned_request_fails_alone(shop, lane):
    wishes = [Want(str(n), is_poison=n == 37) for n in range(64)]
    outcomes = await all_of(lane, wishes)
    assert [n for n, one in enumerate(outcomes) if isinstance(one, Poisoned)] == [37]
    assert [one for n, one in enumerate(outcomes) if n != 37] == [1] * 63
    assert (await shop.remaining(), await shop.taken()) == (37, 63)


async def test_one_request_that_always_conflicts_leaves_its_neighbours_alone(shop):
    async def conflicting(wishes: Sequence[Want]) -> list[int | DomainError]:
        outcomes = await shop.decide([Want(each.who, each.count) for each in wishes])
        if any(each.is_poison for each in wishes):
            raise SerializationConflict("whenever it is tried")
        return outcomes

    outcomes = await all_of(GroupCommit("conflicting", conflicting), [Want(str(n), is_poison=n == 5) for n in range(8)])
    assert [n for n, one in enumerate(outcomes) if isinstance(one, Overloaded)] == [5]
    assert [one for n, one in enumerate(outcomes) if n != 5] == [1] * 7
    assert (await shop.remaining(), await shop.taken()) == (93, 7)


async def test_a_wrong_number_of_outcomes_is_an_error_and_changes_nothing(shop):
    async def forgetful(wishes: Sequence[Want]) -> list[int | DomainError]:
        return (await shop.decide(wishes))[1:]

    outcomes = await all_of(GroupCommit("forgetful", forgetful), [Want("a"), Want("b")])
    assert [type(one) for one in outcomes] == [RuntimeError, RuntimeError]
    assert await shop.remaining() == 100


async def test_twins_in_a_batch_are_decided_once(shop, lane):
    outcomes = await all_of(lane, [Want("a"), Want("a"), Want("b"), Want("a")])
    assert outcomes == [1, 1, 1, 1]
    assert shop.batches == [2]
    assert await shop.remaining() == 98


async def test_the_same_key_with_other_facts_waits_until_the_first_is_on_record(shop, lane):
    first, other = Want("a", key="k"), Want("b", count=2, key="k")
    assert await all_of(lane, [first, other, first]) == [1, 2, 1]
    assert shop.batches == [1, 1]


async def test_who_leaves_before_the_transaction_is_dropped_and_who_leaves_later_is_not(shop, lane):
    shop.gate = asyncio.Event()
    entered = asyncio.create_task(lane.submit("hot", Want("entered")))
    await shop.entered.wait()
    waiting = asyncio.create_task(lane.submit("hot", Want("waiting")))
    stays = asyncio.create_task(lane.submit("hot", Want("stays")))
    await asyncio.sleep(0.05)
    entered.cancel()
    waiting.cancel()
    shop.gate.set()
    assert await stays == 1
    assert sorted(each["who"] for each in await rows("SELECT who FROM taken")) == ["entered", "stays"]


async def test_who_waits_beyond_the_deadline_is_refused_and_changes_nothing(shop, lane):
    shop.gate = asyncio.Event()
    entered = asyncio.create_task(lane.submit("hot", Want("entered")))
    await shop.entered.wait()
    now = asyncio.get_running_loop().time()
    late = asyncio.create_task(lane.submit("hot", Want("late"), deadline=now + 0.05))
    patient = asyncio.create_task(lane.submit("hot", Want("patient"), deadline=now + 60))
    await asyncio.sleep(0.1)
    shop.gate.set()
    assert (await entered, await patient) == (1, 1)
    with pytest.raises(Overloaded):
        await late
    assert await shop.taken() == 2


async def test_a_full_lane_refuses_before_any_effect(shop):
    shop.gate = asyncio.Event()
    lane = GroupCommit("small", shop.decide, max_waiting=10)
    first = asyncio.create_task(lane.submit("hot", Want("first")))
    await shop.entered.wait()
    rest = [asyncio.create_task(lane.submit("hot", Want(str(n)))) for n in range(30)]
    await asyncio.sleep(0.05)
    shop.gate.set()
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, Overloaded)]
    assert len(refused) == 20
    assert {one.retry_after for one in refused} <= {1, 2, 3}
    assert await shop.taken() == 11


async def test_whoever_would_wait_too_long_is_refused_but_a_slow_batch_does_not_shut_the_lane(shop):
    lane = GroupCommit("slow", shop.decide, cap=2)
    lane._usual_seconds = 10.0
    assert await lane.submit("hot", Want("a")) == 1
    shop.gate = asyncio.Event()
    first = asyncio.create_task(lane.submit("hot", Want("b")))
    await shop.entered.wait()
    rest = [asyncio.create_task(lane.submit("hot", Want(str(n)))) for n in range(4)]
    await asyncio.sleep(0)
    shop.gate.set()
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [type(one) for one in outcomes] == [int, int, int, Overloaded, Overloaded]


async def test_a_deadlock_is_tried_again_for_the_whole_batch(shop):
    tries = 0

    async def unlucky(wishes: Sequence[Want]) -> list[int | DomainError]:
        nonlocal tries
        tries += 1
        outcomes = await shop.decide(wishes)
        if tries < 3:
            raise SerializationConflict("40P01")
        return outcomes

    assert await all_of(GroupCommit("unlucky", unlucky), [Want("a"), Want("b")]) == [1, 1]
    assert tries == 3
    assert await shop.remaining() == 98


async def test_without_a_database_everybody_is_refused_and_the_lane_recovers(shop, lane, monkeypatch):
    @asynccontextmanager
    async def away():
        raise DatabaseUnavailable
        yield

    monkeypatch.setattr(group_commit, "atomic", away)
    outcomes = await all_of(lane, [Want("a"), Want("b")])
    assert all(isinstance(one, Overloaded) for one in outcomes)
    monkeypatch.setattr(group_commit, "atomic", atomic)
    assert await lane.submit("hot", Want("a")) == 1


@pytest.mark.parametrize("is_done", [True, False])
async def test_an_interrupted_commit_is_looked_up_and_never_guessed(shop, lane, monkeypatch, is_done):
    broken = 0

    @asynccontextmanager
    async def breaking():
        nonlocal broken
        broken += 1
        async with atomic():
            yield
            if broken == 1 and not is_done:
                raise CommitUnknown
        if broken == 1:
            raise CommitUnknown

    monkeypatch.setattr(group_commit, "atomic", breaking)
    wishes = [Want(str(n), count=40) for n in range(4)]
    outcomes = await all_of(lane, wishes)
    assert [type(one) for one in outcomes] == [int, int, SoldOut, SoldOut]
    assert (await shop.remaining(), await shop.taken()) == (20, 80)


async def test_what_cannot_be_settled_is_answered_as_unknown(shop, monkeypatch):
    @asynccontextmanager
    async def breaking():
        async with atomic():
            yield
        raise CommitUnknown

    async def unreachable(wishes: Sequence[Want]) -> list[int | DomainError | None]:
        raise OutcomeUnknown

    monkeypatch.setattr(group_commit, "atomic", breaking)
    for settle in (None, unreachable):
        outcomes = await all_of(GroupCommit("lost", shop.decide, settle=settle), [Want("a"), Want("b")])
        assert all(isinstance(one, OutcomeUnknown) for one in outcomes)
    assert await shop.taken() == 2  # it had happened, and nobody claimed otherwise


async def test_connections_killed_at_random_moments_never_lead_to_a_wrong_answer(shop, database):
    if dialect() != "postgres":
        pytest.skip("SQLite has no connection to kill")
    await shop.open(10_000)
    lane = GroupCommit("killed", shop.decide, settle=shop.settle, cap=16)
    answers: dict[str, object] = {}
    is_over = False

    async def customer(number: int) -> None:
        for n in range(150):
            who = f"{number}:{n}"
            (answers[who],) = await asyncio.gather(lane.submit("hot", Want(who)), return_exceptions=True)

    async def killer() -> int:
        import asyncpg

        connection = await asyncpg.connect(database)
        killed = done = 0
        while not is_over:
            await asyncio.sleep(0.01)
            if (won := sum(answer == 1 for answer in answers.values())) < done + 20:
                continue  # on a slow machine no batch would ever come to its end
            done = won
            killed += len(
                await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await connection.close()
        return killed

    killing = asyncio.create_task(killer())
    await asyncio.gather(*(customer(n) for n in range(16)))
    is_over = True
    assert await killing >= 5
    for _ in range(20):
        try:
            there = {each["who"] for each in await rows("SELECT who FROM taken")}
            break
        except DatabaseUnavailable:
            await asyncio.sleep(0.1)
    for who, answer in answers.items():
        if answer == 1:
            assert who in there
        elif not isinstance(answer, OutcomeUnknown):
            assert isinstance(answer, Overloaded), answer
            assert who not in there
    assert sum(answer == 1 for answer in answers.values()) > 100
    assert await shop.remaining() == 10_000 - len(there)


async def test_a_connection_killed_while_it_commits_is_settled_and_nothing_happens_twice(shop, lane, database):
    if dialect() != "postgres":
        pytest.skip("SQLite has no connection to kill")
    async with slow_commits_of("taken", database) as kill_a_commit:
        wishes = [asyncio.create_task(lane.submit("hot", Want(str(n)))) for n in range(3)]
        assert await kill_a_commit() == 1
        assert await asyncio.gather(*wishes) == [1, 1, 1]
    assert (await shop.remaining(), await shop.taken()) == (97, 3)
    assert group_commit.FAILED.labels("shop", "commit_unknown")._value.get() >= 1


async def test_a_lane_has_its_own_transaction(shop, lane):
    async with atomic():
        with pytest.raises(RuntimeError):
            await lane.submit("hot", Want("a"))


async def test_closing_answers_those_who_wait_and_takes_nobody_more(shop, lane):
    waiting = [asyncio.create_task(lane.submit("hot", Want(str(n)))) for n in range(5)]
    await asyncio.sleep(0)
    await lane.close()
    assert await asyncio.gather(*waiting) == [1] * 5
    with pytest.raises(Overloaded):
        await lane.submit("hot", Want("late"))


async def test_closing_on_a_stuck_batch_tells_everybody_the_truth(shop):
    shop.gate = asyncio.Event()
    lane = GroupCommit("stuck", shop.decide)
    entered = asyncio.create_task(lane.submit("hot", Want("entered")))
    await shop.entered.wait()
    waiting = asyncio.create_task(lane.submit("hot", Want("waiting")))
    await asyncio.sleep(0)
    await lane.close(0.1)
    outcomes = await asyncio.gather(entered, waiting, return_exceptions=True)
    assert [type(one) for one in outcomes] == [OutcomeUnknown, Overloaded]
    assert await shop.taken() == 0


async def test_lanes_leave_nothing_behind(shop, lane):
    await asyncio.gather(*(lane.submit(f"offer-{n}", Want(str(n))) for n in range(20)))
    await asyncio.sleep(0)
    gc.collect()
    assert not lane._lanes
    assert not lane._leaders


async def test_how_many_wait_is_told_when_it_is_asked(shop, lane):
    def waiting() -> float | None:
        return REGISTRY.get_sample_value("fanpiao_lane_waiting", {"lane": lane._name})

    shop.gate = asyncio.Event()
    entered = asyncio.create_task(lane.submit("hot", Want("entered")))
    await shop.entered.wait()
    behind = [asyncio.create_task(lane.submit("hot", Want(str(n)))) for n in range(3)]
    await asyncio.sleep(0)
    assert waiting() == 3
    shop.gate.set()
    await asyncio.gather(entered, *behind)
    assert waiting() == 0
