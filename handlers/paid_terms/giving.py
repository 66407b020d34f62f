"""Terms of paid membership are given here, whatever they come from: bought, as a trial, or by a code.

Inside the caller's open transaction, the member's row locked. The membership moves by one guarded statement, and each
move has its term beside it; the level follows in the same transaction, and what the level brings comes by its job.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.errors import PlanChanged, PlanNotAbove
from handlers.levels.ladders import LadderHeld, ladder_now
from handlers.levels.levels import settle
from handlers.outbox import later
from handlers.paid_terms.having import running_of
from handlers.rules.plans import way_of
from models.database import require_atomic, row
from models.ids import new_id
from models.plans import MembershipTerm
from models.sql import as_instant
from models.statements import plans as statements
from models.words import PlanWay, TermCause


@dataclass(frozen=True, slots=True)
class TermWanted:
    """What is to be given to a member (a canonical id): so many days of a level, and what it comes from."""

    member_id: UUID
    plan_id: UUID
    plan_version: int
    title: str
    level: str
    day_count: int
    cause: TermCause
    paid_fen: int = 0
    order_id: UUID | None = None
    code_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TermGiven:
    """The term, and until when the membership runs."""

    id: UUID
    starts_at: datetime
    ends_at: datetime


async def extend(wanted: TermWanted, *, at: datetime) -> TermGiven:
    """From the later of now and the end, so many days more.

    Raises PlanNotAbove (they have another level: an upgrade, or nothing), NotInTransaction, SerializationConflict.
    """
    require_atomic()
    at, held = at.replace(microsecond=0), await ladder_now()
    running = await running_of(wanted.member_id, held, at)
    if way_of(wanted.level, running, held.ladder) is not PlanWay.EXTEND:
        raise _not_above(running.level if running else "", held)
    values = held.programme_id, wanted.member_id, at, wanted.level, wanted.day_count
    moved = await row(statements.EXTEND, new_id(), at, *values)
    if moved is None:  # their own row runs on another level, below what was merged into them
        raise _not_above(wanted.level, held)
    ends_at = as_instant(moved["ends_at"])
    starts_at = ends_at - timedelta(days=wanted.day_count)
    return await _write(wanted, held, int(moved["sequence"]), starts_at, ends_at, at)


async def upgrade(wanted: TermWanted, expected_sequence: int, *, at: datetime) -> TermGiven:
    """What is left of the membership is of the higher level from now on; its end stays.

    `expected_sequence`: how it stood when the difference was told. Raises PlanChanged: it stands otherwise since.
    """
    require_atomic()
    at, held = at.replace(microsecond=0), await ladder_now()
    before = await row(statements.LOCK, held.programme_id, wanted.member_id)
    values = held.programme_id, wanted.member_id, wanted.level, expected_sequence, at
    moved = await row(statements.UPGRADE, *values)
    if before is None or moved is None:
        raise PlanChanged
    ends_at = as_instant(moved["ends_at"])
    return await _write(wanted, held, int(moved["sequence"]), at, ends_at, at, before["level"])


async def _write(
    wanted: TermWanted,
    held: LadderHeld,
    number: int,
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
    from_level: str = "",
) -> TermGiven:
    term_id = new_id()
    await MembershipTerm.create(
        id=term_id,
        programme_id=held.programme_id,
        member_id=wanted.member_id,
        number=number,
        cause=wanted.cause,
        plan_id=wanted.plan_id,
        plan_version=wanted.plan_version,
        level=wanted.level,
        from_level=from_level,
        order_id=wanted.order_id,
        code_id=wanted.code_id,
        paid_fen=wanted.paid_fen,
        starts_at=starts_at,
        ends_at=ends_at,
        given_at=at,
    )
    await settle([wanted.member_id], at=at, cause_id=str(term_id))
    owner = str(wanted.member_id)
    told = {"member_id": owner, "title": wanted.title, "paid_fen": wanted.paid_fen, "until": ends_at}
    await later("say_membership", key=f"membership:{term_id}", at=at, order_key=f"chat:{owner}", **told)
    return TermGiven(term_id, starts_at, ends_at)


def _not_above(level: str, held: LadderHeld) -> PlanNotAbove:
    found = held.ladder.level(level)
    return PlanNotAbove(level=found.name if found else "")
