"""绑卡: a card from an older system becomes a member's own, once its ownership is proven.

Nothing about a card is said before the proof: an unknown number, somebody else's, a lost one and a wrong PIN answer
alike, and all of them count as an attempt.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Person
from handlers.cards.card_kinds import CardKinds, Kind
from handlers.cards.cards import holder
from handlers.cards.proof_attempts import Attempt, count_attempt, give_back
from handlers.cards.recognition import CardView, complete, number_hash
from handlers.errors import (
    CardAlreadyYours,
    CardCoolingDown,
    CardHeld,
    CardKindUnknown,
    CardLost,
    CardNumberWrong,
    CardPhoneOnHold,
    CardProofDiffers,
    CardProofMissing,
    CardReplaced,
    DomainError,
    NotAMember,
    TicketInvalid,
    TicketNotYours,
)
from handlers.identity.cities import fill_from_card
from handlers.identity.phones import Phones
from handlers.identity.reviews import open_review
from handlers.identity.tickets import LASTS, Tickets
from handlers.identity.transfers import phone_held_until
from handlers.outbox import later
from handlers.ports import Clock, Vault, VaultError
from handlers.requests import Answer, Asked, alone, once, recalled
from handlers.retrying import refusing
from handlers.rules.card_numbers import is_well_formed, normalise
from handlers.rules.card_proofs import Kept, Shown, is_proven, normalise_name, normalise_pin
from handlers.rules.phones import normalise as normalise_phone
from handlers.standing import canonical, standing, standing_whole
from models.database import atomic, dialect, row
from models.gathering import Gathered
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import cards as statements
from models.words import CardStatus, Namespace, ReviewKind, TicketPurpose

_by_number: Gathered[tuple[UUID, str]] = Gathered(
    statements.BY_NUMBERS,
    value_of=lambda key: f"{key[0]}:{key[1]}",
    key_of=lambda found: (as_uuid(found["kind_id"]), found["number_hash"]),
)

COUNTRY = "86"  # legacy cards were issued to mainland numbers
BIND_PAGE = "pages/bind/index"


@dataclass(frozen=True, slots=True)
class CardProof:
    """What the person shows: any of these; a name counts only with the store where they shopped last."""

    phone_code: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    store_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """The card is theirs; `also` are the cards of the other kinds they are recognised by."""

    card: CardView
    also: tuple[CardView, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """What chat began goes on in the mini-program."""

    kind_name: str
    link: MiniProgramLink
    minutes: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One binding that is asked for: which number of which kind, and the ticket it goes on from."""

    kind: Kind
    number: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    chat_account: str | None = None


class _Held(CardHeld):
    """With the holder, for the case; never rendered."""

    def __init__(self, held_by: UUID, card_id: UUID) -> None:
        super().__init__()
        self.held_by, self.card_id = held_by, str(card_id)


