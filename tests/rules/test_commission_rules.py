"""Rates, shares, what goes back, and the day: whatever the numbers, nothing is given twice and nothing is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.commission import (
    MOST_LEVELS,
    WHOLE,
    CommissionTerms,
    available_from,
    next_look,
    problems_of,
    rate,
    shares,
    taken_back,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
YEAR = NOON + timedelta(days=365)
fen = st.integers(1, 10**12)
bp = st.integers(0, WHOLE)
OFFER = "0195f3c2-0000-7000-8000-000000000001"


@given(fen, st.lists(bp, max_size=MOST_LEVELS), bp)
def test_the_levels_together_never_get_more_than_the_cap_and_each_is_floored(base, rates, cap):
    given_ = shares(base, rates, cap)
    assert sum(given_) <= base * cap // WHOLE
    assert all(0 <= share <= base * each // WHOLE for share, each in zip(given_, rates, strict=True))
    assert sum(given_) + (base - sum(given_)) == base  # what is left over is the house's
    if sum(rates) <= cap:
        assert given_ == tuple(base * each // WHOLE for each in rates)


@given(fen, st.lists(bp, min_size=2, max_size=2), bp)
def test_the_nearest_level_is_served_first(base, rates, cap):
    first, second = shares(base, rates, cap)
    assert not second or first == base * rates[0] // WHOLE


@given(fen, bp, st.lists(st.integers(1, 10**6), max_size=8))
def test_many_small_refunds_take_as_much_as_one_large_one(base, rate_bp, parts):
    amount, refunded, back = shares(base, [rate_bp], WHOLE)[0], 0, 0
    for part in parts:
        refunded = min(refunded + part, base)
        more = taken_back(amount, base, refunded, back)
        assert more >= 0
        back += more
    assert back == taken_back(amount, base, refunded, 0) <= amount
    assert amount - back <= (base - refunded) * amount // base


@given(fen, bp, st.integers(0, 10**12))
def test_a_whole_refund_leaves_nothing_and_none_takes_nothing(base, rate_bp, back):
    amount = shares(base, [rate_bp], WHOLE)[0]
    back = min(back, amount)
    assert taken_back(amount, base, base, back) == amount - back
    assert taken_back(amount, base, 0, 0) == 0


def test_the_most_special_rate_counts_alone():
    terms = CommissionTerms(
        level_count=2,
        rates=(100, 50),
        offers={OFFER: (900,)},
        categories={"coffee": (700, 70)},
        grades={"gold": (300, 30)},
    )
    ways = {
        "offer": rate(terms, 1, offer=OFFER, category="coffee", grade="gold"),
        "category": rate(terms, 1, offer="other", category="coffee", grade="gold"),
        "grade": rate(terms, 1, offer="other", category="tea", grade="gold"),
        "all": rate(terms, 1, offer="other", category="", grade=""),
    }
    assert ways == {"offer": 900, "category": 700, "grade": 300, "all": 100}
    # A special rate that says nothing of the second level says that it gets nothing.
    assert rate(terms, 2, offer=OFFER, category="coffee", grade="gold") == 0
    assert rate(terms, 2, offer="other", category="tea", grade="") == 50


def test_a_rate_of_zero_is_a_rate():
    terms = CommissionTerms(rates=(500,), offers={OFFER: (0,)})
    assert rate(terms, 1, offer=OFFER, category="", grade="") == 0


def test_by_default_there_is_one_level_and_the_second_gets_nothing():
    assert CommissionTerms().level_count == 1
    assert rate(CommissionTerms(rates=(500, 400)), 2, offer="", category="", grade="") == 0


@pytest.mark.parametrize(
    ("terms", "field", "problem"),
    [
        ({"level_count": 3}, "level_count", "too_many"),
        ({"level_count": 0}, "level_count", "too_many"),
        ({"rates": (2_000, 1_500)}, "rates", "too_many_levels"),
        ({"level_count": 2, "rates": (2_000, 1_500)}, "rates", "over_the_cap"),
        ({"rates": (-1,)}, "rates", "out_of_range"),
        ({"grades": {"gold": (3_001,)}}, "grades.gold", "over_the_cap"),
        ({"cap_bp": 10_001}, "cap_bp", "out_of_range"),
        ({"window_days": 0}, "window_days", "out_of_range"),
        ({"freeze_days": 0}, "freeze_days", "out_of_range"),
        ({"hold_days": 366}, "hold_days", "out_of_range"),
        ({"offers": {str(n): (1,) for n in range(501)}}, "offers", "too_many"),
    ],
)
def test_what_stands_against_publishing_is_named(terms, field, problem):
    assert (field, problem) in {(each.field, each.problem) for each in problems_of(CommissionTerms(**terms))}


def test_nothing_stands_against_the_defaults():
    assert problems_of(CommissionTerms(rates=(1_000,))) == []


def day(**facts: object) -> datetime:
    said = {"earned_at": NOON, "used_at": None, "is_open": False, "refundable_until": YEAR, **facts}
    return available_from(7, 3, **said)


def test_it_is_available_after_the_later_of_the_refund_window_and_the_freeze():
    assert day(used_at=NOON + timedelta(days=1)) == NOON + timedelta(days=7)
    assert day(used_at=NOON + timedelta(days=6)) == NOON + timedelta(days=9)
    assert day() == NOON + timedelta(days=7)  # what third parties' codes were given for is never "used" here


def test_what_was_never_used_waits_until_nobody_can_give_it_back():
    assert day(is_open=True, used_at=NOON) == YEAR


def test_it_is_looked_at_hourly_at_first_then_daily_and_never_after_its_day():
    assert next_look(NOON, NOON, YEAR) == NOON + timedelta(hours=1)
    late = NOON + timedelta(days=10)
    assert next_look(NOON, late, YEAR) == late + timedelta(days=1)
    assert next_look(NOON, late, late + timedelta(hours=2)) == late + timedelta(hours=2)
