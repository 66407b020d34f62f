"""What a member has to spin with, of one draw or of many in the same number of statements. Nothing is locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.draws.chances import unit_of
from handlers.draws.held import HeldDraw, moment
from handlers.points.points_terms import terms
from handlers.rules.validity import begins
from models.database import rows
from models.sql import as_uuid
from models.statements import draws as statements


@dataclass(frozen=True, slots=True)
class Turn:
    """What a member has to spin with. `guaranteed_in`: after how many spins at the latest; None: no such promise."""

    free_left: int
    next_free_at: datetime | None
    chances: int
    points_price: int | None
    spins: int
    guaranteed_in: int | None


async def turns_of(member_id: UUID, draws: Sequence[HeldDraw], *, now: datetime, zone: ZoneInfo) -> Mapping[UUID, Turn]:
    """By draw, of whoever this member (by the canonical id) is. Two statements, whatever the number of draws."""
    programme_id = (await terms()).programme_id
    units = {unit_of(programme_id, held.id).code: held.id for held in draws}
    chances = dict.fromkeys(units.values(), 0)
    for each in await rows(statements.CHANCE_COUNTS, sorted(units), member_id, now):
        chances[units[each["unit"]]] = int(each["chances"])
    played: dict[UUID, list[Mapping[str, Any]]] = {held.id: [] for held in draws}
    for each in await rows(statements.PLAYED_BY, sorted(played), member_id):
        played[as_uuid(each["draw_id"])].append(each)
    return {held.id: _turn(held, member_id, played[held.id], chances[held.id], now, zone) for held in draws}


def _turn(
    held: HeldDraw,
    member_id: UUID,
    played: Sequence[Mapping[str, Any]],
    chances: int,
    now: datetime,
    zone: ZoneInfo,
) -> Turn:
    price, pity, (day, _) = held.version.terms.rules.price, held.version.terms.rules.pity, moment(held, now, zone)
    own = [each for each in played if as_uuid(each["member_id"]) == member_id]
    # Of somebody who was two, the longer wait counts until they spin as one.
    since = max((int(each["since"]) for each in own or played), default=0)
    free_used = sum(int(each["free_used"]) for each in played if each["day"] == day)
    due = None
    if pity is not None and pity.guaranteed_at is not None:
        due = max(pity.guaranteed_at - since, 1)
    return Turn(
        free_left=max(price.free_daily - free_used, 0),
        next_free_at=begins(date.fromisoformat(day) + timedelta(days=1), zone) if price.free_daily else None,
        chances=chances if price.takes_chances else 0,
        points_price=price.points,
        spins=sum(int(each["spins"]) for each in played),
        guaranteed_in=due,
    )
