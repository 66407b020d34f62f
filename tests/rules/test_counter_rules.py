"""Small rules of the counter: which digits are no PIN, what is voided alone, and when a store serves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.benefit_terms import PartnerCouponTerms, TopUpTerms, VoucherTerms
from handlers.rules.pins import weakness
from handlers.rules.store_hours import is_served, opens_next
from handlers.rules.voiding import is_voidable, worth_fen
from models.words import ClaimState

SHANGHAI = "Asia/Shanghai"
DAY = [("mon", "09:00", "12:00"), ("mon", "14:00", "21:00"), ("fri", "18:00", "24:00"), ("sat", "00:00", "02:00")]
MONDAY = datetime(2026, 3, 2, tzinfo=ZoneInfo(SHANGHAI))


@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        ("12345", "form"),
        ("1234567", "form"),
        ("12345a", "form"),
        ("١٢٣٤٥٦", "form"),
        ("000000", "repeated"),
        ("121212", "repeated"),
        ("123123", "repeated"),
        ("112233", "repeated"),
        ("777888", "repeated"),
        ("739937", "repeated"),
        ("123456", "sequence"),
        ("654321", "sequence"),
        ("147258", "sequence"),
        ("920517", "date"),
        ("170592", "date"),
        ("051792", "date"),
        ("199205", "date"),
        ("000229", "date"),
        ("739204", ""),
        ("508817", ""),
    ],
)
def test_what_many_would_try_first_is_no_pin(pin, problem):
    assert weakness(pin) == problem


def test_at_least_nine_of_ten_random_pins_are_taken_so_that_they_stay_hard_to_guess():
    taken = sum(not weakness(f"{number:06}") for number in range(0, 10**6, 7))
    assert taken / len(range(0, 10**6, 7)) > 0.9


@pytest.mark.parametrize(
    ("at", "served"),
    [
        ((0, 9, 0), True),
        ((0, 8, 59), False),
        ((0, 12, 59), True),  # let in before twelve
        ((0, 13, 0), False),
        ((0, 22, 0), False),
        ((1, 10, 0), False),  # no span that day
        ((4, 23, 59), True),
        ((5, 0, 30), True),
        ((5, 2, 59), True),
        ((5, 3, 0), False),
    ],
)
def test_a_store_serves_in_its_hours_and_an_hour_after(at, served):
    days, hours, minutes = at
    now = (MONDAY + timedelta(days=days, hours=hours, minutes=minutes)).astimezone(UTC)
    assert is_served(DAY, SHANGHAI, now) is served


def test_a_store_that_tells_no_hours_always_serves():
    assert is_served((), SHANGHAI, MONDAY)
    assert opens_next((), SHANGHAI, MONDAY) is None


def test_the_hours_are_those_of_the_stores_own_zone():
    two_hours_later = MONDAY + timedelta(hours=9)  # nine in Shanghai is seven in Urumqi
    assert is_served(DAY, SHANGHAI, two_hours_later)
    assert not is_served(DAY, "Asia/Urumqi", two_hours_later)


def test_a_day_of_twenty_three_hours_opens_by_the_wall_clock():
    spans, berlin = [("sun", "09:00", "18:00")], ZoneInfo("Europe/Berlin")
    opens = opens_next(spans, "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=berlin))
    assert opens == datetime(2026, 3, 29, 7, tzinfo=UTC)


_days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
_hours = st.integers(0, 23).flatmap(lambda first: st.tuples(st.just(first), st.integers(first + 1, 24)))
_spans = st.lists(st.tuples(_days, _hours).map(lambda one: (one[0], f"{one[1][0]:02}:00", f"{one[1][1]:02}:00")))


@given(_spans, st.integers(0, 525_599).map(lambda minutes: MONDAY + timedelta(minutes=minutes)))
def test_the_next_opening_is_the_first_instant_at_which_it_serves_again(spans, now):
    opens = opens_next(spans, SHANGHAI, now)
    assert (opens is None) == (not spans)
    if opens is None:
        return
    assert now < opens <= now + timedelta(days=8)
    assert is_served(spans, SHANGHAI, opens)
    if not is_served(spans, SHANGHAI, now):
        step = (opens - now) / 10
        assert not any(is_served(spans, SHANGHAI, now + number * step) for number in range(10))


@pytest.mark.parametrize(
    ("terms", "price", "left", "total", "worth"),
    [
        (VoucherTerms(), 1000, 1, 1, 1000),
        (VoucherTerms(face_value_fen=3000), 1000, 1, 1, 3000),
        (VoucherTerms(uses=3), 1000, 2, 3, 667),  # rounded up
        (PartnerCouponTerms(500), 0, 1, 1, 500),
        (TopUpTerms("s", "p", 5000), 4900, 1, 1, 4900),
        (VoucherTerms(), 1000, 0, 1, 0),
    ],
)
def test_what_is_lost_by_voiding(terms, price, left, total, worth):
    assert worth_fen(terms, price_fen=price, uses_left=left, uses_total=total) == worth


def test_only_what_can_still_be_used_can_be_voided():
    over = MONDAY + timedelta(seconds=1)
    usable = {state for state in ClaimState if is_voidable(state, over, MONDAY)}
    assert usable == {ClaimState.ISSUED, ClaimState.PARTLY_USED}
    assert not is_voidable(ClaimState.ISSUED, MONDAY, MONDAY)
    assert is_voidable(ClaimState.ISSUED, None, MONDAY)
