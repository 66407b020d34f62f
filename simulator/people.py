"""What the platform knows about a person."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import identifiers
from simulator.accounts import Account
from simulator.chats import Chat
from simulator.windows import Windows

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram

LOGINS_PER_MINUTE = 100

_SESSIONS_KEPT = 20


@dataclass(frozen=True)
class Follow:
    """A person follows an official account; `scene` is of the code that led there, if one did."""

    since: float
    scene: str | None
    way: str


@dataclass
class Profile:
    """One person: identifiers, what they follow, accept and see.

    `phone` without the country code; `is_risky` people cannot log in (40226); `refuses` holds the app ids of accounts
    whose messages the person has switched off.
    """

    id: str
    name: str
    phone: str | None
    country_code: str
    seed: str
    is_risky: bool = False
    refuses: set[str] = field(default_factory=set)
    follows: dict[str, Follow] = field(default_factory=dict)
    accepts: Counter[tuple[str, str]] = field(default_factory=Counter)
    logins: deque[float] = field(default_factory=lambda: deque(maxlen=LOGINS_PER_MINUTE))
    session_keys: dict[str, str] = field(default_factory=dict)
    windows: defaultdict[str, Windows] = field(default_factory=lambda: defaultdict(Windows))
    chats: defaultdict[str, Chat] = field(default_factory=lambda: defaultdict(Chat))
    mini_programs: "deque[MiniProgram]" = field(default_factory=lambda: deque(maxlen=_SESSIONS_KEPT))

    def openid(self, account: Account) -> str:
        """Who this person is in one account."""
        return identifiers.openid(self.seed, self.id, account.app_id)

    def unionid(self, account: Account) -> str | None:
        """Who this person is in all accounts of the same group; None where the account has none."""
        return identifiers.unionid(self.seed, self.id, account.group) if account.group else None

    def identifiers(self, account: Account) -> Mapping[str, str]:
        """openid and, where there is one, unionid."""
        unionid = self.unionid(account)
        return {"openid": self.openid(account)} | ({"unionid": unionid} if unionid else {})

    def is_following(self, account: Account) -> bool:
        """Whether the account may reach this person as a follower."""
        return account.app_id in self.follows

    def chat(self, account: Account) -> Chat:
        """The conversation with one account."""
        return self.chats[account.app_id]
