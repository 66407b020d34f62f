"""Shifts: one at a time per till, totals that are the sum of their rows, closed with nothing left in between."""

import asyncio
import random
from datetime import timedelta

import pytest

from handlers.errors import ClerkNotSignedIn, KeyReused, NoShift, OfflineScansWait, ShiftOpen, StoreNeeded, StoreUnknown
from handlers.redemptions import redeeming
from handlers.serving.shifts import BenefitTotals, Shifts, ShiftView
from models.database import atomic, dialect, row, rows
from models.ids import new_id
from models.redemptions import Clerk as ClerkRow
from models.redemptions import Redemption
from models.shifts import Shift, ShiftEntry
from models.sql import Both, as_uuid
from models.statements import shifts as statements
from models.statements.invariants import CHECKS
from models.words import RedemptionKind
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, offline_claim


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def begin(counter, *, by=None, device="d1", key=None, **more):
    shifts = counter.handlers.shifts
    return await shifts.open(by or counter.clerk, device_id=device, request_id=key or str(new_id()), **more)


async def end(counter, *, by=None, device="d1", key=None, **more):
    shifts = counter.handlers.shifts
    return await shifts.close(by or counter.clerk, device_id=device, request_id=key or str(new_id()), **more)


def sums(shift: ShiftView) -> tuple[int, int, int, int]:
    return shift.redeemed_count, shift.redeemed_fen, shift.reversed_count, shift.reversed_fen


async def test_a_shift_counts_what_was_redeemed_and_taken_back_on_its_device_and_keeps_it(counter, ming, clock):
    before = await counter.claim(ming)
    await counter.redeem(counter.typed(before))
    opened = (await begin(counter)).value
    assert (opened.store, opened.opened_by, sums(opened)) == ("湖滨店", counter.clerk.name, (0, 0, 0, 0))
    claim = await counter.claim(ming, uses=3, price_fen=999)
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    await counter.redeem(counter.typed(claim), device="d2")  # another till's
    await counter.reverse(line.id)
    await counter.redeem(counter.typed(await counter.claim(ming, price_fen=50)))
    now = await counter.handlers.shifts.current(counter.clerk, device_id="d1")
    assert sums(now) == (2, 383, 1, 333)
    assert sorted((each.redeemed_fen, each.reversed_fen) for each in now.by_benefit) == [(50, 0), (333, 333)]
    clock.advance(timedelta(hours=8))
    closed = (await end(counter)).value
    assert (sums(closed), closed.closed_at, closed.closed_by) == (sums(now), clock.now(), counter.clerk.name)
    kept = await Shift.get(id=opened.id)
    assert (kept.redeemed_count, kept.redeemed_fen, kept.reversed_count, kept.reversed_fen) == sums(closed)
    assert sum(each["redeemed_fen"] for each in kept.by_benefit) == 383
    await counter.redeem(counter.typed(await counter.claim(ming)))
    with pytest.raises(NoShift):
        await counter.handlers.shifts.current(counter.clerk, device_id="d1")
    with pytest.raises(NoShift):
        await end(counter)


async def test_asking_again_gets_the_same_shift_and_another_one_is_refused_until_it_is_closed(counter):
    first = await begin(counter, key="k1")
    again = await begin(counter, key="k1")
    assert (again.value, again.replayed) == (first.value, True)
    with pytest.raises(ShiftOpen) as refused:
        await begin(counter)
    assert refused.value.facts["opened_by"] == counter.clerk.name
    with pytest.raises(KeyReused):
        await begin(counter, key="k1", device="d2")
    done = await end(counter, key="k2")
    assert (await end(counter, key="k2")).value == done.value
    assert (await begin(counter)).value.id != first.value.id


