"""The platform's clock: real by default, movable by whoever has no time to wait 48 hours."""

import time


class Clock:
    """Seconds since the epoch: with `start` it stands still there, without it follows the machine. Both move."""

    def __init__(self, start: float | None = None) -> None:
        self._start = start
        self._moved = 0.0

    def now(self) -> float:
        """The present instant, in seconds since the epoch."""
        return (time.time() if self._start is None else self._start) + self._moved

    def advance(self, seconds: float) -> None:
        """Move on; tokens age, codes expire, windows close."""
        self._moved += seconds
