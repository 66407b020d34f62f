"""One run of the machine: its people, numbers and cards, and what the machine itself remembers of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from handlers.actors import Person
from handlers.cards.card_binding import pin_hash
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.errors import CardKindUnknown
from handlers.identity.numbers import number_key
from handlers.identity.proofs import wechat_proofs
from handlers.identity.returning import DEPARTED_KEPT, is_returning
from handlers.rules.numbers import check_digit
from models.cards import Card
from models.database import atomic
from models.identity import IdentityEvent
from models.ids import new_id
from models.programmes import CardKind
from models.words import IdentityAct, Touchpoint
from tests.handlers.conftest import MEMBERSHIP, PHONE, Rooms

ACCOUNTS = ("mp", "oa", "far0", "far1")
CARDS, NUMBERS = range(4), range(3)
PIN = "4321"
# openids: two people at each account; the same suffix at `mp` and `oa` may be tied by a unionid
users = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from("ab"))
numbers = st.sampled_from(NUMBERS)
cards = st.sampled_from(CARDS)

# What somebody asks for, with a key when it may be asked again; it checks what came of it.
Act = Callable[[str | None], Awaitable[None]]


class World(RuleBasedStateMachine):
    """What every step needs. Its steps run in the loop that the database belongs to."""

    rooms: ClassVar[Rooms]
    loop: ClassVar[asyncio.AbstractEventLoop]
    runs: ClassVar[int]
    seen_happen: ClassVar[Counter[str]]  # so that no promise holds for want of trying

    @initialize()
    def begin(self) -> None:
        type(self).runs += 1
        self.name = f"w{self.runs}-"
        self.members: set[UUID] = set()  # whoever was made known in this run
        self.erased: set[UUID] = set()
        self.gone: dict[str, datetime] = {}  # openids of who left, and when
        self.cards: list[UUID] = []
        self.holders: dict[UUID, UUID | None] = {}  # by card, as its row must say
        self.bound_by: dict[int, tuple[str, str]] = {}  # by card: who bound it last
        self.do(self._cards())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _cards(self) -> None:
        """Unbound cards of an older system; the first two name a phone as well."""
        try:
            kind = await self.rooms.handlers.card_kinds.get("old")
        except CardKindUnknown:
            async with atomic():
                await add_kind(
                    KindDraft("old", "老会员卡", digit_count=12, prefix="66", is_issued=False), self.rooms.clock
                )
            self.rooms.handlers.card_kinds.forget()
            kind = await self.rooms.handlers.card_kinds.get("old")
        programme_id = (await CardKind.get(id=kind.id)).programme_id
        for index in CARDS:
            card_id, number = new_id(), self.card_number(index)
            await Card.create(
                id=card_id,
                kind_id=kind.id,
                programme_id=programme_id,
                number_hash=number_hash(self.rooms.vault, number),
                number_cipher=self.rooms.vault.encrypt(number, bound_to=card_bound_to(card_id)),
                last4=number[-4:],
                phone_hash=self.phone_hash(index) if index < 2 else "",
                pin_hash=pin_hash(self.rooms.vault, number, PIN),
            )
            self.cards.append(card_id)
            self.holders[card_id] = None

    def phone(self, number: int) -> str:
        return f"139{self.runs:05d}{number}57"

    def phone_hash(self, number: int) -> str:
        return number_key(self.phone(number), "86", self.rooms.vault).value_hash

    def card_number(self, card: int) -> str:
        digits = f"66{self.runs * 10 + card:09d}"
        return digits + check_digit(digits)

    def openid(self, user: tuple[str, str]) -> str:
        account, name = user
        return f"{self.name}{account}-{name}"

    async def seen(self, user: tuple[str, str], *, unionid: bool = False) -> Person:
        """What WeChat proves of somebody, taken in; nothing is refused without a conflict on record."""
        account, name = user
        facts = await self.rooms.handlers.accounts.get(account)
        tied = f"{self.name}u-{name}" if unionid else None
        openid = self.openid(user)
        proofs = wechat_proofs(facts.app.app_id, facts.open_platform, openid, tied)
        resolution = await self.rooms.handlers.identity.resolve(proofs)
        self.members.add(resolution.member_id)
        assert resolution.member_id not in self.erased  # nobody comes back as who they were
        for namespace in resolution.refused:
            conflicts = IdentityEvent.filter(act=IdentityAct.CONFLICT, member_id=resolution.member_id)
            assert await conflicts.filter(namespace=namespace).exists()
            self.seen_happen["an identifier was refused"] += 1
        if openid in self.gone:
            now = self.rooms.clock.now()
            is_known = await is_returning([resolution.member_id], now=now, vault=self.rooms.vault)
            assert is_known or now >= self.gone[openid] + DEPARTED_KEPT  # after two years they are anybody
            self.seen_happen["somebody came back"] += 1
        through = Touchpoint.CHAT if account == "oa" else Touchpoint.MINI_PROGRAM
        return await self.rooms.handlers.identity.person(resolution.member_id, account, through=through)

    async def member(self, user: tuple[str, str]) -> Person:
        """The same, joined."""
        person = await self.seen(user)
        await self.rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE])
        return await self.seen(user)
