"""access_token: two issuing endpoints that do not know of each other."""

import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from simulator.clock import Clock
from simulator.errors import WeChatError
from simulator.identifiers import access_token

LIFE_SECONDS = 7200
OVERLAP_SECONDS = 300
FORCED_PER_DAY = 20
FORCED_APART_SECONDS = 30
_DAY = 86_400
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{64,512}")


class Family(StrEnum):
    """Which endpoint issued a token."""

    PLAIN = "token"
    STABLE = "stable_token"


@dataclass
class Token:
    """One issued access_token; `expires_at` in seconds since the epoch."""

    value: str
    app_id: str
    expires_at: float


class TokenDesk:
    """Issues tokens and says whose a token is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Token] = {}
        self._newest: dict[tuple[Family, str], Token] = {}
        self._forced: dict[str, deque[float]] = {}

    def plain(self, app_id: str) -> tuple[str, int]:
        """Always a new token; the one before lives five more minutes. Returns it with its remaining seconds."""
        now = self._clock.now()
        before = self._newest.get((Family.PLAIN, app_id))
        if before is not None:
            before.expires_at = min(before.expires_at, now + OVERLAP_SECONDS)
        return self._issue(Family.PLAIN, app_id), LIFE_SECONDS

    def stable(self, app_id: str, *, force_refresh: bool = False) -> tuple[str, int]:
        """The same token while it has more than five minutes left; then a new one, both valid during the overlap."""
        now = self._clock.now()
        current = self._newest.get((Family.STABLE, app_id))
        if force_refresh:
            self._count_forced(app_id, now)
            if current is not None:
                self._known.pop(current.value, None)
        elif current is not None and current.expires_at - now > OVERLAP_SECONDS:
            return current.value, int(current.expires_at - now)
        return self._issue(Family.STABLE, app_id), LIFE_SECONDS

    def owner(self, value: str) -> str:
        """The app id a token belongs to; raises 41001, 40014, 40001 or 42001."""
        if not value:
            raise WeChatError(41001)
        if not _WELL_FORMED.fullmatch(value):
            raise WeChatError(40014)
        token = self._known.get(value)
        if token is None:
            raise WeChatError(40001)
        if token.expires_at <= self._clock.now():
            raise WeChatError(42001)
        return token.app_id

    def expire_all(self) -> None:
        """Every token out there is expired from now on (42001); asking again gives new ones."""
        for token in self._known.values():
            token.expires_at = min(token.expires_at, self._clock.now())

    def revoke_all(self) -> None:
        """Every token out there is unknown from now on (40001)."""
        self._known.clear()
        self._newest.clear()

    def _issue(self, family: Family, app_id: str) -> str:
        now = self._clock.now()
        # Long-expired tokens are remembered for a day, to be told apart from invented ones.
        self._known = {value: one for value, one in self._known.items() if one.expires_at > now - _DAY}
        token = Token(access_token(), app_id, now + LIFE_SECONDS)
        self._known[token.value] = self._newest[family, app_id] = token
        return token.value

    def _count_forced(self, app_id: str, now: float) -> None:
        past = self._forced.setdefault(app_id, deque(maxlen=FORCED_PER_DAY))
        if past and now - past[-1] < FORCED_APART_SECONDS:
            raise WeChatError(45011)
        if len(past) == FORCED_PER_DAY and now - past[0] < _DAY:
            raise WeChatError(45009)
        past.append(now)
