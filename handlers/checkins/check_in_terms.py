"""What check-ins give, as operators publish it: versions that never change, of which the newest holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.cards.card_kinds import MAIN
from handlers.codec import from_json, to_json
from handlers.errors import CheckInTermsWrong, RoleMissing
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rewards.giving import problems_of
from handlers.rules import checkins
from handlers.rules.checkins import CheckInRules
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import checkins as statements

NOTHING = CheckInRules(is_open=False)  # before anything is published


@dataclass(frozen=True, slots=True)
class TermsHeld:
    """The version that holds; `number` 0: nothing was published yet."""

    id: UUID | None
    programme_id: UUID
    organization_id: UUID
    number: int
    rules: CheckInRules


@dataclass(frozen=True, slots=True)
class CheckInVersion:
    """One version as operators see it."""

    number: int
    rules: CheckInRules
    published_at: datetime | None
    published_by: UUID | None


async def held_terms() -> TermsHeld:
    """What holds now in the main programme. One read."""
    found = await row(statements.TERMS, MAIN)
    if found is None:
        raise LookupError("there is no programme")
    return TermsHeld(
        id=as_uuid(found["id"]) if found["id"] else None,
        programme_id=as_uuid(found["programme_id"]),
        organization_id=as_uuid(found["organization_id"]),
        number=int(found["number"] or 0),
        rules=_rules(found["terms"]) if found["id"] else NOTHING,
    )


def _rules(terms: Any) -> CheckInRules:
    return from_json(CheckInRules, orjson.loads(terms) if isinstance(terms, str | bytes) else terms)


@refusing
class CheckInTermsEditing:
    """Publishes versions, for operators of the programme's own organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def versions(self, operator: Operator, *, before: int | None, limit: int) -> tuple[CheckInVersion, ...]:
        """The newest first; the first one of the first page holds. Raises RoleMissing."""
        held = await _theirs(operator)
        below = before if before is not None else held.number + 1
        return tuple(_version(each) for each in await rows(statements.VERSIONS, held.programme_id, below, limit))

    async def publish(self, operator: Operator, rules: CheckInRules, *, request_id: str) -> Answer[CheckInVersion]:
        """In force at once, for check-ins from now on. Raises RoleMissing, CheckInTermsWrong, KeyReused."""
        await _theirs(operator)
        await _check(rules)

        async def effect() -> CheckInVersion:
            held, now = await held_terms(), self._clock.now()
            number, terms = held.number + 1, to_json(rules)
            facts = held.programme_id, number, terms, operator.id
            if not await rows(statements.PUBLISH, new_id(), now, *facts):
                raise SerializationConflict("somebody published meanwhile")
            told = {"version": number, "is_open": rules.is_open}
            place = held.organization_id
            await record(
                operator, "check_in.published", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return CheckInVersion(number, rules, now, operator.id)

        return await once(operator, "check_in.publish", request_id, facts=rules, result=CheckInVersion, effect=effect)


async def _check(rules: CheckInRules) -> None:
    parts = {"daily": rules.daily}
    for name, steps in (("streak", rules.streak), ("month", rules.month)):
        parts |= {f"{name}.{place}": step.rewards for place, step in enumerate(steps)}
    problems = [*checkins.problems_of(rules), *await problems_of(parts)]
    if problems:
        raise CheckInTermsWrong(
            why="；".join(dict.fromkeys(why for _, why in problems)) + "。",
            problems=[{"field": field, "problem": why} for field, why in problems],
        )


def _version(found: Mapping[str, Any]) -> CheckInVersion:
    return CheckInVersion(
        number=int(found["number"]),
        rules=_rules(found["terms"]),
        published_at=as_instant(found["published_at"]),
        published_by=as_uuid(found["published_by_id"]),
    )


async def _theirs(operator: Operator) -> TermsHeld:
    scope = await allowed(operator, Capability.POINTS)
    held = await held_terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held
