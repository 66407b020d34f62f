"""What was won and waits: seen by its winner, and reminded of once, before it lapses."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from models.draws import DuePrize, Parcel
from models.identity import Member
from models.outbox import Job
from models.sql import Both
from models.statements import waiting_prizes as statements
from models.words import MemberStatus, PrizeAsks
from tests.handlers.asking import charge, hamper, say
from tests.handlers.checking_in import elsewhere
from tests.handlers.drawing import DAY, fair_of, goods, holds
from tests.handlers.offering import key
from tests.handlers.test_due_prizes import fails, won
from tests.handlers.test_unmerging import merge, undo
from tests.handlers.trips import counting_trips

TERMS = {"address_days": 9}


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)


@pytest.fixture
async def ming(fair):
    """A member who follows the account."""
    return await following(fair, await fair.rooms.member("o-ming"))


async def following(fair, person):
    await fair.handlers.following.follow(person, await fair.handlers.accounts.get("oa"))
    return person


async def day_before(fair, prize_id: UUID, days: int) -> None:
    """Let it be ten in the morning, so many days before the day that the prize lapses on."""
    due = await DuePrize.get(id=prize_id)
    ten = begins(day_of(due.deadline_at, BUSINESS_ZONE) - days * DAY, BUSINESS_ZONE) + timedelta(hours=10)
    fair.rooms.clock.advance(ten - fair.rooms.clock.now())


async def planned(fair) -> int:
    return await fair.handlers.prize_reminders.plan(fair.rooms.clock.now())


async def jobs() -> list[Job]:
    return await Job.filter(kind="say_prizes_ending").order_by("id")


async def told(fair, job: Job) -> list[UUID]:
    """Which prizes the job would name now."""
    waiting = await fair.handlers.prize_reminders.due(job.payload)
    return [each.id for each in waiting.items] if waiting else []


class TestReminding:
    async def test_once_three_days_before_however_often_it_is_planned(self, fair, ming, clock):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        days = []
        while clock.now() < spin.until:
            days += [(day_of(spin.until, BUSINESS_ZONE) - day_of(clock.now(), BUSINESS_ZONE)).days] * await planned(
                fair
            )
            await planned(fair)
            clock.advance(DAY)
        assert days == [3]
        (job,) = await jobs()
        assert job.payload == {"member_id": str(ming.member_id), "prize_ids": [str(spin.prize_id)]}

    async def test_what_would_say_it_again_is_the_missing_mark(self, fair, ming, clock, monkeypatch):
        """The control of the test above."""

        def unmarked(statement: Both) -> Both:
            cut = " AND reminded_at IS NULL"
            assert cut in statement.sqlite
            return Both(postgres=statement.postgres.replace(cut, ""), sqlite=statement.sqlite.replace(cut, ""))

        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        monkeypatch.setattr(statements, "OWNERS", unmarked(statements.OWNERS))
        monkeypatch.setattr(statements, "MARK", tuple(map(unmarked, statements.MARK)))
        await day_before(fair, spin.prize_id, 3)
        for _ in range(2):
            await planned(fair)
            clock.advance(DAY)
        assert len(await jobs()) == 2

    async def test_two_workers_at_once_plan_each_prize_once(self, fair, ming):
        other = await following(fair, await fair.rooms.member("o-other"))
        draw, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await fair.spin(other, draw)
        await day_before(fair, spin.prize_id, 3)
        counts = await asyncio.gather(*(planned(fair) for _ in range(4)))
        assert (sum(counts), len(await jobs())) == (2, 2)

    async def test_it_names_what_is_asked_and_where(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        await planned(fair)
        (job,) = await jobs()
        waiting = await fair.handlers.prize_reminders.due(job.payload)
        (seen,) = waiting.items
        assert (seen.name, seen.asks, seen.is_thing, seen.deadline_at) == (
            "话费10元",
            PrizeAsks.NUMBER,
            False,
            spin.until,
        )
        assert waiting.link.path == f"pages/prizes/index?prize={spin.prize_id}"
        assert waiting.link.url

    async def test_after_days_without_a_worker_it_is_said_while_it_helps(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 1)
        assert (await planned(fair), await planned(fair)) == (1, 0)

    async def test_what_was_answered_for_is_not_reminded_of(self, fair, ming):
        draw, first = await won(fair, ming, await charge(fair), terms=TERMS)
        second = (await fair.spin(ming, draw)).spins[0]
        await say(fair, ming, first.prize_id)
        await day_before(fair, first.prize_id, 3)
        assert await planned(fair) == 1
        (job,) = await jobs()
        assert job.payload["prize_ids"] == [str(second.prize_id)]
        await say(fair, ming, second.prize_id)  # before it is said
        assert await told(fair, job) == []

    async def test_what_lapsed_is_not(self, fair, ming, clock):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        await planned(fair)
        (job,) = await jobs()
        await day_before(fair, spin.prize_id, 0)
        assert await told(fair, job) == []  # late, and not swept yet
        await DuePrize.all().update(reminded_at=None)
        assert await planned(fair) == 0
        await fair.handlers.due_prizes.lapse()
        assert (await planned(fair), await told(fair, job)) == (0, [])

    async def test_on_the_day_of_winning_they_were_told_already(self, fair, ming, clock):
        await won(fair, ming, await charge(fair), terms={"address_days": 1})
        assert await planned(fair) == 0
        clock.advance(DAY)
        assert await planned(fair) == 1

    async def test_what_ends_together_is_one_message_things_and_benefits_alike(self, fair, ming):
        prizes = await charge(fair, 500_000, stock=50), goods(500_000, stock=50)
        draw = await fair.published(*prizes, terms=TERMS)
        while await DuePrize.all().count() < 2 or not await Parcel.exists():  # a link to one leads to it at once
            await fair.spin(ming, draw)
        due = await DuePrize.first()
        await day_before(fair, due.id, 3)
        assert (await planned(fair), await planned(fair)) == (1, 0)
        (job,) = await jobs()
        waiting = await fair.handlers.prize_reminders.due(job.payload)
        ids = {each.id for each in await DuePrize.all()} | {each.id for each in await Parcel.all()}
        assert ({each.id for each in waiting.items}, waiting.count) == (ids, len(ids))
        assert {each.is_thing for each in waiting.items} == {False, True}
        assert waiting.link.path == "pages/prizes/index"
        await Parcel.all().update(state="addressed")
        assert set(await told(fair, job)) == {each.id for each in await DuePrize.all()}

    async def test_a_thing_alone_has_no_page_of_its_own(self, fair, ming, clock):
        await fair.spin(ming, await fair.published(goods(), terms=TERMS))
        clock.advance(7 * DAY)
        assert await planned(fair) == 1
        (job,) = await jobs()
        waiting = await fair.handlers.prize_reminders.due(job.payload)
        assert ([each.is_thing for each in waiting.items], waiting.link) == ([True], None)

    async def test_what_is_stopped_is_reminded_of_when_it_can_be_had_again(self, fair, ming):
        prize = await charge(fair)
        _, spin = await won(fair, ming, prize, terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        editing, facts = fair.handlers.offer_editing, {"reason": "检查"}
        await editing.pause(fair.operator, UUID(prize.reference), request_id=key(), **facts)
        assert await planned(fair) == 0
        await editing.resume(fair.operator, UUID(prize.reference), request_id=key(), **facts)
        assert await planned(fair) == 1

    async def test_one_that_came_to_nothing_is_reminded_of_before_its_new_end(self, fair, ming, clock):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        assert await planned(fair) == 1
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        await fails(fair, claim)
        assert await planned(fair) == 0  # a week is left
        await day_before(fair, spin.prize_id, 3)
        assert (await planned(fair), await planned(fair), len(await jobs())) == (1, 0, 2)

    async def test_nobody_is_written_to_at_night(self, fair, ming, clock):
        _, spin = await won(fair, ming, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        slot = clock.now()
        clock.advance(timedelta(hours=13))
        await fair.handlers.prize_reminders.plan(slot)
        (job,) = await jobs()
        nine = begins(day_of(slot, BUSINESS_ZONE) + DAY, BUSINESS_ZONE) + timedelta(hours=9)
        assert job.run_at == nine
        clock.advance(nine + timedelta(hours=13) - clock.now())  # the worker comes late, and twice
        assert (await told(fair, job), await told(fair, job)) == ([], [])
        _, again = await jobs()
        assert (again.run_at, again.payload) == (nine + DAY, job.payload)
        clock.advance(again.run_at - clock.now())
        assert await told(fair, again) == [spin.prize_id]


class TestWhom:
    async def test_whoever_merged_hears_of_it_as_who_they_are_now(self, fair, ming):
        other = await elsewhere(fair.rooms)  # follows nothing
        draw, spin = await won(fair, other, await charge(fair), terms=TERMS)
        own = (await fair.spin(ming, draw)).spins[0]
        await merge(fair.rooms, ming, other)
        await day_before(fair, spin.prize_id, 3)
        assert await planned(fair) == 1
        (job,) = await jobs()
        assert UUID(job.payload["member_id"]) == ming.member_id
        assert set(await told(fair, job)) == {spin.prize_id, own.prize_id}
        await undo(fair.rooms)  # what is somebody else's again is not told to ming
        assert await told(fair, job) == [own.prize_id]

    async def test_whoever_merges_before_it_is_said_hears_it_once(self, fair, ming):
        other = await following(fair, await elsewhere(fair.rooms))
        _, spin = await won(fair, other, await charge(fair), terms=TERMS)
        await day_before(fair, spin.prize_id, 3)
        assert await planned(fair) == 1
        await merge(fair.rooms, ming, other)
        assert await planned(fair) == 0
        (job,) = await jobs()
        assert await told(fair, job) == [spin.prize_id]

    @pytest.mark.parametrize("why", ["follows nothing", "unfollowed", "frozen", "left"])
    async def test_whoever_cannot_be_told_is_not(self, fair, why):
        person = await fair.rooms.member("o-quiet")
        if why != "follows nothing":
            await following(fair, person)
        _, spin = await won(fair, person, await charge(fair), terms=TERMS)
        if why == "unfollowed":
            await fair.handlers.following.unfollow(person, await fair.handlers.accounts.get("oa"))
        elif why == "frozen":
            await Member.filter(id=person.member_id).update(status=MemberStatus.FROZEN)
        elif why == "left":
            await fair.handlers.departures.leave(person)
        await day_before(fair, spin.prize_id, 3)
        assert await planned(fair) == 0
        if why == "follows nothing":  # and whoever can be told by tomorrow is
            await following(fair, person)
            await day_before(fair, spin.prize_id, 2)
            assert await planned(fair) == 1

    async def test_more_than_a_page_of_winners_hears_of_it(self, fair, monkeypatch):
        monkeypatch.setattr("handlers.draws.prize_reminders.BATCH", 2)
        people = [await following(fair, await fair.rooms.member(f"o-{number}")) for number in range(5)]
        draw, spin = await won(fair, people[0], await charge(fair, stock=9), terms=TERMS)
        for person in people[1:]:
            await fair.spin(person, draw)
        await day_before(fair, spin.prize_id, 3)
        assert await planned(fair) == 5
        assert {UUID(job.payload["member_id"]) for job in await jobs()} == {each.member_id for each in people}


class TestSeeing:
    async def test_what_ends_first_stands_first_and_what_is_over_is_not_there(self, fair, ming, clock):
        seeing = fair.handlers.waiting_prizes
        assert (await seeing.seen(ming, limit=8)).items == ()
        late = replace(await hamper(fair), stock=9)
        await fair.spin(ming, await fair.published(late, terms={"address_days": 20}))
        await fair.spin(ming, await fair.published(await charge(fair), terms=TERMS))
        await fair.spin(ming, await fair.published(goods(), terms={"address_days": 2}))
        seen = await seeing.seen(ming, limit=8)
        assert [each.name for each in seen.items] == ["水壶", "话费10元", "三选礼包"]
        assert [each.asks for each in seen.items] == [None, PrizeAsks.NUMBER, PrizeAsks.CHOICES]
        assert (seen.count, seen.link.path, seen.link.url) == (3, "pages/prizes/index", None)
        seen = await seeing.seen(ming, limit=1)
        assert ([each.name for each in seen.items], seen.count, seen.link) == (["水壶"], 3, None)
        clock.advance(3 * DAY)
        await say(fair, ming, (await DuePrize.get(name="话费10元")).id)
        seen = await seeing.seen(ming, limit=8)
        assert ([each.name for each in seen.items], seen.count) == (["三选礼包"], 1)

    async def test_whoever_has_none_is_answered_after_one_look(self, fair, ming):
        with counting_trips() as trips:
            await fair.handlers.waiting_prizes.seen(ming, limit=8)
        assert trips.count == 1

    async def test_somebody_elses_is_not_seen_until_they_are_one(self, fair, ming):
        other = await elsewhere(fair.rooms)
        _, spin = await won(fair, other, await charge(fair))
        assert (await fair.handlers.waiting_prizes.seen(ming, limit=8)).items == ()
        await merge(fair.rooms, ming, other)
        assert [each.id for each in (await fair.handlers.waiting_prizes.seen(ming, limit=8)).items] == [spin.prize_id]
