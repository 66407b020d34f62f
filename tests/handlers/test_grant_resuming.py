"""A list that was stopped goes on where it stopped: rows that were done are done once, those that wait are done."""

import asyncio

import pytest

from handlers.errors import GrantNothingToDo, GrantRepeated, GrantStateWrong, GrantUnknown, RoleMissing
from handlers.grants import grant_resuming, granting
from handlers.leases import claim as lease
from handlers.requests import Answer
from models.grants import GrantResume, GrantRow
from models.operators import AuditEntry
from models.outbox import Job
from models.words import GrantRowState, GrantState, JobState, OperatorRole
from tests.handlers.claimable import an_offer
from tests.handlers.giving import desk_of, held, holds
from tests.handlers.offering import key, operator_at
from tests.handlers.test_grants import OFTEN, ONCE
from tests.operating import city


@pytest.fixture
async def desk(rooms, monkeypatch):
    monkeypatch.setattr(granting, "BATCH", 2)
    return await desk_of(rooms)


async def one_batch(rooms) -> None:
    (job,) = await lease("w", ["run_grant"], rooms.clock, 1)
    await rooms.handlers.granting.go_on(job)


async def stop(desk, grant):
    return (await desk.grants.stop(desk.second, grant.id, reason="先核对", request_id=key())).value


async def resume(desk, grant, *, by=None, **more):
    resuming = desk.rooms.handlers.grant_resuming
    return await resuming.resume(by or desk.first, grant.id, reason="核对无误", **{"request_id": key(), **more})


async def test_a_list_stopped_in_the_middle_twice_and_resumed_twice_gives_every_row_once(rooms, desk):
    people = await desk.people(7)
    offer = await an_offer(rooms.clock.now(), stock=7, limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.approve(made)
    for done in (2, 4):
        await one_batch(rooms)
        await stop(desk, made)
        await desk.work()
        assert [await held(each) for each in people] == [1] * done + [0] * (7 - done)
        gone_on = (await resume(desk, made)).value
        assert (gone_on.state, gone_on.finished_at, gone_on.figures.done_count) == (GrantState.RUNNING, None, done)
    await desk.work()
    over = await desk.grants.one(desk.first, made.id)
    assert (over.state, over.figures.done_count) == (GrantState.DONE, 7)
    assert [await held(each) for each in people] == [1] * 7
    assert await offer.left() == 0
    acts = await AuditEntry.filter(subject_id=str(made.id)).order_by("id").values_list("action", flat=True)
    assert list(acts)[2:] == [
        "grant.approved",
        "grant.stopped",
        "grant.resumed",
        "grant.stopped",
        "grant.resumed",
        "grant.ended",
    ]
    assert [each.number for each in await GrantResume.all().order_by("number")] == [1, 2]
    await holds()


async def test_a_job_that_still_waits_from_before_the_stop_is_not_a_second_runner(rooms, desk):
    people = await desk.people(5)
    offer = await an_offer(rooms.clock.now(), stock=5, limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.approve(made)
    await one_batch(rooms)
    await stop(desk, made)
    await resume(desk, made)  # the job of the second batch had no time to see that it was stopped
    assert await Job.filter(kind="run_grant", state=JobState.READY).count() == 2
    await one_batch(rooms)
    assert sum([await held(each) for each in people]) == 2  # it did nothing, and nothing comes after it
    assert await Job.filter(kind="run_grant", state=JobState.READY).count() == 1
    await desk.work()
    assert [await held(each) for each in people] == [1] * 5
    await holds()


async def test_without_a_round_of_its_own_the_next_job_would_be_one_that_was_there_before(rooms, desk, monkeypatch):
    """The negative control: the key of a job is taken for ever, and the list would stand still."""

    async def in_the_first_round(grant_id, *, at, round_number):
        assert round_number == 1
        await granting.begin(grant_id, at=at)

    monkeypatch.setattr(grant_resuming, "begin", in_the_first_round)
    people = await desk.people(5)
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), people)
    await desk.approve(made)
    await one_batch(rooms)
    await stop(desk, made)
    await desk.work()
    await resume(desk, made)
    await desk.work()
    assert sum([await held(each) for each in people]) == 2


