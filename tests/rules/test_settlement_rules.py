"""Settlement as a pure function: which terms hold, what a use is settled at, and what a statement says."""

import hashlib
import json
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import VoucherTerms
from handlers.rules.redemption import Presented, money
from handlers.rules.settlement import Folding, SettledEntry, stated
from handlers.rules.settlement_terms import (
    Fee,
    Fees,
    TermsInForce,
    TermsVersion,
    in_force,
    part_of_sale,
    period_days,
    sale_share_bp,
)
from models.ids import new_id
from models.words import BenefitKind, ClaimState, EntryKind, MemberStatus, SettlementPeriod

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # in Shanghai
MERCHANT, COFFEE, TEA, STORE = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def version(number: int, starts_at: datetime, benefit: UUID | None = None, price=None, share=None) -> TermsVersion:
    return TermsVersion(number, starts_at, benefit, price, share)


def at_noon(*versions: TermsVersion, benefit: UUID = COFFEE) -> TermsInForce:
    return in_force(versions, benefit, NOON, price_fen=1000, operator_share_bp=7000)


# --- which terms hold


def test_without_terms_a_benefit_is_settled_as_it_was_saved():
    assert at_noon() == TermsInForce(1000, 7000, None)


def test_terms_hold_from_their_start_on_and_not_a_microsecond_sooner():
    starts = version(1, NOON, price=900)
    assert at_noon(starts).price_fen == 900
    assert at_noon(replace(starts, starts_at=NOON + timedelta(microseconds=1))) == TermsInForce(1000, 7000, None)


def test_terms_of_the_benefit_go_before_those_of_its_merchant_whichever_is_later():
    ours = version(1, NOON - DAY, COFFEE, price=800)
    everybodys = version(2, NOON - HOUR, price=900, share=5000)
    assert at_noon(ours, everybodys) == TermsInForce(800, 5000, NOON - HOUR)
    assert at_noon(ours, everybodys, benefit=TEA) == TermsInForce(900, 5000, NOON - HOUR)


def test_of_one_level_the_version_that_started_last_holds_and_of_two_at_once_the_later_one():
    first, second = version(1, NOON - HOUR, price=900), version(2, NOON - DAY, price=800)
    assert at_noon(first, second).price_fen == 900
    assert at_noon(first, version(3, NOON - HOUR, price=700)).price_fen == 700


def test_what_a_version_leaves_open_is_looked_for_in_wider_terms_and_so_terms_are_ended():
    ended = version(2, NOON - HOUR, COFFEE)
    assert at_noon(version(1, NOON - DAY, COFFEE, price=800), ended) == TermsInForce(1000, 7000, NOON - HOUR)
    assert at_noon(version(1, NOON - DAY, price=900), ended).price_fen == 900


_VERSIONS = st.lists(
    st.builds(
        TermsVersion,
        number=st.integers(1, 9),
        starts_at=st.integers(-5, 5).map(lambda hours: NOON + hours * HOUR),
        benefit_id=st.sampled_from([None, COFFEE, TEA]),
        price_fen=st.none() | st.integers(0, 10**6),
        operator_share_bp=st.none() | st.integers(0, 10_000),
    ),
    max_size=6,
    unique_by=lambda each: each.number,
)


