"""A draw in the hands of one transaction: its row locked, so that sequence, chain and promises go on without gaps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Person
from handlers.errors import DrawUnknown
from handlers.offers.offers import askers, level_names
from handlers.rules.draw_terms import DrawTerms, terms_of
from handlers.rules.eligibility import Asker
from handlers.rules.fairness import genesis, rules_hash
from handlers.rules.prize_table import Table
from handlers.rules.validity import begins, day_of
from models.database import require_atomic, row
from models.draws import Spin
from models.failures import SerializationConflict
from models.sql import as_instant, as_uuid
from models.statements import draws as statements
from models.words import DrawState

REMEMBERED_VERSIONS = 500


@dataclass(frozen=True, slots=True)
class Version:
    """One published version, which never changes."""

    number: int
    terms: DrawTerms
    table: Table
    rules_hash: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Of the prizes, in their order."""
        return tuple(prize.code for prize in self.table.prizes)


@dataclass(slots=True)
class HeldDraw:
    """The row as it stands; what moves in it is written by whoever moves it."""

    id: UUID
    organization_id: UUID
    code: str
    keyword: str
    state: DrawState
    version: Version
    last_sequence: int
    last_at: datetime | None
    chain: str  # the hash after the last row
    day: str  # the newest business day that was opened; empty: none yet
    commitment_count: int
    committed: str  # the hash of the last commitment
    level_names: Mapping[str, str] = field(default_factory=dict)  # by code, where the audience speaks of levels

    @property
    def key(self) -> str:
        """What the log calls it."""
        return str(self.id)


async def hold(draw_id: UUID) -> HeldDraw | None:
    """Inside the open transaction, the row locked until it ends; None: nothing was ever published. Two statements."""
    require_atomic()
    found = await row(statements.LOCK, draw_id)
    return await read(found) if found is not None and found["version"] else None


async def seen_by(person: Person, draw_id: UUID) -> tuple[HeldDraw, Asker]:
    """A draw that this person may look at, nothing locked, and who they are today. Raises DrawUnknown.

    It is their city's or of above it; or they spun in it and moved: what they won there, and its proof, stays theirs.
    """
    who, found = (await askers([person.member_id])).get(person.member_id), await row(statements.PUBLISHED, draw_id)
    if who is None or found is None:
        raise DrawUnknown
    is_of_theirs = as_uuid(found["organization_id"]) in who.organization_path
    if not is_of_theirs and not await Spin.exists(draw_id=draw_id, member_id__in=who.ids):
        raise DrawUnknown
    return await read(found), who


async def read(found: Mapping[str, Any]) -> HeldDraw:
    """A row that was read already."""
    draw_id, key = as_uuid(found["id"]), str(as_uuid(found["id"]))
    version = await version_of(draw_id, int(found["version"]))
    audience = version.terms.audience
    return HeldDraw(
        id=draw_id,
        organization_id=as_uuid(found["organization_id"]),
        code=found["code"],
        keyword=found["keyword"],
        state=DrawState(found["state"]),
        version=version,
        last_sequence=int(found["last_sequence"]),
        last_at=as_instant(found["last_at"]) if found["last_at"] else None,
        chain=found["chain_hash"] or genesis(key),
        day=found["day"],
        commitment_count=int(found["commitment_count"]),
        committed=found["commitment_hash"] or genesis(key),
        level_names=await level_names() if audience.level_codes else {},
    )


_versions: dict[tuple[UUID, int], Version] = {}


async def version_of(draw_id: UUID, number: int) -> Version:
    """A published version; read once per process."""
    known = _versions.get((draw_id, number))
    if known is None:
        found = await row(statements.TERMS, draw_id, number)
        if found is None:
            raise SerializationConflict("a version was published and cannot be seen yet")
        if len(_versions) >= REMEMBERED_VERSIONS:
            _versions.clear()
        terms = terms_of(orjson.loads(found["terms"]))
        known = Version(number, terms, Table(terms.rules), rules_hash(terms.rules))
        _versions[draw_id, number] = known
    return known


def moment(held: HeldDraw, now: datetime, zone: ZoneInfo) -> tuple[str, datetime]:
    """The business day and the instant of what happens now: neither ever goes back, whatever the clock does."""
    at = now if held.last_at is None else max(now, held.last_at)
    day = day_of(at, zone)
    if held.day and day.isoformat() < held.day:
        opened = day.fromisoformat(held.day)
        return held.day, max(at, begins(opened, zone))
    return day.isoformat(), at
