"""How often somebody may do something, counted in the process."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from handlers.ports import Clock

COUNTED_AT_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` at once, and `count` per `per` in the long run. Raises ValueError when either is not positive."""

    count: int
    per: timedelta

    def __post_init__(self) -> None:
        if self.count < 1 or self.per <= timedelta(0):
            raise ValueError("a limit needs a positive count and duration")


class ProcessRateLimiter:
    """Implements `ports.RateLimiter` by one number per member or address (GCRA: the instant when all is forgiven).

    Memory is bounded: beyond 50,000 of one limit the one that hit longest ago is forgotten.
    """

    def __init__(self, limits: Mapping[str, Limit], clock: Clock) -> None:
        self._clock = clock
        self._limits = {name: (limit.per.total_seconds(), limit.count) for name, limit in limits.items()}
        self._forgiven_at: dict[str, dict[str, float]] = {name: {} for name in limits}

    def hit(self, name: str, who: str) -> int:
        """0 when allowed, otherwise whole seconds until it is again. Raises KeyError for a limit that is not set."""
        per, count = self._limits[name]
        everyone = self._forgiven_at[name]
        now = self._clock.now().timestamp()
        # The upper bound holds when the machine's clock was set back.
        forgiven_at = min(max(everyone.pop(who, now), now), now + per)
        after = forgiven_at + per / count
        # A microsecond of slack: at today's timestamps a float is exact to 0.2 microseconds only.
        wait = after - now - per
        if wait > 1e-6:
            everyone[who] = forgiven_at
            return max(1, math.ceil(wait))
        everyone[who] = after
        if len(everyone) > COUNTED_AT_MOST:
            del everyone[next(iter(everyone))]
        return 0
