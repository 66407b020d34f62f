"""Uploads: every scan once, whatever it comes in; provisional answers; and what is refused."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.errors import ClerkNotSignedIn, DeviceClockOff, TooManyWrongCodes
from handlers.offline import uploads
from handlers.offline.scans import Told
from handlers.offline.waiting import offline_waiting
from handlers.rules.benefit_terms import PartnerCouponTerms
from models.claims import Claim
from models.database import dialect, rows, script
from models.ids import new_id
from models.offline import OfflineConflict, OfflineScan, OfflineVerdict
from models.outbox import Job
from models.programmes import Merchant
from models.redemptions import Clerk as ClerkRow
from models.redemptions import Redemption
from models.sql import Both
from models.statements import offline as statements
from models.words import BenefitKind, ClaimState, ScanMode, ScanOutcome
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, morning_after, offline_claim

GARBAGE = "0000-0000-0000-0"


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


def told(uploaded) -> list[tuple[str, str]]:
    return [(each.told.value, each.reason) for each in uploaded.answers]


async def test_a_scan_becomes_a_redemption_of_its_own_time_and_is_provisional(counter, ming, clock):
    claim = await offline_claim(counter, ming, price_fen=999, share_bp=3333)
    device = await a_device(counter, slow=timedelta(minutes=4))
    scanned_at = clock.advance(timedelta(minutes=10))
    device.scan(claim)
    clock.advance(timedelta(hours=1))
    (answer,) = (await device.upload()).answers
    assert (answer.told, answer.is_provisional, answer.first) == (Told.ACCEPTED, True, None)
    row = await Redemption.get(id=answer.redemption_id)
    assert (row.mode, row.scanned_at, row.redeemed_at) == (ScanMode.OFFLINE, scanned_at, clock.now())
    assert (row.settlement_fen, row.operator_share_fen, row.merchant_share_fen) == (999, 332, 667)
    after = await Claim.get(id=claim.id)
    assert (after.state, after.uses_left) == (ClaimState.USED, 0)
    assert await Job.filter(key=f"redeemed:{row.id}").count() == 1
    scan = await OfflineScan.get()
    assert scan.code_hash == claim.code_hash
    assert scan.scanned_at - scan.device_at == timedelta(minutes=4)


async def test_sending_it_again_is_answered_by_what_became_of_it_and_changes_nothing(counter, ming):
    device = await a_device(counter)
    for _ in range(3):
        device.scan(await offline_claim(counter, ming))
    first = await device.upload()
    again = await device.upload(list(reversed(device.queue)))
    assert {each.told for each in again.answers} == {Told.REPLAYED}
    assert [each.redemption_id for each in reversed(again.answers)] == [each.redemption_id for each in first.answers]
    twice = device.scan(await offline_claim(counter, ming))
    assert told(await device.upload([twice, twice])) == [("accepted", ""), ("replayed", "")]
    assert await Redemption.all().count() == await OfflineScan.all().count() == 4


async def test_a_number_or_key_with_other_facts_is_refused_and_keeps_what_it_stands_for(counter, ming):
    device = await a_device(counter)
    sent = device.scan(await offline_claim(counter, ming))
    await device.upload()
    other = device.scan(await offline_claim(counter, ming))
    assert told(await device.upload([replace(other, seq=1)])) == [("conflict", "offline.seq_reused")]
    assert told(await device.upload([replace(other, key=sent.key)])) == [("conflict", "offline.key_reused")]
    assert told(await device.upload([replace(sent, scanned_at=sent.scanned_at + timedelta(seconds=1))])) == [
        ("conflict", "offline.seq_reused")
    ]
    assert told(await device.upload([other, replace(other, key="k")])) == [
        ("accepted", ""),
        ("conflict", "offline.seq_reused"),
    ]
    assert await OfflineScan.all().count() == 2


async def test_a_gap_is_told_and_what_comes_after_it_is_taken(counter, ming):
    device = await a_device(counter)
    scans = [device.scan(await offline_claim(counter, ming)) for _ in range(7)]
    got = await device.upload([scans[2], scans[5]])
    assert (got.complete_upto, got.gaps) == (0, ((1, 2), (4, 5)))
    assert {each.told for each in got.answers} == {Told.ACCEPTED}
    got = await device.upload(scans[:2])
    assert (got.complete_upto, got.gaps) == (3, ((4, 5),))
    waiting = await offline_waiting(counter.merchant.id, device_id=device.id)
    assert (waiting.provisional_count, waiting.gaps, waiting.is_waiting) == (4, {device.id: ((4, 5),)}, True)
    got = await device.upload(scans)
    assert (got.complete_upto, got.gaps) == (7, ())
    await morning_after(counter)
    assert not (await offline_waiting(counter.merchant.id, device_id=device.id)).is_waiting
    assert not (await offline_waiting(counter.merchant.id, clerk_id=counter.clerk.id)).is_waiting


async def test_what_was_given_already_is_a_conflict_with_the_details_of_the_first(counter, ming, clock):
    claim = await offline_claim(counter, ming)
    one, two = await a_device(counter, "one"), await a_device(counter, "two")
    given_at = clock.now()
    one.scan(claim)
    clock.advance(timedelta(minutes=1))
    two.scan(claim)
    await one.upload()
    (answer,) = (await two.upload()).answers
    assert (answer.told, answer.reason, answer.is_provisional) == (Told.CONFLICT, "offline.given_twice", True)
    assert (answer.first.given_at, answer.first.device_id, answer.first.store) == (given_at, "one", "湖滨店")
    assert (await two.told(two.queue[0])).first == answer.first


# --- what is refused


async def test_what_may_not_be_redeemed_offline_is_rejected_for_its_reason(counter, ming, clock):
    now, own = clock.now(), await counter.rooms.member("o-clerk")
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    coupon = {"kind": BenefitKind.PARTNER_COUPON, "terms": PartnerCouponTerms(500, 2000)}
    device = await a_device(counter)
    cases = [
        (await counter.claim(ming), {}, "offline.not_allowed"),
        (await offline_claim(counter, ming, uses=2), {}, "offline.not_allowed"),
        (await offline_claim(counter, ming, price_fen=5001), {}, "offline.not_allowed"),
        (await offline_claim(counter, ming, expires_at=now), {}, "redemption.expired"),
        (await offline_claim(counter, ming, valid_from=now + timedelta(hours=1)), {}, "redemption.not_started"),
        (await offline_claim(counter, ming, state=ClaimState.REVOKED), {}, "redemption.revoked"),
        (await offline_claim(counter, ming, shows_typed_code=False), {}, "redemption.invalid"),
        (await offline_claim(counter, own), {}, "redemption.own_claim"),
        (await offline_claim(counter, ming, **coupon), {}, "redemption.bill_needed"),
        (await offline_claim(counter, ming, **coupon), {"bill_fen": 1999}, "redemption.below_threshold"),
        (await offline_claim(counter, ming), {"sync_id": new_id()}, "offline.pack_unknown"),
        (await offline_claim(counter, ming, merchant=other), {}, "redemption.invalid"),
        (GARBAGE, {}, "redemption.invalid"),
    ]
    for claim, more, _ in cases:
        device.scan(claim, **more)
    uploaded = await device.upload()
    assert told(uploaded) == [("rejected", reason) for *_, reason in cases]
    assert not any(each.is_provisional for each in uploaded.answers)
    assert await Redemption.all().count() == 0
    assert await OfflineVerdict.all().count() == len(cases)
    foreign, garbage = [await OfflineScan.get(seq=len(cases) - number) for number in (1, 0)]
    assert foreign.claim_id is garbage.claim_id is None


async def test_a_partner_coupon_is_settled_on_what_it_took_off_the_bill(counter, ming):
    terms = PartnerCouponTerms(face_value_fen=500, threshold_fen=2000)
    device = await a_device(counter)
    device.scan(await offline_claim(counter, ming, kind=BenefitKind.PARTNER_COUPON, terms=terms), bill_fen=2500)
    (answer,) = (await device.upload()).answers
    row = await Redemption.get(id=answer.redemption_id)
    assert (row.settlement_fen, row.bill_amount_fen) == (500, 2500)


async def test_what_was_good_when_it_was_scanned_counts_though_the_sweep_has_come_past(counter, ming, clock):
    claim = await offline_claim(counter, ming, expires_at=clock.now() + timedelta(minutes=5))
    device = await a_device(counter)
    device.scan(claim)
    clock.advance(timedelta(minutes=6))
    late = device.scan(claim)
    await counter.handlers.claim_expiry.sweep()
    uploaded = await device.upload()
    assert told(uploaded) == [("accepted", ""), ("rejected", "redemption.expired")]
    after = await Claim.get(id=claim.id)
    assert (after.state, after.uses_left) == (ClaimState.USED, 0)
    assert (await device.told(late)).reason == "redemption.expired"


async def test_a_scan_is_judged_by_the_day_of_its_pack(counter, ming, clock):
    claims = [await offline_claim(counter, ming) for _ in range(2)]
    device = await a_device(counter)  # 10:00 in Shanghai
    midnight = clock.now() + timedelta(hours=14)
    device.scan(claims[0], at=midnight - timedelta(seconds=1))
    device.scan(claims[1], at=midnight)
    clock.advance(timedelta(hours=15))
    assert told(await device.upload()) == [("accepted", ""), ("rejected", "offline.pack_over")]


async def test_a_clock_an_hour_off_uploads_nothing_and_one_that_moved_is_not_believed(counter, ming, clock):
    claims = [await offline_claim(counter, ming) for _ in range(4)]
    device = await a_device(counter)
    clock.advance(timedelta(hours=2))
    device.scan(claims[0])
    device.slow = timedelta(hours=1)
    with pytest.raises(DeviceClockOff) as refused:
        await device.upload()
    assert refused.value.facts == {"offset_ms": 3_600_000}
    assert await OfflineScan.all().count() == 0
    device.slow = timedelta(minutes=6)
    device.scan(claims[1], elapsed=timedelta(hours=3))  # the wall clock says two
    device.scan(claims[2], elapsed=timedelta(hours=2), at=clock.now())
    device.scan(claims[3], at=clock.now() - timedelta(hours=2, minutes=6))  # before the pack was fetched
    uploaded = await device.upload()
    assert uploaded.is_clock_warned
    reasons = ["", "offline.clock_off", "", "offline.clock_off"]
    assert [each.reason for each in uploaded.answers] == reasons


async def test_what_has_not_been_yet_is_not_kept_and_is_judged_when_it_has_been(counter, ming, clock):
    device = await a_device(counter)
    scan = device.scan(await offline_claim(counter, ming), at=clock.now() + timedelta(minutes=6))
    early = await device.upload([scan, scan])
    assert [(each.reason, each.is_kept, each.is_provisional) for each in early.answers] == [
        ("offline.ahead_of_time", False, True)
    ] * 2
    assert (await OfflineScan.all().count(), early.complete_upto) == (0, 0)
    clock.advance(timedelta(minutes=10))
    assert told(await device.upload()) == [("accepted", "")]


async def test_of_a_revoked_clerk_what_was_scanned_before_counts_and_what_came_later_does_not(counter, ming, clock):
    claims = [await offline_claim(counter, ming) for _ in range(2)]
    device = await a_device(counter)
    device.scan(claims[0])
    clock.advance(timedelta(minutes=10))
    await ClerkRow.filter(id=counter.clerk.id).update(revoked_at=clock.now())
    device.scan(claims[1])
    with pytest.raises(ClerkNotSignedIn):
        await device.upload()
    uploaded = await device.upload(by=counter.manager)
    assert told(uploaded) == [("accepted", ""), ("rejected", "offline.clerk_revoked")]
    row = await Redemption.get(id=uploaded.answers[0].redemption_id)
    assert row.clerk_id == counter.clerk.id  # whoever scanned, not whoever brought it
    assert {each.uploaded_by_id for each in await OfflineScan.all()} == {counter.manager.id}


async def test_a_pack_fetched_on_another_device_or_by_another_merchant_is_unknown(counter, ming):
    one, two = await a_device(counter, "one"), await a_device(counter, "two")
    two.scan(await offline_claim(counter, ming), sync_id=one.fetched.sync_id)
    assert told(await two.upload()) == [("rejected", "offline.pack_unknown")]


async def test_guessing_by_uploads_locks_like_guessing_at_the_counter(counter, ming):
    claim = await offline_claim(counter, ming)
    device = await a_device(counter)
    for _ in range(20):
        device.scan(GARBAGE)
    await device.upload()
    assert {each.told for each in (await device.upload()).answers} == {Told.REPLAYED}  # known: no new guesses
    more = device.scan(claim)
    with pytest.raises(TooManyWrongCodes) as locked:
        await device.upload([more])
    assert locked.value.facts["retry_after"] > 600
    with pytest.raises(TooManyWrongCodes):
        await counter.redeem(counter.typed(claim))


async def test_a_device_may_not_scan_more_than_its_day(counter, ming, monkeypatch):
    monkeypatch.setattr("handlers.offline.deciding.MOST_SCANS_A_DAY", 2)
    device = await a_device(counter)
    for _ in range(3):
        device.scan(await offline_claim(counter, ming))
    uploaded = await device.upload()
    assert [each.reason for each in uploaded.answers] == ["", "", "offline.over_limit"]
    assert uploaded.answers[2].is_provisional


# --- at once


async def test_fifty_identical_uploads_at_once_are_one(counter, ming):
    device = await a_device(counter)
    for _ in range(3):
        device.scan(await offline_claim(counter, ming))
    device.scan(GARBAGE)
    clerks = [counter.clerk] + [
        await counter.clerk_in(await counter.rooms.member(f"o-{number}"), store=counter.lake) for number in range(4)
    ]
    many = await asyncio.gather(*(device.upload(by=clerks[number % 5]) for number in range(50)))
    assert sum(each.told is Told.ACCEPTED for uploaded in many for each in uploaded.answers) == 3
    assert {tuple(each.redemption_id for each in uploaded.answers) for uploaded in many} == {
        tuple(each.redemption_id for each in many[0].answers)
    }
    assert (await OfflineScan.all().count(), await Redemption.all().count()) == (4, 3)


async def test_fifty_distinct_uploads_at_once_of_one_claim_are_one_redemption_and_else_conflicts(counter, ming):
    claim = await offline_claim(counter, ming)
    devices = [await a_device(counter, f"d{number:02}") for number in range(50)]
    for device in devices:
        device.scan(claim)
    many = await asyncio.gather(*(device.upload() for device in devices))
    assert sorted(each.told for uploaded in many for each in uploaded.answers) == [Told.ACCEPTED] + [Told.CONFLICT] * 49
    assert await Redemption.all().count() == 1
    await morning_after(counter)
    assert await OfflineVerdict.filter(outcome=ScanOutcome.ACCEPTED).count() == 1
    assert await OfflineConflict.all().count() == 49
    winner = await OfflineVerdict.get(outcome=ScanOutcome.ACCEPTED).prefetch_related("scan")
    assert winner.scan.device_id == "d00"  # of the same moment: by device, whoever came first


async def test_negative_control_without_the_devices_lock_and_unique_rows_a_scan_is_kept_twice(
    counter, ming, monkeypatch
):
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: there is no lock to leave out")
    device = await a_device(counter)
    device.scan(GARBAGE)
    manager, real, both = counter.manager, uploads.known_scans, asyncio.Barrier(2)
    await device.upload([device.queue[0]])  # so that the device's row is there
    device.scan("1111-1111-1111-1")

    async def read_before_either_writes(*args):
        found = await real(*args)
        await both.wait()
        return found

    monkeypatch.setattr(uploads, "known_scans", read_before_either_writes)
    monkeypatch.setattr(statements, "LOCK_DEVICE", Both(postgres=statements.DEVICE, sqlite=""))
    monkeypatch.setattr(statements, "COMPLETE", statements.DEVICE)
    for unique in await rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'offline_scan'::regclass AND contype = 'u'"
    ):
        await script(f'ALTER TABLE offline_scan DROP CONSTRAINT "{unique["conname"]}"')
    for unique in await rows(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'offline_scan' AND indexdef LIKE 'CREATE UNIQUE%'"
        " AND indexname NOT LIKE '%pkey'"
    ):
        await script(f'DROP INDEX "{unique["indexname"]}"')
    scan = device.queue[1]
    await asyncio.gather(device.upload([scan]), device.upload([scan], by=manager))
    assert await OfflineScan.filter(seq=2).count() == 2


async def test_the_record_of_scans_is_never_edited(counter, ming):
    device = await a_device(counter)
    device.scan(GARBAGE)
    await device.upload()
    for table in ("offline_scan", "offline_sync", "offline_verdict"):
        with pytest.raises(Exception, match="append"):
            await rows(f"UPDATE {table} SET created_at = created_at")
