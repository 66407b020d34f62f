"""The cut-off: what counts of a day is fixed, whatever came in first; and what was given twice is for a person."""

import itertools
from datetime import timedelta

import pytest

from handlers.errors import ConflictDecided, ConflictsForManagers, ConflictUnknown, RedemptionRefused
from handlers.offline import cut_off
from handlers.offline.scans import Told
from handlers.rules.offline import CONTRA
from models.claims import Claim, ClaimEvent
from models.database import rows
from models.offline import OfflineConflict, OfflineDay, OfflineScan, OfflineVerdict
from models.outbox import Job
from models.redemptions import Redemption
from models.statements.invariants import CHECKS
from models.words import ClaimState, ClerkRole, ConflictDecision, OperatorRole, RedemptionKind, ScanMode, ScanOutcome
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, morning_after, net, offline_claim, verdict_of
from tests.operating import another, first_operator, sign_in


@pytest.fixture
async def counter(rooms):
    counter = await open_counter(rooms)
    yield counter
    broken = {check.what: found for check in CHECKS if (found := await rows(check.sql))}
    assert broken == {}


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def two_that_gave_the_same(counter, ming, clock):
    """`one` gave it first; the clerk of `two` did not know."""
    claim = await offline_claim(counter, ming)
    other = await counter.clerk_in(await counter.rooms.member("o-two"), store=counter.lake)
    one, two = await a_device(counter, "one"), await a_device(counter, "two", clerk=other)
    one.scan(claim)
    clock.advance(timedelta(minutes=5))
    two.scan(claim)
    clock.advance(timedelta(hours=1))
    return claim, one, two


async def test_the_first_to_scan_counts_though_the_second_uploaded_first(counter, ming, clock):
    claim, one, two = await two_that_gave_the_same(counter, ming, clock)
    (provisional,) = (await two.upload()).answers
    (second,) = (await one.upload()).answers
    assert (provisional.told, second.told) == (Told.ACCEPTED, Told.CONFLICT)
    await morning_after(counter)
    (stands,) = await net(claim)
    assert (stands.device_id, stands.mode, stands.scanned_at) == ("one", ScanMode.OFFLINE, one.queue[0].scanned_at)
    contra = await Redemption.get(kind=RedemptionKind.REVERSAL)
    assert (contra.reverses_id, contra.reason, contra.device_id) == (provisional.redemption_id, CONTRA, "two")
    assert (contra.settlement_fen, contra.operator_share_fen, contra.merchant_share_fen) == (1000, 700, 300)
    answers = [(await one.told(one.queue[0])), (await two.told(two.queue[0]))]
    assert [each.outcome for each in answers] == [ScanOutcome.ACCEPTED, ScanOutcome.CONFLICT]
    assert not any(each.is_provisional for each in answers)
    assert answers[0].redemption_id == stands.id
    assert answers[1].first.device_id == "one"
    # The member has used it once, and heard of it once.
    assert (await Claim.get(id=claim.id)).uses_left == 0
    assert [event.to_state for event in await ClaimEvent.filter(claim_id=claim.id).order_by("id")] == [
        "issued",
        "used",
    ]
    assert await Job.filter(kind="say_redeemed").count() == 1


async def test_where_the_provisional_one_was_right_nothing_is_written_but_verdicts(counter, ming, clock):
    claim, one, two = await two_that_gave_the_same(counter, ming, clock)
    await one.upload()
    await two.upload()
    await morning_after(counter)
    assert await Redemption.filter(claim_id=claim.id).count() == 1
    assert (await verdict_of(one, 1)).outcome is ScanOutcome.ACCEPTED
    assert (await verdict_of(two, 1)).outcome is ScanOutcome.CONFLICT