@refusing
class CardBinding:
    """Binds cards by number and proof, directly or from a link that chat gave."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        kinds: CardKinds,
        accounts: Accounts,
        phones: Phones,
        tickets: Tickets,
        links: MiniProgramLinks,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._kinds = kinds
        self._accounts = accounts
        self._phones = phones
        self._tickets = tickets
        self._links = links

    async def begin(self, person: Person, *, kind: str, number: str) -> Begun:
        """From the chat: kind and number are known, the proof is given in the mini-program within ten minutes.

        Whether the number exists is not looked at. Raises NotAMember, CardKindUnknown, CardNumberWrong, AccountUnknown.
        """
        _require_member(person)
        wanted = await self._wanted(kind, number)
        facts = {"account": person.account, **sealed_number(self._vault, wanted.kind, wanted.number)}
        async with atomic():
            member_id = await standing(person.member_id)
            issued = await self._tickets.issue(member_id, TicketPurpose.BIND_CARD, facts, self._clock.now())
        link = await self._links.to(BIND_PAGE, lasting=LASTS, ticket=issued.token)
        return Begun(wanted.kind.name, link, int(LASTS.total_seconds() // 60))

    async def bind(
        self, person: Person, *, kind: str, number: str, proof: CardProof, request_id: str | None = None
    ) -> Answer[Bound]:
        """By number and proof. Five attempts an hour, per member and per card, whatever the refusal after the proof.

        Raises NotAMember, CardKindUnknown, CardNumberWrong, CardProofMissing, CardProofDiffers, CardTriesUsedUp,
        CardAlreadyYours, PhoneCodeRefused, WeChatUnavailable, KeyReused; after the proof CardHeld (a case is opened),
        CardLost, CardReplaced, CardCoolingDown.
        """
        _require_member(person)
        facts = {"kind": kind, "number": number, "proof": proof}
        async with self._asked(person, request_id, facts) as known:
            return known or await self._bind(person, await self._wanted(kind, number), proof, request_id, facts)

    async def bind_by_ticket(
        self, person: Person, *, ticket: str, proof: CardProof, request_id: str | None = None
    ) -> Answer[Bound]:
        """Go on from the chat's link. Without a proof: CardProofMissing names the card, and the ticket stays good.

        The ticket is used up by a binding, not by a wrong proof. Raises as `bind`, and TicketInvalid, TicketUsed,
        TicketExpired, TicketNotYours (forwarded: only who began may go on).
        """
        _require_member(person)
        facts = {"ticket": ticket, "proof": proof}
        async with self._asked(person, request_id, facts) as known:
            return known or await self._bind(person, await self._of_ticket(person, ticket), proof, request_id, facts)

    @asynccontextmanager
    async def _asked(
        self, person: Person, request_id: str | None, facts: Mapping[str, object]
    ) -> AsyncIterator[Answer[Bound] | None]:
        """Twins wait for each other here: a request that was answered before is no attempt."""
        if request_id is None:
            yield None
            return
        async with alone((person.kind, person.actor_id, "try_bind_card", request_id)):
            yield await recalled(Asked.of(person, "bind_card", request_id, facts), Bound)

    async def _wanted(self, kind_code: str, number: str) -> _Wanted:
        kind, number = await self._kinds.get(kind_code), normalise(number)
        if not is_well_formed(number, kind.form):
            raise CardNumberWrong
        return _Wanted(kind, number)

    async def _of_ticket(self, person: Person, token: str) -> _Wanted:
        ticket = await self._tickets.look(token, TicketPurpose.BIND_CARD, self._clock.now())
        if await canonical(ticket.member_id) != person.member_id:
            raise TicketNotYours
        try:
            number = self._vault.decrypt(ticket.facts["number"], bound_to=_sealed(ticket.facts["sealed_for"]))
        except (VaultError, KeyError) as trouble:
            raise TicketInvalid from trouble
        return _Wanted(await self._kinds.get(ticket.facts["kind"]), number, token, ticket.facts.get("account"))

    async def _bind(
        self,
        person: Person,
        wanted: _Wanted,
        proof: CardProof,
        request_id: str | None,
        facts: Mapping[str, object],
    ) -> Answer[Bound]:
        hashed = number_hash(self._vault, wanted.number)
        card = await _by_number.row((wanted.kind.id, hashed))
        # Their own card is on their own list: this tells nothing, and is no attempt.
        if card is not None and holder(card) == person.member_id and card["status"] == CardStatus.BOUND:
            raise CardAlreadyYours
        _refuse_empty(wanted, proof)
        shown = await self._shown(person, wanted.number, proof)
        attempt = await count_attempt((f"member:{person.member_id}", f"card:{hashed}"), self._clock.now())

        async def effect() -> Bound:
            return await self._decide(person, wanted, hashed, card, shown, attempt)

        try:
            return await once(person, "bind_card", request_id, facts=facts, result=Bound, effect=effect)
        except _Held as refusal:
            # Ownership is proven, and somebody else has the card: people decide.
            async with atomic():
                await open_review(
                    ReviewKind.CARD_HELD, person.member_id, refusal.held_by, at=self._clock.now(), card=refusal.card_id
                )
            raise

    async def _decide(
        self,
        person: Person,
        wanted: _Wanted,
        hashed: str,
        seen: Mapping[str, Any] | None,
        shown: Shown,
        attempt: Attempt,
    ) -> Bound:
        """`seen` is the card as it stood a moment ago; whatever it was then, the row that is won is what must agree."""
        now, member = self._clock.now(), await standing_whole(person.member_id)
        member_id = as_uuid(member["id"])
        card = seen if is_proven(_kept(seen), shown) else await row(statements.BY_NUMBER, wanted.kind.id, hashed)
        if card is None or not is_proven(_kept(card), shown):
            raise CardProofDiffers(left=attempt.left)
        if wanted.token is not None:
            await self._tickets.redeem(wanted.token, TicketPurpose.BIND_CARD, member_id, now)
        won = await _win(card["id"], member_id, now, attempt)
        if won is None or not is_proven(_kept(won), shown):
            raise await self._why_not(wanted.kind, hashed, member_id, shown, attempt, now)
        await fill_from_card(member_id, as_uuid(card["id"]))
        family = await self._kinds.issued(wanted.kind.programme)
        cards = await complete(family, member_id, int(member["ordinal"]), now=now, vault=self._vault)
        bound = next(each for each in cards if each.id == as_uuid(card["id"]))
        also = tuple(each for each in cards if each.is_primary and each.kind != bound.kind)
        if wanted.chat_account is not None:
            await later(
                "say_bound",
                key=f"bound:{bound.id}:{now.isoformat()}",
                at=now,
                order_key=f"chat:{member_id}",
                account=wanted.chat_account,
                member_id=str(member_id),
                card_kind=bound.kind_name,
                last4=bound.last4,
                also=[each.kind_name for each in also],
            )
        return Bound(bound, also)

    async def _why_not(
        self, kind: Kind, hashed: str, member_id: UUID, shown: Shown, attempt: Attempt, now: datetime
    ) -> DomainError:
        card = await row(statements.BY_NUMBER, kind.id, hashed)
        if card is None or not is_proven(_kept(card), shown):
            return CardProofDiffers(left=attempt.left)
        status = card["status"]
        if status == CardStatus.LOST:
            return CardLost()
        if not card["is_active"]:  # switched off since it was chosen
            return CardKindUnknown()
        if status == CardStatus.REPLACED:
            return CardReplaced()
        held_by = holder(card)
        if status == CardStatus.UNBOUND or held_by is None:
            opens_at = as_instant(card["bindable_from"]) if card["bindable_from"] else now
            return CardCoolingDown(opens_at=opens_at.isoformat(), days=max((opens_at - now).days + 1, 1))
        return CardAlreadyYours() if held_by == member_id else _Held(held_by, as_uuid(card["id"]))

    async def _shown(self, person: Person, number: str, proof: CardProof) -> Shown:
        return Shown(
            phone_hash=await self._phone_hash(person, proof.phone_code) if proof.phone_code else "",
            pin_hash=pin_hash(self._vault, number, proof.pin) if proof.pin else "",
            name_hash=name_hash(self._vault, number, proof.name) if proof.name else "",
            store_id=proof.store_id,
        )

    async def _phone_hash(self, person: Person, code: str) -> str:
        """The proven phone, compared and not kept: it proves this card, and says nothing else of the person.

        A number that was given out again may be the card's only in name: while its transfer is fresh, it opens nothing
        that the holder before left behind. Raises CardPhoneOnHold.
        """
        if until := await phone_held_until(person.member_id, self._clock.now()):
            raise CardPhoneOnHold(opens_at=until.isoformat())
        account = await self._accounts.get(person.account)
        phone = await self._phones.prove(account, member_id=person.member_id, code=code, encrypted=None)
        number = normalise_phone(phone.number, phone.country_code)
        known = number is not None and phone.country_code == COUNTRY
        return phone_hash(self._vault, number if known and number else "")


async def _win(card_id: UUID, member_id: UUID, now: datetime, attempt: Attempt) -> Mapping[str, Any] | None:
    """Bind the card if it is free, and then give the attempt back; what proves the ownership of the row won."""
    if dialect() == "postgres":
        return await row(statements.BIND_AND_GIVE_BACK, card_id, member_id, now, *attempt.subjects, attempt.at)
    won = await row(statements.BIND, card_id, member_id, now)
    if won is not None:
        await give_back(attempt)
    return won


def phone_hash(vault: Vault, number: str) -> str:
    """A phone as cards keep it: the hash under which it would be an identifier."""
    return vault.blind_index(f"identifier:{Namespace.PHONE}", number)


def pin_hash(vault: Vault, number: str, pin: str) -> str:
    """A card's PIN, keyed and bound to the card, so that equal PINs of two cards look different."""
    return vault.blind_index("card_pin", f"{number}:{normalise_pin(pin)}")


