"""Where members stand, and the one way to move them: steps that are guarded, and each on record with its cause.

Called inside an open transaction. Everybody who changes growth calls `settle` afterwards, in the same transaction; the
job does it for those whose period ends while they stay away.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.ledger.posting import post
from handlers.levels.floors import Floor, floors_of
from handlers.levels.ladders import LadderHeld, ladder_now, ladder_of
from handlers.outbox import later
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.ledger import GROWTH, Cause, Move, Side, Unit, of_member
from handlers.rules.levels import judge
from models.database import require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows, instant_text
from models.statements import ledger as ledger_statements
from models.statements import levels as statements
from models.words import DowngradePolicy, LedgerAccountKind, LevelCause

JUDGED = "level_judged"  # the kind of cause of growth that goes when a level was not kept
_TOLD = frozenset(
    {LevelCause.GROWTH, LevelCause.LADDER, LevelCause.FELL, LevelCause.OVERRIDE, LevelCause.PAID, LevelCause.PAID_BACK}
)
_BRINGING = frozenset({*_TOLD, LevelCause.MERGED, LevelCause.OVERRIDE_ENDED})  # rights may be due after these


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member stands: the level's code (empty: none), under which version of the ladder, since when.

    `judged_at`: when the period is over; `override_until`: an operator lifted them until then; `sequence`: how many
    steps led here.
    """

    member_id: UUID
    code: str
    version: int
    began_at: datetime
    growth: int = 0
    judged_at: datetime | None = None
    override_until: datetime | None = None
    sequence: int = 0
    has_row: bool = False

    def is_due(self, at: datetime) -> bool:
        """Whether the clock has something to say."""
        return any(each is not None and each <= at for each in (self.judged_at, self.override_until))


@dataclass(frozen=True, slots=True)
class Step:
    """One step, with everything that holds after it."""

    before: Place
    after: Place
    cause: LevelCause
    cause_id: str = ""
    reason: str = ""
    operator_id: UUID | None = None
    approved_by_id: UUID | None = None
    id: UUID = field(default_factory=new_id)


async def level_of(member_ids: Collection[UUID]) -> dict[UUID, str]:
    """The level's code of each of these members, by the ids asked for (of any time); who has none is not in it."""
    held = await ladder_now()
    if not held.number:
        return {}
    found = await rows(statements.STANDINGS, list(member_ids), held.programme_id)
    codes = {as_uuid(each["asked"]): place_of(each, held).code for each in found}
    return {member_id: code for member_id, code in codes.items() if code}


async def places_of(member_ids: Collection[UUID], held: LadderHeld) -> dict[UUID, Place]:
    """How these members (canonical ids) stand now, growth included."""
    found = await rows(statements.STANDINGS, list(member_ids), held.programme_id)
    return {as_uuid(each["asked"]): place_of(each, held) for each in found}


def place_of(found: Mapping[str, Any], held: LadderHeld) -> Place:
    """One row of the statement; who never took a step has the level that everybody has once they have joined."""
    member_id, growth = as_uuid(found["member_id"]), int(found["growth"])
    if found["sequence"] is None:
        joined_at = found["joined_at"]
        code = held.ladder.reached(0) if joined_at else ""
        since = as_instant(joined_at) if joined_at else datetime.min.replace(tzinfo=BUSINESS_ZONE)
        return Place(member_id, code, held.number, since, growth)
    return Place(
        member_id=member_id,
        code=found["code"],
        version=int(found["version"]),
        began_at=as_instant(found["began_at"]),
        growth=growth,
        judged_at=_instant(found["judged_at"]),
        override_until=_instant(found["override_until"]),
        sequence=int(found["sequence"]),
        has_row=True,
    )


def _instant(value: Any) -> datetime | None:
    return as_instant(value) if value else None


