"""Cards: every member is recognised by every kind of the programme, at joining, by a job, or at first touch.

Cards keep the member they were made for; those of members who were merged are read as the survivor's own. What the
service desk does to a card leaves an audit entry.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers import audit
from handlers.actors import Operator, Person
from handlers.card_kinds import CardKinds, Kind
from handlers.errors import (
    CardNotUnbindable,
    CardStateWrong,
    CardUnknown,
    MemberUnknown,
    NotAMember,
    NotSignedIn,
)
from handlers.outbox import later
from handlers.ports import Clock, Vault
from handlers.recognition import CardView, card_bound_to, is_issued_to_them, number_hash, recognise, theirs
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import standing
from models.database import atomic, dialect, next_ordinal, row, rows
from models.identity import Member
from models.ids import new_id
from models.sql import as_uuid
from models.statements import cards as statements
from models.words import CardStatus

COOL_DOWN = timedelta(days=7)
BATCH = {"postgres": 5_000, "sqlite": 2_000}  # on SQLite a batch holds the only writer
SECONDS_PER_JOB = 60.0


@dataclass(frozen=True, slots=True)
class Unbound:
    """The card is nobody's now and can be bound again from `bindable_from` on."""

    id: UUID
    bindable_from: datetime


@dataclass(frozen=True, slots=True)
class CardChanged:
    """What the service desk did; `new_card` is the card that replaces this one."""

    id: UUID
    status: CardStatus
    member_id: UUID | None
    new_card: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """How far the job came: members seen, cards added, and whether it reached the last member."""

    seen: int
    added: int
    is_done: bool