async def test_whoever_has_the_phone_closes_and_the_store_is_theirs_or_named(counter, rooms, clock):
    await begin(counter)
    colleague = await counter.clerk_in(await rooms.member("o-other"), store=counter.lake)
    stranger = await counter.clerk_in(await rooms.member("o-hill"), store=counter.hill)
    with pytest.raises(NoShift):
        await end(counter, by=stranger)
    with pytest.raises(StoreUnknown):
        await end(counter, by=stranger, store_id=counter.lake.id)
    with pytest.raises(StoreNeeded):
        await end(counter, by=counter.manager)
    assert (await end(counter, by=colleague)).value.opened_by == counter.clerk.name
    await ClerkRow.filter(id=counter.clerk.id).update(revoked_at=clock.now())
    with pytest.raises(ClerkNotSignedIn):
        await begin(counter)


async def test_it_is_not_closed_while_offline_scans_of_this_till_wait(counter, clock):
    waiting = {"d1": 2}

    async def of_this_till(store_id, device_id):
        assert store_id == counter.lake.id
        return waiting.get(device_id, 0)

    async def nothing(_store_id, _device_id):
        return 0

    shifts = Shifts(clock, [nothing, of_this_till])
    await begin(counter)
    with pytest.raises(OfflineScansWait) as refused:
        await shifts.close(counter.clerk, device_id="d1", request_id="k")
    assert (refused.value.facts, "2笔" in refused.value.sentence) == ({"waiting": 2}, True)
    waiting.clear()
    assert (await shifts.close(counter.clerk, device_id="d1", request_id="k")).value.closed_at == clock.now()


async def test_scans_without_a_network_count_in_the_shift_and_missing_ones_keep_it_open(counter, ming):
    await begin(counter)
    device = await a_device(counter, "d1")
    first, second, third = [device.scan(await offline_claim(counter, ming, price_fen=500)) for _ in range(3)]
    await device.upload([first, third])
    with pytest.raises(OfflineScansWait) as refused:
        await end(counter)
    assert refused.value.facts == {"waiting": 1}
    await device.upload([second])
    assert sums((await end(counter)).value) == (3, 1500, 0, 0)


async def test_a_closed_shift_and_its_entries_are_never_edited(counter, ming):
    shift = (await begin(counter)).value
    await counter.redeem(counter.typed(await counter.claim(ming)))
    await end(counter)
    with pytest.raises(Exception, match="stays as it is"):
        await Shift.filter(id=shift.id).update(redeemed_fen=0)
    with pytest.raises(Exception, match="append-only"):
        await ShiftEntry.filter(shift_id=shift.id).delete()


async def wrong_totals() -> list[object]:
    (check,) = [each for each in CHECKS if each.what.startswith("交班")]
    return [as_uuid(each["id"]) for each in await rows(check.sql)]


async def test_doctor_finds_a_closed_shift_whose_totals_are_not_its_rows(counter, ming, clock):
    await begin(counter)
    await counter.redeem(counter.typed(await counter.claim(ming)))
    await end(counter)
    assert await wrong_totals() == []
    where = {"merchant": counter.merchant, "store": counter.lake, "opened_by_id": counter.clerk.id}
    times = {"opened_at": clock.now(), "closed_at": clock.now()}
    wrong = await Shift.create(device_id="d1", redeemed_count=1, redeemed_fen=1000, **where, **times)
    assert await wrong_totals() == [wrong.id]


# --- totals equal the rows, whatever was done

STEPS = ("redeem", "redeem", "redeem", "reverse", "elsewhere", "hand over")


async def test_totals_are_the_sum_of_the_history_s_rows(counter, ming):
    history = counter.handlers.redemption_history.listing
    for seed in range(6):
        steps = random.Random(seed).choices(STEPS, k=10)
        seen = {each.id for each in await history(counter.manager, after=None, limit=10_000)}
        claim = await counter.claim(ming, uses=1000, price_fen=123_457)
        await begin(counter)
        standing, frozen = [], []
        for step in steps:
            if step == "redeem":
                standing.append((await counter.redeem(counter.typed(claim))).value.lines[0].id)
            elif step == "reverse" and standing:
                await counter.reverse(standing.pop())
            elif step == "elsewhere":
                await counter.redeem(counter.typed(claim), device="d2")
            elif step == "hand over":
                frozen.append((await end(counter)).value)
                await begin(counter)
        frozen.append((await end(counter)).value)
        fresh = [each for each in await history(counter.manager, after=None, limit=10_000) if each.id not in seen]
        here = [each for each in fresh if each.device_id == "d1"]
        fen = {each.id: each.settlement_fen for each in await Redemption.filter(id__in=[each.id for each in here])}
        redeemed = [fen[each.id] for each in here if each.kind is RedemptionKind.REDEEM]
        reversed_ = [fen[each.id] for each in here if each.kind is RedemptionKind.REVERSAL]
        totals = tuple(map(sum, zip(*(sums(each) for each in frozen), strict=True)))
        assert totals == (len(redeemed), sum(redeemed), len(reversed_), sum(reversed_)), steps
        for shift in frozen:
            assert sums(shift) == tuple(
                sum(getattr(each, name) for each in shift.by_benefit)
                for name in ("redeemed_count", "redeemed_fen", "reversed_count", "reversed_fen")
            )
            assert all(isinstance(each, BenefitTotals) for each in shift.by_benefit)


