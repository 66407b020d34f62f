"""Cards: every member is recognised by every kind of the programme, at joining, by a job, or at first touch.

Cards keep the member they were made for; those of members who were merged are read as the survivor's own. What the
service desk does to a card leaves an audit entry.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

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
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import standing
from models.database import atomic, dialect, next_ordinal, require_atomic, row, rows
from models.identity import Member
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import cards as statements
from models.words import CardStatus

COOL_DOWN = timedelta(days=7)
BATCH = {"postgres": 5_000, "sqlite": 2_000}  # on SQLite a batch holds the only writer
SECONDS_PER_JOB = 60.0


@dataclass(frozen=True, slots=True)
class CardView:
    """One card as its member sees it. `is_issued`: it came with membership and cannot be unbound."""

    id: UUID
    kind: str
    kind_name: str
    last4: str
    status: CardStatus
    is_primary: bool
    is_issued: bool
    bound_at: datetime | None


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


def number_hash(vault: Vault, number: str) -> str:
    """Under which a card's normalised number is found, whatever its kind."""
    return vault.blind_index("card_number", number)


def card_bound_to(card_id: UUID) -> str:
    """What the cipher of a card's number is bound to."""
    return f"card:{card_id}:number"


async def recognise(
    kinds: Sequence[Kind], members: Iterable[tuple[UUID, int]], *, now: datetime, vault: Vault
) -> set[UUID]:
    """Give each member (id, ordinal) a card of every kind they have none of; the ids of the new cards.

    Inside the open transaction; doing it again adds nothing.
    """
    require_atomic()
    asked = list(members)
    inherited = await _inherited([member_id for member_id, _ in asked])
    fresh = [
        _new_card(kind, member_id, kind.numbers.number(ordinal), vault)
        for member_id, ordinal in asked
        for kind in kinds
        if (member_id, kind.id) not in inherited
    ]
    if not fresh:
        return set()
    return {as_uuid(each["id"]) for each in await rows(statements.RECOGNISE, orjson.dumps(fresh).decode(), now)}


async def _inherited(member_ids: list[UUID]) -> set[tuple[UUID, UUID]]:
    """Member and kind, for cards that survivors have through members who were merged into them."""
    merged = {as_uuid(each["id"]): as_uuid(each["canonical_id"]) for each in await _merged_into(member_ids)}
    if not merged:
        return set()
    found = await rows(statements.KINDS_OF, list(merged))
    return {(merged[as_uuid(each["member_id"])], as_uuid(each["kind_id"])) for each in found}


async def _merged_into(member_ids: list[UUID]) -> list[dict[str, Any]]:
    return await rows(statements.MERGED_INTO, member_ids) if member_ids else []


def _new_card(kind: Kind, member_id: UUID, number: str, vault: Vault) -> dict[str, str]:
    card_id = new_id()
    return {
        "id": str(card_id),
        "kind_id": str(kind.id),
        "programme_id": str(kind.programme_id),
        "member_id": str(member_id),
        "number_hash": number_hash(vault, number),
        "number_cipher": vault.encrypt(number, bound_to=card_bound_to(card_id)),
        "last4": number[-4:],
    }


async def complete(
    kinds: Sequence[Kind], member_id: UUID, ordinal: int, *, now: datetime, vault: Vault
) -> tuple[CardView, ...]:
    """All cards of a canonical member, those of these kinds that they had none of added, in the open transaction."""
    require_atomic()
    cards = await theirs(member_id)
    held = {card.kind for card in cards}
    fresh = [_new_card(kind, member_id, kind.numbers.number(ordinal), vault) for kind in kinds if kind.code not in held]
    if not fresh:
        return cards
    added = {as_uuid(each["id"]) for each in await rows(statements.RECOGNISE, orjson.dumps(fresh).decode(), now)}
    if cards or len(added) < len(fresh):
        return await theirs(member_id)
    # Somebody's first cards: they are what was just written.
    return tuple(
        CardView(
            id=UUID(card["id"]),
            kind=kind.code,
            kind_name=kind.name,
            last4=card["last4"],
            status=CardStatus.BOUND,
            is_primary=True,
            is_issued=True,
            bound_at=now,
        )
        for kind, card in zip(kinds, fresh, strict=True)
    )


async def theirs(member_id: UUID) -> tuple[CardView, ...]:
    """All cards of a canonical member and of those merged into them, by kind; one primary per kind."""
    found = await rows(statements.MINE, member_id)
    # A merge may leave two primary cards of a kind: the survivor's own is the one that is shown as such.
    primary: dict[str, object] = {}
    for each in sorted(found, key=lambda card: (as_uuid(card["member_id"]) != member_id, not card["is_primary"])):
        if each["status"] == CardStatus.BOUND:
            primary.setdefault(each["kind"], each["id"])
    return tuple(_view(each, is_primary=primary.get(each["kind"]) == each["id"]) for each in found)


def _view(found: Mapping[str, Any], *, is_primary: bool) -> CardView:
    return CardView(
        id=as_uuid(found["id"]),
        kind=found["kind"],
        kind_name=found["kind_name"],
        last4=found["last4"],
        status=CardStatus(found["status"]),
        is_primary=is_primary,
        is_issued=is_issued_to_them(found),
        bound_at=as_instant(found["bound_at"]) if found["bound_at"] else None,
    )


def is_issued_to_them(found: Mapping[str, Any]) -> bool:
    """Whether a card came with membership, not from an older system."""
    return bool(found["is_issued"]) and found["card_import_id"] is None


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
