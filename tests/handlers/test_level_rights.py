"""等级权益: once per member, right and period, by a job and at first touch; what was given stays."""

import asyncio

import pytest

from handlers.errors import LevelRightFixed, LevelRightInvalid, OfferUnknown, RoleMissing
from handlers.level_rights import giving
from handlers.level_rights.right_editing import RightWanted
from handlers.levels.levels import JUDGED
from handlers.retrying import again
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from models.benefits import Offer
from models.claims import Claim
from models.ids import new_id
from models.ledger import Transfer
from models.levels import LevelRightGiven
from models.organizations import Organization
from models.outbox import Job
from models.words import BenefitKind, ClaimState, OfferState, OperatorRole, RightPeriod
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.giving import desk_of, held
from tests.handlers.laddering import DAY, GOLD, SILVER, Steps, a_ladder
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.test_unmerging import merge


@pytest.fixture
async def steps(far, clock):
    steps = Steps(clock)
    await steps.publish(a_ladder())
    yield steps
    assert await breaches() == []


@pytest.fixture
async def desk(far):
    return await desk_of(far)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


@pytest.fixture
async def offer(far, clock):
    return await an_offer(clock.now(), stock=100)


async def a_right(desk, offer, *, levels=(SILVER, GOLD), period=RightPeriod.MONTH, code="tea", publish=True):
    editing = desk.rooms.handlers.level_right_editing
    wanted = RightWanted(code, "每月一杯茶", offer.id, levels, period)
    saved = (await editing.save(desk.first, wanted, request_id=None)).value
    if publish:
        await editing.publish(desk.first, saved.id, request_id=key())
        await desk.work()
    return saved


class TestGiving:
    async def test_a_right_that_is_published_later_reaches_who_has_the_level(self, desk, steps, ming, far, offer):
        plain = await far.member("o-plain")
        await steps.earn(ming, 100)
        await a_right(desk, offer)
        assert (await held(ming), await held(plain)) == (1, 0)
        assert await offer.left() == 99

    async def test_whoever_rises_is_given_it_and_told(self, desk, steps, ming, offer):
        await a_right(desk, offer)
        await steps.earn(ming, 100)
        await desk.work()
        assert await held(ming) == 1
        assert await Job.filter(kind="say_granted").count() == 1
        assert await Job.filter(kind="say_level").count() == 1

    async def test_it_comes_once_a_natural_month(self, desk, steps, ming, far, offer, clock):
        await steps.publish(a_ladder(keep=(0, 0)))
        await steps.earn(ming, 100)
        await a_right(desk, offer)
        for _ in range(3):
            await far.handlers.level_rights_giving.plan(clock.now())
            await desk.work()
        assert await held(ming) == 1
        clock.advance(31 * DAY)
        await far.handlers.level_rights_giving.plan(clock.now())
        await desk.work()
        assert await held(ming) == 2

    async def test_a_clock_that_was_set_back_gives_nothing_again(self, desk, steps, ming, far, offer, clock):
        await steps.publish(a_ladder(keep=(0, 0)))
        await steps.earn(ming, 100)
        await a_right(desk, offer)
        clock.advance(31 * DAY)
        await far.handlers.my_level.view(ming)
        clock.advance(-31 * DAY)
        await far.handlers.my_level.view(ming)
        assert await held(ming) == 2

    async def test_one_that_comes_once_never_comes_again(self, desk, steps, ming, far, offer, clock):
        await steps.publish(a_ladder(keep=(0, 0)))
        await steps.earn(ming, 100)
        await a_right(desk, offer, period=RightPeriod.ONCE)
        clock.advance(400 * DAY)
        await far.handlers.my_level.view(ming)
        assert await held(ming) == 1

    async def test_a_birthday_right_comes_in_the_month_of_a_birthday_on_file(
        self, desk, steps, ming, far, offer, clock
    ):
        other = await far.member("o-other")
        for each in (ming, other):
            await steps.earn(each, 100)
        month = clock.now().astimezone(giving.BUSINESS_ZONE).month
        await far.handlers.membership.change_profile(ming, changes={"birthday": f"1990-{month:02}-28"})
        await far.handlers.membership.change_profile(other, changes={"birthday": f"1990-{month % 12 + 1:02}-01"})
        await a_right(desk, offer, period=RightPeriod.BIRTHDAY)
        assert (await held(ming), await held(other)) == (1, 0)

    async def test_the_first_touch_brings_it_where_no_job_has_been(self, desk, steps, ming, far, offer):
        await steps.earn(ming, 100)
        right = await a_right(desk, offer, publish=False)
        await far.handlers.level_right_editing.publish(desk.first, right.id, request_id=key())
        await far.handlers.my_level.view(ming)
        assert await held(ming) == 1
        await desk.work()
        assert await held(ming) == 1

    async def test_falling_stops_what_would_come_and_takes_nothing(self, desk, steps, ming, far, offer, clock):
        await steps.earn(ming, 100)
        await a_right(desk, offer)
        clock.advance(62 * DAY)  # kept once, then not
        await far.handlers.my_level.view(ming)
        await far.handlers.level_rights_giving.plan(clock.now())
        await desk.work()
        assert await held(ming) == 1
        assert (await Claim.get(member_id=ming.member_id)).state is ClaimState.ISSUED
        assert await Transfer.filter(cause_kind=JUDGED).count() == 1

    async def test_of_two_who_become_one_the_month_is_given(self, desk, steps, ming, far, offer):
        other = await far.person("o-far", account="far0")
        await steps.earn(ming, 100)
        await a_right(desk, offer)
        await merge(far, ming, other)
        await steps.earn(ming, 500)
        await desk.work()
        assert await Claim.filter(member_id__in=[ming.member_id, other.member_id]).count() == 1

    async def test_where_stock_runs_out_some_are_given_and_the_others_at_a_later_touch(
        self, desk, steps, ming, far, clock
    ):
        offer, other = await an_offer(clock.now(), stock=1), await far.member("o-other")
        for each in (ming, other):
            await steps.earn(each, 100)
        await a_right(desk, offer)
        assert await held(ming) + await held(other) == 1
        facts = {"bucket": "total", "delta": 1, "reason": "补", "request_id": key()}
        asked = (await far.handlers.offer_stocks.change(desk.first, offer.id, **facts)).value
        await far.handlers.offer_stocks.approve(desk.second, asked.approval_id, request_id=key())
        for each in (ming, other):
            await far.handlers.my_level.view(each)
        assert await held(ming) + await held(other) == 2

    async def test_what_is_paused_is_not_given_and_comes_at_the_touch_after(self, desk, steps, ming, far, offer):
        await steps.earn(ming, 100)
        right = await a_right(desk, offer, publish=False)
        await far.handlers.level_right_editing.publish(desk.first, right.id, request_id=key())
        await Offer.filter(id=offer.id).update(state=OfferState.PAUSED)
        await desk.work()
        assert await held(ming) == 0
        await Offer.filter(id=offer.id).update(state=OfferState.PUBLISHED)
        await far.handlers.my_level.view(ming)
        assert await held(ming) == 1

    async def test_a_job_that_goes_on_in_chunks_misses_nobody(self, desk, steps, far, offer, monkeypatch):
        monkeypatch.setattr(giving, "CHUNK", 2)
        people = [await far.member(f"o-{n}") for n in range(5)]
        for each in people:
            await steps.earn(each, 100)
        await a_right(desk, offer)
        assert [await held(each) for each in people] == [1] * 5


