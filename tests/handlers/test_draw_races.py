"""Many who spin at once, in several processes, and the same races without their guards.

Two processes are two lanes that know nothing of each other. What one of them must not have read before the other wrote
is handed to it as it was before: the interleaving is forced, on either database.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from gateways.signing import Ed25519Signer
from handlers.draws import players, spinning
from handlers.draws.commitments import units_of
from handlers.draws.held import hold
from handlers.draws.seeds import Seeds
from handlers.draws.spin_paying import Till, open_till
from handlers.draws.spinning import Spinning
from handlers.errors import DrawClosed, DrawPaused, PointsShort, SpinsUsedUp
from handlers.points.points_terms import terms
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import DatabaseBusy
from handlers.rules.draw_rules import SpinPrice
from models.database import atomic, rows
from models.draws import Draw, DrawPrize, Parcel, Spin
from models.ledger import Transfer
from models.statements import draws as statements
from tests.handlers.drawing import fair_of, goods, holds, is_whole, points
from tests.handlers.ledgers import breaches
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.offering import key
from tests.handlers.test_claiming import crowd

ONCE = SpinPrice(free_daily=1, takes_chances=False)
FOR_POINTS = SpinPrice(free_daily=0, points=5)


@pytest.fixture
async def fair(far):
    """Whatever a race does, `doctor` has nothing to say in the end, and no sequence has a gap."""
    fair = await fair_of(far)
    yield fair
    await holds(fair)
    for draw in await Draw.all():
        assert await is_whole(draw.id)


@pytest.fixture
async def unguarded(far):
    """For negative controls: nothing needs to hold in the end."""
    return await fair_of(far)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


def another_process(fair) -> Spinning:
    vault = fair.rooms.vault
    return Spinning(fair.rooms.clock, vault, Ed25519Signer(), Seeds(vault))


async def spin(process, person, draw, **more):
    return (await process.spin(person, draw_id=draw, **{"request_id": key(), **more})).value


async def seen(fair, draw, person):
    """The draw and the player as a batch reads them, in the open transaction."""
    held = await hold(draw)
    name = fair.handlers.spinning._pseudonym(held, person.member_id)
    return held, await players.load(held, {person.member_id: name}, held.day)


def told(done) -> Counter:
    return Counter(type(each).__name__ for each in done)


def is_read_before(monkeypatch, place, name, reading) -> None:
    """The next who looks sees what was there before the others wrote; whoever looks again sees what is there."""
    real, before = getattr(place, name), [reading]

    async def look(*args, **more):
        return before.pop() if before else await real(*args, **more)

    monkeypatch.setattr(place, name, look)


class TestStock:
    async def test_a_hundred_are_a_hundred_however_many_spin_in_two_processes(self, fair, far):
        people, processes = await crowd(far, 12), [fair.handlers.spinning, another_process(fair)]
        draw = await fair.published(goods(500_000, stock=100))
        done = await asyncio.gather(
            *(spin(processes[turn % 2], person, draw, times=10) for turn in range(4) for person in people)
        )
        won = Counter(each.prize for spun in done for each in spun.spins)
        assert won == {"kettle": 100, "thanks": 380}
        assert (await fair.left(draw, "kettle"), await Parcel.all().count()) == (0, 100)

    @pytest.mark.soak
    @pytest.mark.timeout(3_600)
    async def test_a_hundred_are_a_hundred_under_two_hundred_thousand_spins(self, fair, far):
        people, processes = await crowd(far, 50), [fair.handlers.spinning, another_process(fair)]
        draw = await fair.published(goods(100_000, stock=100))
        won: Counter[str] = Counter()
        for turn in range(400):
            calls = (spin(processes[turn % 2], person, draw, times=10) for person in people)
            for spun in await asyncio.gather(*calls):
                won.update(each.prize for each in spun.spins)
        assert won == {"kettle": 100, "thanks": 199_900}

    async def two_read_the_same_stock(self, fair, far, monkeypatch) -> tuple:
        first, second = await crowd(far, 2)
        draw = await fair.published(goods(1_000_000, stock=10))
        await fair.handlers.spinning.open(draw)
        before = await units_of(draw)
        one = await spin(fair.handlers.spinning, first, draw, times=10)
        is_read_before(monkeypatch, spinning, "units_of", before)
        other = await spin(fair.handlers.spinning, second, draw, times=10)
        return draw, Counter(each.prize for spun in (one, other) for each in spun.spins)

    async def test_two_who_read_the_same_stock_do_not_both_give_it(self, fair, far, monkeypatch):
        draw, won = await self.two_read_the_same_stock(fair, far, monkeypatch)
        assert won == {"kettle": 10, "thanks": 10}
        assert await fair.left(draw, "kettle") == 0

    async def test_without_the_guard_on_the_stock_both_give_it(self, unguarded, far, monkeypatch):
        """The negative control: what is left is written down as the reader believed it to be."""
        naive = {
            name: text.replace("draw_prize.left_count - r.units", "0").replace(
                "draw_prize.left_count >= r.units", "true"
            )
            for name, text in (("postgres", statements.AWARD.postgres), ("sqlite", statements.AWARD.sqlite))
        }
        monkeypatch.setattr(statements, "AWARD", replace(statements.AWARD, **naive))
        draw, won = await self.two_read_the_same_stock(unguarded, far, monkeypatch)
        assert (won["kettle"], (await DrawPrize.get(draw_id=draw, code="kettle")).added_count) == (20, 10)
        assert "奖品：投放加退回等于剩余加抽走" in await breaches()


class TestSequence:
    async def test_two_who_read_the_same_end_do_not_write_the_same_number(self, fair, ming, monkeypatch):
        draw = await fair.published()
        await fair.handlers.spinning.open(draw)
        async with atomic():
            before = await hold(draw)
        await fair.spin(ming, draw, times=10)
        is_read_before(monkeypatch, spinning, "hold", before)
        spun = await fair.spin(ming, draw)
        assert spun.spins[0].sequence == 11

    async def test_without_that_guard_the_unique_sequence_still_refuses(self, fair, ming, monkeypatch):
        """The negative control: the race is there, and only the database's own rule stands in its way."""
        draw = await fair.published()
        await fair.handlers.spinning.open(draw)
        async with atomic():
            before = await hold(draw)
        await fair.spin(ming, draw)
        monkeypatch.setattr(spinning, "hold", AsyncMock(return_value=before))  # and looking again helps nobody
        monkeypatch.setattr(
            statements, "ADVANCE", statements.ADVANCE.replace("last_sequence = $2 RETURN", "$2 >= 0 RETURN")
        )
        with pytest.raises(DatabaseBusy) as refused:
            await fair.spin(ming, draw)
        assert any(word in str(refused.value.__cause__).lower() for word in ("unique", "duplicate"))
        assert await Spin.all().count() == 1

    async def test_the_same_key_in_two_processes_spins_once(self, fair, ming):
        draw, processes = await fair.published(), [fair.handlers.spinning, another_process(fair)]
        done = await asyncio.gather(
            *(spin(processes[number % 2], ming, draw, times=10, request_id="tap") for number in range(20))
        )
        assert len({spun.receipt.payload for spun in done}) == 1
        assert await Spin.all().count() == 10


