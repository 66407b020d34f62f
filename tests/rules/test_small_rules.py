"""Numbers, phones and hours."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.numbers import check_digit, is_well_formed, member_number
from handlers.rules.phones import normalise
from handlers.rules.service_hours import is_open

SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(st.sets(st.integers(1, 10**9 - 1), min_size=2, max_size=50))
def test_member_numbers_are_unique_and_well_formed(ordinals):
    numbers = {member_number(ordinal) for ordinal in ordinals}
    assert len(numbers) == len(ordinals)
    assert all(is_well_formed(number) for number in numbers)


@given(st.integers(1, 10**9 - 1), st.integers(0, 9), st.integers(1, 9))
def test_any_single_wrong_digit_is_seen(ordinal, place, shift):
    number = member_number(ordinal)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not is_well_formed(wrong)


def test_the_check_digit_is_luhns():
    assert check_digit("7992739871") == "3"


@pytest.mark.parametrize("ordinal", [0, -1, 10**9])
def test_an_ordinal_out_of_range_has_no_number(ordinal):
    with pytest.raises(ValueError, match="range"):
        member_number(ordinal)


@pytest.mark.parametrize("written", ["13800138001", "+86 138-0013-8001", "8613800138001", "(138) 0013 8001"])
def test_one_phone_has_one_form(written):
    assert normalise(written, "86") == "13800138001"


@pytest.mark.parametrize(
    "written", ["", "12345", "00000000000", "13800000000", "13912345678", "23800138001", "1380013800a"]
)
def test_nobodys_numbers_are_refused(written):
    assert normalise(written, "86") is None


def test_a_number_abroad_keeps_its_national_digits():
    assert normalise("+852 5123 4567", "852") == "51234567"


@pytest.mark.parametrize(
    ("hours", "hour", "is_there"),
    [
        ("09:00-21:00", 9, True),
        ("09:00-21:00", 21, False),
        ("每天 09:00 - 12:00, 13:00至18:00", 12, False),
        ("每天 09:00 - 12:00, 13:00至18:00", 13, True),
        ("22:00-06:00", 23, True),
        ("22:00-06:00", 12, False),
        ("", 3, True),
        ("00:00-24:00", 23, True),
    ],
)
def test_service_hours_are_half_open_and_may_cross_midnight(hours, hour, is_there):
    now = datetime(2026, 11, 22, hour, tzinfo=SHANGHAI).astimezone(UTC)
    assert is_open(hours, now, SHANGHAI) is is_there


@pytest.mark.parametrize(
    ("hours", "is_there"),
    [
        ("00:00-24:00", True),
        ("09:00-24:00", True),
        ("22:00-06:00", True),
        ("09:00-23:59", False),
        ("23:59-24:00", True),
    ],
)
def test_the_last_minute_of_the_day_is_a_minute_like_others(hours, is_there):
    now = datetime(2026, 11, 22, 23, 59, 30, tzinfo=SHANGHAI).astimezone(UTC)
    assert is_open(hours, now, SHANGHAI) is is_there