async def test_a_redemption_online_competes_by_its_own_time(counter, ming, clock):
    before, after = [await offline_claim(counter, ming) for _ in range(2)]
    device = await a_device(counter)
    early = device.scan(before)
    clock.advance(timedelta(minutes=10))
    for claim in (before, after):
        await counter.redeem(counter.typed(claim), device="till")
    clock.advance(timedelta(minutes=10))
    late = device.scan(after)
    uploaded = await device.upload()
    assert {each.told for each in uploaded.answers} == {Told.CONFLICT}
    await morning_after(counter)
    ((first,), (second,)) = [await net(claim) for claim in (before, after)]
    assert (first.device_id, first.mode, second.device_id) == (device.id, ScanMode.OFFLINE, "till")
    assert [(await device.told(each)).outcome for each in (early, late)] == [ScanOutcome.ACCEPTED, ScanOutcome.CONFLICT]
    displaced = await OfflineConflict.get(displaced_id__not_isnull=True)
    assert (displaced.device_id, displaced.counted_id) == ("till", first.id)
    assert (await OfflineConflict.get(scan_id__not_isnull=True)).counted_id == second.id


async def test_what_a_person_took_back_does_not_compete_and_the_next_one_counts(counter, ming, clock):
    claim, one, two = await two_that_gave_the_same(counter, ming, clock)
    (first,) = (await one.upload()).answers
    await two.upload()
    await counter.reverse(first.redemption_id, device="one")
    await morning_after(counter)
    (stands,) = await net(claim)
    assert stands.device_id == "two"
    verdict = await verdict_of(one, 1)
    assert (verdict.outcome, verdict.redemption_id) == (ScanOutcome.ACCEPTED, first.redemption_id)


async def test_what_comes_after_the_cut_off_changes_nothing(counter, ming, clock):
    claim, one, two = await two_that_gave_the_same(counter, ming, clock)
    alone = two.scan(await offline_claim(counter, ming))
    await two.upload([two.queue[0]])
    await morning_after(counter)
    (late,) = (await one.upload()).answers  # it was the first to give it, and comes too late
    assert (late.outcome, late.is_provisional, late.first.device_id) == (ScanOutcome.CONFLICT, False, "two")
    (too_late,) = (await two.upload([alone])).answers
    assert (too_late.told, too_late.reason, too_late.is_provisional) == (Told.REJECTED, "offline.late", False)
    assert [each.device_id for each in await net(claim)] == ["two"]
    assert await OfflineConflict.all().count() == 1
    await counter.handlers.offline_cut_off.close_due()
    assert [each.device_id for each in await net(claim)] == ["two"]


async def test_an_upload_between_the_end_of_the_day_and_the_cut_off_is_on_time(counter, ming, clock):
    device = await a_device(counter)
    device.scan(await offline_claim(counter, ming))
    clock.advance(timedelta(hours=19, minutes=59))  # 05:59
    assert await counter.handlers.offline_cut_off.close_due() == ()
    assert (await device.upload()).answers[0].told is Told.ACCEPTED
    clock.advance(timedelta(minutes=1))
    (closed,) = await counter.handlers.offline_cut_off.close_due()
    assert (closed.business_on, closed.scan_count, closed.conflict_count) == ("2026-03-02", 1, 0)
    assert await counter.handlers.offline_cut_off.close_due() == ()
    day = await OfflineDay.get()
    assert day.closed_at == day.fixed_at == clock.now()


async def test_a_cut_off_that_was_interrupted_goes_on_where_it_stopped(counter, ming, clock, monkeypatch):
    monkeypatch.setattr(cut_off, "BATCH", 1)
    device, other = await a_device(counter), await a_device(counter)
    for _ in range(3):
        claim = await offline_claim(counter, ming)
        device.scan(claim)
        other.scan(claim)
    await other.upload()
    await device.upload()
    clock.advance(timedelta(hours=20))
    real, calls = cut_off.add_verdicts, itertools.count()

    async def dies_in_the_second_batch(*args):
        if next(calls) == 1:
            raise ConnectionError
        await real(*args)

    monkeypatch.setattr(cut_off, "add_verdicts", dies_in_the_second_batch)
    with pytest.raises(ConnectionError):
        await counter.handlers.offline_cut_off.close_due()
    assert await OfflineVerdict.all().count() == 2
    assert (await OfflineDay.get()).fixed_at is None
    await counter.handlers.offline_cut_off.close_due()
    assert await OfflineVerdict.all().count() == 6
    assert await OfflineConflict.all().count() == 3


