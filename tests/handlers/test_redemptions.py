"""核销: R1 to R9 of the counter, on a real database."""

import asyncio
import re
from datetime import timedelta

import pytest

from handlers.errors import (
    AlreadyRedeemed,
    BelowThreshold,
    BenefitPaused,
    BillNeeded,
    ClaimExpired,
    ClerkNotSignedIn,
    KeyReused,
    MemberBlocked,
    NeedsConfirm,
    NotReversible,
    OwnClaim,
    RedemptionInvalid,
    RedemptionUnknown,
    StoreNeeded,
    StoreUnknown,
    TooManyWrongCodes,
    UsesExceeded,
    WrongStore,
)
from handlers.redemptions.counter import Scan, claims_of
from handlers.redemptions.redemption_attempts import WRONG_CODES
from handlers.redemptions.redemptions import Redemptions
from handlers.rules.benefit_terms import PartnerCouponTerms, VoucherTerms
from models.benefits import Benefit
from models.claims import Claim, ClaimEvent
from models.database import dialect, rows
from models.identity import Member
from models.outbox import Job
from models.programmes import Merchant
from models.redemptions import Clerk as ClerkRow
from models.redemptions import Redemption, RedemptionAttempt
from models.requests import Request
from models.sql import Both
from models.statements import redemptions as statements
from models.words import BenefitKind, ClaimState, MemberStatus, RedemptionKind
from tests.handlers.counter import open_counter

NO_CODE = Scan(code="0000-0000-0000-0")


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def test_a_redemption_is_one_row_with_its_money_event_attempt_and_outbox(counter, ming):
    claim = await counter.claim(ming, price_fen=999, share_bp=3333)
    receipt = (await counter.redeem(counter.typed(claim))).value
    (line,) = receipt.lines
    assert (line.uses, line.uses_left, receipt.store) == (1, 0, "湖滨店")
    row = await Redemption.get(id=line.id)
    assert (row.settlement_fen, row.operator_share_fen, row.merchant_share_fen) == (999, 332, 667)
    assert (await Claim.get(id=claim.id)).state is ClaimState.USED
    event = await ClaimEvent.get(claim_id=claim.id, from_state="issued")
    assert (event.from_state, event.to_state, event.actor_kind) == ("issued", "used", "clerk")
    assert await Job.filter(key=f"redeemed:{row.id}").count() == 1
    (attempt,) = await RedemptionAttempt.all()
    assert (attempt.outcome, attempt.claim_id) == ("ok", claim.id)
    assert attempt.code_hash != counter.typed(claim).code


async def test_the_same_key_gets_the_same_answer_and_a_refusal_is_kept_too(counter, ming, clock):
    claim = await counter.claim(ming)
    first = await counter.redeem(counter.typed(claim), key="k1")
    clock.advance(timedelta(seconds=20))
    again = await counter.redeem(counter.typed(claim), key="k1")
    assert (again.replayed, again.value) == (True, first.value)
    with pytest.raises(AlreadyRedeemed) as refused:
        await counter.redeem(counter.typed(claim), key="k2", device="d2")
    told = refused.value.facts["first"]
    assert (told["store"], told["clerk"], told["device_id"]) == ("湖滨店", counter.clerk.name, "d1")
    assert (told["seconds_ago"], told["same_device"], told["within_60s"]) == (20, False, True)
    clock.advance(timedelta(hours=1))
    with pytest.raises(AlreadyRedeemed) as replay:
        await counter.redeem(counter.typed(claim), key="k2", device="d2")
    assert (replay.value.facts, replay.value.replayed) == (refused.value.facts, True)
    with pytest.raises(KeyReused):
        await counter.redeem(counter.typed(claim, uses=2), key="k1")
    assert await Redemption.all().count() == 1


async def test_a_lost_answer_is_found_by_its_key_and_asking_makes_nothing(counter, ming):
    claim = await counter.claim(ming)
    find = counter.handlers.redemptions.by_key
    with pytest.raises(RedemptionUnknown):
        await find(counter.clerk, device_id="d1", key="k1")
    assert await Request.filter(actor_kind="till").count() == 0
    done = await counter.redeem(counter.typed(claim), key="k1")
    assert (await find(counter.clerk, device_id="d1", key="k1")).value == done.value
    with pytest.raises(AlreadyRedeemed):
        await counter.redeem(counter.typed(claim), key="k2")
    with pytest.raises(AlreadyRedeemed):
        await find(counter.clerk, device_id="d1", key="k2")
    with pytest.raises(RedemptionUnknown):
        await find(counter.clerk, device_id="d2", key="k1")


