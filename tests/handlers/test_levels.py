"""等级: reached by growth, held for a period, judged, lifted by hand; every step once and on record."""

import asyncio

import pytest

from handlers.levels import levels
from models.database import SerializationConflict, atomic, rows
from models.levels import MemberLevel
from models.words import DowngradePolicy, PointsExpiry
from tests.handlers.laddering import BASE, DAY, GOLD, SILVER, Steps, a_ladder
from tests.handlers.ledgers import a_ledger, breaches


@pytest.fixture
async def steps(far, clock):
    """Whatever a test does, `doctor` has nothing to say in the end."""
    steps = Steps(clock)
    await steps.publish(a_ladder())
    yield steps
    assert await breaches() == []


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


@pytest.fixture
async def growth(clock):
    return await a_ledger(clock, "growth")


class TestRising:
    async def test_without_a_ladder_growth_is_kept_and_nobody_has_a_level(self, far, clock, ming):
        steps = Steps(clock)
        earned = await steps.earn(ming, 900)
        assert (earned.amount, earned.level) == (900, "")
        assert await steps.level(ming) == ""

    async def test_whoever_joined_has_the_level_that_asks_for_nothing_and_a_guest_has_none(self, far, steps, ming):
        guest = await far.person("o-guest")
        assert (await steps.level(ming), await steps.level(guest)) == (BASE, "")

    async def test_whoever_reaches_a_threshold_has_the_level_at_once(self, steps, ming):
        assert (await steps.earn(ming, 99)).level == BASE
        assert (await steps.earn(ming, 1)).level == SILVER
        assert await steps.level(ming) == SILVER
        assert await steps.history(ming) == [("growth", SILVER)]

    async def test_much_growth_at_once_passes_over_a_level(self, steps, ming):
        assert (await steps.earn(ming, 10_000)).level == GOLD

    async def test_the_same_act_gives_growth_once(self, steps, ming, growth):
        first = await steps.earn(ming, 100, "order-1")
        again = await steps.earn(ming, 100, "order-1")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.transfer_id == first.transfer_id
        assert await growth.posted(ming.member_id) == 100


class TestTakingBack:
    async def test_whom_it_takes_below_their_threshold_falls_at_once(self, steps, ming):
        earned = await steps.earn(ming, 120)
        await steps.take_back(ming, earned, 10)
        assert await steps.level(ming) == SILVER
        await steps.take_back(ming, earned, 20)
        assert await steps.level(ming) == BASE
        assert await steps.history(ming) == [("growth", SILVER), ("reversed", BASE)]

    async def test_where_nobody_falls_it_takes_growth_alone(self, steps, ming):
        await steps.publish(a_ladder(DowngradePolicy.NONE))
        await steps.take_back(ming, await steps.earn(ming, 120), 120)
        assert await steps.level(ming) == SILVER

    async def test_what_went_with_a_lost_level_cannot_be_taken_again(self, steps, ming, growth, clock):
        earned = await steps.earn(ming, 300)
        clock.advance(31 * DAY)
        await steps.settle(ming)
        assert await growth.posted(ming.member_id) == 300  # 300 came within the period: silver is kept
        clock.advance(31 * DAY)
        await steps.settle(ming)
        assert await growth.posted(ming.member_id) == 0
        assert await steps.take_back(ming, earned, 300) is None


