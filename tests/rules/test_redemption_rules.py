"""Which reason is said, and what a redemption is settled at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.benefit_terms import PartnerCouponTerms, VoucherTerms
from handlers.rules.redemption import (
    PRIORITY,
    Presented,
    Reason,
    deduction_fen,
    foremost,
    honours,
    lock_after,
    masked,
    money,
    why_not,
    why_not_reversed,
)
from models.words import BenefitKind, ClaimState, MemberStatus

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
FINE = Presented(
    kind=BenefitKind.VOUCHER,
    terms=VoucherTerms(),
    state=ClaimState.ISSUED,
    uses_left=1,
    valid_from=NOW,
    expires_at=NOW + timedelta(seconds=1),
    owner=MemberStatus.ACTIVE,
    is_own=False,
    is_of_merchant=True,
    is_honoured_here=True,
    is_paused=False,
)
COUPON = {"kind": BenefitKind.PARTNER_COUPON, "terms": PartnerCouponTerms(500, 2000)}
CASES = [
    (Reason.INVALID, {"is_of_merchant": False}),
    (Reason.INVALID, {"is_code_good": False}),
    (Reason.INVALID, {"kind": BenefitKind.TOP_UP}),
    (Reason.INVALID, {"kind": BenefitKind.CODE_COUPON}),
    (Reason.INVALID, {"kind": BenefitKind.PACKAGE}),
    (Reason.INVALID, {"state": ClaimState.PENDING}),
    (Reason.INVALID, {"state": ClaimState.TRANSFERRED}),
    (Reason.INVALID, {"owner": MemberStatus.ERASED}),
    (Reason.OWN_CLAIM, {"is_own": True}),
    (Reason.REVOKED, {"state": ClaimState.REVOKED}),
    (Reason.ALREADY_REDEEMED, {"state": ClaimState.USED, "uses_left": 0}),
    (Reason.ALREADY_REDEEMED, {"is_pass_used": True}),
    (Reason.MEMBER_BLOCKED, {"owner": MemberStatus.FROZEN}),
    (Reason.PAUSED, {"is_paused": True}),
    (Reason.EXPIRED, {"expires_at": NOW}),
    (Reason.EXPIRED, {"state": ClaimState.EXPIRED}),
    (Reason.WRONG_STORE, {"is_honoured_here": False}),
    (Reason.WRONG_TIME, {"is_store_open": False}),
    (Reason.NOT_STARTED, {"valid_from": NOW + timedelta(microseconds=1)}),
    (Reason.USED_UP, {"uses": 2}),
    (Reason.NEEDS_CONFIRM, {"is_confirmed": False}),
    (Reason.BILL_NEEDED, COUPON),
    (Reason.BELOW_THRESHOLD, {**COUPON, "bill_fen": 1999}),
]


@pytest.mark.parametrize(("reason", "facts"), CASES)
def test_each_reason_stands_for_its_own_facts(reason, facts):
    assert why_not(replace(FINE, **facts), NOW) is reason


@pytest.mark.parametrize("facts", [{}, {"expires_at": None}, {**COUPON, "bill_fen": 2000}])
def test_nothing_speaks_against_a_claim_that_is_good(facts):
    assert why_not(replace(FINE, **facts), NOW) is None


@given(st.lists(st.sampled_from(CASES), min_size=1, max_size=6))
def test_of_several_reasons_the_foremost_is_said_in_one_fixed_order(cases):
    facts: dict = {}
    for _, each in cases:  # later ones may overrule the same fact, and then theirs counts
        facts |= each
    alone = {
        why_not(replace(FINE, **{name: value}), NOW)
        for name, value in facts.items()
        if name not in {"kind", "terms", "bill_fen"}
    } - {None}
    said = why_not(replace(FINE, **facts), NOW)
    assert said is not None
    assert all(PRIORITY.index(said) <= PRIORITY.index(reason) for reason in alone)
    assert foremost([said, *alone]) is said


def test_the_list_is_closed_and_in_this_order():
    assert [reason.removeprefix("redemption.") for reason in PRIORITY] == [
        "invalid",
        "own_claim",
        "revoked",
        "already_redeemed",
        "member_blocked",
        "paused",
        "expired",
        "wrong_store",
        "wrong_time",
        "not_started",
        "used_up",
        "needs_confirm",
        "bill_needed",
        "below_threshold",
    ]


@given(st.integers(0, 10**9), st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_whatever_the_steps_all_uses_are_settled_at_the_price_and_shares_sum_up(price, share, steps):
    total, used, settled = sum(steps), 0, 0
    for uses in steps:
        worth = money(
            replace(FINE, uses=uses),
            uses_total=total,
            price_fen=price,
            operator_share_bp=share,
            settled_fen=settled,
            used=used,
        )
        assert worth.operator_fen + worth.merchant_fen == worth.settlement_fen
        assert min(worth.operator_fen, worth.merchant_fen) >= 0
        used, settled = used + uses, settled + worth.settlement_fen
    assert settled == price


@pytest.mark.parametrize(("bill", "settled"), [(2000, 500), (300, 300)])
def test_a_partner_coupon_is_settled_at_what_it_deducts(bill, settled):
    shown = replace(FINE, **COUPON, bill_fen=bill)
    worth = money(shown, uses_total=1, price_fen=9, operator_share_bp=3333, settled_fen=0, used=0)
    assert (worth.settlement_fen, worth.operator_fen) == (settled, settled * 3333 // 10_000)


ALLOWED = {
    "is_reversal": False,
    "is_reversed": False,
    "is_own": True,
    "is_manager": False,
    "is_same_device": True,
    "reversals": 9,
    "age": timedelta(minutes=15),
}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, ""),
        ({"is_own": False, "is_manager": True, "is_same_device": False, "age": timedelta(hours=24)}, ""),
        ({"is_reversal": True}, "is_reversal"),
        ({"is_reversed": True}, "reversed"),
        ({"is_own": False}, "not_yours"),
        ({"is_same_device": False}, "other_device"),
        ({"age": timedelta(minutes=15, microseconds=1)}, "too_late"),
        ({"is_manager": True, "age": timedelta(hours=24, microseconds=1)}, "too_late"),
        ({"reversals": 10}, "too_often"),
    ],
)
def test_who_takes_back_and_until_when(facts, reason):
    assert why_not_reversed(**{**ALLOWED, **facts}) == reason


def test_locks_double_up_to_an_hour():
    minutes = [lock_after(wrong) / timedelta(minutes=1) for wrong in range(14)]
    assert minutes == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_small_things():
    assert masked("100000012347") == "尾号2347"
    assert masked(None) == ""
    assert honours(VoucherTerms(), "S1")
    assert honours(VoucherTerms(stores=("S1",)), "S1")
    assert not honours(PartnerCouponTerms(500, stores=("S2",)), "S1")


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=10))
def test_on_one_bill_coupons_take_their_face_value_or_what_is_left_and_never_more_than_the_bill(bill, faces):
    left, taken = bill, []
    for face in faces:
        taken.append(deduction_fen(PartnerCouponTerms(face), left))
        assert 0 <= taken[-1] <= min(face, left)
        left -= taken[-1]
    assert sum(taken) == min(bill, sum(faces))
    assert deduction_fen(VoucherTerms(face_value_fen=500), bill) == 0


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_coupon_is_refused_below_its_threshold_and_where_nothing_is_left_to_deduct(face, threshold, bill, left):
    terms = PartnerCouponTerms(face, threshold)
    shown = replace(FINE, kind=BenefitKind.PARTNER_COUPON, terms=terms, bill_fen=bill, bill_left_fen=min(left, bill))
    is_refused = bill < max(threshold, 1) or min(left, bill) == 0
    assert why_not(shown, NOW) is (Reason.BELOW_THRESHOLD if is_refused else None)