async def test_the_history_shows_what_was_just_answered_own_or_all(counter, ming):
    claim = await counter.claim(ming)
    done = await counter.redeem(counter.typed(claim))
    listing = counter.handlers.redemption_history.listing
    (mine,) = await listing(counter.clerk, after=None, limit=9)
    assert (mine.id, mine.is_reversed) == (done.value.lines[0].id, False)
    other = await counter.clerk_in(await counter.rooms.member("o-other"), store=counter.lake)
    assert await listing(other, after=None, limit=9) == ()
    assert len(await listing(counter.manager, after=None, limit=9)) == 1
    assert await listing(counter.manager, after=mine.id, limit=9) == ()


# --- uses and several codes


async def test_uses_are_taken_in_part_and_their_money_sums_up_to_the_price(counter, ming):
    claim = await counter.claim(ming, uses=3, price_fen=1000)
    first = (await counter.redeem(counter.typed(claim))).value
    assert (await Claim.get(id=claim.id)).state is ClaimState.PARTLY_USED
    with pytest.raises(UsesExceeded) as refused:
        await counter.redeem(counter.typed(claim, uses=3))
    assert refused.value.facts == {"uses_left": 2}
    await counter.reverse(first.lines[0].id)
    await counter.redeem(counter.typed(claim, uses=2))
    await counter.redeem(counter.typed(claim, uses=1))
    net = sum(
        row.settlement_fen * (1 if row.kind is RedemptionKind.REDEEM else -1)
        for row in await Redemption.filter(claim_id=claim.id)
    )
    assert net == 1000
    assert (await Claim.get(id=claim.id)).uses_left == 0


async def test_of_several_codes_all_are_redeemed_or_none_and_each_reason_is_told(counter, ming):
    good, gone = await counter.claim(ming), await counter.claim(ming, uses=2, state=ClaimState.REVOKED)
    with pytest.raises(RedemptionInvalid) as refused:
        await counter.redeem(counter.typed(good), counter.typed(gone), NO_CODE)
    assert refused.value.facts["codes"] == [
        {"index": 1, "code": "redemption.revoked"},
        {"index": 2, "code": "redemption.invalid"},
    ]
    assert await Redemption.all().count() == 0
    twice = await counter.claim(ming, uses=2)
    receipt = (await counter.redeem(counter.typed(good), counter.typed(twice), counter.typed(twice))).value
    assert [(line.claim_id, line.uses) for line in receipt.lines] == [(good.id, 1), (twice.id, 2)]
    assert len({row.receipt for row in await Redemption.all()}) == 1


async def test_a_partner_coupon_asks_for_the_bill_and_settles_what_it_deducts(counter, ming):
    terms = PartnerCouponTerms(face_value_fen=500, threshold_fen=2000)
    claim = await counter.claim(ming, kind=BenefitKind.PARTNER_COUPON, terms=terms, share_bp=6000)
    with pytest.raises(BillNeeded) as asked:
        await counter.redeem(counter.typed(claim))
    assert asked.value.facts == {"threshold_fen": 2000}
    with pytest.raises(BelowThreshold):
        await counter.redeem(counter.typed(claim), bill_fen=1999)
    receipt = (await counter.redeem(counter.typed(claim), bill_fen=2000)).value
    row = await Redemption.get(id=receipt.lines[0].id)
    assert (row.settlement_fen, row.operator_share_fen, row.merchant_share_fen) == (500, 300, 200)
    assert (receipt.lines[0].deducted_fen, row.bill_amount_fen) == (500, 2000)


# --- what is refused


async def test_codes_of_other_merchants_answer_exactly_as_absent_ones(counter, ming):
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    claim = await counter.claim(ming, merchant=other)
    answers = []
    for scan in (counter.typed(claim), NO_CODE):
        with pytest.raises(RedemptionInvalid) as refused:
            await counter.redeem(scan)
        answers.append((refused.value.code, refused.value.facts, refused.value.sentence))
    assert answers[0] == answers[1]
    assert [each.claim_id for each in await RedemptionAttempt.all()] == [None, None]


async def test_each_reason_stands_where_it_should(counter, ming, clock):
    now = clock.now()
    own = await counter.claim(await counter.rooms.member("o-clerk"))
    over = await counter.claim(ming, expires_at=now)
    elsewhere = await counter.claim(ming, terms=VoucherTerms(stores=("S2",)))
    hidden = await counter.claim(ming, shows_typed_code=False)
    paused = await counter.claim(ming)
    await Benefit.filter(id=paused.benefit_id).update(is_paused=True)
    refusals = {own: OwnClaim, over: ClaimExpired, elsewhere: WrongStore, hidden: RedemptionInvalid}
    for claim, refusal in {**refusals, paused: BenefitPaused}.items():
        with pytest.raises(refusal):
            await counter.redeem(counter.typed(claim))
    await Member.filter(id=ming.member_id).update(status=MemberStatus.FROZEN)
    with pytest.raises(MemberBlocked):
        await counter.redeem(counter.typed(await counter.claim(ming)))
    assert await Redemption.all().count() == 0
    assert await RedemptionAttempt.all().count() == 6


