"""The service desk's hands on cards: look at them, lost, found, replaced, handed over. Every act leaves an entry.

A held card is where its holder belongs, any other where its kind does. Rows of people are locked first, then the
card's, as binding does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from handlers import audit
from handlers.actors import Operator
from handlers.cards.cards import holder
from handlers.cards.recognition import card_bound_to, is_issued_to_them, number_hash
from handlers.errors import (
    CardHolderChanged,
    CardKindInactive,
    CardNotUnbindable,
    CardNumberWrong,
    CardReceiverInactive,
    CardSpareMissing,
    CardSpareUnusable,
    CardStateWrong,
    CardUnknown,
    MemberFrozen,
    MemberUnknown,
    NotSignedIn,
)
from handlers.identity.cities import fill_from_card
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.card_numbers import IssuedNumbers, NumberForm, is_well_formed, normalise
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import canonical, standing
from models.database import atomic, next_ordinal, row, rows
from models.identity import Member
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import cards as statements
from models.words import CardStatus, MemberStatus


class SeenProof(StrEnum):
    """What the desk was shown before it handed a card over."""

    CARD = "card"  # the plastic itself
    IDENTITY = "identity"  # an identity document with the name that the card was issued to
    RECEIPT = "receipt"  # receipts of purchases with it
    PHONE = "phone"  # they answered at the phone that it was issued to


@dataclass(frozen=True, slots=True)
class DeskCard:
    """A card as the desk sees it: the last four digits, and whose it is today."""

    id: UUID
    kind: str
    kind_name: str
    last4: str
    status: CardStatus
    member_id: UUID | None
    is_primary: bool
    is_issued: bool
    bound_at: datetime | None
    lost_at: datetime | None
    bindable_from: datetime | None
    replaced_by: UUID | None


@dataclass(frozen=True, slots=True)
class CardChanged:
    """What the desk did; `new_card` is the card that replaces this one."""

    id: UUID
    status: CardStatus
    member_id: UUID | None
    new_card: UUID | None = None
    new_last4: str | None = None


@refusing
class CardDesk:
    """Finds and changes cards within the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def of_member(self, operator: Operator, member_id: UUID) -> tuple[DeskCard, ...]:
        """A member's cards, merges followed. Raises RoleMissing, MemberUnknown."""
        scope = await allowed(operator, Capability.CARDS)
        return tuple(_seen(each) for each in await rows(statements.SEEN_OF, await _member(scope, member_id)))

    async def lookup(self, operator: Operator, *, number: str) -> tuple[DeskCard, ...]:
        """Cards of the subtree with exactly this number, one per kind at most; none is an empty answer.

        The record keeps that somebody looked and what was found, not the number. Raises RoleMissing.
        """
        scope = await allowed(operator, Capability.CARDS)
        hashed = number_hash(self._vault, normalise(number))
        found = [each for each in await rows(statements.SEEN_BY_NUMBER, hashed) if scope.sees(_place(each))]
        async with atomic():
            shown = [str(as_uuid(each["id"])) for each in found]
            await audit.record(operator, "card.searched", "card", "", at=self._clock.now(), found=shown)
        return tuple(_seen(each) for each in found)

    async def report_lost(
        self, operator: Operator, card_id: UUID, *, request_id: str | None = None
    ) -> Answer[CardChanged]:
        """挂失: the card cannot be bound or used until it is found, replaced or handed over.

        Raises RoleMissing, CardUnknown, CardStateWrong, CardHolderChanged, KeyReused.
        """
        scope = await allowed(operator, Capability.CARDS)

        async def effect() -> CardChanged:
            card, now = await self._locked(scope, card_id), self._clock.now()
            if not await rows(statements.LOSE, card_id, now):
                raise CardStateWrong(status=card["status"])
            await _promote(card)
            await self._record(operator, "card.lost", card)
            return CardChanged(card_id, CardStatus.LOST, holder(card))

        return await once(operator, "card_lost", request_id, facts=str(card_id), result=CardChanged, effect=effect)

    async def report_found(
        self, operator: Operator, card_id: UUID, *, request_id: str | None = None
    ) -> Answer[CardChanged]:
        """解挂: a lost card is its holder's again, or free again when nobody had bound it.

        Raises RoleMissing, CardUnknown, CardStateWrong, CardHolderChanged, KeyReused.
        """
        scope = await allowed(operator, Capability.CARDS)

        async def effect() -> CardChanged:
            card = await self._locked(scope, card_id)
            found = await rows(statements.FIND, card_id)
            if not found:
                raise CardStateWrong(status=card["status"])
            await _promote(card)
            await self._record(operator, "card.found", card)
            return CardChanged(card_id, CardStatus(found[0]["status"]), holder(card))

        return await once(operator, "card_found", request_id, facts=str(card_id), result=CardChanged, effect=effect)

    async def replace(
        self, operator: Operator, card_id: UUID, *, spare: str | None = None, request_id: str | None = None
    ) -> Answer[CardChanged]:
        """补卡: a new number of the same kind for the same member; the old one opens nothing any more.

        An issued kind makes the number itself. Of any other only the old system has numbers: there `spare` is that of
        another card of the kind which nobody has bound. Raises RoleMissing, CardUnknown, CardStateWrong,
        CardHolderChanged, CardKindInactive, CardNumberWrong, CardSpareMissing, CardSpareUnusable, KeyReused.
        """
        scope = await allowed(operator, Capability.CARDS)
        number = normalise(spare) if spare else None

        async def effect() -> CardChanged:
            card = await self._locked(scope, card_id)
            if not card["is_active"]:
                raise CardKindInactive
            if card["member_id"] is None or card["status"] not in (CardStatus.BOUND, CardStatus.LOST):
                raise CardStateWrong(status=card["status"])
            if card["is_issued"]:
                fresh, last4 = await self._issued_anew(card)
            else:
                fresh, last4 = await self._taken(card, number)
            if not await rows(statements.REPLACE, card_id, fresh):
                raise CardStateWrong(status=card["status"])
            await _promote(card)
            await self._record(operator, "card.replaced", card, by=fresh)
            return CardChanged(card_id, CardStatus.REPLACED, holder(card), fresh, last4)

        # Fingerprints are stored: a number goes in by its keyed hash.
        facts = {"card": card_id, "spare": number_hash(self._vault, number) if number else None}
        return await once(operator, "card_replaced", request_id, facts=facts, result=CardChanged, effect=effect)

    async def hand_over(
        self,
        operator: Operator,
        card_id: UUID,
        *,
        from_member: UUID | None,
        to_member: UUID,
        proof: SeenProof,
        reason: str,
        request_id: str | None = None,
    ) -> Answer[CardChanged]:
        """A card that changed hands: bind it to another member, its ownership seen at the desk.

        `from_member` is whom the desk saw holding it, None for nobody: of two desks that decide at once one is told
        that it was overtaken. Raises RoleMissing, CardUnknown, MemberUnknown, CardReceiverInactive, CardNotUnbindable
        (it came with membership), CardHolderChanged, CardKindInactive, CardStateWrong, KeyReused.
        """
        scope = await allowed(operator, Capability.CARDS)

        async def effect() -> CardChanged:
            now, receiver = self._clock.now(), await _member(scope, to_member)
            card = await self._locked(scope, card_id, receiver)
            if is_issued_to_them(card):
                raise CardNotUnbindable
            await _require_receiver(receiver)
            if holder(card) != from_member:
                raise CardHolderChanged
            if not card["is_active"]:
                raise CardKindInactive
            if holder(card) == receiver or not await rows(statements.HAND_OVER, card_id, receiver, now):
                raise CardStateWrong(status=card["status"])
            await _promote(card)
            await fill_from_card(receiver, card_id)
            told = {"from_member": from_member, "to_member": receiver, "proof": proof, "reason": reason}
            await self._record(operator, "card.handed_over", card, **told)
            return CardChanged(card_id, CardStatus.BOUND, receiver)

        facts = {"card": card_id, "from": from_member, "to": to_member, "proof": proof, "reason": reason}
        return await once(operator, "card_handed_over", request_id, facts=facts, result=CardChanged, effect=effect)

    async def _locked(self, scope: Scope, card_id: UUID, *others: UUID) -> Mapping[str, Any]:
        """The card as it stands, its row and those of its holder and the others locked."""
        held_by = holder(await _card(scope, card_id))
        for member_id in sorted({*others, *([held_by] if held_by else [])}):
            try:
                await standing(member_id, even_frozen=True)
            except NotSignedIn:
                raise CardHolderChanged from None  # left a moment ago
        await rows(statements.LOCK_CARD, card_id)
        card = await _card(scope, card_id)
        if holder(card) != held_by:
            raise CardHolderChanged
        return card

    async def _issued_anew(self, card: Mapping[str, Any]) -> tuple[UUID, str]:
        """A card with a number of an ordinal that no member will ever have."""
        numbers = IssuedNumbers(card["kind"], _form(card))
        number, fresh = numbers.number(await next_ordinal("member_ordinal")), new_id()
        cipher = self._vault.encrypt(number, bound_to=card_bound_to(fresh))
        sealed = (number_hash(self._vault, number), cipher, number[-4:])
        await rows(statements.ISSUE_REPLACEMENT, fresh, self._clock.now(), *sealed, as_uuid(card["id"]))
        return fresh, number[-4:]

    async def _taken(self, card: Mapping[str, Any], number: str | None) -> tuple[UUID, str]:
        """Another card of the kind, bound to the same member."""
        if number is None:
            raise CardSpareMissing
        if not is_well_formed(number, _form(card)):
            raise CardNumberWrong
        spare = await row(statements.BY_NUMBER, card["kind_id"], number_hash(self._vault, number))
        if spare is None or not await rows(statements.BIND, spare["id"], card["member_id"], self._clock.now()):
            raise CardSpareUnusable
        return as_uuid(spare["id"]), number[-4:]

    async def _record(self, operator: Operator, action: str, card: Mapping[str, Any], **told: object) -> None:
        facts = {"before": card["status"], **told}
        now, place = self._clock.now(), _place(card)
        await audit.record(operator, action, "card", as_uuid(card["id"]), at=now, organization_id=place, **facts)


