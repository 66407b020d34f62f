"""What an interface is given and gives, and how a module lists its interfaces."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from simulator.accounts import Account, Kind
from simulator.errors import WeChatError
from simulator.person import Person
from simulator.platform import Platform

OA = frozenset({Kind.OFFICIAL_ACCOUNT})
MP = frozenset({Kind.MINI_PROGRAM})
BOTH = OA | MP
OK: Mapping[str, object] = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Raw:
    """An answer that is no JSON."""

    data: bytes
    content_type: str = "image/png"
    status: int = 200


Answer: TypeAlias = Mapping[str, object] | Raw


@dataclass
class Call:
    """One call that got through the door. `account` is the token's; interfaces without a token set it themselves."""

    platform: Platform
    query: Mapping[str, str]
    raw: bytes
    body: Mapping[str, object]
    known_account: Account | None = None

    @property
    def account(self) -> Account:
        """Who is calling."""
        if self.known_account is None:
            raise WeChatError(41001)
        return self.known_account

    def text(self, name: str, errcode: int = 40097) -> str:
        """A field of the body that must be a non-empty string."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise WeChatError(errcode)
        return value

    def person(self, openid: object) -> Person:
        """Whose openid of the calling account this is; raises 40003."""
        person = self.platform.by_openid(self.account, str(openid))
        if person is None:
            raise WeChatError(40003)
        return person

    def account_by_secret(self, app_id: str, secret: str) -> Account:
        """The account these credentials belong to; raises 41002, 41004, 40013, 40125."""
        if not app_id:
            raise WeChatError(41002)
        if not secret:
            raise WeChatError(41004)
        account = self.platform.by_app_id(app_id)
        if account is None:
            raise WeChatError(40013)
        if account.secret != secret:
            raise WeChatError(40125)
        self.known_account = account
        return account


Interface: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """One interface: who may call it, how."""

    method: str
    path: str
    kinds: Collection[Kind]
    needs_token: bool
    interface: Interface


@dataclass
class Desk:
    """The interfaces of one module, as values."""

    endpoints: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, kinds: Collection[Kind], *, needs_token: bool = True) -> Callable[[Interface], Interface]:
        """An interface that must be called by GET."""
        return self._add("GET", path, kinds, needs_token=needs_token)

    def post(self, path: str, kinds: Collection[Kind], *, needs_token: bool = True) -> Callable[[Interface], Interface]:
        """An interface that must be called by POST, with a JSON object."""
        return self._add("POST", path, kinds, needs_token=needs_token)

    def _add(
        self, method: str, path: str, kinds: Collection[Kind], *, needs_token: bool
    ) -> Callable[[Interface], Interface]:
        def add(interface: Interface) -> Interface:
            self.endpoints.append(Endpoint(method, path, kinds, needs_token, interface))
            return interface

        return add
