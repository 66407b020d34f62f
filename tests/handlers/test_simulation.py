"""The simulation of a draw gives the very prizes that `select` gives one spin after the other, and tells them right."""

import json
from dataclasses import asdict, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.rules.draw_rules import WHOLE, Pity, Release, milliseconds
from handlers.rules.odds import State, fresh, left_of, select
from handlers.rules.prize_table import Table
from handlers.simulation.arriving import Day, arrivals, days_of, spins_by_day
from handlers.simulation.folding import Run
from handlers.simulation.plans import Plan, plan_problems
from handlers.simulation.plotting import plot
from handlers.simulation.reporting import report
from handlers.simulation.simulating import simulate
from tests.rules.drawing import COUPON, OPENS, PHONE, POINTS, THANKS, a_draw, any_rules

SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(any_rules(), st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_what_is_folded_is_what_select_gives_one_after_the_other(rules, seed, members, count):
    """Over two business days, releases between the spins, members who come again, some of them block-listed."""
    random = np.random.default_rng(seed)
    table, start = Table(rules), milliseconds(OPENS)
    run = Run(table, members, random.random(members) < 0.2)
    people = [fresh(table, is_blocked=bool(blocked)) for blocked in run.is_blocked]
    stock = [prize.stock for prize in table.prizes]
    cuts = np.array(
        sorted({milliseconds(each.at) for prize in table.prizes for each in prize.releases}), dtype=np.int64
    )
    for day in (Day(start, start + 8_000), Day(start + 8_000, start + 16_000)):
        run.next_day()
        people = [replace(each, wins_today=(0,) * len(stock)) for each in people]
        today = [0] * len(stock)
        plan = Plan(members=members)
        for stretch in arrivals(plan, day, count, cuts, random, is_each_alike=run.is_each_alike):
            rolls = random.integers(0, WHOLE, len(stretch.members))
            folded = run.fold(stretch.members, rolls, int(stretch.at[0]))
            for at, member, roll, rolled, awarded, is_sure in zip(
                stretch.at, stretch.members, rolls, folded.rolled, folded.awarded, folded.is_guaranteed, strict=True
            ):
                state = State(left_of(rules, stock, today, int(at)), people[member])
                outcome = select(table, state, int(roll))
                assert (outcome.rolled, outcome.awarded, outcome.is_guaranteed) == (rolled, awarded, is_sure)
                people[member] = outcome.member
                if outcome.awarded != table.thanks:
                    units = stock[outcome.awarded]
                    stock[outcome.awarded] = None if units is None else units - 1
                    today[outcome.awarded] += 1
    assert run.stock == stock


def test_within_a_stretch_nobody_comes_twice_and_all_of_a_day_come_in_order():
    day, cuts = Day(0, 86_400_000), np.array([40_000_000])
    plan = Plan(members=50)
    found = list(arrivals(plan, day, 1_000, cuts, np.random.default_rng(1), is_each_alike=False))
    assert sum(len(each.at) for each in found) == 1_000
    assert all(len(set(each.members)) == len(each.members) for each in found)
    at = np.concatenate([each.at for each in found])
    assert (np.diff(at) >= 0).all()
    assert 0 <= at[0] <= at[-1] < 86_400_000
    assert all((each.at < 40_000_000).all() or (each.at >= 40_000_000).all() for each in found)


def test_days_are_those_of_the_zone_and_the_spins_of_all_sum_to_the_plan():
    rules = a_draw()  # from 08:00 to 08:00 in Shanghai
    days = days_of(rules, SHANGHAI)
    assert len(days) == 11
    assert (days[0].starts, days[-1].ends) == (milliseconds(rules.opens_at), milliseconds(rules.closes_at))
    counts = spins_by_day(Plan(expected_spins=9_999, decay_percent=10), days)
    assert sum(counts) == 9_999
    assert counts[1] > counts[2] > counts[9]


PLAN = Plan(expected_spins=2_000, members=500, virtual_spins=60_000)


def test_a_report_tells_cost_what_runs_out_when_and_what_pity_does():
    rules = a_draw(
        replace(PHONE, ppm=200, stock=5, releases=(Release(OPENS + timedelta(days=3), 2),)), replace(COUPON, stock=50),
        POINTS, replace(THANKS, ppm=749_800), pity=Pity(1, guaranteed_at=30),
    )  # fmt: skip
    done = []
    found = report(simulate(rules, replace(PLAN, budget_fen=1), SHANGHAI, lambda *each: done.append(each)))
    _, coupon, points, thanks = found.prizes
    assert done[-1] == (60_000, 60_000)
    assert (found.runs, found.virtual_spins) == (30, 60_000)
    assert found.cost_low_fen <= found.cost_mean_fen <= found.cost_high_fen
    assert found.cost_mean_fen == pytest.approx(sum(each.cost_fen for each in found.prizes))
    assert (coupon.awarded, coupon.runs_out) == (50, 1.0)
    assert coupon.runs_out_at < "2026-05-04"  # of about 200 spins a day a tenth rolls one: gone in three days
    assert points.runs_out == 0
    assert sum(each.awarded for each in found.prizes) == pytest.approx(2_000)
    assert found.pity.rolled_share > found.pity.base_share == pytest.approx(0.1002)
    codes = {(each.code, each.prize) for each in found.warnings}
    assert {("over_budget", None), ("runs_out_early", "coupon"), ("often_replaced", "coupon")} <= codes
    assert found.given[1][-1] == coupon.awarded
    assert thanks.cost_fen == 0
    json.dumps(asdict(found), allow_nan=False)


def test_without_limits_the_expected_cost_is_that_of_the_odds():
    rules = a_draw(replace(PHONE, stock=10_000), replace(COUPON, stock=None), POINTS, THANKS)
    found = report(simulate(rules, replace(PLAN, virtual_spins=200_000), SHANGHAI))
    assert found.cost_mean_fen == pytest.approx(2_000 * (0.05 * 300_000 + 0.1 * 500 + 0.15 * 10), rel=0.05)


def test_the_same_plan_gives_the_same_report():
    assert report(simulate(a_draw(), PLAN, SHANGHAI)) == report(simulate(a_draw(), PLAN, SHANGHAI))


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(expected_spins=0), "expected_spins"),
        (Plan(expected_spins=100_000, members=99), "members"),
        (Plan(virtual_spins=2_000_001), "virtual_spins"),
        (Plan(hours=(1,)), "hours"),
        (Plan(hours=(0,) * 24), "hours"),
        (Plan(decay_percent=91), "decay_percent"),
        (Plan(blocked_ppm=-1), "blocked_ppm"),
        (Plan(budget_fen=-1), "budget_fen"),
        (Plan(seed=-1), "seed"),
    ],
)
def test_a_plan_that_cannot_be_simulated_is_refused_by_field(plan, field):
    assert [each.field for each in plan_problems(plan, a_draw())] == [field]
    assert plan_problems(Plan(), a_draw()) == ()


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_report_has_a_picture(kind, begins):
    assert plot(report(simulate(a_draw(), PLAN, SHANGHAI)), kind).startswith(begins)
