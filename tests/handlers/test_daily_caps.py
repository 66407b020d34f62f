"""Daily caps: so many codes one clerk redeems, and takes back, in a business day, where their merchant says so."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import DailyRedemptionsReached, DailyReversalsReached, NotReversible, RedemptionUnknown
from handlers.redemptions import daily_caps
from handlers.redemptions.counter import Scan
from handlers.redemptions.redemptions import Redemptions
from handlers.redemptions.reversals import Reversals
from handlers.rules.offline import CONTRA
from models.database import dialect
from models.programmes import Merchant
from models.redemptions import Redemption, RedemptionAttempt
from models.requests import Request
from models.sql import Both
from models.statements import redemptions as statements
from models.words import RedemptionKind
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, morning_after, offline_claim
from tests.handlers.trips import counting_trips

FIFTY = range(50)
DAY = timedelta(days=1)


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def cap(counter, *, redemptions: int | None = None, reversals: int | None = None) -> None:
    await Merchant.filter(id=counter.merchant.id).update(
        clerk_daily_redemptions=redemptions, clerk_daily_reversals=reversals
    )


async def redeem(counter, person, **more):
    """Something of a claim of its own."""
    return await counter.redeem(counter.typed(await counter.claim(person)), **more)


async def redeemed() -> int:
    return await Redemption.filter(kind=RedemptionKind.REDEEM).count()


async def contras() -> int:
    return await Redemption.filter(kind=RedemptionKind.REVERSAL).count()


def refused(answers) -> int:
    """How many ended at the cap; nothing else went wrong."""
    errors = [each for each in answers if isinstance(each, BaseException)]
    assert {type(each) for each in errors} <= {DailyRedemptionsReached, DailyReversalsReached}
    return len(errors)


# --- redeeming


async def test_whoever_reached_the_cap_is_told_until_when_and_the_manager_goes_on(counter, ming, clock):
    await cap(counter, redemptions=2)
    for _ in range(2):
        await redeem(counter, ming)
    claim = await counter.claim(ming)
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    with pytest.raises(DailyRedemptionsReached) as told:
        await counter.redeem(Scan(token=token), key="k")
    assert told.value.facts == {"cap": 2, "left": 0, "retry_after": 14 * 3600}  # it is ten o'clock
    assert not await Request.filter(key="k").exists()
    assert (await RedemptionAttempt.all().order_by("-id").first()).outcome == "redemption.daily_cap"
    with pytest.raises(RedemptionUnknown):
        await counter.handlers.redemptions.by_key(counter.clerk, device_id="d1", key="k")
    done = await counter.redeem(Scan(token=token), by=counter.manager, store_id=counter.lake.id)  # the very pass
    assert done.value.lines[0].claim_id == claim.id
    other = await counter.clerk_in(await counter.rooms.member("o-other"), store=counter.lake)
    await redeem(counter, ming, by=other)  # everybody has a cap of their own
    assert await redeemed() == 4


async def test_the_next_day_is_free_again_and_the_same_key_may_do(counter, ming, clock):
    await cap(counter, redemptions=1)
    await redeem(counter, ming)
    claim = await counter.claim(ming)
    clock.advance(timedelta(hours=14) - timedelta(seconds=1))
    with pytest.raises(DailyRedemptionsReached) as told:
        await counter.redeem(counter.typed(claim), key="k")
    assert told.value.facts["retry_after"] == 1
    clock.advance(timedelta(seconds=1))  # midnight in Shanghai
    assert not (await counter.redeem(counter.typed(claim), key="k")).replayed
    with pytest.raises(DailyRedemptionsReached):
        await redeem(counter, ming)


async def test_a_call_that_would_pass_the_cap_redeems_none_of_its_codes(counter, ming):
    await cap(counter, redemptions=3)
    await redeem(counter, ming)
    claims = [await counter.claim(ming) for _ in range(3)]
    with pytest.raises(DailyRedemptionsReached) as told:
        await counter.redeem(*map(counter.typed, claims))
    assert (told.value.facts["cap"], told.value.facts["left"]) == (3, 2)
    assert await redeemed() == 1
    await counter.redeem(*map(counter.typed, claims[:2]))
    assert await redeemed() == 3


async def test_uses_of_one_code_are_one_and_what_was_taken_back_counts_on(counter, ming):
    await cap(counter, redemptions=2)
    claim = await counter.claim(ming, uses=5)
    await counter.redeem(counter.typed(claim, uses=4))
    await counter.reverse((await redeem(counter, ming)).value.lines[0].id)
    with pytest.raises(DailyRedemptionsReached):
        await redeem(counter, ming)


async def test_a_cap_holds_from_the_next_scan_on_for_what_was_done_before(counter, ming):
    for _ in range(3):
        await redeem(counter, ming)
    await cap(counter, redemptions=2)
    with pytest.raises(DailyRedemptionsReached) as told:
        await redeem(counter, ming)
    assert told.value.facts["left"] == 0
    await cap(counter)
    await redeem(counter, ming)


async def test_a_device_that_says_it_was_yesterday_gains_nothing(counter, ming, clock):
    await cap(counter, redemptions=1)
    await redeem(counter, ming, scanned_at=clock.now() - DAY)
    with pytest.raises(DailyRedemptionsReached):
        await redeem(counter, ming, scanned_at=clock.now() - DAY)


async def test_without_a_cap_nothing_is_counted(counter, ming, monkeypatch):
    """A cap costs one statement, and nobody else anything."""
    claims = [await counter.claim(ming) for _ in range(3)]
    with counting_trips() as without:
        await counter.redeem(counter.typed(claims[0]))
    await cap(counter, redemptions=9, reversals=9)
    with counting_trips() as capped:
        line = (await counter.redeem(counter.typed(claims[1]))).value.lines[0]
    with counting_trips() as of_a_manager:
        await counter.redeem(counter.typed(claims[2]), by=counter.manager, store_id=counter.lake.id)
    assert (capped.count - without.count, of_a_manager.count - without.count) == (1, 0)
    await cap(counter)
    monkeypatch.setattr(statements, "MADE", None)  # asked for, it would fail
    await redeem(counter, ming)
    await counter.reverse(line.id)


# --- offline


async def test_scans_from_offline_are_never_refused_and_count(counter, ming):
    await cap(counter, redemptions=2)
    device = await a_device(counter)
    for _ in range(3):
        device.scan(await offline_claim(counter, ming))
    assert {each.told for each in (await device.upload()).answers} == {"accepted"}
    with pytest.raises(DailyRedemptionsReached) as told:
        await redeem(counter, ming)
    assert told.value.facts["left"] == 0


async def test_scans_of_yesterday_count_for_yesterday_whenever_they_come(counter, ming, clock):
    await cap(counter, redemptions=1)
    device = await a_device(counter)
    device.scan(await offline_claim(counter, ming))
    clock.advance(timedelta(hours=15))  # one in the morning
    assert (await device.upload()).answers[0].told == "accepted"
    await redeem(counter, ming)
    with pytest.raises(DailyRedemptionsReached):
        await redeem(counter, ming)


async def test_what_the_cut_off_takes_back_in_a_clerks_name_is_not_theirs(counter, ming, clock):
    await cap(counter, reversals=1)
    claim = await offline_claim(counter, ming)
    other = await counter.clerk_in(await counter.rooms.member("o-two"), store=counter.lake)
    one, two = await a_device(counter, "one", clerk=other), await a_device(counter, "two")
    one.scan(claim)
    clock.advance(timedelta(minutes=5))
    two.scan(claim)
    await two.upload()  # provisionally the clerk's, but the other one gave it first
    await one.upload()
    await morning_after(counter)
    assert (await Redemption.get(kind=RedemptionKind.REVERSAL)).clerk_id == counter.clerk.id
    first, second = [(await redeem(counter, ming)).value.lines[0].id for _ in range(2)]
    # A clerk who says the cut-off's word does not become it.
    await counter.handlers.reversals.reverse(counter.clerk, first, reason=CONTRA, request_id="said")
    with pytest.raises(DailyReversalsReached):
        await counter.reverse(second)


# --- taking back


async def test_whoever_took_back_as_often_as_they_may_asks_the_manager(counter, ming, clock):
    await cap(counter, reversals=1)
    first, second = [(await redeem(counter, ming)).value.lines[0].id for _ in range(2)]
    await counter.reverse(first)
    with pytest.raises(DailyReversalsReached) as told:
        await counter.reverse(second, key="k")
    assert told.value.facts == {"cap": 1, "left": 0, "retry_after": 14 * 3600}
    with pytest.raises(NotReversible):  # what cannot be taken back at all is said first
        await counter.reverse(first)
    assert not (await counter.reverse(second, by=counter.manager)).replayed
    assert await contras() == 2
    clock.advance(DAY)
    (third,) = (await redeem(counter, ming)).value.lines
    await counter.reverse(third.id)


# --- at once


async def claims_of(counter, person) -> list:
    return [await counter.claim(person) for _ in FIFTY]


async def scan_all(counter, claims, *, servers: int = 1) -> list:
    """Fifty scans of one clerk at once, each of another claim; servers have lanes of their own."""
    rooms = counter.rooms
    redeeming = [Redemptions(rooms.clock, rooms.vault, counter.handlers.redemptions._passes) for _ in range(servers)]
    calls = (
        redeeming[number % servers].redeem(
            counter.clerk, [counter.typed(claim)], device_id=f"d{number}", request_id=str(number)
        )
        for number, claim in enumerate(claims)
    )
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("servers", [1, 5])
async def test_of_fifty_scans_of_one_clerk_at_once_the_cap_is_redeemed(counter, ming, servers):
    await cap(counter, redemptions=20)
    answers = await scan_all(counter, await claims_of(counter, ming), servers=servers)
    assert (refused(answers), await redeemed()) == (30, 20)


async def test_clerks_of_one_batch_are_counted_each_by_their_own(counter, ming):
    await cap(counter, redemptions=2)
    clerks = [counter.clerk, counter.manager]
    clerks += [
        await counter.clerk_in(await counter.rooms.member(f"o-{number}"), store=counter.lake) for number in range(3)
    ]
    claims = await claims_of(counter, ming)
    calls = (
        counter.redeem(counter.typed(claim), by=clerks[number % 5], device=f"d{number}", store_id=counter.lake.id)
        for number, claim in enumerate(claims)
    )
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert refused(answers) == 4 * 8
    for clerk in clerks:
        made = await Redemption.filter(clerk_id=clerk.id).count()
        assert made == (10 if clerk is counter.manager else 2)


async def test_negative_control_in_one_round_more_than_the_cap_are_redeemed(counter, ming, monkeypatch):
    """What holds the cap within a process are rounds: side by side, all are counted before one of them is written."""
    await cap(counter, redemptions=20)

    def without_clerks(each, locked):
        return {claim["id"] for claim in map(locked.of, each.call.sought) if claim}

    monkeypatch.setattr("handlers.redemptions.tills._touched", without_clerks)
    answers = await scan_all(counter, await claims_of(counter, ming))
    assert await redeemed() == 50 - refused(answers) > 20


def without_the_lock(monkeypatch, module: str) -> None:
    """And five at once have counted before one of them writes."""
    loose = statements.LOCK_CLERKS.postgres.replace("FOR NO KEY UPDATE OF k", "")
    assert loose != statements.LOCK_CLERKS.postgres
    monkeypatch.setattr(statements, "LOCK_CLERKS", Both(postgres=loose, sqlite=""))
    everybody_has_counted, counted = asyncio.Barrier(5), daily_caps.beyond

    async def count_and_wait(*asked):
        found = await counted(*asked)
        await everybody_has_counted.wait()
        return found

    monkeypatch.setattr(f"handlers.redemptions.{module}.beyond", count_and_wait)


async def test_negative_control_without_the_lock_every_process_redeems(counter, ming, monkeypatch):
    """Five processes, so five lanes; all have counted before one of them writes."""
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: there is no lock to leave out")
    await cap(counter, redemptions=1)
    without_the_lock(monkeypatch, "tills")
    claims = [await counter.claim(ming) for _ in range(5)]
    answers = await scan_all(counter, claims, servers=5)
    assert (refused(answers), await redeemed()) == (0, 5)


async def take_all_back(counter, person) -> list:
    """Twenty reversals of one clerk at once, each of another redemption."""
    lines = [(await redeem(counter, person)).value.lines[0].id for _ in range(20)]
    return await asyncio.gather(*(counter.reverse(each) for each in lines), return_exceptions=True)


async def test_of_twenty_reversals_of_one_clerk_at_once_the_cap_is_taken_back(counter, ming):
    await cap(counter, reversals=5)
    assert (refused(await take_all_back(counter, ming)), await contras()) == (15, 5)


async def test_negative_control_without_the_lock_more_are_taken_back(counter, ming, monkeypatch):
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: there is no lock to leave out")
    await cap(counter, reversals=1)
    lines = [(await redeem(counter, ming)).value.lines[0].id for _ in range(5)]
    without_the_lock(monkeypatch, "reversals")
    reversals = Reversals(counter.rooms.clock)
    calls = (
        reversals.reverse(counter.clerk, each, reason="拿错了", device_id="d1", request_id=str(each)) for each in lines
    )
    assert (refused(await asyncio.gather(*calls, return_exceptions=True)), await contras()) == (0, 5)