@given(_VERSIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_versions_are_read_and_those_of_others_change_nothing(versions, chance):
    shuffled = list(versions)
    chance.shuffle(shuffled)
    expected = at_noon(*versions)
    assert at_noon(*shuffled) == expected
    assert at_noon(*(each for each in versions if each.benefit_id != TEA)) == expected
    assert at_noon(*(each for each in versions if each.starts_at <= NOON)) == expected


# --- what a use is settled at


def shown(uses: int) -> Presented:
    return Presented(
        kind=BenefitKind.VOUCHER,
        terms=VoucherTerms(uses=10),
        state=ClaimState.ISSUED,
        uses_left=10,
        valid_from=NOON,
        expires_at=None,
        owner=MemberStatus.ACTIVE,
        is_own=False,
        is_of_merchant=True,
        is_honoured_here=True,
        is_paused=False,
        uses=uses,
    )


@given(
    total=st.integers(1, 50),
    prices=st.lists(st.integers(0, 10**7), min_size=2, max_size=2),
    share=st.integers(0, 10_000),
    data=st.data(),
)
def test_each_use_is_settled_at_the_price_of_its_own_time_and_the_shares_make_up_the_whole(total, prices, share, data):
    steps = []
    while (left := total - sum(steps)) > 0:
        steps.append(data.draw(st.integers(1, left)))
    changes_at = data.draw(st.integers(0, len(steps)))
    used = before = settled = 0
    by_price = [0, 0]
    for number, uses in enumerate(steps):
        which = int(number >= changes_at)
        if number == changes_at:
            before, settled = used, 0
        worth = money(
            shown(uses),
            uses_total=total,
            price_fen=prices[which],
            operator_share_bp=share,
            settled_fen=settled,
            used=used,
            used_before=before if which else 0,
        )
        assert worth.operator_fen + worth.merchant_fen == worth.settlement_fen
        assert min(worth.operator_fen, worth.merchant_fen) >= 0
        settled, used = settled + worth.settlement_fen, used + uses
        by_price[which] += worth.settlement_fen
    under_first = sum(steps[:changes_at])
    assert by_price[0] == prices[0] * under_first // total
    assert by_price[1] == prices[1] - prices[1] * under_first // total


# --- the statement


def an_entry(kind=EntryKind.REDEEM, fen=1000, operator=700, at=NOON, origin=None, **more) -> SettledEntry:
    facts = {"id": new_id(), "about": None, "benefit_id": COFFEE, "store_id": STORE, "uses": 1, **more}
    money_of = {"settlement_fen": fen, "operator_fen": operator, "merchant_fen": fen - operator}
    return SettledEntry(kind=kind, happened_at=at, origin_at=origin or at, **facts, **money_of)


def of_the_day(*entries: SettledEntry):
    return stated(MERCHANT, date(2026, 3, 2), entries, BUSINESS_ZONE)


def test_a_statement_sums_what_was_redeemed_and_taken_back_by_benefit_and_day():
    first, tea = an_entry(), an_entry(fen=501, operator=250, benefit_id=TEA)
    back = an_entry(EntryKind.REVERSAL, at=NOON, origin=NOON - DAY, about=new_id())
    made = of_the_day(first, tea, back)
    assert (made.totals.redeemed.count, made.totals.redeemed.settlement_fen) == (2, 1501)
    assert (made.totals.payable_fen, made.totals.payable_operator_fen, made.totals.payable_merchant_fen) == (
        501,
        250,
        251,
    )
    assert [(each.benefit_id, str(each.belongs_on), each.totals.payable_fen) for each in made.sums] == [
        (COFFEE, "2026-03-01", -1000),
        (COFFEE, "2026-03-02", 1000),
        (TEA, "2026-03-02", 501),
    ]
    assert made.late_count == 1


def test_days_are_those_of_the_programmes_zone():
    before_midnight = datetime(2026, 3, 1, 15, 59, 59, 999999, tzinfo=UTC)
    made = of_the_day(an_entry(at=before_midnight), an_entry(at=before_midnight + timedelta(microseconds=1)))
    assert [str(each.belongs_on) for each in made.sums] == ["2026-03-01", "2026-03-02"]


def test_the_hash_is_the_same_in_any_order_and_another_for_any_other_fact():
    entries = [an_entry(), an_entry(EntryKind.REVERSAL, about=new_id()), an_entry(benefit_id=TEA)]
    shuffled = random.Random(7).sample(entries, 3)
    made = of_the_day(*entries)
    assert of_the_day(*shuffled) == made
    others = [of_the_day(*entries[1:]).hash, stated(TEA, date(2026, 3, 2), entries, BUSINESS_ZONE).hash]
    others.append(stated(MERCHANT, date(2026, 3, 3), entries, BUSINESS_ZONE).hash)
    first = entries[0]
    changes = (
        {"id": new_id()},
        {"kind": EntryKind.REVERSAL},
        {"about": new_id()},
        {"benefit_id": TEA},
        {"store_id": TEA},
        {"uses": 2},
        {"settlement_fen": 1001},
        {"operator_fen": 701},
        {"merchant_fen": 301},
        {"happened_at": NOON + timedelta(microseconds=1)},
        {"origin_at": NOON - DAY},
    )
    others += [of_the_day(replace(first, **changed), *entries[1:]).hash for changed in changes]
    assert made.hash not in others
    assert len(set(others)) == len(others)


def test_entries_that_are_folded_one_by_one_come_in_the_order_of_their_ids():
    first, second = sorted((an_entry(), an_entry()), key=lambda each: each.id)
    folding = Folding(MERCHANT, date(2026, 3, 2), BUSINESS_ZONE)
    folding.add(second)
    for wrong in (first, second):
        with pytest.raises(ValueError, match="order"):
            folding.add(wrong)


def test_a_second_hand_over_that_is_paid_counts_as_redeemed_and_has_a_hash_of_its_own():
    counted = UUID(int=7)
    paid = an_entry(EntryKind.CONFLICT, about=counted, origin=NOON - DAY)
    made = of_the_day(paid)
    assert (made.totals.redeemed.count, made.totals.payable_fen, made.late_count) == (1, 1000, 1)
    assert of_the_day(replace(paid, kind=EntryKind.REDEEM)).hash != made.hash
    assert of_the_day(replace(paid, about=None)).hash != made.hash


def test_the_canonical_form_is_fixed_because_stored_hashes_depend_on_it():
    back = an_entry(EntryKind.REVERSAL, id=UUID(int=9), about=UUID(int=8), origin=NOON - DAY)
    nought = "00000000-0000-0000-0000-00000000000"
    told = (
        f'["settlement-statement/1","{nought}1","2026-03-02"]\n'
        f'["{nought}9","reversal","{nought}8","2026-03-01","{nought}2","{nought}4",1,1000,700,300,'
        '"2026-03-02T04:00:00.000000+00:00"]\n'
    )
    assert of_the_day(back).hash == hashlib.sha256(told.encode()).hexdigest()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**9), st.integers(0, 10_000)), max_size=20))
