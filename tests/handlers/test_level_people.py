"""Levels of people who become one, are two again, or leave, and levels by hand."""

import pytest

from handlers.errors import (
    ApprovalOwn,
    LevelNotHigher,
    LevelUnknown,
    MemberUnknown,
    OverrideEndInvalid,
    OverrideMissing,
    RoleMissing,
)
from models.identity import Member
from models.levels import LevelChange, MemberLevel
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.words import LevelCause, OperatorRole
from tests.handlers.laddering import BASE, DAY, GOLD, SILVER, Steps, a_ladder
from tests.handlers.ledgers import a_ledger, breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.test_unmerging import merge, undo

STANDS = ("code", "version", "began_at", "judged_at", "override_until")


@pytest.fixture
async def steps(far, clock):
    steps = Steps(clock)
    await steps.publish(a_ladder())
    yield steps
    assert await breaches() == []


@pytest.fixture
async def two(far):
    return await far.member("o-ming"), await far.person("o-far", account="far0")


async def stands(person):
    return await MemberLevel.filter(member_id=person.member_id).values(*STANDS)


class TestMerging:
    async def test_the_survivor_has_the_higher_level_and_its_period(self, far, steps, two):
        ming, other = two
        await steps.earn(ming, 100)
        steps.clock.advance(DAY)
        await steps.earn(other, 500)
        theirs = await stands(other)
        await merge(far, *two)
        assert await stands(ming) == theirs
        assert await steps.level(other) == GOLD  # an id of any time means the person
        assert await steps.history(ming) == [("growth", SILVER), ("merged", GOLD)]

    async def test_the_growth_of_both_may_reach_more_than_either(self, far, steps, two):
        ming, other = two
        await steps.earn(ming, 60)
        await steps.earn(other, 60)
        await merge(far, *two)
        assert await steps.level(ming) == SILVER

    async def test_of_equal_levels_the_one_that_lasts_longer_counts(self, far, steps, two):
        ming, other = two
        await steps.earn(ming, 100)
        steps.clock.advance(3 * DAY)
        await steps.earn(other, 100)
        theirs = await stands(other)
        await merge(far, *two)
        assert await stands(ming) == theirs

    async def test_with_nothing_between_both_stand_as_before(self, far, steps, two):
        ming, other = two
        await steps.earn(ming, 110)
        await steps.earn(other, 450)
        before = await stands(ming), await stands(other)
        await merge(far, *two)
        assert await steps.level(ming) == GOLD  # by the growth of both
        await undo(far)
        assert (await stands(ming), await stands(other)) == before
        assert await steps.history(ming) == [("growth", SILVER), ("growth", GOLD), ("unmerged", SILVER)]

    async def test_what_came_after_the_merge_stays_the_survivors(self, far, steps, two):
        ming, other = two
        await steps.earn(other, 120)
        await merge(far, *two)
        await steps.earn(ming, 500)
        await undo(far)
        assert (await steps.level(ming), await steps.level(other)) == (GOLD, SILVER)

    async def test_while_they_are_one_the_other_row_is_not_judged(self, far, steps, two, clock):
        ming, other = two
        await steps.earn(other, 120)
        await merge(far, *two)
        clock.advance(40 * DAY)
        await far.handlers.level_judging.sweep()
        assert await steps.history(other) == [("growth", SILVER)]
        assert await steps.history(ming) == [("merged", SILVER), ("kept", SILVER)]  # what both earned counts


async def test_whoever_leaves_has_no_level_and_the_second_sweep_changes_nothing(far, steps, clock):
    ming = await far.member("o-ming")
    await steps.earn(ming, 120)
    await far.handlers.departures.leave(ming)
    (row,) = await stands(ming)
    assert (row["code"], row["judged_at"]) == ("", None)
    assert await LevelChange.filter(member_id=ming.member_id, cause=LevelCause.DEPARTED).count() == 1
    assert await (await a_ledger(clock, "growth")).posted(ming.member_id) == 0