async def test_of_several_who_resume_at_once_one_does(rooms, desk):
    people = await desk.people(4)
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), people)
    await desk.approve(made)
    await stop(desk, made)
    told = await asyncio.gather(*(resume(desk, made) for _ in range(5)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["Answer", *["GrantStateWrong"] * 4]
    assert await GrantResume.all().count() == 1
    await desk.work()
    assert [await held(each) for each in people] == [1] * 4


async def test_asked_again_with_the_same_key_the_answer_is_the_first_one(rooms, desk):
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), await desk.people(1))
    await desk.approve(made)
    await stop(desk, made)
    first = await resume(desk, made, request_id="k")
    again: Answer = await resume(desk, made, request_id="k")
    assert (again.replayed, again.value) == (True, first.value)


async def test_only_what_a_second_operator_had_approved_is_resumed(rooms, desk):
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    people = await desk.people(2)
    checked = await desk.make(offer, people[:1])
    proposed = await desk.make(offer, people[1:])
    await desk.grants.submit(desk.first, proposed.id, request_id=key())
    for each in (checked, proposed):
        await stop(desk, each)
        with pytest.raises(GrantStateWrong):
            await resume(desk, each)
    await desk.work()
    assert [await held(each) for each in people] == [0, 0]


async def test_what_is_under_way_or_over_is_not_resumed(rooms, desk):
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), await desk.people(1))
    await desk.approve(made)
    with pytest.raises(GrantStateWrong):
        await resume(desk, made)
    await desk.work()
    with pytest.raises(GrantStateWrong):
        await resume(desk, made)


async def test_a_list_with_nothing_left_to_do_is_not_resumed(rooms, desk):
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), await desk.people(2))
    await desk.approve(made)
    await one_batch(rooms)  # all of it, but it does not know yet
    assert not await GrantRow.exists(state=GrantRowState.WAITING)
    await stop(desk, made)
    with pytest.raises(GrantNothingToDo):
        await resume(desk, made)
    assert (await desk.grants.one(desk.first, made.id)).state is GrantState.STOPPED


async def test_a_list_that_was_handed_in_again_meanwhile_goes_on_only_if_that_is_meant(rooms, desk):
    people = await desk.people(3)
    offer = await an_offer(rooms.clock.now(), limits=ONCE)
    made = await desk.make(offer, people)
    await desk.approve(made)
    await stop(desk, made)
    await desk.do(await desk.make(offer, people))
    with pytest.raises(GrantRepeated):
        await resume(desk, made)
    await resume(desk, made, is_again=True)
    await desk.work()
    assert [await held(each) for each in people] == [1] * 3  # the limit holds all the same
    assert await desk.codes(made) == ["offer.limit_reached"] * 3


async def test_what_is_taken_back_is_resumed_like_what_is_given(rooms, desk):
    people = await desk.people(5)
    offer = await an_offer(rooms.clock.now(), stock=5, limits=OFTEN)
    done = await desk.do(await desk.make(offer, people))
    undo = (await desk.grants.undo(desk.first, done.id, reason="发错了", request_id=key(), to_stock=True)).value
    await desk.approve(undo)
    await one_batch(rooms)
    await stop(desk, undo)
    await desk.work()
    assert await offer.left() == 2
    await resume(desk, undo)
    await desk.work()
    assert await offer.left() == 5
    await holds()


async def test_support_and_operators_elsewhere_resume_nothing(rooms, desk):
    made = await desk.make(await an_offer(rooms.clock.now(), limits=OFTEN), await desk.people(1))
    await desk.approve(made)
    await stop(desk, made)
    elsewhere = await city("hz")
    with pytest.raises(RoleMissing):
        await resume(desk, made, by=await operator_at(elsewhere, OperatorRole.SUPPORT))
    with pytest.raises(GrantUnknown):
        await resume(desk, made, by=await operator_at(elsewhere))
    assert (await desk.grants.one(desk.first, made.id)).state is GrantState.STOPPED