def test_shares_sum_to_the_whole_in_every_statement(facts):
    kinds = {True: EntryKind.REDEEM, False: EntryKind.REVERSAL}
    entries = [an_entry(kinds[is_use], fen, fen * share // 10_000) for is_use, fen, share in facts]
    made = of_the_day(*entries)
    totals = [made.totals, *(each.totals for each in made.sums)]
    assert all(each.payable_operator_fen + each.payable_merchant_fen == each.payable_fen for each in totals)
    assert sum(each.totals.payable_fen for each in made.sums) == made.totals.payable_fen
    assert made.totals.redeemed.count + made.totals.reversed.count == len(entries)


@pytest.mark.parametrize("fee", [0, 7])
def test_the_hash_is_over_one_line_of_json_for_each_entry_and_a_fee_is_told_where_there_is_one(fee):
    sold = an_entry(EntryKind.SALE, operator=1000, store_id=None, fee_fen=fee)
    told = [str(sold.id), "sale", None, "2026-03-02", str(COFFEE), None, 1, 1000, 1000, 0]
    told += ["2026-03-02T04:00:00.000000+00:00", *([fee] if fee else [])]
    head = ["settlement-statement/1", str(MERCHANT), "2026-03-02"]
    lines = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in (head, told))
    made = of_the_day(sold)
    assert made.hash == hashlib.sha256(lines.encode()).hexdigest()
    assert (made.totals.fee_fen, made.totals.net_fen) == (fee, 1000 - fee)


def test_of_several_days_what_belongs_to_one_before_the_first_is_late_and_the_hash_is_another():
    entries = [an_entry(), an_entry(at=NOON - DAY)]
    backs = EntryKind.SALE_REFUND, EntryKind.PLAN_SHARE_REFUND
    entries += [an_entry(kind, origin=NOON - 2 * DAY) for kind in backs]
    folded = {}
    for from_on in (None, date(2026, 3, 1)):
        folding = Folding(MERCHANT, date(2026, 3, 2), BUSINESS_ZONE, from_on=from_on)
        for each in entries:
            folding.add(each)
        folded[from_on] = folding.made()
    alone, both = folded.values()
    assert (alone.late_count, both.late_count, both.totals) == (3, 2, alone.totals)
    assert alone.hash != both.hash


# --- fees, parts of sales, periods


@given(st.integers(0, 10**9), st.integers(0, 10_000), st.integers(0, 10**6))
def test_fee_and_net_make_up_the_line_and_the_remainder_is_the_houses(gross, rate, flat):
    fee = Fee(rate, flat).of(gross)
    net = gross - fee
    assert 0 <= fee <= gross
    assert net == max(gross * (10_000 - rate) // 10_000 - flat, 0)
    assert fee * 10_000 >= gross * rate  # never less than the rate


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_a_part_of_a_sale_never_passes_what_was_paid(amount, share):
    part = part_of_sale(amount, share)
    assert 0 <= part <= amount
    assert 0 <= amount * share - part * 10_000 < 10_000


def terms(number: int, starts_at: datetime, benefit: UUID | None = None, **facts) -> TermsVersion:
    return TermsVersion(number, starts_at, benefit, None, None, **facts)


def test_a_fee_is_that_of_the_instant_it_goes_back_to_by_benefit_before_merchant_and_each_part_by_itself():
    versions = [
        terms(1, NOON - DAY, fee_bp=100, fee_flat_fen=5),
        terms(2, NOON, COFFEE, fee_bp=200),
        terms(3, NOON + HOUR, fee_flat_fen=9),
        terms(4, NOON + 2 * HOUR, COFFEE),
    ]
    fees = Fees(versions)
    found = {
        hours: (fees.at(COFFEE, NOON + hours * HOUR), fees.at(TEA, NOON + hours * HOUR)) for hours in (-1, 0, 1, 2)
    }
    assert fees.at(COFFEE, NOON - 2 * DAY) == Fee()
    assert found == {
        -1: (Fee(100, 5), Fee(100, 5)),
        0: (Fee(200, 5), Fee(100, 5)),
        1: (Fee(200, 9), Fee(0, 9)),
        2: (Fee(0, 9), Fee(0, 9)),
    }


def test_the_part_of_a_sale_is_looked_for_as_everything_else_and_is_nothing_without_terms():
    versions = [terms(1, NOON - DAY, sale_share_bp=8_000), terms(2, NOON, COFFEE, sale_share_bp=0)]
    assert [sale_share_bp(versions, each, NOON) for each in (COFFEE, TEA)] == [0, 8_000]
    assert sale_share_bp(versions, COFFEE, NOON - HOUR) == 8_000
    assert sale_share_bp([], COFFEE, NOON) == 0


def test_a_statement_is_of_a_day_unless_the_merchants_terms_of_its_beginning_say_the_month():
    monthly = [terms(1, NOON, period=SettlementPeriod.MONTH), terms(2, NOON + 9 * DAY)]
    day = date(2026, 2, 10)
    assert period_days([], day, NOON) == (day, day)
    assert period_days(monthly, day, NOON) == (date(2026, 2, 1), date(2026, 2, 28))
    for at in (NOON - HOUR, NOON + 9 * DAY):  # a version that says nothing ends it
        assert period_days(monthly, day, at) == (day, day)
