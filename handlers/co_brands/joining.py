"""Joining an agreement by the entry of one side: what a code offers, joining once, and what one has joined.

Inside one transaction: the side that brought them, what each side gives, and the term of membership. The agreement's
row is held, so that whoever ends it sees everybody who joined.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.errors import (
    CoBrandFull,
    CoBrandJoined,
    CoBrandNothingToGive,
    CoBrandNotOpen,
    CoBrandOver,
    CoBrandUnknown,
    CoBrandUnpaid,
    DomainError,
    TrialUsed,
)
from handlers.levels.ladders import ladder_now
from handlers.paid_terms.giving import TermWanted, extend
from handlers.paid_terms.having import running_of, terms_from
from handlers.plans.members import joined
from handlers.plans.trials import marks_of, take_marks
from handlers.ports import Clock, Randomness, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.co_brands import free_days, runs_until
from handlers.rules.validity import day_of
from handlers.standing import canonical, ids_of
from handlers.touches.visiting import PREFIX, visit
from models.co_brands import CoBrandSubsidy
from models.database import row, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import co_brands as statements
from models.words import CoBrandParty, CoBrandState, TermCause

REF_LENGTH = 22  # characters of an id at a partner: 132 bits
MARK = "co_brand"  # what the keyed hash of a mark is for, with the agreement's id


@dataclass(frozen=True, slots=True)
class CoBrandOffered:
    """What a code leads to. `reason`: the code of what stands against joining now (None: nothing that is known).

    `price_fen` None: it is free. `is_shared`: they let partners know of them.
    """

    id: UUID
    name: str
    partner_name: str
    description: str
    plan_id: UUID
    plan_name: str
    level_name: str
    day_count: int
    price_fen: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str | None
    is_shared: bool


@dataclass(frozen=True, slots=True)
class CoBrandHeld:
    """One that somebody joined. `ends_at`: of what they have by it; `is_running`: it has not ended yet."""

    id: UUID
    name: str
    partner_name: str
    level_name: str
    came_by: CoBrandParty
    is_free: bool
    joined_at: datetime
    ends_at: datetime
    is_running: bool


@refusing
class CoBrandJoining:
    """For members."""

    def __init__(self, clock: Clock, vault: Vault, randomness: Randomness) -> None:
        self._clock = clock
        self._vault = vault
        self._randomness = randomness

    async def offered(self, person: Person, code: str) -> CoBrandOffered:
        """What this code offers them; counts nothing. Raises CoBrandUnknown, NotSignedIn."""
        now, found, today = self._clock.now(), await _entry(code), await canonical(person.member_id)
        held, terms = await ladder_now(), terms_from(found["terms"])
        level, refused = held.ladder.level(terms.level), _refusal(found, now)
        if refused is None and await row(statements.JOINED, await ids_of(today), as_uuid(found["id"])):
            refused = CoBrandJoined(name=found["name"])
        return CoBrandOffered(
            id=as_uuid(found["id"]),
            name=found["name"],
            partner_name=found["partner_name"],
            description=found["description"],
            plan_id=as_uuid(found["plan_id"]),
            plan_name=terms.name,
            level_name=level.name if level else "",
            day_count=terms.day_count,
            price_fen=None if found["is_free"] else terms.price_fen,
            starts_at=as_instant(found["starts_at"]),
            ends_at=as_instant(found["ends_at"]),
            reason=refused.code if refused else None,
            is_shared=await row(statements.SHARES, today) is not None,
        )

    async def join(self, person: Person, code: str, *, request_id: str) -> Answer[CoBrandHeld]:
        """Once per person and agreement. The side whose entry they came by first has brought them.

        Raises CoBrandUnknown, CoBrandNotOpen, CoBrandOver, CoBrandJoined, CoBrandFull, CoBrandUnpaid,
        CoBrandNothingToGive, PlanNotAbove (they have another level), NotAMember, NotSignedIn, MemberFrozen, KeyReused.
        """

        async def effect() -> CoBrandHeld:
            now, member_id = self._clock.now(), await joined(person.member_id)
            found = await _entry(code, is_held=True)
            co_brand_id, ids = as_uuid(found["id"]), await ids_of(member_id)
            if await row(statements.JOINED, ids, co_brand_id):
                raise CoBrandJoined(name=found["name"])
            if (refused := _refusal(found, now)) is not None:
                raise refused
            await self._mark(member_id, found, now)
            await visit(member_id, code, at=now)
            first = await row(statements.FIRST_VISIT, ids, co_brand_id)
            side_id = as_uuid(first["side_id"] if first else found["side_id"])
            term_id = await (_give(found, member_id, now) if found["is_free"] else _bought(found, ids, now))
            ref, day = self._randomness.token()[:REF_LENGTH], day_of(now, BUSINESS_ZONE).isoformat()
            row_id, belongs = new_id(), (co_brand_id, member_id, side_id, term_id)
            if not await rows(statements.JOIN, row_id, now, *belongs, ref, day):
                raise CoBrandJoined(name=found["name"])
            await _subsidise(row_id, co_brand_id, found["name"])
            return next(each for each in await _held(ids, now) if each.id == co_brand_id)

        return await once(person, "co_brand.join", request_id, facts=code, result=CoBrandHeld, effect=effect)

    async def _mark(self, member_id: UUID, found: Mapping[str, Any], at: datetime) -> None:
        """Whoever left and came back, or shares a phone or card with somebody who joined, has joined: both sides pay
        for a person once. Raises CoBrandJoined."""
        marks = await marks_of(member_id, f"{MARK}:{as_uuid(found['id'])}", self._vault)
        try:
            await take_marks(marks, at=at)
        except TrialUsed:
            raise CoBrandJoined(name=found["name"]) from None

    async def mine(self, person: Person) -> tuple[CoBrandHeld, ...]:
        """What they joined, the newest first. Raises NotSignedIn."""
        return await _held(await ids_of(await canonical(person.member_id)), self._clock.now())


async def _entry(code: str, *, is_held: bool = False) -> Mapping[str, Any]:
    """Raises CoBrandUnknown: nobody's code, or it was never published."""
    found = None
    if code.startswith(PREFIX):
        found = await row(statements.ENTRY_HELD if is_held else statements.ENTRY, code)
    if found is None or found["state"] == CoBrandState.DRAFT:
        raise CoBrandUnknown
    return found


