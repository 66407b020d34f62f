"""Daily quotas of the interfaces."""

from collections import Counter, deque

from simulator.clock import Clock
from simulator.errors import WeChatError

DAILY_LIMITS = {
    "/cgi-bin/token": 2_000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/menu/create": 1_000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1_000,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/user/info/batchget": 5_000_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/ticket/getticket": 1_000_000,
}
_OTHERS = 1_000_000
_CLEARINGS_PER_MONTH = 10
_DAY = 86_400
_MONTH = 30 * _DAY


class Quotas:
    """Counts calls per account, interface and day; `limits` may be changed by a test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: Counter[tuple[str, str]] = Counter()
        self._day = 0
        self._cleared: dict[str, deque[float]] = {}
        self.limits = dict(DAILY_LIMITS)

    def spend(self, app_id: str, path: str) -> None:
        """Count one call; raises 45009 when the day's quota is used up."""
        self._turn_the_page()
        if self._used[app_id, path] >= self.limit(path):
            raise WeChatError(45009)
        self._used[app_id, path] += 1

    def limit(self, path: str) -> int:
        """Calls per day."""
        return self.limits.get(path, _OTHERS)

    def used(self, app_id: str, path: str) -> int:
        """Calls today."""
        self._turn_the_page()
        return self._used[app_id, path]

    def clear(self, app_id: str) -> None:
        """Start the day anew, ten times a month; raises 48006 after that."""
        now = self._clock.now()
        past = self._cleared.setdefault(app_id, deque(maxlen=_CLEARINGS_PER_MONTH))
        if len(past) == _CLEARINGS_PER_MONTH and now - past[0] < _MONTH:
            raise WeChatError(48006)
        past.append(now)
        for key in [key for key in self._used if key[0] == app_id]:
            del self._used[key]

    def _turn_the_page(self) -> None:
        # The platform's days are China's.
        today = int(self._clock.now() + 8 * 3600) // _DAY
        if today != self._day:
            self._day = today
            self._used.clear()