async def test_the_store_is_the_clerks_or_named_by_whoever_serves_several(counter, ming):
    claim = await counter.claim(ming)
    with pytest.raises(StoreUnknown):
        await counter.redeem(counter.typed(claim), store_id=counter.hill.id)
    with pytest.raises(StoreNeeded):
        await counter.redeem(counter.typed(claim), by=counter.manager)
    done = await counter.redeem(counter.typed(claim), by=counter.manager, store_id=counter.hill.id)
    assert done.value.store == "山上店"


async def test_whoever_is_revoked_meanwhile_redeems_nothing(counter, ming, clock):
    claim = await counter.claim(ming)
    await ClerkRow.filter(id=counter.clerk.id).update(revoked_at=clock.now())
    with pytest.raises(ClerkNotSignedIn):
        await counter.redeem(counter.typed(claim))


# --- preview


async def test_a_preview_changes_nothing_and_its_token_holds_for_this_store_and_clerk_two_minutes(counter, ming, clock):
    claim = await counter.claim(ming)
    shown = await counter.handlers.redemptions.preview(counter.clerk, counter.typed(claim))
    assert (shown.benefit, shown.uses_left, shown.member[:2]) == ("咖啡一杯", 1, "尾号")
    assert (await Claim.get(id=claim.id)).state is ClaimState.ISSUED
    another = await counter.clerk_in(await counter.rooms.member("o-other"), store=counter.lake)
    for by, token in ((another, shown.confirm_token), (counter.clerk, "9999999999.x"), (counter.clerk, "²³.x")):
        with pytest.raises(NeedsConfirm):
            await counter.redeem(counter.typed(claim), by=by, confirm=token)
    clock.advance(timedelta(seconds=120))
    with pytest.raises(NeedsConfirm):
        await counter.redeem(counter.typed(claim), confirm=shown.confirm_token)
    fresh = await counter.handlers.redemptions.preview(counter.clerk, counter.typed(claim))
    await counter.redeem(counter.typed(claim), confirm=fresh.confirm_token)


# --- passes


async def test_a_pass_is_looked_at_often_and_redeemed_once(counter, ming, clock):
    claim = await counter.claim(ming, uses=2)
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    for _ in range(2):
        await counter.handlers.redemptions.preview(counter.clerk, Scan(token=token))
    await counter.redeem(Scan(token=token), key="k1")
    assert (await counter.redeem(Scan(token=token), key="k1")).replayed
    with pytest.raises(AlreadyRedeemed) as refused:
        await counter.redeem(Scan(token=token), key="k2")
    assert refused.value.facts["first"]["same_device"]
    assert (await Claim.get(id=claim.id)).uses_left == 1


async def test_a_pass_that_was_refused_can_be_scanned_anew_until_its_minute_is_over(counter, ming, clock):
    claim = await counter.claim(ming, uses=2)
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    with pytest.raises(UsesExceeded):
        await counter.redeem(Scan(token=token, uses=3))
    clock.advance(timedelta(seconds=60))
    for _ in range(8):  # stale, and no guess
        with pytest.raises(RedemptionInvalid):
            await counter.redeem(Scan(token=token))
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    await counter.redeem(Scan(token=token, uses=2))


# --- guessing


