"""A rule that is broken is told of while the installation runs."""

import logging
from datetime import timedelta

import pytest

from app import jobs
from app.jobs import JobRegistry, add_housekeeping
from app.worker import Worker
from handlers.breaches import BREACHES, watch_rules
from handlers.recurring import Daily
from models.database import rows
from models.identity import Member
from models.statements.invariants import CHECKS
from models.words import MemberStatus

ERASED = "注销的会员没有留下个人信息"


async def test_every_rule_is_looked_at_and_a_broken_one_is_told_in_the_log_and_the_metrics(rooms, caplog):
    person = await rooms.member("o-ming")
    caplog.set_level(logging.ERROR)
    assert await watch_rules() == {}
    assert {sample.labels["rule"] for sample in BREACHES.collect()[0].samples} == {check.what for check in CHECKS}
    await Member.filter(id=person.member_id).update(status=MemberStatus.ERASED)  # and nothing went with it
    assert (await watch_rules())[ERASED] == 1
    assert BREACHES.labels(ERASED)._value.get() == 1
    told = [record for record in caplog.records if record.getMessage() == "invariant_broken"]
    assert str(person.member_id) in {one for record in told for one in record.ids}
    await rows("UPDATE member SET status = 'active' WHERE id = $1", person.member_id)
    assert await watch_rules() == {}
    assert BREACHES.labels(ERASED)._value.get() == 0


@pytest.mark.parametrize(("late", "looks"), [(timedelta(minutes=59), 1), (timedelta(hours=1), 0)])
async def test_the_worker_does_it_at_night_and_not_when_it_starts_in_the_day(rooms, clock, monkeypatch, late, looks):
    registry: JobRegistry[object] = JobRegistry()
    add_housekeeping(registry)
    looked: list[str] = []

    async def watch() -> None:
        looked.append("looked")

    monkeypatch.setattr(jobs, "watch_rules", watch)
    slot = Daily(jobs.NIGHT).latest(clock.now())
    clock.advance(slot + late - clock.now())
    worker = Worker(registry, None, clock)
    await worker.start_due_tasks()
    await worker.drain()
    assert len(looked) == looks
