"""签到: once a business day whoever asks and however often, with everything it gives, item by item."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from handlers.checkins import check_ins as module
from handlers.checkins.check_ins import CheckIns
from handlers.errors import (
    AlreadyCheckedIn,
    CheckInsClosed,
    CheckInTermsWrong,
    DayNotMendable,
    KeyReused,
    MakeupCardMissing,
    NotAMember,
    RoleMissing,
)
from handlers.requests import Answer
from handlers.rules.checkins import CheckInRules
from handlers.rules.rewards import Reward
from models.checkins import CheckIn
from models.claims import Claim
from models.database import atomic
from models.failures import SerializationConflict
from models.ledger import LedgerAccount, Transfer
from models.organizations import Organization
from models.words import ClaimSource, OperatorRole
from tests.handlers.checking_in import DAY, RULES, a_parlour, elsewhere, points, stored
from tests.handlers.claimable import an_offer
from tests.handlers.ledgers import breaches
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.offering import key, operator_at
from tests.handlers.test_claiming import crowd
from tests.handlers.test_unmerging import merge, undo
from tests.handlers.trips import counting_trips


@pytest.fixture
async def parlour(far):
    async with a_parlour(far) as parlour:
        yield parlour


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


def told(done) -> list[tuple[str, str, int]]:
    return [(each.part, each.kind, each.amount) for each in done.rewards]


class TestADay:
    async def test_a_check_in_counts_and_gives_what_the_version_says(self, parlour, ming):
        done = await parlour.press(ming)
        assert (done.business_on, done.streak, done.in_month) == (date(2026, 3, 2), 1, 1)
        assert told(done) == [("daily", "points", 2)]
        assert await parlour.points(ming) == 2

    async def test_streaks_and_months_are_items_of_their_own(self, parlour, ming):
        days = await parlour.press_on(ming, *range(7))
        assert [each.streak for each in days] == [1, 2, 3, 4, 5, 6, 7]
        items = [told(each)[1:] for each in days]
        streak, month, card = ("streak:3", "points", 10), ("month:5", "points", 50), ("streak:7", "makeup_card", 1)
        assert items == [[], [], [streak], [], [month], [streak], [card]]
        assert await parlour.points(ming) == 7 * 2 + 2 * 10 + 50

    async def test_a_second_press_of_the_day_gives_nothing(self, parlour, ming):
        await parlour.press(ming)
        with pytest.raises(AlreadyCheckedIn):
            await parlour.press(ming)
        assert await stored() == (1, 1)

    async def test_the_same_key_is_the_same_answer(self, parlour, ming):
        first = await parlour.handlers.check_ins.check_in(ming, request_id="k")
        again = await parlour.handlers.check_ins.check_in(ming, request_id="k")
        assert (again.replayed, again.value) == (True, first.value)
        assert await stored() == (1, 1)

    async def test_a_day_ends_with_its_last_second_in_the_programmes_zone(self, parlour, ming, clock):
        clock.advance(datetime(2026, 3, 2, 15, 59, 59, 999_999, tzinfo=UTC) - clock.now())
        assert (await parlour.press(ming)).business_on == date(2026, 3, 2)
        clock.advance(timedelta(microseconds=1))
        done = await parlour.press(ming)
        assert (done.business_on, done.streak) == (date(2026, 3, 3), 2)

    async def test_a_clock_that_is_set_back_gives_no_second_check_in(self, parlour, ming, clock):
        await parlour.press(ming)
        for _ in range(2):
            clock.advance(-DAY)
            with pytest.raises(AlreadyCheckedIn):
                await parlour.press(ming)
        clock.advance(2 * DAY)
        with pytest.raises(AlreadyCheckedIn):
            await parlour.press(ming)
        assert await stored() == (1, 1)

    async def test_a_missed_day_begins_anew(self, parlour, ming):
        days = await parlour.press_on(ming, 0, 1, 3, 4)
        assert [each.streak for each in days] == [1, 2, 1, 2]

    async def test_a_streak_goes_on_over_the_end_of_a_month_and_the_month_begins_anew(self, parlour, ming, clock):
        clock.advance(datetime(2026, 3, 30, 4, tzinfo=UTC) - clock.now())
        days = await parlour.press_on(ming, *range(4))
        assert [(each.streak, each.in_month) for each in days] == [(1, 1), (2, 2), (3, 1), (4, 2)]

    async def test_who_is_no_member_and_who_comes_when_nothing_is_on_are_told(self, parlour, far, ming):
        stranger = await far.person("o-hong")
        with pytest.raises(NotAMember):
            await parlour.press(stranger)
        await parlour.publish(CheckInRules(is_open=False))
        with pytest.raises(CheckInsClosed):
            await parlour.press(ming)
        assert await stored() == (0, 0)

    async def test_at_its_cap_a_rule_gives_less_and_the_item_says_so(self, parlour, ming):
        await parlour.mall.rule("check_in", name="签到", cap_amount=1)
        (item,) = (await parlour.press(ming)).rewards
        assert (item.wanted, item.amount, item.cut_by) == (2, 1, "cap")

    async def test_a_benefit_is_a_claim_out_of_stock_and_a_dry_stock_costs_nobody_the_day(self, parlour, far, clock):
        offer = await an_offer(clock.now(), stock=1)
        await parlour.publish(CheckInRules((*points(2), Reward("benefit", 1, offer.code))))
        one, other = await crowd(far, 2)
        assert told(await parlour.press(one)) == [("daily", "points", 2), ("daily", "benefit", 1)]
        late = await parlour.press(other)
        assert [(each.amount, each.cut_by) for each in late.rewards] == [(2, ""), (0, "stock")]
        claim = await Claim.get()
        assert (claim.member_id, claim.source, await offer.left()) == (one.member_id, ClaimSource.REWARD, 0)


class TestMakeupCards:
    async def card(self, parlour, person) -> None:
        """Seven days in a row give one; then a day is missed."""
        await parlour.press_on(person, *range(7))
        parlour.rooms.clock.advance(8 * DAY)

    async def test_a_mended_day_joins_the_streak_and_takes_one_card(self, parlour, ming):
        await self.card(parlour, ming)
        await parlour.press(ming)
        seen = await parlour.month(ming)
        assert (seen.card_count, seen.streak, seen.mendable) == (1, 1, (date(2026, 3, 9),))
        done = await parlour.mend(ming, date(2026, 3, 9))
        assert (done.streak, done.is_made_up) == (9, True)
        assert told(done) == [("streak:3", "points", 10)]
        seen = await parlour.month(ming)
        assert (seen.card_count, seen.streak, seen.in_month, seen.mendable) == (0, 9, 9, ())
        assert [each.on.day for each in seen.days if each.is_made_up] == [9]
        parlour.rooms.clock.advance(DAY)
        assert (await parlour.press(ming)).streak == 10

    async def test_the_same_day_is_mended_once_and_the_same_key_is_the_same_answer(self, parlour, ming):
        await self.card(parlour, ming)
        first = await parlour.mend(ming, date(2026, 3, 9), "k")
        assert await parlour.mend(ming, date(2026, 3, 9), "k") == first
        with pytest.raises(KeyReused):
            await parlour.mend(ming, date(2026, 3, 8), "k")
        with pytest.raises(DayNotMendable):
            await parlour.mend(ming, date(2026, 3, 9))

    async def test_without_a_card_nothing_is_mended(self, parlour, ming, clock):
        await parlour.press(ming)
        clock.advance(2 * DAY)
        with pytest.raises(MakeupCardMissing):
            await parlour.mend(ming, date(2026, 3, 3))
        assert await stored() == (1, 1)

    async def test_days_that_are_not_missed_too_old_or_to_come_are_refused_with_those_that_can_be(self, parlour, ming):
        await self.card(parlour, ming)
        for on in (date(2026, 3, 8), date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 1)):
            with pytest.raises(DayNotMendable) as refused:
                await parlour.mend(ming, on)
            assert refused.value.facts["days"] == ["2026-03-09"]

    async def test_a_card_ends_and_a_merge_takes_it_along(self, parlour, far, ming, clock):
        await self.card(parlour, ming)
        other = await elsewhere(far)
        await merge(far, other, ming)
        assert (await parlour.month(other)).card_count == 1
        clock.advance(30 * DAY)
        assert (await parlour.month(other)).card_count == 0
        with pytest.raises(MakeupCardMissing):
            await parlour.mend(other, parlour.today - DAY)


class TestOnePerson:
    async def test_two_who_checked_in_on_the_same_day_and_become_one_keep_both_and_go_on_as_one(
        self, parlour, far, ming, clock
    ):
        other = await elsewhere(far)
        await parlour.press_on(ming, 0, 1)
        await parlour.press_on(other, 1, 2)
        clock.advance(2 * DAY)
        await merge(far, ming, other)
        seen = await parlour.month(ming)
        assert (seen.streak, seen.in_month, seen.is_done_today) == (3, 3, True)
        for person in (ming, other):
            with pytest.raises(AlreadyCheckedIn):
                await parlour.press(person)
        clock.advance(DAY)
        done = await parlour.press(other)
        assert (done.streak, done.in_month) == (4, 4)
        assert await breaches() == []

    async def test_taking_a_merge_back_leaves_each_their_own_days(self, parlour, far, ming, clock):
        other = await elsewhere(far)
        await parlour.press_on(ming, 0, 1)
        await parlour.press_on(other, 2)
        clock.advance(2 * DAY)
        await merge(far, ming, other)
        assert (await parlour.month(ming)).streak == 3
        await undo(far)
        streaks = {each.business_on: each.streak_count for each in await CheckIn.all()}
        assert streaks == {"2026-03-02": 1, "2026-03-03": 2, "2026-03-04": 1}

    async def test_who_leaves_leaves_cards_and_points_and_the_bare_days(self, parlour, far, ming):
        await parlour.press_on(ming, *range(7))
        await far.handlers.departures.leave(ming)
        left = {each.unit: each.posted for each in await LedgerAccount.filter(member_id=ming.member_id)}
        assert left == {"points": 0, "makeup_cards": 0}
        assert await CheckIn.all().count() == 7

    async def test_a_person_sees_every_day_and_every_reward_in_their_export(self, parlour, far, ming):
        await parlour.press_on(ming, 0, 1, 2)
        data = await far.handlers.personal_data.export(ming)
        assert [each.business_on for each in data.check_ins] == ["2026-03-02", "2026-03-03", "2026-03-04"]
        assert [(each.part, each.amount) for each in data.rewards].count(("daily", 2)) == 3


class TestVersions:
    async def test_versions_stay_and_a_check_in_keeps_its_own(self, parlour, ming, clock):
        await parlour.press(ming)
        assert await parlour.publish(CheckInRules(points(9))) == 2
        clock.advance(DAY)
        assert told(await parlour.press(ming)) == [("daily", "points", 9)]
        listed = await parlour.handlers.check_in_terms.versions(parlour.operator, before=None, limit=9)
        assert [(each.number, each.rules.daily) for each in listed] == [(2, points(9)), (1, points(2))]
        numbers = [(await each.terms).number for each in await CheckIn.all().order_by("business_on")]
        assert numbers == [1, 2]

    @pytest.mark.parametrize(
        ("reward", "field"),
        [
            (Reward("points", 1, "unknown"), "daily"),
            (Reward("points", 0, "check_in"), "daily"),
            (Reward("gold", 1), "daily"),
            (Reward("makeup_card", 11), "daily"),
            (Reward("benefit", 1, "nothing"), "daily"),
        ],
    )
    async def test_what_cannot_be_given_is_not_published(self, parlour, reward, field):
        with pytest.raises(CheckInTermsWrong) as refused:
            await parlour.publish(CheckInRules((reward,)))
        assert [each["field"] for each in refused.value.facts["problems"]] == [field]

    async def test_an_operator_of_a_city_publishes_nothing_for_the_programme(self, parlour):
        city = await Organization.create(code="north", name="北城", parent=parlour.mall.root)
        for operator in (await operator_at(city), await operator_at(parlour.mall.root, OperatorRole.SUPPORT)):
            with pytest.raises(RoleMissing):
                await parlour.handlers.check_in_terms.publish(operator, RULES, request_id=key())


class TestManyAtOnce:
    async def test_fifty_presses_at_once_are_one_day_and_one_reward(self, parlour, ming):
        lanes = [CheckIns(parlour.rooms.clock, parlour.rooms.vault) for _ in range(2)]
        calls = (lanes[n % 2].check_in(ming, request_id=f"k{n}") for n in range(50))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, Answer) for each in answers) == 1
        assert {type(each) for each in answers} == {Answer, AlreadyCheckedIn}
        assert await stored() == (1, 1)
        assert await parlour.points(ming) == 2

    async def test_fifty_of_one_key_are_one_answer(self, parlour, ming):
        calls = (parlour.handlers.check_ins.check_in(ming, request_id="k") for _ in range(50))
        assert len({each.value for each in await asyncio.gather(*calls)}) == 1
        assert await stored() == (1, 1)

    async def test_looking_first_and_writing_afterwards_gives_fifty_rewards(self, parlour, ming):
        """The negative control: all see that today is free, then all are given its reward."""
        everybody_has_looked = asyncio.Barrier(50)
        given = []

        async def naive() -> None:
            is_done = await CheckIn.filter(member_id=ming.member_id).exists()
            await everybody_has_looked.wait()
            if not is_done:
                given.append((await parlour.mall.earn(ming, 2, rule="check_in")).amount)

        await asyncio.gather(*(naive() for _ in range(50)))
        assert (len(given), await parlour.points(ming)) == (50, 100)

    async def test_two_mends_of_one_day_at_once_take_one_card(self, parlour, ming):
        await parlour.publish(CheckInRules((Reward("makeup_card", 5),), days_back=7))
        await parlour.press(ming)
        parlour.rooms.clock.advance(2 * DAY)
        calls = (parlour.handlers.check_ins.mend(ming, date(2026, 3, 3), request_id=f"k{n}") for n in range(10))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, Answer) for each in answers) == 1
        assert {type(each) for each in answers} == {Answer, DayNotMendable}
        assert (await parlour.month(ming)).card_count == 4

    async def test_fifty_people_take_no_more_trips_than_two(self, parlour, far):
        """What midnight costs: a batch shares its statements and its commit."""
        people = await crowd(far, 52)
        with counting_trips() as two:
            await asyncio.gather(*(parlour.press(person) for person in people[:2]))
        with counting_trips() as fifty:
            await asyncio.gather(*(parlour.press(person) for person in people[2:]))
        assert fifty.count <= two.count <= 40
        assert await stored() == (52, 52)


class TestFailures:
    @pytest.mark.parametrize("how", [How.ABORT, How.CANCEL, How.COMMIT_LOST])
    async def test_a_failure_at_any_statement_leaves_nothing_half(self, parlour, ming, clock, how):
        """The third day in a row: a daily reward and one of the streak."""
        await parlour.press_on(ming, 0, 1)
        clock.advance(2 * DAY)
        before = await stored(), await Transfer.all().count()
        statements, person = 0, module.Asked.of(ming, "check_in", "k", "today")

        async def check_in() -> None:
            async with atomic():
                await parlour.handlers.check_ins._decide([module.Press(ming, person)])
                if how is not How.COMMIT_LOST:
                    await stored()  # whoever looks sees what is written: it has gone to the database
                    raise _EndOfStatements

        while not isinstance(outcome := await Failpoint(how, statements).strikes(check_in), _EndOfStatements):
            assert outcome is not None
            assert (await stored(), await Transfer.all().count()) == before
            if how is How.COMMIT_LOST:
                break
            statements += 1
        assert (statements > 10) is (how is not How.COMMIT_LOST)
        assert (await stored(), await Transfer.all().count()) == before
        done = await parlour.press(ming)
        assert told(done) == [("daily", "points", 2), ("streak:3", "points", 10)]

    async def test_a_day_that_was_taken_meanwhile_is_decided_again(self, parlour, ming, monkeypatch):
        real, conflicts = module._surroundings, []

        async def blind(member_ids, today):
            if not conflicts:
                conflicts.append(True)
                raise SerializationConflict("test")
            return await real(member_ids, today)

        monkeypatch.setattr(module, "_surroundings", blind)
        assert (await parlour.press(ming)).streak == 1

    async def test_without_the_look_at_the_newest_day_the_unique_day_still_holds(self, parlour, ming, monkeypatch):
        await parlour.press(ming)
        monkeypatch.setattr(module, "is_taken", lambda *_: False)
        with pytest.raises(Exception, match=r"server\.busy"):
            await parlour.press(ming)
        assert await stored() == (1, 1)


class _EndOfStatements(Exception):
    """All statements of a check-in were run, and it is rolled back."""