class TestByHand:
    @pytest.fixture
    async def desk(self, far):
        root = await Organization.get(parent=None)
        return far.handlers.level_overriding, await operator_at(root, OperatorRole.SUPPORT), await operator_at(root)

    @pytest.fixture
    async def ming(self, far):
        return await far.member("o-ming")

    async def lift(self, desk, ming, clock, *, level=GOLD, days=30, by=None, request_id=None):
        until = clock.now() + days * DAY
        answer = await desk[0].lift(
            by or desk[1], ming.member_id, level=level, until=until, reason="投诉补偿", request_id=request_id or key()
        )
        return answer.value

    async def test_a_lift_has_a_reason_and_an_end_and_growth_is_untouched(self, steps, desk, ming, clock):
        await steps.earn(ming, 120)
        await self.lift(desk, ming, clock)
        assert await steps.level(ming) == GOLD
        assert await (await a_ledger(clock, "growth")).posted(ming.member_id) == 120
        change = await LevelChange.get(member_id=ming.member_id, cause=LevelCause.OVERRIDE)
        assert (change.reason, change.operator_id) == ("投诉补偿", desk[1].id)
        assert await AuditEntry.filter(action="level.lifted").count() == 1
        clock.advance(30 * DAY)
        assert await desk[0].view(desk[1], ming.member_id)
        await steps.settle(ming)
        assert await steps.level(ming) == SILVER

    async def test_growth_lifts_above_a_lift(self, steps, desk, ming, clock):
        await self.lift(desk, ming, clock, level=SILVER)
        await steps.earn(ming, 500)
        (row,) = await stands(ming)
        assert (row["code"], row["override_until"]) == (GOLD, None)

    async def test_nobody_is_lowered_by_hand(self, steps, desk, ming, clock):
        await steps.earn(ming, 120)
        for level in (SILVER, BASE):
            with pytest.raises(LevelNotHigher):
                await self.lift(desk, ming, clock, level=level)

    async def test_a_lift_that_is_given_back_during_it_stays_a_lift(self, steps, desk, ming, clock):
        earned = await steps.earn(ming, 120)
        await self.lift(desk, ming, clock)
        await steps.take_back(ming, earned, 120)
        assert await steps.level(ming) == GOLD

    async def test_for_long_it_takes_two(self, steps, desk, ming, clock):
        asked = await self.lift(desk, ming, clock, days=200)
        assert asked.approval_id
        assert await steps.level(ming) == BASE
        with pytest.raises(ApprovalOwn):
            await desk[0].approve(desk[1], asked.approval_id, request_id=key())
        assert [each.id for each in await desk[0].pending(desk[2], after=None, limit=5)] == [asked.approval_id]
        await desk[0].approve(desk[2], asked.approval_id, request_id=key())
        assert await steps.level(ming) == GOLD
        change = await LevelChange.get(member_id=ming.member_id)
        assert (change.operator_id, change.approved_by_id) == (desk[1].id, desk[2].id)

    async def test_what_is_rejected_changes_nothing(self, steps, desk, ming, clock):
        asked = await self.lift(desk, ming, clock, days=200)
        await desk[0].reject(desk[2], asked.approval_id, request_id=key())
        assert await steps.level(ming) == BASE

    async def test_it_can_be_ended_before_its_time(self, steps, desk, ming, clock):
        await self.lift(desk, ming, clock)
        await desk[0].end(desk[1], ming.member_id, reason="误操作", request_id=key())
        assert await steps.level(ming) == BASE
        with pytest.raises(OverrideMissing):
            await desk[0].end(desk[1], ming.member_id, reason="误操作", request_id=key())

    async def test_the_same_key_lifts_once(self, steps, desk, ming, clock):
        await self.lift(desk, ming, clock, request_id="k")
        await self.lift(desk, ming, clock, request_id="k")
        assert await LevelChange.filter(member_id=ming.member_id).count() == 1

    async def test_what_cannot_be_is_refused(self, far, steps, desk, ming, clock):
        with pytest.raises(LevelUnknown):
            await self.lift(desk, ming, clock, level="diamond")
        for days in (0, 5_000):
            with pytest.raises(OverrideEndInvalid):
                await self.lift(desk, ming, clock, days=days)
        root = await Organization.get(parent=None)
        with pytest.raises(RoleMissing):
            await self.lift(desk, ming, clock, by=await operator_at(root, OperatorRole.FINANCE))
        north = await Organization.create(parent=root, code="north", name="北市")
        south = await Organization.create(parent=root, code="south", name="南市")
        await Member.filter(id=ming.member_id).update(organization_id=south.id)
        with pytest.raises(MemberUnknown):
            await self.lift(desk, ming, clock, by=await operator_at(north))


class TestWarning:
    async def test_whoever_would_fall_is_warned_a_month_and_a_week_before_once_a_day(self, far, steps, clock):
        ming = await far.member("o-ming")
        reminders = far.handlers.level_reminders
        said = {"account": "oa", "member_id": str(ming.member_id)}
        await steps.earn(ming, 100)
        assert await reminders.due(**said) is None  # what brought them there is enough for this period
        assert await reminders.plan(clock.now() + 23 * DAY) == 0  # they follow no account: nobody to tell
        await far.handlers.following.follow(ming, await far.handlers.accounts.get("oa"))
        clock.advance(31 * DAY)
        await steps.settle(ming)
        planned = []
        for day in range(31):
            planned += [day] * await reminders.plan(clock.now())
            await reminders.plan(clock.now())
            clock.advance(DAY)
        assert len(planned) == 2
        assert planned[1] - planned[0] == 23
        assert await Job.filter(kind="say_level_ending").count() == 2  # planned twice each
        seen = await reminders.due(**said)
        assert (seen.level, seen.missing) == ("银卡会员", 50)
        await steps.earn(ming, 50)
        assert await reminders.due(**said) is None