async def settle(
    member_ids: Collection[UUID],
    *,
    at: datetime,
    cause: LevelCause = LevelCause.GROWTH,
    cause_id: str = "",
    lost: Mapping[UUID, int] | None = None,
    zone: ZoneInfo = BUSINESS_ZONE,
) -> dict[UUID, Place]:
    """Take every step that growth, the clock and what they paid for ask of these members (canonical ids); how they
    stand then.

    `cause`: on record for whoever rises; `lost`: growth that was just taken back, by member. Again, nothing happens.
    Raises NotInTransaction, SerializationConflict (decide again).
    """
    require_atomic()
    held = await ladder_now()
    if not held.number or not member_ids:
        return {}
    # Growth does not move between this look and the step.
    await rows(ledger_statements.LOCK_OWNED, sorted(set(member_ids)))
    places = await places_of(member_ids, held)
    floors = await floors_of(member_ids, held, at)
    steps: list[Step] = []
    for member_id, place in sorted(places.items()):
        theirs = await _by_the_clock(place, held, at, zone)
        stands = theirs[-1].after if theirs else place
        if moved := _by_growth(stands, held, at, zone, (lost or {}).get(member_id, 0), cause, cause_id):
            theirs, stands = [*theirs, moved], moved.after
        if lifted := _by_floor(stands, floors.get(member_id), held, at, cause_id):
            theirs, stands = [*theirs, lifted], lifted.after
        steps += theirs
        places[member_id] = stands
    await write(steps, held, at=at)
    return places


async def _by_the_clock(place: Place, held: LadderHeld, at: datetime, zone: ZoneInfo) -> list[Step]:
    """The override that is over, and every period that is: each as a step, however late somebody looks."""
    steps: list[Step] = []
    while place.is_due(at):
        if place.override_until is not None:
            code, since, cause = held.ladder.reached(place.growth), place.override_until, LevelCause.OVERRIDE_ENDED
            growth = place.growth
        elif place.judged_at is not None:
            since = place.judged_at
            found = await row(statements.EARNED, place.member_id, held.programme_id, place.began_at, since)
            by = await ladder_of(held.programme_id, place.version)
            earned = int(found["earned"]) if found else 0
            said = judge(place.code, growth=place.growth, earned=earned, held=by, now=held.ladder)
            code, growth = said.code, place.growth - said.growth_lost
            cause = LevelCause.KEPT if said.is_kept else LevelCause.FELL
        after = replace(
            place,
            code=code,
            version=held.number,
            growth=growth,
            began_at=since,
            judged_at=held.ladder.judged_at(code, since, zone),
            override_until=None,
            sequence=place.sequence + 1,
        )
        steps.append(Step(place, after, cause))
        place = after
    return steps


def _by_growth(
    place: Place, held: LadderHeld, at: datetime, zone: ZoneInfo, lost: int, cause: LevelCause, cause_id: str
) -> Step | None:
    """Up to what growth reaches; down only where growth was taken back that had carried them to their level."""
    code = held.ladder.reached(place.growth)
    if held.ladder.rank(code) > held.ladder.rank(place.code):
        return Step(place, moved_to(place, code, held, at, zone), cause, cause_id)
    threshold = held.ladder.threshold(place.code)
    falls = place.growth < threshold <= place.growth + lost and held.ladder.downgrade is not DowngradePolicy.NONE
    if falls and place.override_until is None:
        return Step(place, moved_to(place, code, held, at, zone), LevelCause.REVERSED, cause_id)
    return None


def _by_floor(place: Place, floor: Floor | None, held: LadderHeld, at: datetime, cause_id: str) -> Step | None:
    """Up to what they have paid for; on to its new end where it was what carried them."""
    if floor is None or held.ladder.rank(place.code) > held.ladder.rank(floor.code):
        return None
    if place.code == floor.code and (place.override_until is None or place.override_until >= floor.until):
        return None
    return Step(place, carried(place, floor, held, at), LevelCause.PAID, cause_id)


def carried(place: Place, floor: Floor, held: LadderHeld, at: datetime) -> Place:
    """The same member on the level that they have paid for, until its end."""
    return replace(moved_to(place, floor.code, held, at), judged_at=None, override_until=floor.until)