class TestJudging:
    async def test_whoever_brings_the_growth_keeps_the_level_for_another_period(self, steps, ming, clock):
        await steps.earn(ming, 500)
        await steps.earn(ming, 200)
        clock.advance(31 * DAY)
        await steps.settle(ming)
        assert await steps.history(ming) == [("growth", GOLD), ("kept", GOLD)]

    async def test_one_down_falls_one_level_and_begins_at_its_threshold(self, steps, ming, clock, growth):
        await steps.earn(ming, 700)
        clock.advance(62 * DAY)  # the first period was kept by what brought them there
        await steps.settle(ming)
        assert await steps.level(ming) == SILVER
        assert await growth.posted(ming.member_id) == 100
        assert (await steps.earn(ming, 1)).level == SILVER
        assert (await steps.earn(ming, 399)).level == GOLD

    async def test_by_balance_falls_to_what_the_period_brought(self, steps, ming, clock, growth):
        await steps.publish(a_ladder(DowngradePolicy.BY_BALANCE))
        await steps.earn(ming, 700)
        clock.advance(31 * DAY)
        await steps.settle(ming)
        await steps.earn(ming, 20)
        clock.advance(31 * DAY)
        await steps.settle(ming)
        assert await steps.level(ming) == BASE
        assert await growth.posted(ming.member_id) == 20

    async def test_with_the_policy_none_nobody_falls(self, steps, ming, clock, growth):
        await steps.publish(a_ladder(DowngradePolicy.NONE))
        await steps.earn(ming, 700)
        clock.advance(400 * DAY)
        await steps.settle(ming)
        assert (await steps.level(ming), await growth.posted(ming.member_id)) == (GOLD, 700)

    async def test_periods_that_nobody_looked_at_are_judged_one_by_one(self, steps, ming, clock):
        await steps.earn(ming, 700)
        clock.advance(100 * DAY)
        await steps.settle(ming)
        assert await steps.history(ming) == [("growth", GOLD), ("kept", GOLD), ("fell", SILVER), ("fell", BASE)]

    async def test_a_clock_that_was_set_back_judges_nothing_again(self, steps, ming, clock):
        await steps.earn(ming, 700)
        clock.advance(62 * DAY)
        await steps.settle(ming)
        before = await steps.history(ming)
        clock.advance(-40 * DAY)
        await steps.settle(ming)
        clock.advance(40 * DAY)
        await steps.settle(ming)
        assert await steps.history(ming) == before

    async def test_a_period_in_natural_years_ends_with_the_year(self, steps, ming):
        await steps.publish(a_ladder(validity=(PointsExpiry.YEARS, 0)))
        await steps.earn(ming, 100)
        held = await MemberLevel.get(member_id=ming.member_id)
        local = held.judged_at.astimezone(levels.BUSINESS_ZONE)
        assert (local.month, local.day, local.hour) == (1, 1, 0)

    async def test_a_new_ladder_lowers_nobody(self, steps, ming, clock):
        earned = await steps.earn(ming, 120)
        await steps.publish(a_ladder(silver=300, gold=900))
        await steps.settle(ming)
        assert await steps.level(ming) == SILVER
        await steps.take_back(ming, earned, 10)
        assert await steps.level(ming) == SILVER


class TestRaces:
    """Two at once see the same member; one of them takes the step."""

    async def test_fifty_purchases_at_once_raise_once(self, steps, ming, growth):
        await asyncio.gather(*(steps.earn(ming, 10) for _ in range(50)))
        assert await growth.posted(ming.member_id) == 500
        assert await steps.history(ming) == [("growth", SILVER), ("growth", GOLD)]

    async def race(self, steps, ming, growth, *, control: bool):
        """A step that was decided over what was read before somebody else took the same one."""
        await growth.earn(ming.member_id, 100)
        async with atomic():
            held = await levels.ladder_now()
            place = (await levels.places_of([ming.member_id], held))[ming.member_id]
        step = levels._by_growth(place, held, steps.clock.now(), levels.BUSINESS_ZONE, 0, levels.LevelCause.GROWTH, "")
        await steps.settle(ming)
        async with atomic():
            if control:  # the step's number is what makes it one: take another
                step = levels.Step(step.before, levels.replace(step.after, sequence=2), step.cause)
                await rows("DELETE FROM member_level WHERE member_id = $1", ming.member_id)
            await levels.write([step], held, at=steps.clock.now())

    async def test_a_step_that_somebody_else_took_meanwhile_is_decided_again(self, steps, ming, growth):
        with pytest.raises(SerializationConflict):
            await self.race(steps, ming, growth, control=False)
        assert await steps.history(ming) == [("growth", SILVER)]

    async def test_without_its_number_the_same_step_is_taken_twice(self, steps, ming, growth):
        """The negative control."""
        await self.race(steps, ming, growth, control=True)
        assert await steps.history(ming) == [("growth", SILVER), ("growth", SILVER)]
