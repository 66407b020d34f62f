"""From the chat into the mini-program: to a code that no chat may show, and to what has to be paid for.

A link to a code is a single-use ticket of ten minutes for whoever claimed it; the code stands nowhere but on that page.
"""

from dataclasses import dataclass, field
from uuid import UUID

from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Person
from handlers.errors import TicketNotYours
from handlers.identity.tickets import LASTS, Tickets
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.standing import canonical, standing
from models.database import atomic
from models.words import TicketPurpose

CLAIM_PAGE, OFFERS_PAGE = "pages/claim/index", "pages/offers/index"


@dataclass(frozen=True, slots=True)
class CodeLink:
    """Where the code is shown, once, within so many minutes."""

    link: MiniProgramLink = field(repr=False)
    minutes: int


@refusing
class ChatLinks:
    """Makes links, and opens those that are tickets."""

    def __init__(self, clock: Clock, tickets: Tickets, links: MiniProgramLinks) -> None:
        self._clock = clock
        self._tickets = tickets
        self._links = links

    async def to_code(self, person: Person, claim_id: UUID) -> CodeLink:
        """To the code of a claim of theirs. Raises AccountUnknown (there is no mini-program), MemberFrozen."""
        async with atomic():
            member_id = await standing(person.member_id)
            facts = {"claim": str(claim_id)}
            issued = await self._tickets.issue(member_id, TicketPurpose.SHOW_CODE, facts, self._clock.now())
        link = await self._links.to(CLAIM_PAGE, lasting=LASTS, ticket=issued.token)
        return CodeLink(link, int(LASTS.total_seconds() // 60))

    async def to_offers(self) -> MiniProgramLink:
        """To what can be bought; WeChat is not asked for it. Raises AccountUnknown (there is no mini-program)."""
        return await self._links.unasked(OFFERS_PAGE)

    async def open(self, person: Person, *, ticket: str) -> UUID:
        """Which claim a ticket shows; it is used up by this.

        Raises TicketInvalid, TicketUsed, TicketExpired, TicketNotYours (forwarded: it is for its maker alone).
        """
        now = self._clock.now()
        async with atomic():
            member_id = await canonical(person.member_id)
            seen = await self._tickets.look(ticket, TicketPurpose.SHOW_CODE, now)
            if await canonical(seen.member_id) != member_id:
                raise TicketNotYours
            shown = await self._tickets.redeem(ticket, TicketPurpose.SHOW_CODE, member_id, now)
        return UUID(shown.facts["claim"])
