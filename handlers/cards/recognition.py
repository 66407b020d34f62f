"""Being recognised: every kind of a programme gives its card to whoever is a member, once, and says which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.cards.card_kinds import Kind
from handlers.ports import Vault
from models.database import require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import cards as statements
from models.words import CardStatus


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
    return _as_written(kinds, fresh, now)


async def first_cards(
    kinds: Sequence[Kind], members: Mapping[UUID, int], *, now: datetime, vault: Vault
) -> dict[UUID, tuple[CardView, ...]]:
    """Cards of these kinds for canonical members (id, ordinal) who had none, in the open transaction."""
    require_atomic()
    fresh = {
        member_id: [_new_card(kind, member_id, kind.numbers.number(ordinal), vault) for kind in kinds]
        for member_id, ordinal in members.items()
    }
    every = [card for cards in fresh.values() for card in cards]
    added = {str(each["id"]) for each in await rows(statements.RECOGNISE, orjson.dumps(every).decode(), now)}
    return {
        member_id: _as_written(kinds, cards, now)
        if all(card["id"] in added for card in cards)
        else await theirs(member_id)
        for member_id, cards in fresh.items()
    }


def _as_written(kinds: Sequence[Kind], fresh: Sequence[Mapping[str, str]], now: datetime) -> tuple[CardView, ...]:
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