async def _card(scope: Scope, card_id: UUID) -> Mapping[str, Any]:
    card = await row(statements.SEEN, card_id)
    if card is None or not scope.sees(_place(card)):
        raise CardUnknown
    return card


async def _member(scope: Scope, member_id: UUID) -> UUID:
    """Who this id means today, if the scope sees them."""
    try:
        stands = await canonical(member_id)
    except NotSignedIn:
        raise MemberUnknown from None
    member = await Member.get(id=stands)
    if not scope.sees(member.organization_id):  # type: ignore[attr-defined]
        raise MemberUnknown
    return stands


async def _require_receiver(member_id: UUID) -> None:
    """Whether they, their row locked, can be given a card."""
    try:
        stands = await standing(member_id)
    except MemberFrozen:
        raise CardReceiverInactive from None
    member = await Member.get(id=stands)
    if stands != member_id or member.joined_at is None or member.status is not MemberStatus.ACTIVE:
        raise CardReceiverInactive


async def _promote(card: Mapping[str, Any]) -> None:
    """Another card of the kind is shown when the holder's shown one is gone."""
    if card["member_id"] is not None:
        await rows(statements.PROMOTE, card["kind_id"], card["member_id"])


def _place(card: Mapping[str, Any]) -> UUID | None:
    return as_uuid(card["organization_id"]) if card["organization_id"] else None


def _form(card: Mapping[str, Any]) -> NumberForm:
    return NumberForm(card["prefix"], card["digit_count"])


def _seen(card: Mapping[str, Any]) -> DeskCard:
    def instant(name: str) -> datetime | None:
        return as_instant(card[name]) if card[name] else None

    return DeskCard(
        id=as_uuid(card["id"]),
        kind=card["kind"],
        kind_name=card["kind_name"],
        last4=card["last4"],
        status=CardStatus(card["status"]),
        member_id=holder(card),
        is_primary=bool(card["is_primary"]),
        is_issued=is_issued_to_them(card),
        bound_at=instant("bound_at"),
        lost_at=instant("lost_at"),
        bindable_from=instant("bindable_from"),
        replaced_by=as_uuid(card["replaced_by_id"]) if card["replaced_by_id"] else None,
    )