async def test_over_the_limit_of_a_day_is_who_scanned_later_not_who_uploaded_later(counter, ming, clock, monkeypatch):
    monkeypatch.setattr("handlers.offline.deciding.MOST_SCANS_A_DAY", 2)
    monkeypatch.setattr("handlers.rules.offline.MOST_SCANS_A_DAY", 2)
    device, claims = await a_device(counter), [await offline_claim(counter, ming) for _ in range(3)]
    for claim in claims:
        clock.advance(timedelta(seconds=1))
        device.scan(claim)
    await device.upload(list(reversed(device.queue))[:2])
    await device.upload()
    assert [bool(await net(claim)) for claim in claims] == [False, True, True]
    await morning_after(counter)
    assert [bool(await net(claim)) for claim in claims] == [True, True, False]
    assert (await Claim.get(id=claims[2].id)).state is ClaimState.ISSUED
    assert (await verdict_of(device, 3)).reason == "offline.over_limit"
    assert await Job.filter(kind="say_redeemed").count() == 3


async def test_a_scan_of_the_day_before_that_comes_later_is_still_the_first(counter, ming, clock):
    """Both days are open in the small hours; the scan of the new day loses at the cut-off of the old one."""
    claim = await offline_claim(counter, ming)
    old = await a_device(counter, "old")
    old.scan(claim)
    clock.advance(timedelta(hours=15))  # 01:00
    new = await a_device(counter, "new")
    new.scan(claim)
    await new.upload()
    await old.upload()
    clock.advance(timedelta(hours=6))
    await counter.handlers.offline_cut_off.close_due()
    assert [each.device_id for each in await net(claim)] == ["old"]
    assert await verdict_of(new, 1) is None
    await morning_after(counter)
    assert (await verdict_of(new, 1)).outcome is ScanOutcome.CONFLICT
    assert [each.device_id for each in await net(claim)] == ["old"]


# --- I15 on the real tables


async def world(counter, person, mark: str, order: list[list[int]], clock) -> dict[tuple[str, int], object]:
    """Three devices, three claims, one redeemed online as well; uploaded in the given parts and order."""
    claims = [await offline_claim(counter, person) for _ in range(3)]
    devices = [await a_device(counter, f"{mark}{name}") for name in "abc"]
    start = clock.now()
    scans = []
    for device, claim, minute in ((0, 0, 5), (1, 0, 3), (2, 0, 4), (0, 1, 6), (1, 1, 6), (2, 2, 9), (0, 2, 1)):
        scans.append((devices[device], devices[device].scan(claims[claim], at=start + timedelta(minutes=minute))))
    clock.advance(timedelta(minutes=7))
    await counter.redeem(counter.typed(claims[2]), device="till", key=f"{mark}-online")
    clock.advance(timedelta(minutes=10))
    for part in order:
        for device in devices:
            if sent := [scan for owner, scan in (scans[index] for index in part) if owner is device]:
                await device.upload(sent)
    return {"claims": claims, "devices": devices}


ORDERS = [
    [[0, 1, 2, 3, 4, 5, 6]],
    [[index] for index in range(7)],
    [[index] for index in reversed(range(7))],
    [[6, 4, 2, 0], [5, 3, 1], [0, 1, 2, 3, 4, 5, 6]],
    [[3, 3, 0], [1], [1, 1], [6, 5], [2, 4], [6, 6, 6]],
]


async def test_every_permutation_split_and_repetition_ends_the_same_in_the_tables(counter, ming, clock):
    worlds = {}
    for number, order in enumerate(ORDERS):
        worlds[number] = await world(counter, ming, f"w{number}-", order, clock)
        clock.advance(timedelta(minutes=30))
    await morning_after(counter)
    ends = []
    for number, each in worlds.items():
        verdicts = {}
        for device in each["devices"]:
            for scan in await OfflineScan.filter(device_id=device.id):
                verdict = await OfflineVerdict.get(scan_id=scan.id)
                verdicts[device.id.removeprefix(f"w{number}-"), scan.seq] = (verdict.outcome, verdict.reason)
        counted = [[row.device_id.removeprefix(f"w{number}-") for row in await net(claim)] for claim in each["claims"]]
        left = [(await Claim.get(id=claim.id)).uses_left for claim in each["claims"]]
        ends.append((verdicts, counted, left))
    assert ends[0][1] == [["b"], ["a"], ["a"]]
    assert all(end == ends[0] for end in ends)


