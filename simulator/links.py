"""Links that open a mini-program from outside of it: made by an account, followed by whoever taps them."""

import secrets
from dataclasses import dataclass

from simulator.accounts import Account
from simulator.clock import Clock

HOST = "https://wxaurl.cn/"
_KEPT = 5_000


@dataclass(frozen=True)
class Link:
    """Where a link leads: a mini-program's page with its query."""

    account: Account
    path: str
    expires_at: float


class Links:
    """Every link that was made; the oldest are forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: dict[str, Link] = {}

    def make(self, account: Account, path: str, query: str, expires_at: float) -> str:
        """A new link."""
        token = secrets.token_urlsafe(8)
        self._links[token] = Link(account, f"{path}?{query}" if query else path, expires_at)
        while len(self._links) > _KEPT:
            del self._links[next(iter(self._links))]
        return f"{HOST}{token}"

    def find(self, token: str) -> Link | None:
        """Where a link leads, while it does."""
        link = self._links.get(token)
        return link if link is not None and link.expires_at > self._clock.now() else None