async def test_wrong_codes_lock_the_clerk_for_longer_and_longer_and_nobody_elsewhere(counter, ming, clock):
    claim, seen = await counter.claim(ming), WRONG_CODES._value.get()
    tries = [counter.redeem(NO_CODE, address="10.0.0.1") for _ in range(50)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert WRONG_CODES._value.get() == seen + 5
    asked = [answer for answer in answers if isinstance(answer, RedemptionInvalid)]
    assert len(asked) == 5
    assert all(isinstance(answer, TooManyWrongCodes) for answer in answers if answer not in asked)
    with pytest.raises(TooManyWrongCodes) as locked:
        await counter.redeem(counter.typed(claim))
    assert 0 < locked.value.facts["retry_after"] <= 60
    elsewhere = await counter.clerk_in(await counter.rooms.member("o-hill"), store=counter.hill)
    other = await counter.claim(ming)
    await counter.redeem(counter.typed(other), by=elsewhere, device="d9", address="10.0.0.2")
    clock.advance(timedelta(seconds=61))
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(NO_CODE)
    clock.advance(timedelta(seconds=61))
    with pytest.raises(TooManyWrongCodes):
        await counter.redeem(NO_CODE)
    clock.advance(timedelta(seconds=61))
    await counter.redeem(counter.typed(claim))
    with pytest.raises(RedemptionInvalid):  # forgiven
        await counter.redeem(NO_CODE)


async def test_one_wrong_code_locks_nobody_after_the_clock_was_set_back(counter, ming, clock):
    claim = await counter.claim(ming)
    clock.advance(timedelta(seconds=59))
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(NO_CODE)
    clock.advance(timedelta(seconds=-30))  # of the same day, and of the same hour
    await counter.redeem(counter.typed(claim))


async def test_ten_codes_in_one_call_are_ten_guesses(counter, clock):
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(NO_CODE)
    with pytest.raises(TooManyWrongCodes) as locked:
        await counter.redeem(*[NO_CODE] * 10)
    assert locked.value.facts == {"retry_after": 60}
    clock.advance(timedelta(seconds=61))
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(*[NO_CODE] * 10)
    with pytest.raises(TooManyWrongCodes) as locked:
        await counter.redeem(NO_CODE)
    assert locked.value.facts["retry_after"] == 3600


async def test_a_preview_is_a_guess_as_well(counter):
    for _ in range(5):
        with pytest.raises(RedemptionInvalid):
            await counter.handlers.redemptions.preview(counter.clerk, NO_CODE)
    with pytest.raises(TooManyWrongCodes):
        await counter.handlers.redemptions.preview(counter.clerk, NO_CODE)


# --- taking back


async def test_a_reversal_is_a_row_of_its_own_with_the_contra_of_the_money(counter, ming):
    claim = await counter.claim(ming)
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    before = await Redemption.get(id=line.id)
    back = (await counter.reverse(line.id, key="r1")).value
    assert (back.claim_state, back.uses_left) == (ClaimState.ISSUED, 1)
    row = await Redemption.get(id=back.id)
    assert (row.kind, row.reverses_id, row.settlement_fen) == (RedemptionKind.REVERSAL, line.id, before.settlement_fen)
    assert (await counter.reverse(line.id, key="r1")).replayed
    with pytest.raises(NotReversible) as refused:
        await counter.reverse(line.id)
    assert refused.value.facts == {"reason": "reversed"}
    with pytest.raises(NotReversible):
        await counter.reverse(back.id)
    await counter.redeem(counter.typed(claim))


async def test_who_may_take_back_and_until_when(counter, ming, clock):
    claim = await counter.claim(ming)
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    colleague = await counter.clerk_in(await counter.rooms.member("o-other"), store=counter.lake)
    stranger = await counter.clerk_in(await counter.rooms.member("o-hill"), store=counter.hill)
    cases = [(colleague, "d1", "not_yours"), (counter.clerk, "d2", "other_device")]
    for by, device, reason in cases:
        with pytest.raises(NotReversible) as refused:
            await counter.reverse(line.id, by=by, device=device)
        assert refused.value.facts == {"reason": reason}
    with pytest.raises(RedemptionUnknown):
        await counter.reverse(line.id, by=stranger)
    clock.advance(timedelta(minutes=15, seconds=1))
    with pytest.raises(NotReversible):
        await counter.reverse(line.id)
    clock.advance(timedelta(hours=23))
    assert (await counter.reverse(line.id, by=counter.manager, device="d2")).value.uses_left == 1


async def test_what_ran_out_meanwhile_is_expired_and_ten_times_is_enough(counter, ming, clock):
    claim = await counter.claim(ming, expires_at=clock.now() + timedelta(minutes=5))
    for _ in range(9):
        await counter.reverse((await counter.redeem(counter.typed(claim))).value.lines[0].id)
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    clock.advance(timedelta(minutes=5))
    assert (await counter.reverse(line.id)).value.claim_state is ClaimState.EXPIRED
    with pytest.raises(ClaimExpired):
        await counter.redeem(counter.typed(claim))
    often = await counter.claim(ming)
    for _ in range(10):
        await counter.reverse((await counter.redeem(counter.typed(often))).value.lines[0].id)
    line = (await counter.redeem(counter.typed(often))).value.lines[0]
    with pytest.raises(NotReversible) as refused:
        await counter.reverse(line.id)
    assert refused.value.facts == {"reason": "too_often"}


# --- at once


async def race(counter, claim, *, keys, devices) -> list[object]:
    clerks = [counter.clerk]
    for number in range(9):
        person = await counter.rooms.member(f"o-race{number}")
        clerks.append(await counter.clerk_in(person, store=counter.lake))
    calls = (
        counter.redeem(counter.typed(claim), by=clerks[number % 10], device=devices(number), key=keys(number))
        for number in range(50)
    )
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_of_fifty_scanners_in_the_same_moment_one_has_it(counter, ming):
    claim = await counter.claim(ming)
    answers = await race(counter, claim, keys=str, devices=lambda number: f"d{number % 10}")
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {AlreadyRedeemed}
    assert await Redemption.all().count() == 1
    assert await RedemptionAttempt.all().count() == 50


async def test_of_fifty_who_scan_the_same_pass_one_takes_one_use(counter, ming):
    claim = await counter.claim(ming, uses=50)
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    calls = (counter.redeem(Scan(token=token), device=f"d{number}") for number in range(50))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} <= {AlreadyRedeemed, RedemptionInvalid}
    assert (await Claim.get(id=claim.id)).uses_left == 49


