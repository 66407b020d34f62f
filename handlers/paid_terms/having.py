"""What people have paid for: what runs, every term of it, and the plan that an order is of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.codec import from_json
from handlers.levels.floors import floors_of
from handlers.levels.ladders import LadderHeld
from handlers.rules.plans import PlanTerms, Running, Stretch
from handlers.standing import ids_of
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import plans as statements
from models.words import PlanState, PlanWay, TermCause


@dataclass(frozen=True, slots=True)
class PlanSold:
    """A version of a plan; `state` is that of the plan now."""

    id: UUID
    code: str
    state: PlanState
    version: int
    terms: PlanTerms


@dataclass(frozen=True, slots=True)
class TermHeld:
    """One term of somebody's, with what it was of."""

    id: UUID
    member_id: UUID
    order_id: UUID | None
    plan: str
    level: str
    from_level: str
    given_at: datetime
    stretch: Stretch
    counted: frozenset[UUID]  # claims that counted as used when it was cut


@dataclass(frozen=True, slots=True)
class PlanOrdered:
    """What an order without an offer is of, under the terms it was made under."""

    plan_id: UUID
    version: int
    state: PlanState
    way: PlanWay
    level: str
    day_count: int
    expected_sequence: int


async def published_plans(programme_id: UUID) -> list[PlanSold]:
    """Those that are sold now."""
    return [_sold(each) for each in await rows(statements.PUBLISHED, programme_id)]


async def published_plan(plan_id: UUID) -> PlanSold | None:
    """The version published last, whether or not it is still sold; None: there is none."""
    found = await row(statements.ONE_PUBLISHED, plan_id)
    return _sold(found) if found else None


async def running_of(member_id: UUID, held: LadderHeld, at: datetime) -> Running | None:
    """What a person (a canonical id) has paid for and still has: the highest, of equal ones what lasts longest."""
    floor = (await floors_of([member_id], held, at)).get(member_id)
    if floor is None:
        return None
    found = await rows(statements.RUNNING, [member_id], held.programme_id, at)
    own = [
        int(each["sequence"])
        for each in found
        if as_uuid(each["member_id"]) == member_id
        and (each["level"], as_instant(each["ends_at"])) == (floor.code, floor.until)
    ]
    return Running(floor.code, floor.until, own[0] if own else 0)


async def terms_of(member_id: UUID) -> list[TermHeld]:
    """Every term of a person (a canonical id), the oldest first."""
    return [_held(each) for each in await rows(statements.TERMS, await ids_of(member_id))]


def own_stretches(terms: Sequence[TermHeld], member_id: UUID) -> list[Stretch]:
    """Those of one member row."""
    return [each.stretch for each in terms if each.member_id == member_id]


async def ordered_plan(order_id: UUID) -> PlanOrdered | None:
    """None: the order is of an offer."""
    found = await row(statements.ORDERED, order_id)
    if found is None:
        return None
    return PlanOrdered(
        plan_id=as_uuid(found["plan_id"]),
        version=int(found["plan_version"]),
        state=PlanState(found["state"]),
        way=PlanWay(found["way"]),
        level=found["level"],
        day_count=int(found["day_count"]),
        expected_sequence=int(found["expected_sequence"]),
    )


def terms_from(text: str) -> PlanTerms:
    """Terms as a row keeps them."""
    return from_json(PlanTerms, orjson.loads(text))


def stretch_from(found: Mapping[str, Any]) -> Stretch:
    """A term's row."""
    return Stretch(
        number=int(found["number"]),
        cause=TermCause(found["cause"]),
        paid_fen=int(found["paid_fen"]),
        starts_at=as_instant(found["starts_at"]),
        ends_at=as_instant(found["ends_at"]),
        cut_at=as_instant(found["cut_at"]) if found["cut_at"] else None,
    )


def _sold(found: Mapping[str, Any]) -> PlanSold:
    return PlanSold(
        as_uuid(found["id"]),
        found["code"],
        PlanState(found["state"]),
        int(found["version"]),
        terms_from(found["terms"]),
    )


def _held(found: Mapping[str, Any]) -> TermHeld:
    return TermHeld(
        id=as_uuid(found["id"]),
        member_id=as_uuid(found["member_id"]),
        order_id=as_uuid(found["order_id"]) if found["order_id"] else None,
        plan=terms_from(found["terms"]).name,
        level=found["level"],
        from_level=found["from_level"],
        given_at=as_instant(found["given_at"]),
        stretch=stretch_from(found),
        counted=frozenset(map(UUID, orjson.loads(found["counted"]))),
    )
