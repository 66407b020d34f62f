from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.stores import Limit, ProcessRateLimiter
from tests.fakes import FakeClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def limiter(clock) -> ProcessRateLimiter:
    return ProcessRateLimiter({"login": Limit(3, MINUTE), "read": Limit(100, MINUTE)}, clock)


def test_the_limit_may_be_used_up_at_once_and_then_says_how_long_to_wait(limiter, clock):
    assert [limiter.hit("login", "a") for _ in range(4)] == [0, 0, 0, 20]
    clock.advance(timedelta(seconds=19))
    assert limiter.hit("login", "a") == 1
    clock.advance(timedelta(seconds=1))
    assert limiter.hit("login", "a") == 0
    assert limiter.hit("login", "a") == 20


def test_refused_hits_do_not_make_the_wait_longer(limiter, clock):
    for _ in range(50):
        limiter.hit("login", "a")
    clock.advance(MINUTE)
    assert [limiter.hit("login", "a") for _ in range(4)] == [0, 0, 0, 20]


def test_each_member_and_each_limit_counts_alone(limiter):
    for _ in range(4):
        limiter.hit("login", "a")
    assert limiter.hit("login", "b") == 0
    assert limiter.hit("read", "a") == 0


def test_a_limit_that_is_not_set_is_a_mistake(limiter):
    with pytest.raises(KeyError):
        limiter.hit("unknown", "a")


@pytest.mark.parametrize(("count", "per"), [(0, MINUTE), (-1, MINUTE), (1, timedelta(0))])
def test_a_limit_that_forbids_everything_is_refused(count, per):
    with pytest.raises(ValueError):
        Limit(count, per)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 10))
def test_no_window_ever_holds_more_than_twice_the_limit_and_waiting_as_told_is_enough(pauses, count):
    clock = FakeClock()
    limiter = ProcessRateLimiter({"x": Limit(count, MINUTE)}, clock)
    allowed = []
    for pause in pauses:
        clock.advance(timedelta(seconds=pause))
        wait = limiter.hit("x", "a")
        if not wait:
            allowed.append(clock.now())
        window = [instant for instant in allowed if instant > clock.now() - MINUTE]
        assert len(window) <= 2 * count
    while not (wait := limiter.hit("x", "a")):
        pass
    clock.advance(timedelta(seconds=wait))
    assert limiter.hit("x", "a") == 0


def test_a_clock_set_back_locks_nobody_out_for_longer_than_the_limit(limiter, clock):
    for _ in range(4):
        limiter.hit("login", "a")
    clock.advance(timedelta(days=-1))
    assert limiter.hit("login", "a") == 20
    clock.advance(timedelta(seconds=20))
    assert limiter.hit("login", "a") == 0


def test_memory_is_bounded_and_those_who_keep_hitting_are_not_forgotten(limiter, monkeypatch):
    monkeypatch.setattr("gateways.stores.limits.COUNTED_AT_MOST", 100)
    for _ in range(4):
        limiter.hit("login", "attacker")
    for number in range(5000):
        limiter.hit("login", f"passer-by {number}")
        assert limiter.hit("login", "attacker") > 0
    assert len(limiter._forgiven_at["login"]) <= 101