class TestPaying:
    async def test_fifty_at_once_with_points_for_seven_are_seven_in_two_processes(self, fair, ming):
        draw, processes = await fair.published(price=FOR_POINTS), [fair.handlers.spinning, another_process(fair)]
        await fair.earn(ming, 7 * 5 + 3)
        calls = (spin(processes[number % 2], ming, draw) for number in range(50))
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert told(done) == {"Spun": 7, "PointsShort": 43}
        assert await fair.has(ming) == 3

    async def two_read_the_same_purse(self, fair, ming, monkeypatch):
        """The second one pays out of a till that was opened before the first one paid."""
        draw, at = await fair.published(price=FOR_POINTS), fair.rooms.clock.now()
        await fair.earn(ming, 50)
        async with atomic():
            held, player = await seen(fair, draw, ming)
            wants = {ming.member_id: 10}
            till = await open_till(held, player, wants, await terms(), at=at, next_free_at=at, zone=BUSINESS_ZONE)
        await fair.spin(ming, draw, times=10)
        is_read_before(monkeypatch, spinning, "open_till", till)
        return draw

    async def test_a_purse_that_was_read_before_pays_nothing_twice(self, fair, ming, monkeypatch):
        draw = await self.two_read_the_same_purse(fair, ming, monkeypatch)
        with pytest.raises(PointsShort):
            await fair.spin(ming, draw, times=10)
        assert (await fair.has(ming), await Spin.all().count()) == (0, 10)

    async def test_looking_first_and_paying_afterwards_spins_for_nothing(self, unguarded, ming, monkeypatch):
        """The negative control: whoever pays writes down nothing that anybody guards."""
        draw = await self.two_read_the_same_purse(unguarded, ming, monkeypatch)

        async def unpaid(till):
            return None

        monkeypatch.setattr(Till, "write", unpaid)
        await unguarded.spin(ming, draw, times=10)
        assert await Spin.all().count() == 20
        assert "每次抽奖付的次数和积分等于它的流水" in await breaches()

    async def test_the_free_spin_of_a_day_is_had_once_in_two_processes(self, fair, ming):
        draw, processes = await fair.published(price=ONCE), [fair.handlers.spinning, another_process(fair)]
        calls = (spin(processes[number % 2], ming, draw) for number in range(20))
        assert told(await asyncio.gather(*calls, return_exceptions=True)) == {"Spun": 1, "SpinsUsedUp": 19}

    async def two_read_the_same_player(self, fair, ming, monkeypatch):
        draw = await fair.published(price=ONCE)
        async with atomic():
            _, before = await seen(fair, draw, ming)
        await fair.spin(ming, draw)
        is_read_before(monkeypatch, spinning, "load", before)
        return draw

    async def test_a_player_who_was_read_before_has_no_second_free_spin(self, fair, ming, monkeypatch):
        draw = await self.two_read_the_same_player(fair, ming, monkeypatch)
        with pytest.raises(SpinsUsedUp):
            await fair.spin(ming, draw)

    async def test_without_the_guard_on_the_player_there_is_a_second_free_spin(self, unguarded, ming, monkeypatch):
        """The negative control."""
        draw = await self.two_read_the_same_player(unguarded, ming, monkeypatch)
        naive = {
            name: text.replace("WHERE draw_player.spins < excluded.spins", "")
            for name, text in (("postgres", statements.PLAYED.postgres), ("sqlite", statements.PLAYED.sqlite))
        }
        monkeypatch.setattr(statements, "PLAYED", replace(statements.PLAYED, **naive))
        await unguarded.spin(ming, draw)
        assert await Spin.all().count() == 2
        assert "每位会员的抽奖次数等于他的抽奖记录" in await breaches()


