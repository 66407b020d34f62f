"""A clerk helps along: a join or a card binding begins at the counter, and the person finishes it on the own phone.

The clerk never types a secret and agrees to nothing in anybody's name. For a join there is a code to scan, which opens
the page where the person reads the terms and taps; for a binding the clerk types what stands on the card, and the
member, who alone can open the ticket, proves on the own phone that the card is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Clerk
from handlers.audit import record
from handlers.cards.card_binding import BIND_PAGE, sealed_number
from handlers.cards.card_kinds import CardKinds
from handlers.errors import AccountUnknown, CardNumberWrong, TicketExpired, VisitOver
from handlers.identity.cities import STORE_SCENE
from handlers.identity.tickets import LASTS, Tickets
from handlers.outbox import later
from handlers.ports import Clock, Vault, VaultError
from handlers.redemptions.counter import lock_clerk, shop
from handlers.redemptions.visits import Visit
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.card_numbers import is_well_formed, normalise
from handlers.standing import standing
from models.ids import new_id
from models.words import AccountKind, TicketPurpose

JOIN_PAGE = "pages/join/index"
JOIN_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Started:
    """What the person scans, or gets in chat. `link` is for their phone."""

    link: MiniProgramLink = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offered:
    """What a member is told about a binding that a clerk began."""

    kind_name: str
    link: MiniProgramLink = field(repr=False)
    public_url: str
    minutes: int


@dataclass(frozen=True, slots=True)
class _StoredTicket:
    """What is kept of the ticket for a repeated request and for the outbox: the token only under the field keys."""

    token_cipher: str
    bound_to: str
    expires_at: datetime


@refusing
class Assisting:
    """Begins what a person finishes."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        accounts: Accounts,
        kinds: CardKinds,
        tickets: Tickets,
        links: MiniProgramLinks,
        public_url: str,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._kinds = kinds
        self._tickets = tickets
        self._links = links
        self._public_url = public_url

    async def join(self, clerk: Clerk, *, store_id: UUID | None = None) -> Started:
        """Where somebody joins by themselves; that this store brought them is noted when they do.

        Raises StoreUnknown, StoreNeeded, AccountUnknown.
        """
        where = await shop(clerk, store_id)
        link = await self._links.to(JOIN_PAGE, lasting=JOIN_LASTS, scene=f"{STORE_SCENE}{where.code}")
        return Started(link, self._clock.now() + JOIN_LASTS)

    async def bind(
        self,
        clerk: Clerk,
        *,
        member_id: UUID,
        visit: str,
        kind: str,
        number: str,
        store_id: UUID | None = None,
        request_id: str,
    ) -> Answer[Started]:
        """Begin to bind a card for the member of this visit: a ticket of ten minutes that only they can open.

        They are told in chat. Whether the number exists is not looked at. Raises VisitOver, CardKindUnknown,
        CardNumberWrong, AccountUnknown, StoreUnknown, StoreNeeded, ClerkNotSignedIn, KeyReused, TicketExpired.
        """
        wanted, number = await self._kinds.get(kind), normalise(number)
        if not is_well_formed(number, wanted.form):
            raise CardNumberWrong
        await self._accounts.only(AccountKind.MINI_PROGRAM)  # before anything is promised: the ticket leads there
        account = await self._chat()

        async def effect() -> _StoredTicket:
            await lock_clerk(clerk)
            now, where = self._clock.now(), await shop(clerk, store_id)
            if not Visit(visit, self._vault).fits(member_id, store_id=where.id, clerk_id=clerk.id, now=now):
                raise VisitOver
            holder = await standing(member_id)
            facts = {**({"account": account} if account else {}), **sealed_number(self._vault, wanted, number)}
            issued = await self._tickets.issue(holder, TicketPurpose.BIND_CARD, facts, now)
            bound_to = f"assisted:{new_id()}"
            stored = _StoredTicket(self._vault.encrypt(issued.token, bound_to=bound_to), bound_to, issued.expires_at)
            told = {
                "member_id": str(holder),
                "kind_name": wanted.name,
                "token_cipher": stored.token_cipher,
                "bound_to": bound_to,
                "expires_at": issued.expires_at.isoformat(),
            }
            await later("offer_binding", key=bound_to, at=now, order_key=f"chat:{holder}", **told)
            await record(clerk, "card.binding_offered", "member", holder, at=now, kind=wanted.code)
            return stored

        facts = {"member": member_id, "kind": kind, "number": self._vault.blind_index("assisted_number", number)}
        answer = await once(clerk, "card.assist", request_id, facts=facts, result=_StoredTicket, effect=effect)
        stored = answer.value
        return Answer(
            Started(await self._link(stored.token_cipher, stored.bound_to), stored.expires_at), answer.replayed
        )

    async def offered(self, payload: Mapping[str, Any]) -> Offered | None:
        """What the outbox tells the member; None once the ticket is over. Raises AccountUnknown, TicketExpired."""
        if datetime.fromisoformat(payload["expires_at"]) <= self._clock.now():
            return None
        link = await self._link(payload["token_cipher"], payload["bound_to"])
        return Offered(payload["kind_name"], link, self._public_url, int(LASTS.total_seconds() // 60))

    async def _link(self, token_cipher: str, bound_to: str) -> MiniProgramLink:
        try:
            token = self._vault.decrypt(token_cipher, bound_to=bound_to)
        except VaultError as trouble:  # its key is gone: begin anew
            raise TicketExpired from trouble
        return await self._links.to(BIND_PAGE, lasting=LASTS, ticket=token)

    async def _chat(self) -> str | None:
        """Where the member hears that it is done, if there is an official account."""
        try:
            return (await self._accounts.only(AccountKind.OFFICIAL_ACCOUNT)).key
        except AccountUnknown:
            return None
