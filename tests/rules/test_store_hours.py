"""Opening hours: spans of one day each, in order, none over another."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from handlers.rules.store_hours import in_order, is_open, wrong_span


@pytest.mark.parametrize(
    ("spans", "index", "problem"),
    [
        ([("noon", "09:00", "21:00")], 0, "day"),
        ([("mon", "9:00", "21:00")], 0, "time"),
        ([("mon", "09:00", "24:01")], 0, "time"),
        ([("mon", "09:60", "21:00")], 0, "time"),
        ([("mon", "09:00", "21:00\n")], 0, "time"),
        ([("mon", "09:00", "09:00")], 0, "order"),
        ([("mon", "22:00", "02:00")], 0, "order"),
        ([("mon", "09:00", "12:00"), ("mon", "11:59", "13:00")], 1, "overlap"),
        ([("mon", "09:00", "12:00"), ("mon", "08:00", "13:00")], 1, "overlap"),
    ],
)
def test_a_wrong_span_is_named(spans, index, problem):
    wrong = wrong_span(spans)
    assert wrong is not None
    assert (wrong.index, wrong.problem) == (index, problem)


def test_a_night_is_two_spans_and_spans_may_touch():
    assert wrong_span([("mon", "22:00", "24:00"), ("tue", "00:00", "02:00"), ("tue", "02:00", "03:00")]) is None
    assert wrong_span([]) is None


def test_the_week_begins_on_monday():
    spans = [("sun", "09:00", "10:00"), ("mon", "13:00", "14:00"), ("mon", "09:00", "12:00")]
    assert in_order(spans) == [spans[2], spans[1], spans[0]]


HOURS = (("sat", "09:00", "12:00"), ("sat", "22:00", "24:00"), ("sun", "00:00", "02:00"))


@pytest.mark.parametrize(
    ("local", "zone", "opened"),
    [
        ("2026-03-07T09:00:00", "Asia/Shanghai", True),
        ("2026-03-07T08:59:59", "Asia/Shanghai", False),
        ("2026-03-07T12:00:00", "Asia/Shanghai", False),  # an hour in which who is inside is still served
        ("2026-03-08T01:59:59", "Asia/Shanghai", True),
        ("2026-03-08T02:00:00", "Asia/Shanghai", False),
        ("2026-03-07T09:00:00", "Europe/Berlin", True),
    ],
)
def test_doors_are_open_by_the_clock_of_the_store(local, zone, opened):
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert is_open(HOURS, zone, now) is opened
    assert is_open((), zone, now) is None
