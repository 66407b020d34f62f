"""A trial is had once per person, and an activation code is good once, throttled, and kept as a hash."""

from datetime import timedelta

import pytest

from handlers.errors import (
    CodeBatchInvalid,
    PlanCodeInvalid,
    PlanCodeTriesUsedUp,
    PlanNotAbove,
    PlanNotPublished,
    RoleMissing,
    TrialMissing,
    TrialNotNow,
    TrialUsed,
)
from handlers.plans.codes import BatchWanted
from handlers.rules.plan_codes import BITS, normalise
from models.cards import Card
from models.operators import AuditEntry
from models.organizations import Organization
from models.plans import PlanCode, PlanTrial
from models.words import OperatorRole
from tests.dumping import dump, found_in
from tests.handlers.buying import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.planning import BASE, DAY, GOLD, plan_desk, stretches
from tests.handlers.test_unmerging import merge, two_of_one


@pytest.fixture
async def desk(rooms):
    yield await plan_desk(rooms)
    assert await breaches() == []


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


class TestTrials:
    async def try_(self, desk, person, plan=None):
        return (await desk.plans.trials.begin(person, plan or desk.month, request_id=key())).value

    async def test_a_trial_is_the_level_for_some_days_and_what_is_bought_goes_on_from_it(self, desk, ming, clock):
        now = clock.now().replace(microsecond=0)
        seen = await self.try_(desk, ming)
        assert (seen.level, seen.ends_at, seen.days_left) == (GOLD, now + 7 * DAY, 7)
        assert await desk.steps.level(ming) == GOLD
        await desk.buy(ming, desk.month)
        assert await desk.ends(ming) == now + 38 * DAY

    async def test_it_ends_by_itself_and_does_not_come_again(self, desk, ming, clock):
        await self.try_(desk, ming)
        clock.advance(7 * DAY)
        await desk.steps.settle(ming)
        assert await desk.steps.level(ming) == BASE
        with pytest.raises(TrialUsed):
            await self.try_(desk, ming)

    async def test_a_paid_member_needs_none_and_a_plan_may_have_none(self, desk, ming):
        with pytest.raises(TrialMissing):
            await self.try_(desk, ming, desk.quarter)
        await desk.buy(ming, desk.quarter)
        with pytest.raises(TrialNotNow):
            await self.try_(desk, ming)
        assert await PlanTrial.all().count() == 0

    async def test_the_same_phone_has_had_it_whoever_comes_with_it(self, desk, rooms):
        first = await rooms.member("o-first", phone="13912345670")
        await self.try_(desk, first)
        await rooms.handlers.departures.leave(first)
        again = await rooms.member("o-again", phone="13912345670")
        with pytest.raises(TrialUsed):
            await self.try_(desk, again)

    async def test_the_same_unionid_has_had_it(self, desk, rooms):
        first = await rooms.member("o-first", "u-one")
        await self.try_(desk, first)
        await rooms.handlers.departures.leave(first)
        with pytest.raises(TrialUsed):
            await self.try_(desk, await rooms.member("o-again", "u-one"))
        await self.try_(desk, await rooms.member("o-other", "u-two"))

    async def test_the_same_card_has_had_it(self, desk, rooms):
        first, second = await rooms.member("o-first"), await rooms.member("o-second")
        card = await Card.filter(member_id=first.member_id).first()
        await self.try_(desk, first)
        await Card.filter(id=card.id).update(member_id=second.member_id, is_primary=False)
        with pytest.raises(TrialUsed):
            await self.try_(desk, second)

    async def test_two_who_turn_out_to_be_one_have_had_it(self, desk, far, clock):
        one, other = await two_of_one(far)
        await self.try_(desk, other)
        clock.advance(8 * DAY)
        await merge(far, one, other)
        with pytest.raises(TrialUsed):
            await self.try_(desk, one)

    async def test_what_is_kept_of_it_names_nobody(self, desk, rooms):
        ming = await rooms.member("o-ming", "u-ming", phone="13912345670")
        await self.try_(desk, ming)
        marks = str(await PlanTrial.all().values("mark"))
        assert await PlanTrial.all().count() >= 4
        assert not any(each in marks for each in (str(ming.member_id), "u-ming", "13912345670"))


