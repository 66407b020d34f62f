"""The pretend WeChat platform: accounts, people, and everything that lies between them."""

import asyncio
import hashlib
import itertools
import secrets
from collections import Counter, deque
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass

from simulator.accounts import Account
from simulator.carrier import PretendCarrier
from simulator.chats import Side
from simulator.clock import Clock
from simulator.codes import CodeDesk
from simulator.errors import ImpossibleError
from simulator.faults import Faults
from simulator.feed import Feed
from simulator.line import Line
from simulator.links import Links
from simulator.menus import Menu
from simulator.mini_program import MiniProgram
from simulator.notices import Notices
from simulator.pay_crypto import Merchant
from simulator.people import Profile
from simulator.person import Person
from simulator.pictures import SceneCodes
from simulator.points_account import PretendPointsAccount
from simulator.pushing import DeliveryRules, Push, Pusher
from simulator.quotas import Quotas
from simulator.supplier import PATH, PretendSupplier
from simulator.tokens import TokenDesk
from simulator.wechat_pay import PretendWeChatPay

_CALLS_KEPT = 300


@dataclass(frozen=True)
class ApiCall:
    """One call of our server to the platform; secrets and tokens are not kept."""

    at: float
    method: str
    path: str
    app_id: str
    body: Mapping[str, object]
    status: int
    answer: Mapping[str, object]


class Platform:
    """One world. `backend` is our server's address; `seed` makes people keep their identifiers over restarts."""

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        backend: str,
        clock: Clock | None = None,
        rules: DeliveryRules | None = None,
        seed: str | None = None,
        merchant: Merchant | None = None,
        carrier_secret: str | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.accounts: dict[str, Account] = {}
        self.people: dict[str, Person] = {}
        self._by_openid: dict[tuple[str, str], Person] = {}
        self.feed = Feed()
        self.line = Line(backend)
        self.pusher = Pusher(self.line, self.clock, rules or DeliveryRules(), self.feed)
        self.faults = Faults()
        self.tokens = TokenDesk(self.clock)
        self.codes = CodeDesk(self.clock)
        self.quotas = Quotas(self.clock)
        self.scene_codes = SceneCodes(self.clock)
        self.links = Links(self.clock)
        self.menus: dict[str, Menu] = {}
        self.calls: deque[ApiCall] = deque(maxlen=_CALLS_KEPT)
        self.call_counts: Counter[str] = Counter()
        self.notices = Notices(self.clock)
        self._seed = seed or secrets.token_hex(8)
        # Kept over restarts with the seed, as people's identifiers are.
        secret = hashlib.sha256(f"{self._seed}:supplier".encode()).hexdigest()[:40]
        self.supplier = PretendSupplier(self.line, self.clock, self.feed, secret)
        self.points = PretendPointsAccount(self.feed, secret, PATH)
        self.carrier = PretendCarrier(self.clock, self.feed, carrier_secret or secrets.token_hex(16))
        self.pay = PretendWeChatPay(self.line, self.clock, self.feed, merchant)
        self._numbers = itertools.count(1)
        self._background: set[asyncio.Task[object]] = set()
        for account in accounts:
            self.add(account)

    def add(self, account: Account) -> None:
        """One more account, at any time."""
        self.accounts[account.name] = account
        for person in self.people.values():
            self._by_openid[account.app_id, person.openid(account)] = person

    def person(self, name: str = "小明", *, phone: str | None = None, country_code: str = "86") -> Person:
        """A new person who follows nothing yet."""
        number = f"p{next(self._numbers)}"
        person = Person(id=number, name=name, phone=phone, country_code=country_code, seed=self._seed, platform=self)
        self.people[number] = person
        for account in self.accounts.values():
            self._by_openid[account.app_id, person.openid(account)] = person
        self.feed.publish("people")
        return person

    def account(self, name: str) -> Account:
        """The account with this name; raises ImpossibleError."""
        if name not in self.accounts:
            raise ImpossibleError(f"没有名为 {name} 的账号")
        return self.accounts[name]

    def by_app_id(self, app_id: str) -> Account | None:
        """The account with this app id."""
        return next((account for account in self.accounts.values() if account.app_id == app_id), None)

    def by_openid(self, account: Account, openid: str) -> Person | None:
        """The person behind an openid of one account."""
        return self._by_openid.get((account.app_id, openid))

    def passes(self) -> list[MiniProgram]:
        """The screens that show a pass which is not over, the latest last."""
        now = self.clock.now()
        screens = (screen for person in self.people.values() for screen in person.mini_programs)
        return sorted((each for each in screens if each.shows_until > now), key=lambda each: each.shows_until)

    def codes_shown(self) -> list[MiniProgram]:
        """The screens that show a 会员码 which is not over, the latest last."""
        now = self.clock.now()
        screens = (screen for person in self.people.values() for screen in person.mini_programs)
        return sorted((each for each in screens if each.code_until > now), key=lambda each: each.code_until)

    def show(self, person: Profile, account: Account, side: Side, kind: str, content: Mapping[str, object]) -> None:
        """Add a bubble to a chat."""
        person.chat(account).add(side, kind, content, self.clock.now())
        self.feed.publish("chat", person=person.id, account=account.name)

    def later(self, work: Coroutine[object, object, Push]) -> None:
        """Let something happen behind the answer that is being given, as job results are pushed."""
        task: asyncio.Task[object] = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def settle(self) -> None:
        """Wait until nothing is under way behind the scenes."""
        while self._background:
            await asyncio.gather(*self._background)

    async def close(self) -> None:
        """Stop what is under way and close the line."""
        self.feed.close()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.supplier.close()
        await self.pay.close()
        await self.line.close()