def name_hash(vault: Vault, number: str, name: str) -> str:
    """The name on a card, bound to the card."""
    return vault.blind_index("card_name", f"{number}:{normalise_name(name)}")


def _kept(card: Mapping[str, Any] | None) -> Kept:
    if card is None:
        return Kept()
    store_id = as_uuid(card["last_store_id"]) if card["last_store_id"] else None
    return Kept(card["phone_hash"], card["pin_hash"], card["name_hash"], store_id)


def _refuse_empty(wanted: _Wanted, proof: CardProof) -> None:
    if not (proof.phone_code or proof.pin or (proof.name and proof.store_id)):
        raise CardProofMissing(kind=wanted.kind.code, kind_name=wanted.kind.name, last4=wanted.number[-4:])


def _require_member(person: Person) -> None:
    if not person.is_member:
        raise NotAMember


def sealed_number(vault: Vault, kind: Kind, number: str) -> dict[str, str]:
    """What a ticket keeps of the card that somebody wants to bind: the number only under the field keys."""
    sealed_for = str(new_id())
    sealed = vault.encrypt(number, bound_to=_sealed(sealed_for))
    return {"kind": kind.code, "number": sealed, "sealed_for": sealed_for}


def _sealed(sealed_for: str) -> str:
    return f"ticket:{sealed_for}:number"
