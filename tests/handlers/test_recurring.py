"""Recurring work: every due moment once, however many look."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.recurring import AT_ONCE, CatchUp, Daily, Every, Recurring, start_due
from models.database import rows

QUARTER = Every(timedelta(minutes=15))
SWEEP = Recurring("sweep", "sweep", QUARTER)
STATEMENT = Recurring("statement", "statement", Daily(time(2)), CatchUp.ALL)


async def keys() -> list[str]:
    return [each["key"] for each in await rows("SELECT key FROM job ORDER BY id")]


async def test_a_slot_is_started_once_however_many_processes_look(database, clock):
    started = await asyncio.gather(*(start_due(SWEEP, clock.now()) for _ in range(20)))
    assert sum(started) == 1
    assert await keys() == ["sweep@2026-03-02T02:00:00+00:00"]
    clock.advance(timedelta(minutes=14))
    assert await start_due(SWEEP, clock.now()) == 0
    clock.advance(timedelta(minutes=1))
    assert await start_due(SWEEP, clock.now()) == 1


async def test_of_missed_slots_cleaning_up_runs_the_latest_and_statements_run_all(database, clock):
    for task in (SWEEP, STATEMENT):
        assert await start_due(task, clock.now()) == 1
    clock.advance(timedelta(days=3))
    assert await start_due(SWEEP, clock.now()) == 1
    assert await start_due(STATEMENT, clock.now()) == 3
    slots = [key.partition("@")[2] for key in await keys() if key.startswith("statement")]
    assert slots == [f"2026-03-0{day}T18:00:00+00:00" for day in (1, 2, 3, 4)]  # 02:00 in Shanghai


async def test_a_clock_that_was_set_back_starts_nothing_again(database, clock):
    await start_due(STATEMENT, clock.now())
    await start_due(SWEEP, clock.now())
    clock.advance(timedelta(days=-2))
    assert await start_due(SWEEP, clock.now()) == 0
    assert await start_due(STATEMENT, clock.now()) == 0


async def test_very_many_missed_slots_come_in_portions(database, clock):
    often = Recurring("often", "often", Every(timedelta(seconds=1)), CatchUp.ALL)
    await start_due(often, clock.now())
    clock.advance(timedelta(seconds=AT_ONCE + 7))
    assert [await start_due(often, clock.now()) for _ in range(3)] == [AT_ONCE, 7, 0]


NEW_YORK = ZoneInfo("America/New_York")  # a zone whose days are not all equally long
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
schedules = st.one_of(
    st.timedeltas(timedelta(seconds=1), timedelta(days=40)).map(Every),
    st.builds(Daily, at=st.times(), zone=st.sampled_from([ZoneInfo("Asia/Shanghai"), NEW_YORK])),
)


@given(schedules, instants)
def test_the_latest_slot_has_come_and_the_following_one_has_not(schedule, now):
    latest = schedule.latest(now)
    assert latest <= now < schedule.following(latest)
    assert schedule.latest(latest) == latest


@pytest.mark.parametrize("count", [400])
def test_every_day_has_its_slot_whatever_the_clocks_do(count):
    schedule = Daily(time(2, 30), NEW_YORK)
    slot = schedule.latest(datetime(2026, 1, 10, tzinfo=UTC))
    days = set()
    for _ in range(count):
        days.add(slot.astimezone(NEW_YORK).date())
        slot = schedule.following(slot)
    assert len(days) == count