async def fall_back(member_id: UUID, was: Floor, *, at: datetime, cause_id: str) -> Place:
    """What a member had paid for ends earlier, or on a lower level: whom it alone carried goes to what is left.

    Inside the open transaction, after the membership itself was cut; `was`: how it stood before. How they stand then.
    Raises NotInTransaction, SerializationConflict.
    """
    place = (await settle([member_id], at=at))[member_id]
    if place.code != was.code or place.override_until != was.until:
        return place  # growth or an operator carries them
    held = await ladder_now()
    reached, floor = held.ladder.reached(place.growth), (await floors_of([member_id], held, at)).get(member_id)
    if floor is not None and held.ladder.rank(floor.code) > held.ladder.rank(reached):
        after = carried(place, floor, held, at)
    else:
        after = moved_to(place, reached, held, at)
    await write([Step(place, after, LevelCause.PAID_BACK, cause_id)], held, at=at)
    return after


def moved_to(place: Place, code: str, held: LadderHeld, at: datetime, zone: ZoneInfo = BUSINESS_ZONE) -> Place:
    """The same member on another level, with a period that begins now."""
    return replace(
        place,
        code=code,
        version=held.number,
        began_at=at,
        judged_at=held.ladder.judged_at(code, at, zone),
        override_until=None,
        sequence=place.sequence + 1,
    )


async def write(steps: Sequence[Step], held: LadderHeld, *, at: datetime) -> None:
    """Put these steps on record and move the members, from where they were read or not at all.

    Raises SerializationConflict: somebody else took a step meanwhile; decide again.
    """
    if not steps:
        return
    await _write(statements.ADD_CHANGES, [_change(each) for each in steps], at, held.programme_id)
    first, last = dict[UUID, Place](), dict[UUID, Place]()
    for each in steps:
        first.setdefault(each.before.member_id, each.before)
        last[each.after.member_id] = each.after
    fresh = [_row(last[each], 0) for each, before in first.items() if not before.has_row]
    known = [_row(last[each], before.sequence) for each, before in first.items() if before.has_row]
    await _write(statements.FIRST_LEVELS, fresh, at, held.programme_id)
    await _write(statements.MOVE_LEVELS, known, held.programme_id)
    unit = Unit(held.programme_id, GROWTH)
    lost = [
        Move(
            unit,
            of_member(each.before.member_id),
            Side(LedgerAccountKind.EXPIRED),
            each.before.growth - each.after.growth,
            Cause(JUDGED, str(each.id)),
        )
        for each in steps
        if each.after.growth < each.before.growth
    ]
    if lost:
        await post(lost, at=at)
    for each in steps:
        await _tell(each, held, at)


async def _write(statement: Any, wanted: Sequence[Mapping[str, object]], *values: object) -> None:
    if wanted and len(await rows(statement, dump_rows(wanted), *values)) < len(wanted):
        raise SerializationConflict("a member's level moved meanwhile")


async def _tell(step: Step, held: LadderHeld, at: datetime) -> None:
    """What follows after the commit."""
    owner = str(step.after.member_id)
    if step.cause in _BRINGING and step.after.code:
        await later("give_level_rights", key=f"level_rights:{step.id}", at=at, member_id=owner)
    if step.cause in _TOLD and step.before.code != step.after.code:
        level = held.ladder.level(step.after.code)
        facts = {
            "member_id": owner,
            "level": level.name if level else "",
            "is_up": held.ladder.rank(step.after.code) > held.ladder.rank(step.before.code),
        }
        await later("say_level", key=f"level:{step.id}", at=at, order_key=f"chat:{owner}", **facts)


def _row(place: Place, expected: int) -> dict[str, object]:
    return {
        "id": new_id(),
        "member_id": place.member_id,
        "code": place.code,
        "version": place.version,
        "began_at": instant_text(place.began_at),
        "judged_at": instant_text(place.judged_at) if place.judged_at else None,
        "override_until": instant_text(place.override_until) if place.override_until else None,
        "sequence": place.sequence,
        "expected": expected,
    }


def _change(step: Step) -> dict[str, object]:
    after = step.after
    facts = _row(after, 0)
    return {
        **{name: facts[name] for name in ("member_id", "code", "version", "began_at", "judged_at", "override_until")},
        "id": step.id,
        "number": after.sequence,
        "cause": step.cause.value,
        "cause_id": step.cause_id,
        "from_code": step.before.code,
        "growth": after.growth,
        "reason": step.reason,
        "operator_id": step.operator_id,
        "approved_by_id": step.approved_by_id,
    }
