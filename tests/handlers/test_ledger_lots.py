"""Lots: the soonest to end is spent first, what comes back goes where it came from, what is over is gone."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import HoldExpired, HoldPosted, HoldTooSmall, HoldUnknown, HoldVoided, PointsShort
from handlers.ledger.due import LedgerDue
from handlers.ledger.holding import HoldExpiry, hold, post_hold, void_hold
from handlers.rules.ledger import Side, of_member
from models.database import atomic
from models.ids import new_id
from models.ledger import LedgerHold, LedgerLot, LedgerLotUse, Transfer
from models.sql import as_uuid
from models.words import HoldState
from models.words import LedgerAccountKind as Kind
from tests.handlers.ledgers import DAY, SPENT, a_ledger, breaches, cause, somebody


@pytest.fixture
async def ledger(database, clock):
    """Whatever a test does to it, `doctor` has nothing to say in the end."""
    yield await a_ledger(clock)
    assert await breaches() == []


@pytest.fixture
async def ming(ledger):
    return await somebody()


class TestSpending:
    async def test_the_soonest_to_end_goes_first_and_the_spend_says_which(self, ledger, ming, clock):
        soon, late = clock.now() + DAY, clock.now() + 9 * DAY
        await ledger.earn(ming, 10)
        await ledger.earn(ming, 10, expires_at=late)
        await ledger.earn(ming, 10, expires_at=soon)
        spent = await ledger.spend(ming, 15)
        assert await ledger.left(ming) == [(5, late), (10, None)]
        uses = await LedgerLotUse.filter(transfer_id=spent).order_by("id").prefetch_related("lot")
        assert [(each.amount, each.lot.expires_at) for each in uses] == [(10, soon), (5, late)]

    async def test_what_is_over_cannot_be_spent_though_no_job_has_been_there(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        await ledger.earn(ming, 5)
        clock.advance(DAY)
        with pytest.raises(PointsShort) as refused:
            await ledger.spend(ming, 6)
        assert refused.value.facts["available"] == 5
        await ledger.spend(ming, 5)  # and with it goes what is over
        assert await ledger.posted(ming) == 0
        assert await Transfer.filter(cause_kind="lot_expired").count() == 1

    async def test_a_clock_that_is_set_back_revives_nothing(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        clock.advance(DAY)
        assert await LedgerDue(clock).sweep() == 1
        clock.advance(-DAY)
        with pytest.raises(PointsShort):
            await ledger.spend(ming, 1)
        clock.advance(2 * DAY)
        assert await LedgerDue(clock).sweep() == 0

    async def test_lots_of_one_batch_are_spent_in_it(self, ledger, ming):
        outcomes = await ledger.post_each(
            ledger.earning(ming, 10), ledger.spending(ming, 7), ledger.spending(ming, 3), ledger.spending(ming, 1)
        )
        assert isinstance(outcomes[3], PointsShort)
        assert await ledger.left(ming) == []


class TestPending:
    async def test_what_is_pending_is_there_and_cannot_be_spent_before_its_day(self, ledger, ming, clock):
        pending = Side(Kind.PENDING, ming)
        ends, since = clock.now() + 30 * DAY, clock.now() + 7 * DAY
        earned = await ledger.earn(ming, 100, credit=pending, available_at=since, expires_at=ends)
        with pytest.raises(PointsShort):
            await ledger.spend(ming, 1)
        assert await ledger.posted(ming, Kind.PENDING) == 100
        clock.advance(7 * DAY)
        await ledger.spend(ming, 30)  # no job has been there
        assert await ledger.left(ming) == [(70, ends)]
        lot = await LedgerLot.get(left_amount=70)
        assert (lot.origin_id, lot.available_at) == (earned, None)

    async def test_the_job_lets_it_mature_once(self, ledger, ming, clock):
        for _ in range(3):
            await ledger.earn(ming, 5, credit=Side(Kind.PENDING, ming), available_at=clock.now() + DAY)
        clock.advance(DAY)
        assert await LedgerDue(clock).sweep() == 1
        assert await LedgerDue(clock).sweep() == 0
        assert (await ledger.posted(ming), await ledger.posted(ming, Kind.PENDING)) == (15, 0)


class TestComingBack:
    async def test_what_comes_back_goes_into_its_own_lots_the_longest_lived_first(self, ledger, ming, clock):
        soon, late = clock.now() + 5 * DAY, clock.now() + 9 * DAY
        await ledger.earn(ming, 10, expires_at=soon)
        await ledger.earn(ming, 10, expires_at=late)
        spent = await ledger.spend(ming, 15)
        await ledger.give_back(ming, 7, spent)
        assert await ledger.left(ming) == [(2, soon), (10, late)]
        await ledger.give_back(ming, 8, spent)
        assert await ledger.left(ming) == [(10, soon), (10, late)]
        assert await LedgerLot.all().count() == 2

    async def test_what_ends_within_the_grace_lives_at_least_so_long(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        spent = await ledger.spend(ming, 10)
        clock.advance(2 * DAY)
        await ledger.give_back(ming, 10, spent, grace=7 * DAY)
        assert await ledger.left(ming) == [(10, clock.now() + 7 * DAY)]

    async def test_without_grace_what_comes_back_of_an_expired_lot_is_expired(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        spent = await ledger.spend(ming, 10)
        clock.advance(2 * DAY)
        await ledger.give_back(ming, 10, spent)
        with pytest.raises(PointsShort):
            await ledger.spend(ming, 1)
        assert await LedgerDue(clock).sweep() == 1
        assert await ledger.posted(ming) == 0

    async def test_what_was_earned_is_taken_back_from_what_is_left_of_it(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        earned = await ledger.earn(ming, 10)
        undone = {"credit": Side(Kind.ISSUED), "reverses": earned}
        await ledger.spend(ming, 10, **undone)
        assert await ledger.left(ming) == [(10, clock.now() + DAY)]


class TestExpiry:
    async def test_the_job_goes_on_where_it_was_broken_off(self, ledger, clock, monkeypatch):
        monkeypatch.setattr("handlers.ledger.due.CHUNK", 2)
        people = [await somebody() for _ in range(5)]
        for each in people:
            await ledger.earn(each, 10, expires_at=clock.now() + DAY)
            await ledger.earn(each, 1)
        clock.advance(DAY)
        settle, calls = LedgerDue._settle, []

        async def dies(self, found):
            calls.append(len(found))
            if len(calls) == 2:
                raise KeyboardInterrupt
            await settle(self, found)

        monkeypatch.setattr(LedgerDue, "_settle", dies)
        with pytest.raises(KeyboardInterrupt):
            await LedgerDue(clock).sweep()
        assert sorted([await ledger.posted(each) for each in people]) == [1, 1, 11, 11, 11]
        assert await LedgerDue(clock).sweep() == 3
        assert [await ledger.posted(each) for each in people] == [1] * 5
        assert await Transfer.filter(cause_kind="lot_expired").count() == 5

    async def test_what_stays_due_holds_up_neither_the_job_nor_the_others(self, ledger, clock, monkeypatch):
        monkeypatch.setattr("handlers.ledger.due.CHUNK", 2)
        people = [await somebody() for _ in range(5)]
        for each in people:
            await ledger.earn(each, 10, expires_at=clock.now() + DAY)
        clock.advance(DAY)
        settle, calls = LedgerDue._settle, []

        async def stays_due(self, found):
            calls.append(len(found))
            assert len(calls) < 9, "it goes round for ever"
            await settle(self, [each for each in found if as_uuid(each["member_id"]) not in people[:3]])

        monkeypatch.setattr(LedgerDue, "_settle", stays_due)
        assert await LedgerDue(clock).sweep() == 5
        assert sum([await ledger.posted(each) for each in people]) == 30
        monkeypatch.setattr(LedgerDue, "_settle", settle)
        assert await LedgerDue(clock).sweep() == 3


class TestHolds:
    async def test_what_is_held_cannot_be_spent(self, ledger, ming):
        await ledger.earn(ming, 10)
        await ledger.hold(ming, 7)
        with pytest.raises(PointsShort) as refused:
            await ledger.spend(ming, 4)
        assert refused.value.facts["available"] == 3
        with pytest.raises(PointsShort):
            await ledger.hold(ming, 4)

    async def test_it_is_posted_in_part_and_the_rest_is_there_again(self, ledger, ming, clock):
        soon = clock.now() + 5 * DAY
        await ledger.earn(ming, 6, expires_at=soon)
        await ledger.earn(ming, 4)
        held = await ledger.hold(ming, 8)
        async with atomic():
            done = await post_hold(held.id, 5, at=clock.now())
        assert (done.state, done.posted) == (HoldState.POSTED, 5)
        assert await ledger.left(ming) == [(1, soon), (4, None)]
        account = await ledger.account(ming)
        assert (account.posted, account.held) == (5, 0)
        await ledger.give_back(ming, 5, done.transfer_id)  # the lots are known
        assert await ledger.left(ming) == [(6, soon), (4, None)]

    async def test_each_step_is_done_once(self, ledger, ming, clock):
        await ledger.earn(ming, 10)
        act = cause("test_hold")
        held = await ledger.hold(ming, 8, act)
        assert await ledger.hold(ming, 8, act) == held
        async with atomic():
            done = await post_hold(held.id, at=clock.now())
            assert await post_hold(held.id, at=clock.now()) == done
        other = await ledger.hold(ming, 2)
        async with atomic():
            await void_hold(other.id, at=clock.now())
            assert (await void_hold(other.id, at=clock.now())).state is HoldState.VOIDED
        account = await ledger.account(ming)
        assert (account.posted, account.held) == (2, 0)

    async def test_what_is_closed_stays_closed_and_says_how(self, ledger, ming, clock):
        await ledger.earn(ming, 10)
        posted, voided, over = [await ledger.hold(ming, 3) for _ in range(3)]
        small = await ledger.hold(ming, 1, for_=9 * DAY)
        async with atomic():
            await post_hold(posted.id, at=clock.now())
            await void_hold(voided.id, at=clock.now())
        refusals = [
            (post_hold, voided.id, HoldVoided),
            (void_hold, posted.id, HoldPosted),
            (post_hold, over.id, HoldExpired),
            (post_hold, new_id(), HoldUnknown),
            (void_hold, new_id(), HoldUnknown),
        ]
        clock.advance(2 * DAY)
        for act, hold_id, refusal in refusals:
            with pytest.raises(refusal):
                async with atomic():
                    await act(hold_id, at=clock.now())
        with pytest.raises(HoldTooSmall):
            async with atomic():
                await post_hold(small.id, 2, at=clock.now())
        with pytest.raises(HoldPosted):
            async with atomic():
                await post_hold(posted.id, 2, at=clock.now())
        codes = {each.code for each in (HoldVoided, HoldPosted, HoldExpired)}
        assert len(codes) == 3

    async def test_when_its_time_is_over_it_is_given_back_by_itself(self, ledger, ming, clock):
        await ledger.earn(ming, 10)
        held = await ledger.hold(ming, 8)
        clock.advance(DAY)
        assert await HoldExpiry(clock).sweep() == 1
        assert await HoldExpiry(clock).sweep() == 0
        assert (await LedgerHold.get(id=held.id)).state is HoldState.EXPIRED
        await ledger.spend(ming, 10)

    async def test_what_comes_back_of_a_lot_that_is_over_is_over(self, ledger, ming, clock):
        await ledger.earn(ming, 10, expires_at=clock.now() + DAY)
        held = await ledger.hold(ming, 4, for_=5 * DAY)
        clock.advance(2 * DAY)
        await LedgerDue(clock).sweep()
        assert await ledger.posted(ming) == 4
        async with atomic():
            await void_hold(held.id, at=clock.now())
        await LedgerDue(clock).sweep()
        assert await ledger.posted(ming) == 0

    async def test_the_database_lets_nobody_open_one_again(self, ledger, ming, clock):
        await ledger.earn(ming, 10)
        held = await ledger.hold(ming, 4)
        async with atomic():
            await void_hold(held.id, at=clock.now())
        with pytest.raises(Exception, match="closed once"):
            await LedgerHold.filter(id=held.id).update(state=HoldState.OPEN)

    async def test_whoever_posts_waits_for_whoever_gives_back(self, ledger, ming, clock):
        """Posting at the moment of expiry: one of them happens, and the other says what it found."""
        await ledger.earn(ming, 10)
        held = await ledger.hold(ming, 8)

        async def post() -> object:
            async with atomic():
                return await post_hold(held.id, at=held.expires_at - timedelta(seconds=1))

        clock.advance(DAY)
        posted, swept = await asyncio.gather(post(), HoldExpiry(clock).sweep(), return_exceptions=True)
        assert isinstance(posted, HoldExpired) is bool(swept)
        assert await ledger.posted(ming) == (10 if swept else 2)

    async def test_a_hold_is_of_more_than_nothing(self, ledger, ming, clock):
        with pytest.raises(ValueError, match="more than nothing"):
            await hold(
                ledger.unit, of_member(ming), 0, for_=SPENT, cause=cause(), expires_at=clock.now(), at=clock.now()
            )
