"""Agreements as they stand: what was agreed, the two sides, and who of the operators may see one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.rules.co_brands import CoBrandTerms, Subsidy
from handlers.rules.organization_scope import Scope
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import co_brands as statements
from models.words import CoBrandParty, CoBrandState


@dataclass(frozen=True, slots=True)
class SideSeen:
    """One side: its entry code, what it gives, and how far that has gone. Visits: one a day for each who came."""

    party: CoBrandParty
    code: str
    subsidy_fen: int
    cap_fen: int
    given_fen: int
    visit_count: int
    visitor_count: int
    join_count: int


@dataclass(frozen=True, slots=True)
class CoBrandView:
    """An agreement as operators of either side see it. `plan_version` 0: not published yet."""

    id: UUID
    code: str
    state: CoBrandState
    terms: CoBrandTerms
    plan_version: int
    sides: tuple[SideSeen, ...]
    published_at: datetime | None
    ended_at: datetime | None


def sees(scope: Scope, found: Mapping[str, Any]) -> bool:
    """Whether it is of somebody's subtree: the programme's, or the partner's."""
    places = (found["place_id"], found["partner_place_id"])
    return any(scope.sees(as_uuid(place)) for place in places if place is not None)


async def view_of(co_brand_id: UUID) -> CoBrandView:
    """One that exists."""
    found = await row(statements.ONE, co_brand_id)
    assert found is not None  # noqa: S101 - agreements are never deleted
    return (await views([found]))[0]


async def views(found: Sequence[Mapping[str, Any]]) -> tuple[CoBrandView, ...]:
    """With their sides. One read, however many."""
    sides: dict[UUID, list[Mapping[str, Any]]] = {}
    for each in await rows(statements.SIDES, [as_uuid(one["id"]) for one in found]) if found else []:
        sides.setdefault(as_uuid(each["co_brand_id"]), []).append(each)
    return tuple(_view(each, sides.get(as_uuid(each["id"]), [])) for each in found)


def _view(found: Mapping[str, Any], sides: Sequence[Mapping[str, Any]]) -> CoBrandView:
    seen = tuple(
        SideSeen(
            party=CoBrandParty(each["party"]),
            code=each["code"],
            **{
                name: int(each[name])
                for name in ("subsidy_fen", "cap_fen", "given_fen", "visit_count", "visitor_count", "join_count")
            },
        )
        for each in sides
    )
    gives = {each.party: Subsidy(each.subsidy_fen, each.cap_fen) for each in seen}
    partner_place = found["partner_organization_id"]
    terms = CoBrandTerms(
        name=found["name"],
        partner_name=found["partner_name"],
        plan_id=as_uuid(found["plan_id"]),
        starts_at=as_instant(found["starts_at"]),
        ends_at=as_instant(found["ends_at"]),
        is_free=bool(found["is_free"]),
        house=gives.get(CoBrandParty.HOUSE, Subsidy()),
        partner=gives.get(CoBrandParty.PARTNER, Subsidy()),
        partner_organization_id=as_uuid(partner_place) if partner_place else None,
        partner_merchant=found["partner_merchant"],
        channel=found["channel"],
        description=found["description"],
    )
    return CoBrandView(
        id=as_uuid(found["id"]),
        code=found["code"],
        state=CoBrandState(found["state"]),
        terms=terms,
        plan_version=int(found["plan_version"]),
        sides=seen,
        published_at=as_instant(found["published_at"]) if found["published_at"] else None,
        ended_at=as_instant(found["ended_at"]) if found["ended_at"] else None,
    )
