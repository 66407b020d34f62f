"""Natural days in a zone: ends, periods, and clocks that jump."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.offer_terms import Period, Validity, ValidityKind
from handlers.rules.validity import begins, day_of, ends_at, instant_at, period_ends_at, period_key

SHANGHAI = ZoneInfo("Asia/Shanghai")
# With summer time, with summer time that begins at midnight, with half hours.
ZONES = [SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana"), ZoneInfo("Australia/Lord_Howe")]
SECOND = timedelta(seconds=1)

zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
natural = st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR])


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@given(zones, instants)
def test_a_day_begins_with_its_first_instant(zone, at):
    start = begins(day_of(at, zone), zone)
    assert day_of(start, zone) == day_of(at, zone)
    assert day_of(start - timedelta.resolution, zone) < day_of(at, zone)


@given(zones, instants, natural)
def test_an_instant_lies_within_its_period_and_the_end_is_the_first_instant_after_it(zone, at, period):
    end = period_ends_at(period, at, zone)
    assert end is not None
    assert at < end
    assert period_key(period, end - timedelta.resolution, zone) == period_key(period, at, zone)
    assert period_key(period, end, zone) != period_key(period, at, zone)


@given(zones, instants, natural)
def test_what_is_valid_for_a_natural_period_ends_with_it(zone, at, period):
    validity = Validity(ValidityKind.NATURAL, period=period)
    assert ends_at(validity, at, zone) == period_ends_at(period, at, zone)


@given(zones, instants, st.integers(0, 3660))
def test_days_are_counted_by_the_calendar_until_235959_of_the_last(zone, at, days):
    end = ends_at(Validity(ValidityKind.DAYS, days=days), at, zone)
    assert end is not None
    assert day_of(end - SECOND, zone) == day_of(at, zone) + timedelta(days=days)
    assert day_of(end, zone) == day_of(at, zone) + timedelta(days=days + 1)


@given(zones, instants, instants)
def test_a_fixed_end_is_that_of_its_day_whenever_it_was_claimed(zone, until, claimed_at):
    end = ends_at(Validity(ValidityKind.FIXED, until=until), claimed_at, zone)
    assert end == begins(day_of(until, zone) + timedelta(days=1), zone)


@given(zones, instants, st.lists(st.integers(-26, 26), max_size=20), natural)
def test_a_clock_that_jumps_hours_gives_no_more_periods_than_the_calendar_has(zone, at, jumps, period):
    seen = [at]
    for hours in jumps:
        seen.append(seen[-1] + timedelta(hours=hours))
    days = {day_of(each, zone) for each in seen}
    keys = {period_key(period, each, zone) for each in seen}
    assert len(keys) <= len(days)
    assert len({period_key(period, begins(day, zone), zone) for day in days}) == len(keys)


@given(zones, instants)
def test_periods_nest_and_ever_has_one_name(zone, at):
    assert period_key(Period.EVER, at, zone) == "ever"
    assert period_ends_at(Period.EVER, at, zone) is None
    day_end, month_end = period_ends_at(Period.DAY, at, zone), period_ends_at(Period.MONTH, at, zone)
    assert day_end is not None
    assert month_end is not None
    assert day_end <= month_end <= (period_ends_at(Period.YEAR, at, zone) or month_end)


@pytest.mark.parametrize(
    ("period", "at", "key", "end"),
    [
        (Period.DAY, "2026-11-22T23:59:59", "day:2026-11-22", "2026-11-23T00:00"),
        (Period.DAY, "2026-11-23T00:00:00", "day:2026-11-23", "2026-11-24T00:00"),
        (Period.WEEK, "2026-11-22T12:00:00", "week:2026-W47", "2026-11-23T00:00"),
        (Period.WEEK, "2027-01-01T12:00:00", "week:2026-W53", "2027-01-04T00:00"),
        (Period.MONTH, "2026-12-31T12:00:00", "month:2026-12", "2027-01-01T00:00"),
        (Period.YEAR, "2026-12-31T23:59:59", "year:2026", "2027-01-01T00:00"),
    ],
)
def test_named_days(period, at, key, end):
    assert period_key(period, local(at), SHANGHAI) == key
    assert period_ends_at(period, local(at), SHANGHAI) == local(end)


def test_the_day_is_the_programmes_not_utcs():
    late = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # 00:30 of the 23rd in Shanghai
    assert period_key(Period.DAY, late, SHANGHAI) == "day:2026-11-23"


def test_where_midnight_is_skipped_the_day_begins_when_the_clock_is_moved():
    havana = ZoneInfo("America/Havana")
    assert begins(date(2026, 3, 8), havana) == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert instant_at(date(2026, 3, 9), "10:00", havana) == datetime(2026, 3, 9, 14, tzinfo=UTC)


def test_forever_never_ends():
    assert ends_at(Validity(), datetime(2026, 1, 1, tzinfo=UTC), SHANGHAI) is None


@pytest.mark.parametrize("kind", [ValidityKind.FIXED, ValidityKind.DAYS, ValidityKind.NATURAL])
def test_a_validity_without_its_field_is_a_mistake_of_the_caller(kind):
    with pytest.raises(ValueError, match="lacks"):
        ends_at(Validity(kind), datetime(2026, 1, 1, tzinfo=UTC), SHANGHAI)