def _refusal(found: Mapping[str, Any], at: datetime) -> DomainError | None:
    """What stands against joining, whoever asks."""
    starts_at = as_instant(found["starts_at"])
    if found["state"] == CoBrandState.ENDED or as_instant(found["ends_at"]) <= at:
        return CoBrandOver(name=found["name"])
    if at < starts_at:
        return CoBrandNotOpen(name=found["name"], opens_at=starts_at.isoformat())
    return None


async def _give(found: Mapping[str, Any], member_id: UUID, at: datetime) -> UUID:
    """The plan's time free of charge, from the end of what they have of that level, never past the agreement's."""
    at, held, terms = at.replace(microsecond=0), await ladder_now(), terms_from(found["terms"])
    running = await running_of(member_id, held, at)
    begins_at = running.ends_at if running and running.level == terms.level else at
    days = free_days(terms.day_count, begins_at, as_instant(found["ends_at"]))
    if not days:
        raise CoBrandNothingToGive(name=found["name"])
    wanted = TermWanted(
        member_id=member_id,
        plan_id=as_uuid(found["plan_id"]),
        plan_version=int(found["plan_version"]),
        title=found["name"],
        level=terms.level,
        day_count=days,
        cause=TermCause.CO_BRANDED,
    )
    return (await extend(wanted, at=at)).id


async def _bought(found: Mapping[str, Any], ids: list[UUID], at: datetime) -> UUID:
    plan_id = as_uuid(found["plan_id"])
    term = await row(statements.BOUGHT, ids, plan_id, as_instant(found["starts_at"]), at)
    if term is None:
        raise CoBrandUnpaid(name=found["name"], plan=terms_from(found["terms"]).name, plan_id=str(plan_id))
    return as_uuid(term["id"])


async def _subsidise(membership_id: UUID, co_brand_id: UUID, name: str) -> None:
    """What each side gives for one more, in the same order for everybody. Raises CoBrandFull."""
    for party in CoBrandParty:
        # One conditional UPDATE picks whoever is the last that the cap allows.
        side = await row(statements.SUBSIDISE, co_brand_id, party.value)
        if side is None:
            raise CoBrandFull(name=name)
        if side["subsidy_fen"]:
            amount = int(side["subsidy_fen"])
            await CoBrandSubsidy.create(membership_id=membership_id, side_id=as_uuid(side["id"]), amount_fen=amount)


async def _held(ids: list[UUID], at: datetime) -> tuple[CoBrandHeld, ...]:
    ladder = (await ladder_now()).ladder
    seen = []
    for each in await rows(statements.MINE, ids):
        level, cut_at = ladder.level(each["level"]), as_instant(each["cut_at"]) if each["cut_at"] else None
        ends_at = runs_until(as_instant(each["ends_at"]), cut_at, as_instant(each["agreement_ends_at"]))
        seen.append(
            CoBrandHeld(
                id=as_uuid(each["id"]),
                name=each["name"],
                partner_name=each["partner_name"],
                level_name=level.name if level else "",
                came_by=CoBrandParty(each["party"]),
                is_free=bool(each["is_free"]),
                joined_at=as_instant(each["joined_at"]),
                ends_at=ends_at,
                is_running=each["state"] == CoBrandState.PUBLISHED and at < ends_at,
            )
        )
    return tuple(seen)