class TestEnding:
    async def test_a_pause_that_comes_before_a_batch_stops_it(self, fair, ming):
        """The batch waits for the draw's row, and finds it paused."""
        draw = await fair.published()
        await fair.handlers.spinning.open(draw)
        is_held, may_go = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            async with atomic():
                await rows(statements.PAUSE, draw, "paused")
                is_held.set()
                await may_go.wait()

        pausing = asyncio.create_task(pause())
        await is_held.wait()
        waiting = asyncio.create_task(fair.spin(ming, draw))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        may_go.set()
        await pausing
        with pytest.raises(DrawPaused):
            await waiting

    async def test_a_pause_during_a_batch_comes_after_it_and_holds(self, fair, ming, monkeypatch):
        draw = await fair.published()
        real, is_deciding, may_go = spinning.load, asyncio.Event(), asyncio.Event()

        async def load(*args):
            is_deciding.set()
            await may_go.wait()
            return await real(*args)

        monkeypatch.setattr(spinning, "load", load)
        spinning_ = asyncio.create_task(fair.spin(ming, draw))
        await is_deciding.wait()
        pause = fair.handlers.draw_editing.pause(fair.operator, draw, reason="检查", request_id=key())
        pausing = asyncio.create_task(pause)
        may_go.set()
        assert (await spinning_).spins[0].sequence == 1
        await pausing
        with pytest.raises(DrawPaused):
            await fair.spin(ming, draw)

    async def test_a_state_that_is_read_before_the_lock_lets_a_spin_through(self, fair, ming, monkeypatch):
        """The negative control."""
        draw = await fair.published()
        await fair.handlers.spinning.open(draw)
        async with atomic():
            before = await hold(draw)
        await fair.handlers.draw_editing.pause(fair.operator, draw, reason="检查", request_id=key())
        is_read_before(monkeypatch, spinning, "hold", before)
        await fair.spin(ming, draw)

    async def closing_while_they_wait(self, fair, clock, monkeypatch):
        draw = await fair.published(closes_at=clock.now() + timedelta(minutes=1))
        await fair.handlers.spinning.open(draw)
        real = spinning.hold

        async def late(draw_id):
            clock.advance(timedelta(minutes=1))
            return await real(draw_id)

        monkeypatch.setattr(spinning, "hold", late)
        return draw

    async def test_a_draw_that_ends_while_a_batch_waits_for_it_gives_nothing_more(self, fair, ming, clock, monkeypatch):
        draw = await self.closing_while_they_wait(fair, clock, monkeypatch)
        with pytest.raises(DrawClosed):
            await fair.spin(ming, draw)
        assert await Spin.all().count() == 0

    async def test_a_clock_that_is_read_before_the_lock_spins_after_the_end(self, fair, ming, clock, monkeypatch):
        """The negative control."""
        draw = await self.closing_while_they_wait(fair, clock, monkeypatch)
        monkeypatch.setattr(fair.handlers.spinning, "_clock", type(clock)(clock.now()))
        await fair.spin(ming, draw)
        assert await Spin.all().count() == 1


