"""Operators' hands on the ladder: a draft that nobody sees, published as the next version, never changed afterwards."""

from dataclasses import dataclass

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import from_json, to_json
from handlers.errors import LadderDraftMissing, LadderInvalid, RoleMissing
from handlers.levels.judging import raise_later
from handlers.levels.ladders import LadderHeld, keep_version, ladder_now
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.levels import Ladder, problems_of
from handlers.rules.problems import facts_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.ids import new_id
from models.statements import levels as statements


@dataclass(frozen=True, slots=True)
class LadderView:
    """The ladder that holds (`number` 0: none yet), and the draft beside it."""

    number: int
    ladder: Ladder
    draft: Ladder | None


@refusing
class LadderEditing:
    """Looks at, drafts and publishes the programme's ladder, for operators of its organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def view(self, operator: Operator) -> LadderView:
        """Raises RoleMissing (also when the programme is another organization's)."""
        return await _view(await theirs(operator))

    async def save(self, operator: Operator, ladder: Ladder, *, request_id: str | None) -> Answer[LadderView]:
        """Keep a draft. Raises RoleMissing, LadderInvalid, KeyReused."""
        await theirs(operator)

        async def effect() -> LadderView:
            held, now = await ladder_now(), self._clock.now()
            _check(ladder, held)
            text = orjson.dumps(to_json(ladder)).decode()
            await rows(statements.SET_DRAFT, new_id(), now, held.programme_id, text)
            await self._record(operator, "ladder.drafted", held, levels=[each.code for each in ladder.levels])
            return await _view(held)

        return await once(operator, "ladder.save", request_id, facts=ladder, result=LadderView, effect=effect)

    async def publish(self, operator: Operator, *, request_id: str) -> Answer[LadderView]:
        """The draft holds from now on: it raises whoever it raises, by a job and at first touch, and lowers nobody.

        Raises RoleMissing, LadderDraftMissing, LadderInvalid (another version came in between), KeyReused.
        """
        await theirs(operator)

        async def effect() -> LadderView:
            now = self._clock.now()
            await rows(statements.LOCK_PROGRAMME, (await ladder_now()).programme_id)
            held = await ladder_now()
            draft = await _draft(held)
            if draft is None:
                raise LadderDraftMissing
            _check(draft, held)
            number = await keep_version(held, draft, at=now, operator_id=operator.id)
            await raise_later(number, at=now)
            levels = [f"{each.code}:{each.threshold}" for each in draft.levels]
            await self._record(
                operator, "ladder.published", held, number=number, levels=levels, downgrade=draft.downgrade
            )
            return await _view(await ladder_now())

        return await once(operator, "ladder.publish", request_id, facts="publish", result=LadderView, effect=effect)

    async def _record(self, operator: Operator, act: str, held: LadderHeld, **told: object) -> None:
        at, place = self._clock.now(), held.organization_id
        await record(operator, act, "programme", held.programme_id, at=at, organization_id=place, **told)


async def theirs(operator: Operator) -> LadderHeld:
    """The ladder, for operators of the programme's organization or above. Raises RoleMissing."""
    scope = await allowed(operator, Capability.LEVELS)
    held = await ladder_now()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held


def _check(ladder: Ladder, held: LadderHeld) -> None:
    if problems := problems_of(ladder, held.ladder if held.number else None):
        raise LadderInvalid(**facts_of(problems))


async def _draft(held: LadderHeld) -> Ladder | None:
    found = await row(statements.DRAFT, held.programme_id)
    terms = found["terms"] if found else None
    return from_json(Ladder, orjson.loads(terms) if isinstance(terms, str) else terms) if terms else None


async def _view(held: LadderHeld) -> LadderView:
    return LadderView(held.number, held.ladder, await _draft(held))