async def test_calls_that_share_codes_in_opposite_order_all_end(counter, ming):
    claims = [await counter.claim(ming, uses=20) for _ in range(4)]
    clerks = [
        await counter.clerk_in(await counter.rooms.member(f"o-both{number}"), store=counter.lake) for number in range(4)
    ]
    calls = (
        counter.redeem(*map(counter.typed, claims[:: 1 if number % 2 else -1]), by=clerks[number % 4])
        for number in range(20)
    )
    assert len({answer.value.number for answer in await asyncio.gather(*calls)}) == 20
    assert {each.uses_left for each in await Claim.all()} == {0}


async def test_a_reversed_pass_is_not_good_again(counter, ming):
    claim = await counter.claim(ming)
    token = (await counter.handlers.passes.show(ming, claim.id)).token
    await counter.reverse((await counter.redeem(Scan(token=token))).value.lines[0].id)
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(Scan(token=token))


async def test_fifty_times_the_same_request_is_one_redemption_and_one_answer(counter, ming):
    claim = await counter.claim(ming, uses=50)
    answers = await race(counter, claim, keys=lambda _: "k", devices=lambda _: "d1")
    assert len({answer.value for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert (await Claim.get(id=claim.id)).uses_left == 49


async def test_fifty_reversals_at_once_give_back_once(counter, ming):
    claim = await counter.claim(ming)
    line = (await counter.redeem(counter.typed(claim))).value.lines[0]
    answers = await asyncio.gather(*(counter.reverse(line.id) for _ in range(50)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert (await Claim.get(id=claim.id)).uses_left == 1


async def test_negative_control_without_lock_and_guard_every_process_redeems_it(counter, ming, monkeypatch):
    """Five processes, so five lanes; all have read before one of them writes."""
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: there is no lock to leave out")
    claim, everybody_has_read = await counter.claim(ming), asyncio.Barrier(5)

    async def read_only(sought):
        found = await claims_of(sought, statement=statements.CLAIMS)
        await everybody_has_read.wait()
        return found

    loose = statements.TAKE_USES.postgres.replace("claim.uses_left - w.uses", "greatest(claim.uses_left - w.uses, 0)")
    loose = re.sub(r"AND claim.uses_left >= .*(?=RETURNING)", "", loose, flags=re.DOTALL)
    assert "w.before" not in loose
    monkeypatch.setattr(statements, "TAKE_USES", Both(postgres=loose, sqlite=""))
    monkeypatch.setattr("handlers.redemptions.tills.claims_of", read_only)
    await asyncio.gather(*(process(counter, claim, number) for number in range(5)))
    assert await Redemption.all().count() == 5


async def test_five_processes_that_scan_at_once_redeem_it_once(counter, ming):
    claim = await counter.claim(ming)
    answers = await asyncio.gather(*(process(counter, claim, number) for number in range(5)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {AlreadyRedeemed}
    assert await Redemption.all().count() == 1


async def process(counter, claim, number):
    """A scan by a clerk of the same shop whose phone talks to a server of its own."""
    clerk = await counter.clerk_in(await counter.rooms.member(f"o-process{number}"), store=counter.lake)
    server = Redemptions(counter.rooms.clock, counter.rooms.vault, counter.handlers.redemptions._passes)
    return await server.redeem(clerk, [counter.typed(claim)], device_id=f"d{number}", request_id=str(number))


async def test_the_record_of_attempts_is_never_edited(counter):
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(NO_CODE)
    with pytest.raises(Exception, match="append"):
        await rows("UPDATE redemption_attempt SET outcome = 'ok'")
