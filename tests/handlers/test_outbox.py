"""Work to do after commit: added with its act, taken on a lease, judged by its kind of failure."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tortoise.exceptions import IntegrityError

from handlers import leases, outbox
from handlers.errors import DeadJobUnknown, MemberFrozen, Overloaded
from handlers.leases import MAX_ATTEMPTS, Verdict, verdict
from handlers.outbox import JobContext, LeaseLost, dead_jobs, discard, job_figures, later, prune_jobs, requeue
from handlers.ports import WeChatGaveUp, WeChatRetryLater, WeChatUserRefused
from models.database import atomic, rows
from models.failures import NotInTransaction
from models.words import JobState

KINDS = ("greet", "ordered")


@pytest.fixture
def add(database, clock):
    async def adding(key, *, kind="greet", at=None, order_key=None, **payload):
        async with atomic():
            await later(kind, key=key, at=at or clock.now(), order_key=order_key, **payload)

    return adding


@pytest.fixture
def claim(clock):
    async def claiming(owner="w1", limit=100, kinds=KINDS):
        return await leases.claim(owner, kinds, clock, limit)

    return claiming


async def states() -> dict[str, str]:
    return {each["key"]: each["state"] for each in await rows("SELECT key, state FROM job")}


async def add_and_refuse(key, clock):
    async with atomic():
        await later("greet", key=key, at=clock.now())
        raise MemberFrozen


def done(job: JobContext) -> Verdict:
    return Verdict(job, JobState.DONE)


async def test_a_job_exists_exactly_when_its_act_was_committed(add, clock):
    await add("kept")
    with pytest.raises(MemberFrozen):
        await add_and_refuse("undone", clock)
    assert await states() == {"kept": "ready"}


async def test_work_can_only_be_added_inside_a_transaction(database, clock):
    with pytest.raises(NotInTransaction):
        await later("greet", key="k", at=clock.now())


async def test_the_same_key_is_the_same_work_for_ever(add, claim, clock):
    await add("k", n=1)
    await add("k", n=2)
    (job,) = await claim()
    assert job.payload == {"n": 1}
    await leases.close("w1", [done(job)], clock.now())
    await add("k", n=3)
    assert await claim() == []


async def test_payloads_carry_ids_and_instants_as_text(add, claim):
    member, at = uuid4(), datetime(2026, 1, 2, tzinfo=UTC)
    await add("k", member_id=member, at_noon=at, state=JobState.DONE, text='引号"')
    (job,) = await claim()
    assert job.payload == {"member_id": str(member), "at_noon": at.isoformat(), "state": "done", "text": '引号"'}


async def test_workers_are_nudged_after_the_commit_and_not_before(add, clock):
    seen = []
    quiet = outbox.on_new_work(lambda: seen.append("nudge"))
    try:
        async with atomic():
            await later("greet", key="a", at=clock.now())
            assert seen == []
        assert seen == ["nudge"]
        with pytest.raises(MemberFrozen):
            await add_and_refuse("b", clock)
        assert seen == ["nudge"]
    finally:
        quiet()
    await add("c")
    assert seen == ["nudge"]


async def test_nothing_is_taken_before_its_time_nor_by_who_does_not_know_it(add, claim, clock):
    await add("tomorrow", at=clock.now() + timedelta(days=1))
    await add("foreign", kind="unheard_of")
    assert not await leases.is_due(clock.now() - timedelta(seconds=1))
    assert await leases.is_due(clock.now())
    assert await claim() == []
    clock.advance(timedelta(days=1))
    assert [job.key for job in await claim()] == ["tomorrow"]


async def test_two_workers_never_hold_the_same_job(add, claim):
    for n in range(60):
        await add(f"k{n}")
    taken = await asyncio.gather(*(claim(f"w{n}", 7) for n in range(12)))
    keys = [job.key for jobs in taken for job in jobs]
    assert len(keys) == len(set(keys))
    while more := await claim("w", 7):
        keys += [job.key for job in more]
    assert sorted(keys) == sorted(f"k{n}" for n in range(60))


async def test_reading_and_then_marking_would_hand_jobs_out_twice(add, claim):
    """The negative control: the race of the test above is real."""
    for n in range(20):
        await add(f"k{n}")
    everybody_has_looked = asyncio.Barrier(8)  # one of the orders in which eight workers may run, every time

    async def look_then_mark() -> list[str]:
        keys = [each["key"] for each in await rows("SELECT key FROM job WHERE state = 'ready' ORDER BY id LIMIT 20")]
        await everybody_has_looked.wait()
        async with atomic():
            await rows("UPDATE job SET state = 'running' WHERE state = 'ready' RETURNING id")
        return keys

    taken = [key for keys in await asyncio.gather(*(look_then_mark() for _ in range(8))) for key in keys]
    assert len(taken) == 8 * len(set(taken))


async def test_a_lapsed_lease_passes_on_and_the_old_holder_cannot_finish(add, claim, clock):
    await add("k")
    (old,) = await claim("paused")
    clock.advance(leases.LEASE - timedelta(seconds=1))
    assert await leases.recover(clock.now()) == 0
    clock.advance(timedelta(seconds=1))
    assert await leases.recover(clock.now()) == 1
    assert await leases.close("paused", [done(old)], clock.now()) == set()
    (new,) = await claim("alive")
    assert (new.attempt, new.fence) == (2, old.fence + 1)
    assert await leases.close("paused", [done(old)], clock.now()) == set()
    assert await leases.extend("paused", [old], clock.now()) == set()
    assert await leases.close("alive", [done(new)], clock.now()) == {new.id}


async def test_a_heartbeat_keeps_the_lease(add, claim, clock):
    await add("k")
    (job,) = await claim()
    clock.advance(timedelta(seconds=50))
    assert await leases.extend("w1", [job], clock.now()) == {job.id}
    clock.advance(timedelta(seconds=50))
    assert await leases.recover(clock.now()) == 0


async def test_the_fence_tells_two_leases_of_one_owner_apart(add, claim, clock):
    await add("k")
    (first,) = await claim("w1")
    clock.advance(leases.LEASE)
    await leases.recover(clock.now())
    (second,) = await claim("w1")
    assert await leases.close("w1", [done(first)], clock.now()) == set()
    assert await leases.close("w1", [done(second)], clock.now()) == {second.id}


@pytest.mark.leaves_dead_jobs
async def test_a_job_that_kills_its_worker_again_and_again_ends_with_the_dead(add, claim, clock):
    await add("poison")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (job,) = await claim()
        assert job.attempt == attempt
        clock.advance(leases.LEASE)
        await leases.recover(clock.now())
    assert await claim() == []
    assert await states() == {"poison": "dead"}


async def test_leases_given_back_are_ready_at_once_and_not_counted_as_attempts(add, claim):
    await add("k")
    assert await leases.give_back("w1", await claim()) == 1
    (job,) = await claim("w2")
    assert job.attempt == 1


async def test_jobs_of_one_order_key_run_one_at_a_time_oldest_first(add, claim, clock):
    async with atomic():
        for n in range(5):
            await later("ordered", key=f"a{n}", at=clock.now(), order_key="a")
            await later("ordered", key=f"b{n}", at=clock.now(), order_key="b")
    for n in range(5):
        jobs = await claim()
        assert [job.key for job in jobs] == [f"a{n}", f"b{n}"]
        assert await claim("w2") == []
        await leases.close("w1", map(done, jobs), clock.now())


async def test_a_failed_job_holds_up_the_later_ones_of_its_order_key(add, claim, clock):
    await add("first", order_key="o")
    await add("second", order_key="o")
    await add("free")
    first, _ = await claim()
    await leases.close("w1", [verdict(first, Overloaded(retry_after=60), clock.now())], clock.now())
    assert await claim() == []
    clock.advance(timedelta(seconds=61))
    assert [job.key for job in await claim()] == ["first"]


async def test_a_requeued_job_waits_while_another_of_its_order_key_runs(add, claim, clock):
    await add("first", order_key="o")
    await add("second", order_key="o")
    (first,) = await claim()
    await leases.close("w1", [Verdict(first, JobState.DEAD)], clock.now())
    (second,) = await claim()
    await requeue(first.id, clock.now())
    assert await claim("w2") == []
    with pytest.raises(IntegrityError):  # the last guard, should two claims not see each other
        await rows("UPDATE job SET state = 'running' WHERE key = 'first' RETURNING id")
    await leases.close("w1", [done(second)], clock.now())
    assert [job.key for job in await claim("w2")] == ["first"]


async def test_an_effect_commits_together_with_its_job_or_not_at_all(add, claim, clock):
    async with atomic():
        await rows("CREATE TABLE effect (id TEXT)")
    await add("k")
    (late,) = await claim("paused")
    clock.advance(leases.LEASE)
    await leases.recover(clock.now())
    (job,) = await claim("alive")

    async def effect(held: JobContext) -> None:
        async with atomic():
            await rows("INSERT INTO effect (id) VALUES ('x') RETURNING id")
            await held.finish()

    with pytest.raises(LeaseLost):
        await effect(late)
    await effect(job)
    with pytest.raises(LeaseLost):
        await effect(job)
    assert len(await rows("SELECT id FROM effect")) == 1
    assert await states() == {"k": "done"}


def a_job(attempt=1) -> JobContext:
    return JobContext(uuid4(), "greet", "k", {}, attempt, 1, "w", now=lambda: datetime.now(UTC))


NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (None, JobState.DONE),
        (WeChatUserRefused(43101), JobState.DONE),
        (WeChatGaveUp(40013), JobState.DEAD),
        (MemberFrozen(), JobState.DEAD),
        (WeChatRetryLater(-1), JobState.READY),
        (Overloaded(), JobState.READY),
        (TimeoutError(), JobState.READY),
        (KeyError("x"), JobState.READY),
    ],
)
def test_the_kind_of_error_decides_what_becomes_of_a_job(error, state):
    assert verdict(a_job(), error, NOW).state is state


def test_pauses_double_with_full_jitter_and_stay_under_twenty_minutes():
    for attempt, ceiling in ((1, 2), (4, 16), (10, 1024), (11, 1200), (19, 1200)):
        pauses = [(verdict(a_job(attempt), TimeoutError(), NOW).at - NOW).total_seconds() for _ in range(200)]
        assert 0 <= min(pauses) < ceiling * 0.2
        assert ceiling * 0.8 < max(pauses) <= ceiling


def test_a_known_time_to_come_back_is_honoured():
    busy = WeChatRetryLater(45009)
    busy.retry_after = 3600.0
    assert verdict(a_job(), busy, NOW).at >= NOW + timedelta(hours=1)


def test_the_twentieth_failure_is_the_last():
    assert verdict(a_job(MAX_ATTEMPTS - 1), TimeoutError(), NOW).state is JobState.READY
    assert verdict(a_job(MAX_ATTEMPTS), TimeoutError(), NOW).state is JobState.DEAD


def test_notes_say_where_it_failed_and_never_what_the_error_said():
    with pytest.raises(ValueError, match="13800138000") as raised:
        int("13800138000 is no number")
    note = verdict(a_job(), raised.value, NOW).note
    assert note.startswith("ValueError at test_outbox.py:")
    assert "13800138000" not in note
    assert (
        verdict(a_job(), WeChatGaveUp(40013, "openid o123", endpoint="x/y"), NOW).note
        == "WeChatGaveUp x/y errcode 40013"
    )


async def kill(add, claim, clock, key="k"):
    await add(key)
    (job,) = await claim()
    await leases.close("w1", [Verdict(job, JobState.DEAD, "WeChatGaveUp errcode 1")], clock.now())
    return job


async def test_dead_letters_are_listed_and_run_again_when_asked(add, claim, clock):
    job = await kill(add, claim, clock)
    (letter,) = await dead_jobs()
    assert (letter.id, letter.key, letter.last_error) == (job.id, "k", "WeChatGaveUp errcode 1")
    assert letter.died_at == clock.now()
    assert await dead_jobs(after=letter.id) == ()
    await requeue(letter.id, clock.now())
    (job,) = await claim()
    assert job.attempt == 1
    await leases.close("w1", [done(job)], clock.now())
    assert await dead_jobs() == ()


async def test_a_discarded_letter_stays_known_so_that_its_act_does_not_come_back(add, claim, clock):
    job = await kill(add, claim, clock)
    await discard(job.id, clock.now(), reason="duplicate")
    await add("k")
    assert await claim() == []
    assert await states() == {"k": "done"}


async def test_only_dead_jobs_can_be_requeued_or_discarded(add, claim, clock):
    await add("k")
    (job,) = await claim()
    with pytest.raises(DeadJobUnknown):
        await requeue(job.id, clock.now())
    with pytest.raises(DeadJobUnknown):
        await discard(uuid4(), clock.now(), reason="x")


async def test_figures_count_states_and_the_longest_wait(add, claim, clock):
    assert (await job_figures(clock.now())).oldest_ready_seconds == 0
    job = await kill(add, claim, clock)
    await add("running")
    await claim()
    await add("waiting")
    clock.advance(timedelta(seconds=90))
    await add("fresh")
    figures = await job_figures(clock.now())
    assert (figures.ready, figures.running, figures.dead, figures.oldest_ready_seconds) == (2, 1, 1, 90.0)
    await discard(job.id, clock.now(), reason="x")


async def test_done_jobs_go_after_seven_days_and_others_stay(add, claim, clock):
    for n in range(5):
        await add(f"old{n}")
    await leases.close("w1", map(done, await claim()), clock.now())
    await add("waiting")
    clock.advance(timedelta(days=7))
    await add("fresh")
    fresh = [job for job in await claim() if job.key == "fresh"]
    await leases.close("w1", map(done, fresh), clock.now())
    assert await prune_jobs(clock.now()) == 0
    clock.advance(timedelta(seconds=1))
    assert await prune_jobs(clock.now(), batch=2) == 5
    assert sorted(await states()) == ["fresh", "waiting"]
