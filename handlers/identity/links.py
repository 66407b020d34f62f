"""Joining another channel by a single-use ticket, without any personal data: made here, redeemed there.

Whoever opens a ticket that was forwarded to them must not lose anything by it. Inside one mini-program that cannot
happen: two WeChat users are never one person, and the ticket is refused. Between platforms it could, so a member who
has something of their own is shown whose ticket it is (the masked number) and has to confirm; the person is told in
every chat they follow, all other sessions end, and for 90 days operators can take it back.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from handlers.actors import Person
from handlers.errors import LinkHeld, LinkRefused, LinkToConfirm, NotAMember, TicketExpired, TicketInvalid, TicketOwn
from handlers.identity.holders import locked_pair
from handlers.identity.linking import link_members
from handlers.identity.sessions import Sessions
from handlers.identity.tickets import Tickets
from handlers.identity.transfers import end_other_sessions, tell
from handlers.ports import Clock, Vault, VaultError
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.standing import canonical, standing
from models.identity import Member
from models.words import MemberStatus, Namespace, TicketPurpose

LINKED_TEXT = "您的会员账号刚刚关联了另一个渠道，会员卡和权益已合并。如果不是您本人操作，请马上回复“人工”。"


@dataclass(frozen=True, slots=True)
class LinkTicket:
    """A ticket of ten minutes; the token is for the person's eyes."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _StoredTicket:
    """What is kept for a repeated request: the token only under the field keys."""

    token_cipher: str
    expires_at: datetime


class LinkResult(StrEnum):
    """What became of a redeemed ticket."""

    LINKED = "linked"
    REFUSED = "refused"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Linked:
    """Both channels are one member now, unless `result` says why not."""

    result: LinkResult
    member_id: UUID
    number: str | None
    contradicting: tuple[Namespace, ...] = ()


@refusing
class Links:
    """Makes tickets that join channels, and redeems them."""

    def __init__(
        self, clock: Clock, vault: Vault, tickets: Tickets, sessions: Sessions, registry: Registry = REGISTRY
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._vault = vault
        self._tickets = tickets
        self._sessions = sessions

    async def issue(self, person: Person, *, request_id: str | None) -> Answer[LinkTicket]:
        """A ticket that joins whoever redeems it to this member. Raises NotAMember, TicketExpired, KeyReused."""
        if not person.is_member:
            raise NotAMember
        bound_to = f"link_ticket:{person.actor_id}:{request_id}"

        async def effect() -> _StoredTicket:
            member_id = await standing(person.member_id)
            issued = await self._tickets.issue(member_id, TicketPurpose.LINK, {}, self._clock.now())
            return _StoredTicket(self._vault.encrypt(issued.token, bound_to=bound_to), issued.expires_at)

        answer = await once(person, "issue_link", request_id, facts={}, result=_StoredTicket, effect=effect)
        try:
            token = self._vault.decrypt(answer.value.token_cipher, bound_to=bound_to)
        except VaultError as trouble:  # asked under another id before a merge, or the key is gone: make a new one
            raise TicketExpired from trouble
        return Answer(LinkTicket(token, answer.value.expires_at), answer.replayed)

    async def link(
        self, person: Person, *, ticket: str, confirmed: bool, token: str | None = None, request_id: str | None
    ) -> Answer[Linked]:
        """Become one with the member who made this ticket; it is used up even when the two cannot be joined.

        Raises TicketInvalid, TicketUsed, TicketExpired, TicketOwn, LinkToConfirm (the ticket stays), LinkRefused and
        LinkHeld (a case for people is open), MemberFrozen, KeyReused.
        """
        # Doors remember people for a second: whoever asks again must find the answer where their merge has put it.
        person = replace(person, member_id=await canonical(person.member_id))

        async def effect() -> Linked:
            return await self._link(person.member_id, ticket, confirmed=confirmed)

        facts = {"ticket": self._vault.blind_index("link_ticket", ticket), "confirmed": confirmed}
        answer = await once(person, "link", request_id, facts=facts, result=Linked, effect=effect)
        linked = answer.value
        if linked.result is LinkResult.REFUSED:  # raised only now: conflict and case stay on record
            raise LinkRefused(namespaces=[namespace.value for namespace in linked.contradicting])
        if linked.result is LinkResult.HELD:
            raise LinkHeld
        await end_other_sessions(self._sessions, linked.member_id, token)
        return answer

    async def _link(self, asking: UUID, ticket: str, *, confirmed: bool) -> Linked:
        now = self._clock.now()
        seen = await self._tickets.look(ticket, TicketPurpose.LINK, now)
        one, other = await locked_pair(asking, seen.member_id, now, self._registry)
        if one.member_id == other.member_id:
            raise TicketOwn
        mine, maker = await Member.get(id=await standing(asking)), await Member.get(id=other.member_id)
        if maker.status is not MemberStatus.ACTIVE:
            raise TicketInvalid
        if mine.joined_at is not None and not confirmed:
            raise LinkToConfirm(inviter=masked(maker.number))
        redeemed = await self._tickets.redeem(ticket, TicketPurpose.LINK, mine.id, now)
        outcome = await link_members(
            mine.id, maker.id, reason="ticket", now=now, vault=self._vault, registry=self._registry
        )
        if outcome.contradicting:
            return Linked(LinkResult.REFUSED, mine.id, mine.number, outcome.contradicting)
        if outcome.is_held:
            return Linked(LinkResult.HELD, mine.id, mine.number)
        await tell(outcome.member_id, LINKED_TEXT, key=f"linked:{redeemed.id}", at=now)
        number = (await Member.get(id=outcome.member_id)).number
        return Linked(LinkResult.LINKED, outcome.member_id, number)


def masked(number: str | None) -> str | None:
    """A member number of which only the last four digits can be read."""
    return "*" * (len(number) - 4) + number[-4:] if number else None