async def test_negative_control_before_the_cut_off_the_order_of_uploads_does_show(counter, ming, clock):
    for number, order in enumerate(ORDERS[1:3]):
        made = await world(counter, ming, f"w{number}-", order, clock)
        (stands,) = await net(made["claims"][0])
        assert stands.device_id == f"w{number}-{'ac'[number]}"
        clock.advance(timedelta(minutes=30))
    await morning_after(counter)


# --- what was given twice is for a person


@pytest.fixture
async def case(counter, ming, clock):
    _, one, two = await two_that_gave_the_same(counter, ming, clock)
    await two.upload()
    await one.upload()
    await morning_after(counter)
    return await OfflineConflict.get()


async def test_a_manager_sees_the_second_with_the_first_and_accepts_the_loss_once(counter, case):
    conflicts = counter.handlers.offline_conflicts
    with pytest.raises(ConflictsForManagers):
        await conflicts.of_manager(counter.clerk, decision=None, after=None, limit=9)
    (seen,) = await conflicts.of_manager(counter.manager, decision=ConflictDecision.OPEN, after=None, limit=9)
    assert (seen.device_id, seen.first.device_id, seen.store, seen.settlement_fen) == ("two", "one", "湖滨店", 0)
    person = await counter.rooms.member("o-hill")
    elsewhere = await counter.clerk_in(person, store=counter.hill, role=ClerkRole.MANAGER)
    assert await conflicts.of_manager(elsewhere, decision=None, after=None, limit=9) == ()
    with pytest.raises(ConflictUnknown):
        await conflicts.accept_loss(elsewhere, case.id, note="算了", request_id="k")
    decided = await conflicts.accept_loss(counter.manager, case.id, note="算了", request_id="k")
    again = await conflicts.accept_loss(counter.manager, case.id, note="算了", request_id="k")
    assert (again.value, again.replayed) == (decided.value, True)
    assert (decided.value.decision, decided.value.settlement_fen) == (ConflictDecision.LOSS, 0)
    with pytest.raises(ConflictDecided):
        await conflicts.accept_loss(counter.manager, case.id, note="再来", request_id="k2")
    assert await conflicts.of_manager(counter.manager, decision=ConflictDecision.OPEN, after=None, limit=9) == ()


async def test_an_operator_pays_the_second_like_the_first_on_record_and_support_does_not(counter, case, clock):
    handlers = counter.handlers
    operator, _ = await sign_in(handlers, clock, await first_operator(handlers))
    helper = await another(handlers, operator, "helper", role=OperatorRole.SUPPORT)
    support, _ = await sign_in(handlers, clock, helper)
    with pytest.raises(Exception, match="role"):
        await handlers.offline_conflicts.decide(support, case.id, is_paid=True, note="补", request_id="s")
    (seen,) = await handlers.offline_conflicts.in_sight(operator, merchant="books", decision=None, after=None, limit=9)
    assert seen.id == case.id
    paid = await handlers.offline_conflicts.decide(operator, case.id, is_paid=True, note="补", request_id="k")
    assert (paid.value.decision, paid.value.settlement_fen) == (ConflictDecision.PAID, 1000)
    row = await OfflineConflict.get()
    assert (row.operator_share_fen, row.merchant_share_fen, row.decided_by_operator_id) == (700, 300, operator.id)
    assert await Redemption.filter(claim_id=case.claim_id).count() == 3  # the member's claim is not touched by it
    (entry,) = await rows("SELECT action FROM audit_entry WHERE subject_id = $1", str(case.id))
    assert entry["action"] == "conflict.decided"
    with pytest.raises(ConflictDecided):
        await handlers.offline_conflicts.decide(operator, case.id, is_paid=False, note="不", request_id="k3")


async def test_a_claim_that_was_used_offline_is_used_online_too(counter, ming, clock):
    device, claim = await a_device(counter), await offline_claim(counter, ming)
    device.scan(claim)
    await device.upload()
    with pytest.raises(RedemptionRefused) as refused:
        await counter.redeem(counter.typed(claim))
    assert refused.value.facts["first"]["device_id"] == device.id