# --- at once


async def clerks_of(counter, count: int):
    return [
        await counter.clerk_in(await counter.rooms.member(f"o-race{number}"), store=counter.lake)
        for number in range(count)
    ]


async def test_of_fifty_who_open_at_once_one_does_and_fifty_same_requests_are_one(counter):
    clerks = await clerks_of(counter, 5)
    answers = await asyncio.gather(
        *(begin(counter, by=clerks[number % 5]) for number in range(50)), return_exceptions=True
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {ShiftOpen}
    same = await asyncio.gather(*(end(counter, key="k") for _ in range(50)))
    assert len({answer.value.id for answer in same}) == 1
    assert sum(not answer.replayed for answer in same) == 1


async def test_negative_control_without_the_unique_index_two_are_open(counter):
    await rows("DROP INDEX shift_one_open")
    made = statements.OPEN.replace("ON CONFLICT (store_id, device_id) WHERE closed_at IS NULL DO NOTHING", "")
    now = counter.rooms.clock.now()
    for _ in range(2):
        async with atomic():
            assert await row(made, new_id(), now, counter.merchant.id, counter.lake.id, "d1", counter.clerk.id)
    assert await Shift.filter(closed_at=None).count() == 2


async def redeeming_now(counter, ming, monkeypatch):
    """A redemption that stands still after its entry was written and before it commits, and what lets it go on."""
    written, go_on = asyncio.Event(), asyncio.Event()
    later_many = redeeming.later_many

    async def paused(*args, **kwargs):
        await ShiftEntry.all().count()  # whoever looks sees what is written: it has gone to the database
        written.set()
        await go_on.wait()
        await later_many(*args, **kwargs)

    claim = await counter.claim(ming)
    monkeypatch.setattr(redeeming, "later_many", paused)
    task = asyncio.create_task(counter.redeem(counter.typed(claim)))
    await written.wait()
    return task, go_on


async def test_who_closes_waits_for_what_is_being_redeemed_and_counts_it(counter, ming, rooms, monkeypatch):
    await begin(counter)
    colleague = await counter.clerk_in(await rooms.member("o-other"), store=counter.lake)
    redemption, go_on = await redeeming_now(counter, ming, monkeypatch)
    closing = asyncio.create_task(end(counter, by=colleague))
    await asyncio.sleep(0.2)
    assert not closing.done()
    go_on.set()
    await redemption
    assert sums((await closing).value) == (1, 1000, 0, 0)


async def test_negative_control_without_the_lock_the_totals_lack_a_row(counter, ming, rooms, monkeypatch):
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: there is no lock to leave out")
    await begin(counter)
    colleague = await counter.clerk_in(await rooms.member("o-other"), store=counter.lake)
    loose = statements.ENTER.postgres.replace("FOR SHARE", "")
    monkeypatch.setattr(statements, "ENTER", Both(postgres=loose, sqlite=""))
    redemption, go_on = await redeeming_now(counter, ming, monkeypatch)
    closed = (await end(counter, by=colleague)).value
    go_on.set()
    await redemption
    assert sums(closed) == (0, 0, 0, 0)
    assert await ShiftEntry.filter(shift_id=closed.id).count() == 1