class TestFailures:
    async def stored(self) -> tuple[int, ...]:
        found = await rows("SELECT COUNT(*) AS number FROM request WHERE operation = 'spin'")
        return await Spin.all().count(), await Transfer.all().count(), await Parcel.all().count(), found[0]["number"]

    async def test_a_failure_at_any_statement_gives_everything_back(self, fair, ming):
        prizes = goods(300_000, stock=50), points(300_000), await fair.voucher(400_000, stock=50)
        draw = await fair.published(*prizes, price=SpinPrice(free_daily=1, points=5))
        await fair.chances(ming, draw, 4)
        await fair.earn(ming, 25)
        await fair.handlers.spinning.open(draw)
        before, struck = await self.stored(), 0

        async def ten() -> None:
            await fair.spin(ming, draw, times=10, request_id="tap")

        while await Failpoint(How.ABORT, struck).strikes(ten) is not None:
            assert await self.stored() == before
            struck += 1
        turn = (await fair.handlers.draws.view(ming, draw)).turn
        assert struck > 10
        assert (await Spin.all().count(), turn.free_left) == (10, 0)
        paid = Counter(await Spin.all().values_list("paid_by", flat=True))
        assert paid == {"free": 1, "chance": 4, "points": 5}

    @pytest.mark.parametrize("how", [How.COMMIT_LOST, How.ANSWER_LOST])
    async def test_an_interrupted_commit_is_settled_by_the_keys_and_nobody_pays_twice(self, fair, ming, how):
        draw = await fair.published(goods(500_000, stock=50), price=FOR_POINTS)
        await fair.earn(ming, 50)
        await fair.handlers.spinning.open(draw)
        await fair.handlers.draw_revealing.fairness(ming, draw)  # the signing key is there

        async def ten() -> None:
            spun = await fair.spin(ming, draw, times=10, request_id="tap")
            assert len(spun.spins) == 10

        assert await Failpoint(how, 0).strikes(ten) is None
        assert (await Spin.all().count(), await fair.has(ming)) == (10, 0)