class TestRaces:
    async def touch(self, far, ming):
        reach = far.handlers.level_rights_giving.reach
        return await asyncio.gather(*(again(lambda: reach(ming.member_id)) for _ in range(20)), return_exceptions=True)

    async def test_twenty_touches_at_once_give_once(self, desk, steps, ming, far, offer):
        await steps.earn(ming, 100)
        right = await a_right(desk, offer, publish=False)
        await far.handlers.level_right_editing.publish(desk.first, right.id, request_id=key())
        await self.touch(far, ming)
        assert await held(ming) == 1
        assert await LevelRightGiven.all().count() == 1

    async def test_without_the_period_in_its_key_every_touch_gives(self, desk, steps, ming, far, offer, monkeypatch):
        """The negative control."""
        await steps.earn(ming, 100)
        right = await a_right(desk, offer, publish=False)
        await far.handlers.level_right_editing.publish(desk.first, right.id, request_id=key())
        monkeypatch.setattr(giving, "due_period", lambda *_: new_id().hex)
        await self.touch(far, ming)
        assert await held(ming) == 20


class TestEditing:
    async def test_what_was_published_is_not_changed_only_ended(self, desk, steps, ming, far, offer):
        right = await a_right(desk, offer)
        with pytest.raises(LevelRightFixed):
            await a_right(desk, offer, levels=(GOLD,))
        ended = (await far.handlers.level_right_editing.end(desk.first, right.id, request_id=key())).value
        assert ended.ended_at
        await steps.earn(ming, 100)
        await desk.work()
        assert await held(ming) == 0

    async def test_what_nobody_is_there_to_choose_cannot_be_given_by_itself(self, desk, steps, clock):
        wash, tea = await a_benefit("洗车"), await a_benefit("茶")
        terms = PackageTerms((PackagePart(wash.code), PackagePart(tea.code)), choose=1)
        offer = await an_offer(clock.now(), benefit=await a_benefit("礼包", BenefitKind.PACKAGE, terms))
        with pytest.raises(LevelRightInvalid):
            await a_right(desk, offer)

    async def test_a_level_that_is_not_there_an_offer_that_is_not_theirs_and_a_missing_role_are_refused(
        self, desk, steps, offer, far
    ):
        with pytest.raises(LevelRightInvalid):
            await a_right(desk, offer, levels=("diamond",))
        root = await Organization.get(parent=None)
        editing, wanted = far.handlers.level_right_editing, RightWanted("x", "x", new_id(), (GOLD,), RightPeriod.ONCE)
        with pytest.raises(OfferUnknown):
            await editing.save(desk.first, wanted, request_id=None)
        north = await Organization.create(parent=root, code="north", name="北市")
        for who in (await operator_at(root, OperatorRole.SUPPORT), await operator_at(north)):
            with pytest.raises(RoleMissing):
                await editing.save(who, wanted, request_id=None)
