"""Who waits how long, and what strangers' tries count under."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.rules.sign_in_tries import caps_of_strangers, hour_ends, hour_of, seconds_until

NOW = datetime(2026, 3, 1, 23, 59, 59, 500_000, tzinfo=UTC)


def test_a_stranger_counts_at_the_address_the_login_and_with_all_others():
    caps = caps_of_strangers(login_hash="l", address_hash="a")
    assert [(cap.subject, cap.most) for cap in caps] == [
        ("sign_in_address:a", 30),
        ("sign_in_login:l", 10),
        ("sign_in_strangers", 300),
    ]
    assert [cap.is_login for cap in caps] == [False, True, False]


def test_an_hour_ends_where_the_next_one_is_counted():
    assert hour_ends(NOW) == datetime(2026, 3, 2, tzinfo=UTC)
    assert hour_of(hour_ends(NOW)) != hour_of(NOW) == hour_of(hour_ends(NOW) - timedelta(microseconds=1))


@pytest.mark.parametrize(("wait", "seconds"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.1, 2), (900.0, 900)])
def test_whoever_waits_as_long_as_was_said_has_waited_long_enough(wait, seconds):
    assert seconds_until(NOW + timedelta(seconds=wait), NOW) == seconds