class TestCodes:
    async def make(self, desk, count=3, plan=None, days=30, by=None, request=None):
        wanted = BatchWanted(count, desk.rooms.clock.now() + timedelta(days=days), "渠道")
        made = await desk.plans.codes.make(by or desk.operator, plan or desk.month, wanted, request_id=request or key())
        return made.value

    async def use(self, desk, person, code, request=None):
        return (await desk.plans.codes.use(person, code, request_id=request or key())).value

    async def test_a_code_is_a_term_once(self, desk, ming, rooms, clock):
        made = await self.make(desk)
        seen = await self.use(desk, ming, f" {made.codes[0].lower().replace('-', ' ')} ")
        assert (seen.level, seen.days_left, seen.terms[0].paid_fen) == (GOLD, 31, 0)
        with pytest.raises(PlanCodeInvalid):
            await self.use(desk, ming, made.codes[0])
        with pytest.raises(PlanCodeInvalid):
            await self.use(desk, await rooms.member("o-other"), made.codes[0])
        await self.use(desk, ming, made.codes[1])
        assert [cause for cause, *_ in await stretches(ming)] == ["code", "code"]
        (batch,) = await desk.plans.codes.batches(desk.operator, desk.month, after=None, limit=10)
        assert (batch.code_count, batch.used_count, batch.note) == (3, 2, "渠道")

    async def test_codes_have_a_hundred_bits_differ_and_stand_nowhere(self, desk, ming):
        made, other = await self.make(desk, 20), await self.make(desk, 20)
        every = {normalise(each) for each in (*made.codes, *other.codes)}
        assert (len(every), BITS, None in every) == (40, 100, False)
        await self.use(desk, ming, made.codes[0])
        text = await dump()
        assert found_in(text, [*every, *made.codes, *other.codes]) == set()
        # The search finds what is there.
        assert found_in(text, [(await PlanCode.first()).code_hash]) != set()
        assert "code_hash" not in str(await AuditEntry.all().values("facts"))

    async def test_the_same_key_shows_the_same_batch_again_and_makes_no_other(self, desk):
        first = await self.make(desk, request="once")
        assert await self.make(desk, request="once") == first
        assert await PlanCode.all().count() == 3

    async def test_five_wrong_ones_an_hour_are_counted_and_a_right_one_is_not(self, desk, ming, clock):
        made = await self.make(desk)
        for left in (4, 3, 2, 1, 0):
            with pytest.raises(PlanCodeInvalid) as refused:
                await self.use(desk, ming, "00000-00000-00000-00000")
            assert refused.value.facts["left"] == left
            clock.advance(timedelta(seconds=1))
        with pytest.raises(PlanCodeTriesUsedUp) as refused:
            await self.use(desk, ming, made.codes[0])
        assert refused.value.facts["minutes"] == 60
        clock.advance(timedelta(hours=1))
        for code in made.codes:
            await self.use(desk, ming, code, request=code)
            for _ in range(3):
                await self.use(desk, ming, code, request=code)
        for _ in range(3):
            clock.advance(timedelta(seconds=1))
            with pytest.raises(PlanCodeInvalid):
                await self.use(desk, ming, "no code at all")

    async def test_a_code_of_another_level_stays_good(self, desk, ming, clock):
        made = await self.make(desk)
        await desk.buy(ming, desk.year)
        with pytest.raises(PlanNotAbove):
            await self.use(desk, ming, made.codes[0])
        assert await PlanCode.filter(used_at=None).count() == 3

    async def test_a_code_has_an_end_and_a_batch_its_bounds(self, desk, ming, clock):
        made = await self.make(desk, days=1)
        clock.advance(DAY)
        with pytest.raises(PlanCodeInvalid):
            await self.use(desk, ming, made.codes[0])
        for bounds in ({"count": 0}, {"count": 1_001}, {"days": 0}, {"days": 2_000}):
            with pytest.raises(CodeBatchInvalid):
                await self.make(desk, **bounds)

    async def test_only_who_may_makes_them_and_only_of_what_is_sold(self, desk):
        support = await operator_at(await Organization.get(parent_id=None), OperatorRole.SUPPORT)
        with pytest.raises(RoleMissing):
            await self.make(desk, by=support)
        await desk.plans.editing.withdraw(desk.operator, desk.month, request_id=key())
        with pytest.raises(PlanNotPublished):
            await self.make(desk)
