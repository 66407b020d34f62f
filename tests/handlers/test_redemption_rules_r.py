"""The sixteen rules of redemption, and which test proves which.

R1  device, uses, time come with the scan, the clerk from the session:
    test_a_body_says_nothing_of_who_the_clerk_is, test_what_a_device_s_clock_says_decides_nothing
R2  one answer per (device, key), byte for byte:
    test_a_customer_shows_a_pass_and_a_clerk_redeems_it_once,
    test_the_same_key_gets_the_same_answer_and_a_refusal_is_kept_too,
    test_a_key_is_of_one_device_and_one_merchant,
    test_fifty_times_the_same_request_is_one_redemption_and_one_answer
R3  one transaction: test_a_redemption_that_breaks_off_leaves_nothing_and_its_key_is_free
R4  a duplicate says who, when, where, how long ago:
    test_a_duplicate_is_told_in_full_and_names_only_to_those_who_serve_there
R5  a closed list of reasons, one said, by a fixed order:
    test_of_several_reasons_the_foremost_is_said_in_one_fixed_order, test_the_list_is_closed_and_in_this_order,
    test_every_reason_of_the_list_is_said_and_recorded_by_its_own_code
R6  parts and several codes, all or nothing:
    test_uses_are_taken_in_part_and_their_money_sums_up_to_the_price,
    test_of_several_codes_all_are_redeemed_or_none_and_each_reason_is_told,
    test_ten_codes_are_taken_and_eleven_are_not
R7  a preview writes nothing: test_a_preview_writes_no_row_and_moves_no_counter,
    test_a_preview_changes_nothing_and_its_token_holds_for_this_store_and_clerk_two_minutes
R8  taking back: test_a_reversal_is_a_row_of_its_own_with_the_contra_of_the_money,
    test_who_may_take_back_and_until_when, test_what_ran_out_meanwhile_is_expired_and_ten_times_is_enough,
    test_a_claim_that_was_swept_meanwhile_stays_expired, test_fifty_reversals_at_once_give_back_once
R9  voiding: test_a_manager_voids_for_good_with_an_event_an_entry_and_a_message,
    test_above_the_limit_it_takes_two_operators_and_a_manager_cannot
R10 every attempt is a row: test_every_reason_of_the_list_is_said_and_recorded_by_its_own_code,
    test_wrong_codes_lock_the_clerk_for_longer_and_longer_and_nobody_elsewhere,
    test_the_record_of_attempts_is_never_edited
R11, R12, R13 are of scans without a network, which are decided elsewhere.
R14 the server's time, the store's hours: test_out_of_hours_it_says_when_the_store_opens_next,
    test_what_a_device_s_clock_says_decides_nothing
R15 a lost answer is found, never made: test_a_lost_answer_is_found_by_its_key_and_asking_makes_nothing
R16 the history shows it at once: test_the_history_shows_what_was_just_answered_own_or_all
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from handlers.errors import AlreadyRedeemed, ClaimExpired, RedemptionRefused, WrongTime
from handlers.redemptions import redeeming
from handlers.redemptions.counter import Scan
from handlers.rules.benefit_terms import PartnerCouponTerms, VoucherTerms
from handlers.rules.redemption import Reason
from miniapp_api.clerk.shapes import RedeemBody
from models.benefits import Benefit
from models.claims import Claim, ClaimEvent
from models.identity import Member
from models.outbox import Job
from models.programmes import Merchant, Store
from models.redemptions import Redemption, RedemptionAttempt
from models.requests import Request
from models.shifts import ShiftEntry
from models.words import BenefitKind, ClaimState, MemberStatus
from tests.dumping import dump
from tests.handlers.counter import open_counter

NO_CODE = Scan(code="0000-0000-0000-0")
BODY = {"codes": [{"code": "4J7Q-9XKM-2TBW-5"}], "device_id": "till"}


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


def test_the_table_above_names_tests_that_there_are():
    there = "\n".join(path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    named = set(re.findall(r"\btest_\w+", __doc__))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in there} == set()
    assert re.findall(r"R(\d+)", __doc__) == [str(number) for number in range(1, 17)]


def test_a_body_says_nothing_of_who_the_clerk_is():
    RedeemBody.model_validate(BODY)
    for name in ("clerk_id", "clerk", "merchant_id", "redeemed_at"):
        with pytest.raises(ValidationError):
            RedeemBody.model_validate({**BODY, name: "x"})


def test_ten_codes_are_taken_and_eleven_are_not():
    RedeemBody.model_validate({**BODY, "codes": BODY["codes"] * 10})
    for codes in ([], BODY["codes"] * 11):
        with pytest.raises(ValidationError):
            RedeemBody.model_validate({**BODY, "codes": codes})


@pytest.mark.parametrize("uses", [0, -1, 10_001, 2**63, 1.5, "1", True])
def test_uses_that_cannot_be_are_no_uses(uses):
    with pytest.raises(ValidationError):
        RedeemBody.model_validate({**BODY, "codes": [{**BODY["codes"][0], "uses": uses}]})


async def test_a_key_is_of_one_device_and_one_merchant(counter, ming, rooms):
    claim = await counter.claim(ming, uses=3)
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    store = await Store.create(merchant=other, code="T1", name="别家店")
    elsewhere = await counter.clerk_in(await rooms.member("o-else"), merchant=other, store=store)
    theirs = await counter.claim(ming, merchant=other)
    first = await counter.redeem(counter.typed(claim), key="k")
    second = await counter.redeem(counter.typed(claim), key="k", device="d2")
    third = await counter.redeem(counter.typed(theirs), key="k", by=elsewhere)
    assert [answer.replayed for answer in (first, second, third)] == [False, False, False]
    assert (await Claim.get(id=claim.id)).uses_left == 1


async def test_a_redemption_that_breaks_off_leaves_nothing_and_its_key_is_free(counter, ming, monkeypatch):
    claim = await counter.claim(ming)
    await counter.handlers.shifts.open(counter.clerk, device_id="d1", request_id="s")
    asked = await Request.all().count()
    later_many = redeeming.later_many

    async def breaks(*_, **__):
        raise RuntimeError("the machine stopped here")

    monkeypatch.setattr(redeeming, "later_many", breaks)
    with pytest.raises(RuntimeError):
        await counter.redeem(counter.typed(claim), key="k")
    for table in (Redemption, RedemptionAttempt, ShiftEntry):
        assert await table.all().count() == 0
    assert [each.to_state for each in await ClaimEvent.all()] == [ClaimState.ISSUED]  # as it was granted
    assert (await Request.all().count(), await Job.filter(kind="say_redeemed").count()) == (asked, 0)
    assert (await Claim.get(id=claim.id)).uses_left == 1
    monkeypatch.setattr(redeeming, "later_many", later_many)
    assert not (await counter.redeem(counter.typed(claim), key="k")).replayed


async def test_a_duplicate_is_told_in_full_and_names_only_to_those_who_serve_there(counter, ming, rooms, clock):
    claim, scanned_at = await counter.claim(ming), clock.now() - timedelta(seconds=3)
    receipt = (await counter.redeem(counter.typed(claim), scanned_at=scanned_at)).value
    stranger = await counter.clerk_in(await rooms.member("o-hill"), store=counter.hill)
    clock.advance(timedelta(seconds=60))

    async def told(**how):
        with pytest.raises(AlreadyRedeemed) as refused:
            await counter.redeem(counter.typed(claim), **how)
        return refused.value.facts["first"]

    assert await told() == {
        "redeemed_at": receipt.redeemed_at.isoformat(),
        "scanned_at": scanned_at.isoformat(),
        "store": "湖滨店",
        "clerk": counter.clerk.name,
        "device_id": "d1",
        "receipt": receipt.number,
        "seconds_ago": 60,
        "uses_left": 0,
        "same_device": True,
        "within_60s": True,
    }
    clock.advance(timedelta(seconds=1))
    theirs = await told(by=stranger, device="d2")
    assert {name for name, value in theirs.items() if value is None} == {"store", "clerk", "device_id", "receipt"}
    assert (theirs["seconds_ago"], theirs["same_device"], theirs["within_60s"]) == (61, False, False)
    everywhere = await told(by=counter.manager, store_id=counter.hill.id)
    assert (everywhere["store"], everywhere["clerk"]) == ("湖滨店", counter.clerk.name)


async def test_every_reason_of_the_list_is_said_and_recorded_by_its_own_code(counter, ming, rooms, clock):
    now, clerk = clock.now(), await rooms.person("o-clerk")
    coupon = {"kind": BenefitKind.PARTNER_COUPON, "terms": PartnerCouponTerms(500, 2000)}
    frozen = await rooms.member("o-frozen")
    held = await counter.claim(frozen)
    await Member.filter(id=frozen.member_id).update(status=MemberStatus.FROZEN)
    paused = await counter.claim(ming)
    await Benefit.filter(id=paused.benefit_id).update(is_paused=True)
    at_dawn = await counter.claim(ming)
    await Store.filter(id=counter.hill.id).update(hours=[["sun", "09:00", "21:00"]])
    in_the_hills = {"by": counter.manager, "store_id": counter.hill.id}
    tried = {
        Reason.INVALID: (NO_CODE, {}),
        Reason.OWN_CLAIM: (counter.typed(await counter.claim(clerk)), {}),
        Reason.REVOKED: (counter.typed(await counter.claim(ming, state=ClaimState.REVOKED)), {}),
        Reason.ALREADY_REDEEMED: (counter.typed(used := await counter.claim(ming)), {}),
        Reason.MEMBER_BLOCKED: (counter.typed(held), {}),
        Reason.PAUSED: (counter.typed(paused), {}),
        Reason.EXPIRED: (counter.typed(await counter.claim(ming, expires_at=now)), {}),
        Reason.WRONG_STORE: (counter.typed(await counter.claim(ming, terms=VoucherTerms(stores=("S2",)))), {}),
        Reason.WRONG_TIME: (counter.typed(at_dawn), in_the_hills),
        Reason.NOT_STARTED: (counter.typed(await counter.claim(ming, valid_from=now + timedelta(hours=1))), {}),
        Reason.USED_UP: (counter.typed(await counter.claim(ming), uses=2), {}),
        Reason.NEEDS_CONFIRM: (counter.typed(await counter.claim(ming)), {"confirm": "1.x"}),
        Reason.BILL_NEEDED: (counter.typed(await counter.claim(ming, **coupon)), {}),
        Reason.BELOW_THRESHOLD: (counter.typed(await counter.claim(ming, **coupon)), {"bill_fen": 1999}),
    }
    assert set(tried) == set(Reason)
    await counter.redeem(counter.typed(used))
    for reason, (scan, how) in tried.items():
        with pytest.raises(RedemptionRefused) as refused:
            await counter.redeem(scan, key=f"try:{reason}", **how)
        assert refused.value.code == reason.value
        attempt = await RedemptionAttempt.get(request_key=f"try:{reason}")
        assert (attempt.outcome, attempt.device_id, attempt.tried_at) == (reason.value, "d1", now)
        assert len(attempt.code_hash) == 64
    assert await Redemption.all().count() == 1


async def test_a_preview_writes_no_row_and_moves_no_counter(counter, ming):
    coupon = {"kind": BenefitKind.PARTNER_COUPON, "terms": PartnerCouponTerms(500, 2000)}
    claims = [await counter.claim(ming, uses=2), await counter.claim(ming, **coupon)]
    shown = await counter.handlers.passes.show(ming, claims[0].id)
    before = await dump()
    for scan in (*map(counter.typed, claims), Scan(token=shown.token)):
        await counter.handlers.redemptions.preview(counter.clerk, scan, device_id="d1", address="10.0.0.1")
    assert await dump() == before
    await counter.redeem(Scan(token=shown.token))  # the pass was not used up either


async def test_a_claim_that_was_swept_meanwhile_stays_expired(counter, ming, clock):
    claim = await counter.claim(ming, uses=2, expires_at=clock.now() + timedelta(minutes=5))
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    clock.advance(timedelta(minutes=5))
    await counter.handlers.claim_expiry.sweep()
    assert (await Claim.get(id=claim.id)).state is ClaimState.EXPIRED
    back = (await counter.reverse(line.id)).value
    assert (back.claim_state, back.uses_left) == (ClaimState.EXPIRED, 2)
    assert await ClaimEvent.filter(claim_id=claim.id, to_state="expired").count() == 1
    with pytest.raises(ClaimExpired):
        await counter.redeem(counter.typed(claim))


async def test_out_of_hours_it_says_when_the_store_opens_next(counter, ming, clock):
    claim = await counter.claim(ming)  # it is Monday, ten o'clock in Shanghai
    await Store.filter(id=counter.lake.id).update(hours=[["mon", "08:00", "08:59"], ["tue", "09:00", "21:00"]])
    with pytest.raises(WrongTime) as refused:
        await counter.redeem(counter.typed(claim))
    assert refused.value.facts == {"opens_at": "2026-03-03T01:00:00+00:00"}
    await Store.filter(id=counter.lake.id).update(zone="Asia/Urumqi")  # eight o'clock there
    await counter.redeem(counter.typed(claim))


async def test_what_a_device_s_clock_says_decides_nothing(counter, ming, clock):
    early, late = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    over = await counter.claim(ming, expires_at=clock.now())
    with pytest.raises(ClaimExpired):
        await counter.redeem(counter.typed(over), scanned_at=early)
    good = await counter.claim(ming, expires_at=clock.now() + timedelta(minutes=1))
    line = (await counter.redeem(counter.typed(good), scanned_at=late)).value.lines[0]
    row = await Redemption.get(id=line.id)
    assert (row.redeemed_at, row.scanned_at) == (clock.now(), late)


async def test_partner_coupons_on_one_bill_never_take_more_than_it_and_none_is_lost_for_nothing(counter, ming):
    async def coupon(face: int, threshold: int = 0) -> Claim:
        terms = PartnerCouponTerms(face, threshold)
        return await counter.claim(ming, kind=BenefitKind.PARTNER_COUPON, terms=terms, share_bp=3333)

    first, second, third = await coupon(500), await coupon(700), await coupon(100)
    voucher = await counter.claim(ming, price_fen=5_000)
    scans = [counter.typed(each) for each in (first, voucher, second)]
    receipt = (await counter.redeem(*scans, bill_fen=800)).value
    assert [line.deducted_fen for line in receipt.lines] == [500, None, 300]
    rows = await Redemption.filter(receipt=receipt.number)
    assert sum(row.settlement_fen for row in rows if row.claim_id != voucher.id) == 800
    assert all(row.operator_share_fen + row.merchant_share_fen == row.settlement_fen for row in rows)
    fourth = await coupon(800)
    with pytest.raises(RedemptionRefused) as refused:
        await counter.redeem(counter.typed(fourth), counter.typed(third), bill_fen=800)
    assert refused.value.facts["codes"] == [{"index": 1, "code": "redemption.below_threshold"}]
    assert (await Claim.get(id=third.id)).state is ClaimState.ISSUED
