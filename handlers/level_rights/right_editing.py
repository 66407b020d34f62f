"""Operators' hands on the rights of levels: a draft is changed, published it is given, ended it is not any more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.benefits.kinds import fulfiller
from handlers.errors import (
    ChoicesInvalid,
    LevelRightFixed,
    LevelRightInvalid,
    LevelRightUnknown,
    OfferUnknown,
)
from handlers.level_rights.giving import give_later
from handlers.levels.ladder_editing import theirs
from handlers.levels.ladders import LadderHeld, ladder_now
from handlers.offers.offers import published
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.benefits import Offer
from models.database import rows
from models.ids import new_id
from models.levels import LevelRight
from models.sql import as_uuid
from models.statements import level_rights as statements
from models.words import OfferState, RightPeriod, RightState


@dataclass(frozen=True, slots=True)
class RightWanted:
    """A right by its code: the offer that is given, to whom (codes of levels), and how often."""

    code: str
    name: str
    offer_id: UUID
    levels: tuple[str, ...]
    period: RightPeriod


@dataclass(frozen=True, slots=True)
class RightView:
    """A right as operators see it."""

    id: UUID
    code: str
    name: str
    offer_id: UUID
    levels: tuple[str, ...]
    period: RightPeriod
    state: RightState
    published_at: datetime | None
    ended_at: datetime | None


@refusing
class LevelRightEditing:
    """For operators of the programme's organization or above."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[RightView, ...]:
        """All of them, the oldest first. Raises RoleMissing."""
        held = await theirs(operator)
        found = LevelRight.filter(programme_id=held.programme_id).order_by("id").limit(limit)
        listed: Any = await (found.filter(id__gt=after) if after else found)
        return tuple([_view(each) for each in listed])

    async def save(self, operator: Operator, wanted: RightWanted, *, request_id: str | None) -> Answer[RightView]:
        """Add a draft, or change the one of this code.

        Raises RoleMissing, OfferUnknown (also of another subtree), LevelRightInvalid, LevelRightFixed, KeyReused.
        """
        await theirs(operator)
        scope = await allowed(operator, Capability.LEVELS)

        async def effect() -> RightView:
            held, now = await ladder_now(), self._clock.now()
            offer = await Offer.get_or_none(id=wanted.offer_id)
            if offer is None or not scope.sees(offer.organization_id):  # type: ignore[attr-defined]
                raise OfferUnknown
            _known(wanted.levels, held)
            values = held.programme_id, wanted.code, wanted.name, wanted.offer_id, list(wanted.levels), wanted.period
            found = await rows(statements.SET_RIGHT, new_id(), now, *values)
            if not found:
                raise LevelRightFixed
            right_id = as_uuid(found[0]["id"])
            told = {"code": wanted.code, "levels": list(wanted.levels), "period": wanted.period}
            await self._record(operator, "level_right.drafted", right_id, held, offer=wanted.offer_id, **told)
            return _view(await LevelRight.get(id=right_id))

        return await once(operator, "level_right.save", request_id, facts=wanted, result=RightView, effect=effect)

    async def publish(self, operator: Operator, right_id: UUID, *, request_id: str) -> Answer[RightView]:
        """From now on it is given, first to everybody who stands on its levels, by a job and at first touch.

        Raises RoleMissing, LevelRightUnknown, LevelRightFixed, LevelRightInvalid, KeyReused.
        """
        await theirs(operator)

        async def effect() -> RightView:
            held, now = await ladder_now(), self._clock.now()
            right = await _right(right_id, held)
            _known(right.levels, held)
            await _can_be_given(right.offer_id)
            if not await rows(statements.MOVE_RIGHT, right_id, RightState.DRAFT, RightState.ACTIVE, now, None):
                raise LevelRightFixed
            await give_later(right_id, "published", at=now)
            await self._record(operator, "level_right.published", right_id, held, code=right.code)
            return _view(await LevelRight.get(id=right_id))

        return await once(operator, "level_right.publish", request_id, facts=right_id, result=RightView, effect=effect)

    async def end(self, operator: Operator, right_id: UUID, *, request_id: str) -> Answer[RightView]:
        """It is not given any more; what was given stays. Raises RoleMissing, LevelRightUnknown, KeyReused."""
        await theirs(operator)

        async def effect() -> RightView:
            held, now = await ladder_now(), self._clock.now()
            right = await _right(right_id, held)
            if right.state is not RightState.ENDED:
                await rows(statements.MOVE_RIGHT, right_id, right.state, RightState.ENDED, now, now)
                await self._record(operator, "level_right.ended", right_id, held, code=right.code)
            return _view(await LevelRight.get(id=right_id))

        return await once(operator, "level_right.end", request_id, facts=right_id, result=RightView, effect=effect)

    async def _record(self, operator: Operator, act: str, right_id: UUID, held: LadderHeld, **told: object) -> None:
        at, place = self._clock.now(), held.organization_id
        await record(operator, act, "level_right", right_id, at=at, organization_id=place, **told)


async def _right(right_id: UUID, held: LadderHeld) -> Any:
    found = await LevelRight.get_or_none(id=right_id, programme_id=held.programme_id)
    if found is None:
        raise LevelRightUnknown
    return found


def _known(levels: tuple[str, ...] | list[str], held: LadderHeld) -> None:
    if not levels or any(held.ladder.level(each) is None for each in levels):
        raise LevelRightInvalid(why="请选择已发布的等级。", problem="level_unknown")


async def _can_be_given(offer_id: UUID) -> None:
    """Nobody is there to choose, or to say which number it goes to."""
    offer = (await published([offer_id])).get(offer_id)
    if offer is None or offer.state is not OfferState.PUBLISHED:
        raise LevelRightInvalid(why="请先发布要发放的权益。", problem="offer_not_published")
    kind = fulfiller(offer.benefit.kind)
    if kind.takes_number:
        raise LevelRightInvalid(why="直充权益需要会员填写号码，不能自动发放。", problem="number_needed")
    try:
        kind.check_choices(offer.benefit.terms, ())
    except ChoicesInvalid as choice:
        raise LevelRightInvalid(why="需要会员选择的礼包不能自动发放。", problem="choice_needed") from choice


def _view(found: Any) -> RightView:
    return RightView(
        id=found.id,
        code=found.code,
        name=found.name,
        offer_id=found.offer_id,
        levels=tuple(found.levels),
        period=RightPeriod(found.period),
        state=RightState(found.state),
        published_at=found.published_at,
        ended_at=found.ended_at,
    )
