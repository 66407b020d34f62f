"""Cards: every member is recognised by every kind of the programme, at joining, by a job, or at first touch.

Cards keep the member they were made for; those of members who were merged are read as the survivor's own. What the
service desk does to them: `handlers/cards/card_desk.py`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.cards.card_kinds import CardKinds, Kind, recognise_later
from handlers.cards.recognition import CardView, is_issued_to_them, recognise, theirs
from handlers.errors import (
    CardNotUnbindable,
    CardStateWrong,
    CardUnknown,
)
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.standing import standing
from models.database import atomic, dialect, row, rows
from models.sql import as_uuid
from models.statements import cards as statements

COOL_DOWN = timedelta(days=7)
BATCH = {"postgres": 5_000, "sqlite": 2_000}  # on SQLite a batch holds the only writer
SECONDS_PER_JOB = 60.0


@dataclass(frozen=True, slots=True)
class Unbound:
    """The card is nobody's now and can be bound again from `bindable_from` on."""

    id: UUID
    bindable_from: datetime


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
        if not person.is_member:
            return cards
        await self._kinds.fresh()
        issued = await self._kinds.issued()
        if all(kind.code in held for kind in issued):
            return cards
        return await self._recognise_one(person, issued)

    async def _recognise_one(self, person: Person, issued: Sequence[Kind]) -> tuple[CardView, ...]:
        async with atomic():
            member = await row(statements.CANONICAL, person.member_id)
            if member is not None and member["joined_at"] is not None:
                one = (as_uuid(member["id"]), int(member["ordinal"]))
                await recognise(issued, [one], now=self._clock.now(), vault=self._vault)
        return await theirs(person.member_id)

    async def recognise_kind(self, kind_id: UUID, *, round_: str = "0") -> Recognised:
        """Give a kind to members who have none, from where it stopped last, for about a minute.

        Each batch commits with its cursor; when members are left, a job goes on. A kind that is switched off meanwhile
        ends it; `round_` tells the jobs apart that begin again afterwards. Raises nothing of its own.
        """
        kind = next((kind for kind in await self._kinds.fresh() if kind.id == kind_id), None)
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
            if cursor is None:
                return Recognised(seen, added, is_done=True)
            await recognise_later(kind.id, round_, int(cursor["recognised_up_to"]), at=self._clock.now())
        return Recognised(seen, added, is_done=False)

    async def _recognise_batch(self, kind: Kind) -> tuple[int, int]:
        async with atomic():
            cursor = await row(statements.CURSOR, kind.id)  # locked: two workers would do the same members twice
            if cursor is None:
                return 0, 0
            members = await rows(statements.NEXT_MEMBERS, int(cursor["recognised_up_to"]), BATCH[dialect()])
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


def holder(card: Mapping[str, Any]) -> UUID | None:
    """Whose a card is today."""
    return as_uuid(card["holder_id"]) if card["holder_id"] else None
