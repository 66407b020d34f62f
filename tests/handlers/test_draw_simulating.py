"""A draw is simulated before it is published, apart from those who are served, and compared with what happened."""

import asyncio
import contextlib
import itertools
import time
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from handlers.draws.draw_editing import DrawChange
from handlers.errors import (
    DrawNotSimulable,
    DrawUnknown,
    KeyReused,
    Overloaded,
    RoleMissing,
    SimulationUnknown,
)
from handlers.outbox import JobContext
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.draw_rules import WHOLE
from handlers.simulation.apart import Apart
from handlers.simulation.draw_simulating import DrawSimulating
from handlers.simulation.plans import Plan
from models.draws import DrawSimulation
from models.ids import new_id
from models.operators import AuditEntry
from models.outbox import Job
from models.words import JobState, OperatorRole
from tests.handlers.drawing import fair_of, goods, points
from tests.handlers.offering import key, operator_at
from tests.rules.drawing import a_draw

PLAN = Plan(expected_spins=200, members=50, virtual_spins=2_000)


@pytest.fixture
async def fair(far):
    return await fair_of(far)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


@pytest.fixture
def simulating(far):
    return far.handlers.draw_simulating


async def test_a_draft_is_simulated_warned_of_and_kept_with_who_asked(fair, simulating):
    drafted = await fair.drafted(goods(WHOLE // 2, stock=3), points(WHOLE // 2))
    plan = replace(PLAN, budget_fen=1)
    answer = await simulating.simulate(fair.operator, drafted.id, plan, request_id="first")
    found = answer.value
    assert {each.code for each in found.report.warnings} >= {"over_budget", "runs_out_early", "often_replaced"}
    assert (found.report.runs, found.report.prizes[0].awarded) == (10, 3)
    assert (found.plan, found.is_draft, found.is_published) == (plan, True, False)
    again = await simulating.simulate(fair.operator, drafted.id, plan, request_id="first")
    assert (again.value, again.replayed, await DrawSimulation.all().count()) == (found, True, 1)
    with pytest.raises(KeyReused):
        await simulating.simulate(fair.operator, drafted.id, PLAN, request_id="first")
    entry = await AuditEntry.get(action="draw.simulated")
    assert entry.facts["warnings"] == [each.code for each in found.report.warnings]
    picture = await simulating.picture(fair.operator, drafted.id, found.id, kind="svg")
    assert picture.startswith(b"<?xml")


async def test_which_rules_were_simulated_is_told_when_the_draft_moves_on(fair, simulating):
    drafted = await fair.drafted(goods(100), points(WHOLE // 2))
    first = (await simulating.simulate(fair.operator, drafted.id, PLAN, request_id=key())).value
    await fair.handlers.draw_editing.publish(fair.operator, drafted.id, request_id=key())
    rules = drafted.terms.rules
    more = replace(rules, prizes=(replace(rules.prizes[0], stock=4), *rules.prizes[1:]))
    change = DrawChange(terms=replace(drafted.terms, rules=more))
    await fair.handlers.draw_editing.edit(fair.operator, drafted.id, change, request_id=key())
    second = (await simulating.simulate(fair.operator, drafted.id, PLAN, request_id=key())).value
    listed = await simulating.listing(fair.operator, drafted.id, before=None, limit=10)
    told = [(each.id, each.is_draft, each.is_published) for each in listed]
    assert told == [(second.id, True, False), (first.id, False, True)]
    older = await simulating.listing(fair.operator, drafted.id, before=second.id, limit=10)
    assert [each.id for each in older] == [first.id]


async def test_what_makes_no_draw_is_refused_by_field_and_nobody_else_reads_it(fair, simulating):
    drafted = await fair.drafted(points(WHOLE // 2))
    with pytest.raises(DrawNotSimulable) as refused:
        await simulating.simulate(fair.operator, drafted.id, replace(PLAN, members=0), request_id=key())
    assert refused.value.facts["problems"] == [{"field": "members", "problem": "out_of_range"}]
    broken = replace(drafted.terms, rules=replace(drafted.terms.rules, prizes=drafted.terms.rules.prizes[:1]))
    await fair.handlers.draw_editing.edit(fair.operator, drafted.id, DrawChange(terms=broken), request_id=key())
    with pytest.raises(DrawNotSimulable) as refused:
        await simulating.simulate(fair.operator, drafted.id, PLAN, request_id=key())
    assert "prizes" in {each["field"] for each in refused.value.facts["problems"]}
    with pytest.raises(DrawUnknown):
        await simulating.simulate(fair.operator, new_id(), PLAN, request_id=key())
    with pytest.raises(SimulationUnknown):
        await simulating.one(fair.operator, drafted.id, new_id())
    with pytest.raises(RoleMissing):
        await simulating.simulate(
            await operator_at(fair.root, role=OperatorRole.SUPPORT), drafted.id, PLAN, request_id=key()
        )
    assert not await DrawSimulation.exists()


async def test_a_million_spins_hold_nobody_up_and_come_one_at_a_time():
    """The loop goes on while another process counts; a second one is told to come again."""
    apart, late = Apart(), [0.0]
    running = asyncio.create_task(apart.report(a_draw(), Plan(), BUSINESS_ZONE))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await apart.report(a_draw(), PLAN, BUSINESS_ZONE)
    ticks = 0
    while not running.done():
        before = time.thread_time()
        await asyncio.sleep(0.01)
        late.append(time.thread_time() - before)  # work of this thread, whatever else the machine does
        ticks += 1
    assert (await running).virtual_spins == 1_000_000
    assert ticks > 5
    assert max(late) < 0.5
    assert (await apart.report(a_draw(), PLAN, BUSINESS_ZONE)).runs == 10


async def test_a_simulation_that_takes_too_long_is_ended_and_the_next_one_runs(fair):
    drafted = await fair.drafted(points(WHOLE // 2))
    hasty = DrawSimulating(fair.rooms.clock, apart=Apart(latest=0.01))
    with pytest.raises(Overloaded):
        await hasty.simulate(fair.operator, drafted.id, PLAN, request_id="hasty")
    assert not await DrawSimulation.exists()
    assert not simulations_running()
    answer = await fair.handlers.draw_simulating.simulate(fair.operator, drafted.id, PLAN, request_id="hasty")
    assert not answer.replayed


async def test_nobody_simulates_on_for_somebody_who_has_gone():
    waiting = asyncio.create_task(Apart().report(a_draw(), Plan(virtual_spins=2_000_000), BUSINESS_ZONE))
    while not simulations_running():  # noqa: ASYNC110 - the process tells nobody that it began
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not simulations_running()


def simulations_running() -> list[psutil.Process]:
    running = []
    for each in psutil.Process().children():
        with contextlib.suppress(
            psutil.ZombieProcess, psutil.NoSuchProcess
        ):  # one that somebody else left, or just ended
            if "handlers.simulation" in each.cmdline():
                running.append(each)
    return running


async def test_what_happened_stands_beside_what_was_planned(fair, simulating, ming, monkeypatch):
    drafted = await fair.drafted(points(WHOLE // 2, amount=1), goods(WHOLE // 4, stock=50))
    plan = Plan(expected_spins=100, members=1, virtual_spins=5_000)
    await simulating.simulate(fair.operator, drafted.id, plan, request_id=key())
    await fair.handlers.draw_editing.publish(fair.operator, drafted.id, request_id=key())
    outcomes = fair.handlers.draw_outcomes
    spread = itertools.count(WHOLE // 200, WHOLE // 100)
    monkeypatch.setattr("handlers.rules.fairness.roll_in", lambda *_: next(spread))  # a hundred, as even as can be
    early = await outcomes.outcome(fair.operator, drafted.id)
    assert (early.spins, early.planned_spins, early.is_cost_as_planned, early.is_over) == (0, 100, None, False)
    for _ in range(10):
        await fair.spin(ming, drafted.id, times=10)
    found = await outcomes.outcome(fair.operator, drafted.id)
    assert found.spins == found.planned_spins == 100
    assert [each.code for each in found.prizes] == ["points", "kettle"]
    assert [(each.awarded, each.is_as_planned) for each in found.prizes] == [(50, True), (25, True)]
    assert found.prizes[1].planned == pytest.approx(25, abs=4)
    assert found.cost_fen == 50 * 7 + 25 * 9_900
    assert found.cost_low_fen <= found.cost_fen <= found.cost_high_fen
    assert (found.is_cost_as_planned, found.is_alarming, found.p) == (True, False, 1.0)
    assert await fair.handlers.odds_watch.watch() == 0


async def test_odds_that_were_not_those_published_raise_the_alarm(fair, ming, monkeypatch):
    """The control of the one above: a hand on the wheel."""
    drafted = await fair.drafted(points(WHOLE // 2, amount=1))
    await fair.handlers.draw_simulating.simulate(fair.operator, drafted.id, PLAN, request_id=key())
    await fair.handlers.draw_editing.publish(fair.operator, drafted.id, request_id=key())
    monkeypatch.setattr("handlers.rules.fairness.roll_in", lambda *_: WHOLE - 1)
    for _ in range(4):
        await fair.spin(ming, drafted.id, times=10)
    found = await fair.handlers.draw_outcomes.outcome(fair.operator, drafted.id)
    assert found.is_alarming
    assert found.p < 0.001
    assert found.prizes[0].awarded == 0

    # The watch tells of it once for as many spins, with what others read; of a fair draw it tells nothing.
    watch = fair.handlers.odds_watch
    assert (await watch.watch(), await watch.watch()) == (1, 1)
    (job,) = await Job.filter(kind="note_odds_alarm")
    now = fair.rooms.clock.now
    await Job.filter(id=job.id).update(state=JobState.RUNNING, lease_owner="w", lease_until=now(), fence=1)
    await watch.note(JobContext(job.id, job.kind, job.key, job.payload, attempt=1, fence=1, owner="w", now=now))
    entry = await AuditEntry.get(action="draw.odds_alarm")
    assert (entry.subject_id, entry.facts["spins"]) == (str(drafted.id), 40)
    fair.rooms.clock.advance(timedelta(days=3))
    assert await watch.watch() == 0  # nobody has spun it lately
    with pytest.raises(DrawUnknown):
        await fair.handlers.draw_outcomes.outcome(fair.operator, (await fair.drafted()).id)
