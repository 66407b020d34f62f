import re
from datetime import UTC, datetime, timedelta

from gateways.clock import SystemClock, SystemRandomness


def test_the_clock_says_the_present_in_utc():
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_tokens_are_43_url_safe_characters_and_never_repeat():
    tokens = {SystemRandomness().token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