@refusing
class Cards:
    """What members see of their cards, what they may do with them, and what the service desk may."""

    def __init__(self, clock: Clock, vault: Vault, kinds: CardKinds) -> None:
        self._clock = clock
        self._vault = vault
        self._kinds = kinds

    async def mine(self, person: Person) -> tuple[CardView, ...]:
        """The person's cards; a kind that was added since they joined is recognised here at once."""
        cards = await theirs(person.member_id)
        held = {card.kind for card in cards}
        if not person.is_member or all(kind.code in held for kind in await self._kinds.issued()):
            return cards
        return await self._recognise_one(person)

    async def _recognise_one(self, person: Person) -> tuple[CardView, ...]:
        issued = await self._kinds.issued()
        async with atomic():
            member = await row(statements.CANONICAL, person.member_id)
            if member is not None and member["joined_at"] is not None:
                one = (as_uuid(member["id"]), int(member["ordinal"]))
                await recognise(issued, [one], now=self._clock.now(), vault=self._vault)
        return await theirs(person.member_id)

    async def recognise_kind(self, kind_id: UUID) -> Recognised:
        """Give a kind to members who have none, from where it stopped last, for about a minute.

        Each batch commits with its cursor; when members are left, a job goes on. Raises nothing of its own.
        """
        kind = next((kind for kind in await self._fresh_kinds() if kind.id == kind_id), None)
        if kind is None or not kind.is_issued:
            return Recognised(0, 0, is_done=True)
        seen = added = 0
        until = time.monotonic() + SECONDS_PER_JOB
        while time.monotonic() < until:
            batch, fresh = await self._recognise_batch(kind)
            seen, added = seen + batch, added + fresh
            if batch < BATCH[dialect()]:
                return Recognised(seen, added, is_done=True)
        async with atomic():
            cursor = await row(statements.CURSOR, kind.id)
            at = cursor["recognised_up_to"] if cursor else 0
            await later("recognise_kind", key=f"recognise:{kind.id}:{at}", at=self._clock.now(), kind_id=kind.id)
        return Recognised(seen, added, is_done=False)

    async def _fresh_kinds(self) -> tuple[Kind, ...]:
        self._kinds.forget()
        return await self._kinds.all()

    async def _recognise_batch(self, kind: Kind) -> tuple[int, int]:
        async with atomic():
            cursor = await row(statements.CURSOR, kind.id)  # locked: two workers would do the same members twice
            members = await rows(
                statements.NEXT_MEMBERS, int(cursor["recognised_up_to"]) if cursor else 0, BATCH[dialect()]
            )
            if not members:
                return 0, 0
            joined = [(as_uuid(each["id"]), int(each["ordinal"])) for each in members if each["is_member"]]
            fresh = await recognise([kind], joined, now=self._clock.now(), vault=self._vault)
            await rows(statements.ADVANCE, kind.id, int(members[-1]["ordinal"]))
        return len(members), len(fresh)

    async def unbind(self, person: Person, card_id: UUID, *, request_id: str | None = None) -> Answer[Unbound]:
        """Let a card go; nobody can bind it for seven days. Raises CardUnknown, CardNotUnbindable, CardStateWrong."""

        async def effect() -> Unbound:
            now = self._clock.now()
            member_id = await standing(person.member_id)
            card = await row(statements.BY_ID, card_id)
            if card is None or holder(card) != member_id:
                raise CardUnknown
            if is_issued_to_them(card):
                raise CardNotUnbindable
            if not await rows(statements.UNBIND, card_id, card["member_id"], now + COOL_DOWN):
                raise CardStateWrong(status=card["status"])
            await rows(statements.PROMOTE, card["kind_id"], card["member_id"])
            return Unbound(card_id, now + COOL_DOWN)

        return await once(person, "unbind_card", request_id, facts=str(card_id), result=Unbound, effect=effect)

    # --- the service desk

    async def report_lost(
        self, operator: Operator, card_id: UUID, *, request_id: str | None = None
    ) -> Answer[CardChanged]:
        """挂失: the card cannot be bound or used until it is replaced or handed over.

        Raises CardUnknown, CardStateWrong.
        """

        async def effect() -> CardChanged:
            card, now = await self._card(operator, card_id), self._clock.now()
            if not await rows(statements.LOSE, card_id, now):
                raise CardStateWrong(status=card["status"])
            if card["member_id"] is not None:
                await rows(statements.PROMOTE, card["kind_id"], card["member_id"])
            await audit.record(operator, "card.lost", "card", card_id, at=now, before=card["status"])
            return CardChanged(card_id, CardStatus.LOST, holder(card))

        return await once(operator, "card_lost", request_id, facts=str(card_id), result=CardChanged, effect=effect)

    async def replace(self, operator: Operator, card_id: UUID, *, request_id: str | None = None) -> Answer[CardChanged]:
        """补卡: a new number of the same kind for the same member; the old one opens nothing any more.

        Raises CardUnknown, CardStateWrong.
        """
        kinds = {kind.id: kind for kind in await self._fresh_kinds()}

        async def effect() -> CardChanged:
            card, now = await self._card(operator, card_id), self._clock.now()
            kind = kinds.get(as_uuid(card["kind_id"]))
            if kind is None or not kind.is_issued:  # only the old system can give out numbers of its own
                raise CardStateWrong(status=card["status"])
            # A number of an ordinal that no member will ever have.
            number, fresh = kind.numbers.number(await next_ordinal("member_ordinal")), new_id()
            cipher = self._vault.encrypt(number, bound_to=card_bound_to(fresh))
            sealed = (number_hash(self._vault, number), cipher, number[-4:])
            await rows(statements.ISSUE_REPLACEMENT, fresh, now, *sealed, card_id)
            if not await rows(statements.REPLACE, card_id, fresh):
                raise CardStateWrong(status=card["status"])
            await rows(statements.PROMOTE, card["kind_id"], card["member_id"])
            await audit.record(operator, "card.replaced", "card", card_id, at=now, before=card["status"], by=fresh)
            return CardChanged(card_id, CardStatus.REPLACED, holder(card), fresh)

        return await once(operator, "card_replaced", request_id, facts=str(card_id), result=CardChanged, effect=effect)

    async def hand_over(
        self, operator: Operator, card_id: UUID, *, to_member: UUID, request_id: str | None = None
    ) -> Answer[CardChanged]:
        """A card that changed hands, or was found again: bind it to another member, its ownership seen at the desk.

        Raises CardUnknown, MemberUnknown, CardNotUnbindable (a card that came with membership), CardStateWrong.
        """

        async def effect() -> CardChanged:
            card, now = await self._card(operator, card_id), self._clock.now()
            if is_issued_to_them(card):
                raise CardNotUnbindable
            new_holder = await self._member(operator, to_member)
            if not await rows(statements.HAND_OVER, card_id, new_holder, now):
                raise CardStateWrong(status=card["status"])
            if card["member_id"] is not None:
                await rows(statements.PROMOTE, card["kind_id"], card["member_id"])
            before = {"status": card["status"], "member": holder(card)}
            await audit.record(operator, "card.handed_over", "card", card_id, at=now, before=str(before), to=new_holder)
            return CardChanged(card_id, CardStatus.BOUND, new_holder)

        facts = {"card": str(card_id), "to": str(to_member)}
        return await once(operator, "card_handed_over", request_id, facts=facts, result=CardChanged, effect=effect)

    async def _member(self, operator: Operator, member_id: UUID) -> UUID:
        scope = await allowed(operator, Capability.CARDS)
        try:
            standing_id = await standing(member_id)
        except NotSignedIn:
            raise MemberUnknown from None
        member = await Member.get(id=standing_id)
        if not scope.sees(member.organization_id):  # type: ignore[attr-defined]
            raise MemberUnknown
        if member.joined_at is None:
            raise NotAMember
        return standing_id

    async def _card(self, operator: Operator, card_id: UUID) -> Mapping[str, Any]:
        """A card within the operator's scope: a held one where its member belongs, any other with its programme."""
        scope = await allowed(operator, Capability.CARDS)
        card = await row(statements.BY_ID, card_id)
        if card is None or not scope.sees(card["organization_id"] and as_uuid(card["organization_id"])):
            raise CardUnknown
        return card


def holder(card: Mapping[str, Any]) -> UUID | None:
    """Whose a card is today."""
    return as_uuid(card["holder_id"]) if card["holder_id"] else None
