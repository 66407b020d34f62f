"""The lane of first joins: a campaign brings people by the thousand, and they join in batches.

It decides for those of whom there is nothing to weigh: never joined, nothing merged into them, no consent from before,
no phone to be settled. That is nearly everybody. Whoever is more than that comes back undecided and is joined alone.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.cards.card_kinds import CardKinds
from handlers.cards.recognition import CardView, first_cards
from handlers.errors import DomainError, KeyReused
from handlers.group_commit import GroupCommit
from handlers.identity.cities import City, fill_from_scene
from handlers.identity.consents import Agreed
from handlers.identity.following import attribute
from handlers.membership.member_views import (
    Joined,
    KeptJoin,
    MemberView,
    Profile,
    consents_after,
    kept,
    opened,
    sealed_profile,
)
from handlers.ports import Clock, Vault
from handlers.requests import Answer, Asked, alone, recall, record, settle
from handlers.rules.numbers import member_number
from models.database import put, rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import joining as statements
from models.words import MemberStatus

Row = Mapping[str, Any]
Outcome = Answer[Joined] | None  # None: nothing was changed; to be joined alone


@dataclass(frozen=True, slots=True)
class FirstJoin:
    """One person who wants to join; `agreed` has been checked and names each purpose once."""

    person: Person
    account_id: UUID
    agreed: tuple[Agreed, ...]
    profile: Profile | None
    scene: str | None
    asked: Asked


class FirstJoins:
    """Joins people by the batch, each at most once per key."""

    def __init__(self, clock: Clock, vault: Vault, kinds: CardKinds) -> None:
        self._clock = clock
        self._vault = vault
        self._kinds = kinds
        # By person: of two devices at once the second waits for the next batch, where the first is on record.
        self._lane: GroupCommit[FirstJoin, Outcome] = GroupCommit(
            "first_joins", self._decide, key=_whose, settle=self._settle
        )

    async def join(self, wanted: FirstJoin) -> Outcome:
        """The answer once it is committed, or None. Raises KeyReused, StillRunning, Overloaded, OutcomeUnknown."""
        async with alone(wanted.asked.scope):
            return await self._lane.submit(None, wanted)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _decide(self, batch: Sequence[FirstJoin]) -> list[Outcome | DomainError]:
        now = self._clock.now()
        known = self._answers(await recall([each.asked for each in batch], KeptJoin))
        ids = sorted(each.person.member_id for each in batch if each.asked not in known)
        found = {as_uuid(each["id"]): each for each in await rows(statements.STANDING_MANY, ids)} if ids else {}
        first = [each for each in batch if each.asked not in known and _is_first(found.get(each.person.member_id))]
        joined = await self._join(first, found, now) if first else {}
        await record({asked: kept(answer.value, self._vault) for asked, answer in joined.items()})
        return [known.get(each.asked) or joined.get(each.asked) for each in batch]

    async def _join(
        self, wanted: Sequence[FirstJoin], found: Mapping[UUID, Row], now: datetime
    ) -> dict[Asked, Answer[Joined]]:
        numbers = {each.person.member_id: member_number(found[each.person.member_id]["ordinal"]) for each in wanted}
        members = [self._member(each, numbers[each.person.member_id]) for each in wanted]
        await put(statements.JOIN_MANY, members, now)
        await put(statements.GIVE_MANY, [consent for each in wanted for consent in _consents(each)], now)
        ordinals = {member_id: int(found[member_id]["ordinal"]) for member_id in numbers}
        cards = await first_cards(await self._kinds.issued(), ordinals, now=now, vault=self._vault)
        homes: dict[UUID, City | None] = {}
        for each in wanted:
            if each.scene:
                await attribute(each.person.member_id, each.account_id, each.scene, at=now)
                homes[each.person.member_id] = await fill_from_scene(each.person.member_id, each.scene)
        return {
            each.asked: Answer(_joined(each, found[each.person.member_id], numbers, cards, homes, now))
            for each in wanted
        }

    def _member(self, wanted: FirstJoin, number: str) -> dict[str, str]:
        member_id, profile = wanted.person.member_id, wanted.profile
        return {
            "id": str(member_id),
            "through": wanted.person.through,
            "number": number,
            "profile_cipher": sealed_profile(profile, member_id, self._vault) if profile else "",
        }

    async def _settle(self, batch: Sequence[FirstJoin]) -> list[Outcome | DomainError]:
        happened = self._answers(await settle([each.asked for each in batch], KeptJoin))
        return [happened.get(each.asked) for each in batch]

    def _answers(self, known: Mapping[Asked, Answer[KeptJoin] | KeyReused]) -> dict[Asked, Answer[Joined] | KeyReused]:
        return {
            asked: answer if isinstance(answer, KeyReused) else opened(answer, self._vault)
            for asked, answer in known.items()
        }


def _whose(wanted: FirstJoin) -> Hashable:
    return wanted.person.member_id


def _is_first(found: Row | None) -> bool:
    return (
        found is not None
        and found["status"] == MemberStatus.ACTIVE
        and found["joined_at"] is None
        and not (found["number"] or found["profile_cipher"] or found["has_consents"] or found["is_survivor"])
        and found["organization_id"] is None
    )


def _consents(wanted: FirstJoin) -> list[dict[str, str]]:
    return [
        {
            "id": str(new_id()),
            "member_id": str(wanted.person.member_id),
            "purpose": agreement.purpose,
            "version": agreement.version,
            "account_id": str(wanted.account_id),
            "through": wanted.person.through,
        }
        for agreement in wanted.agreed
    ]


def _joined(
    wanted: FirstJoin,
    found: Row,
    numbers: Mapping[UUID, str],
    cards: Mapping[UUID, tuple[CardView, ...]],
    homes: Mapping[UUID, City | None],
    now: datetime,
) -> Joined:
    member_id = wanted.person.member_id
    view = MemberView(
        id=member_id,
        number=numbers[member_id],
        joined_at=now,
        joined_through=wanted.person.through,
        phone_tail=found["phone_tail"],
        profile=wanted.profile or Profile(),
        consents=consents_after((), wanted.agreed, [each.purpose for each in wanted.agreed], now),
        organization=homes.get(member_id),
    )
    return Joined(view, already_member=False, is_phone_elsewhere=False, cards=cards[member_id])
