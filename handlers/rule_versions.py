"""Rules of the programme that operators publish in versions: none ever changes, and the newest holds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.cards.card_kinds import MAIN
from handlers.codec import from_json, to_json
from handlers.errors import DomainError, RoleMissing
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements.rule_versions import versions_in


class Rules(Protocol):
    """What all of them say."""

    @property
    def is_open(self) -> bool: ...


R = TypeVar("R", bound=Rules)


@dataclass(frozen=True, slots=True)
class RulesHeld(Generic[R]):
    """The version that holds; `id` None and `number` 0: nothing was published yet, and the rules are the house's."""

    id: UUID | None
    programme_id: UUID
    organization_id: UUID
    number: int
    rules: R


class RulesInForce(Generic[R]):
    """One kind of rules, by its table. `before`: what holds before anything is published."""

    def __init__(self, table: str, form: type[R], *, before: R) -> None:
        self.statements = versions_in(table)
        self._form = form
        self._before = before

    async def held(self) -> RulesHeld[R]:
        """What holds now in the main programme. One read."""
        found = await row(self.statements.held, MAIN)
        if found is None:
            raise LookupError("there is no programme")
        return RulesHeld(
            id=as_uuid(found["id"]) if found["id"] else None,
            programme_id=as_uuid(found["programme_id"]),
            organization_id=as_uuid(found["organization_id"]),
            number=int(found["number"] or 0),
            rules=self.read(found["terms"]) if found["id"] else self._before,
        )

    def read(self, terms: str | bytes) -> R:
        """The rules of a version, from the column's text."""
        return from_json(self._form, orjson.loads(terms))


@dataclass(frozen=True, slots=True)
class RuleVersion(Generic[R]):
    """One version as operators see it."""

    number: int
    rules: R
    published_at: datetime
    published_by: UUID


V = TypeVar("V", bound=RuleVersion[Any])


@refusing
class RulesEditing(ABC, Generic[R, V]):
    """Publishes versions, for operators of the programme's own organization. Each kind says which they are."""

    in_force: ClassVar[RulesInForce[Any]]
    version: ClassVar[type[RuleVersion[Any]]]
    capability: ClassVar[Capability]
    act: ClassVar[str]  # `withdrawal`: the record says `withdrawal.published`
    wrong: ClassVar[type[DomainError]]

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def versions(self, operator: Operator, *, before: int | None, limit: int) -> tuple[V, ...]:
        """The newest first; the first one of the first page holds. Raises RoleMissing."""
        held = await self._theirs(operator)
        below = before if before is not None else held.number + 1
        found = await rows(self.in_force.statements.page, held.programme_id, below, limit)
        return tuple(map(self._version, found))

    async def publish(self, operator: Operator, rules: R, *, request_id: str) -> Answer[V]:
        """In force at once, for what comes from now on.

        Raises RoleMissing, KeyReused, and the kind's own error with everything that speaks against these rules.
        """
        await self._theirs(operator)
        if problems := await self._problems(rules):
            raise self.wrong(
                why="；".join(dict.fromkeys(why for _, why in problems)) + "。",
                problems=[{"field": field, "problem": why} for field, why in problems],
            )

        async def effect() -> Any:
            held, now = await self.in_force.held(), self._clock.now()
            number = held.number + 1
            facts = held.programme_id, number, to_json(rules), operator.id
            if not await rows(self.in_force.statements.publish, new_id(), now, *facts):
                raise SerializationConflict("somebody published meanwhile")
            told, place = {"version": number, "is_open": rules.is_open}, held.organization_id
            what = f"{self.act}.published"
            await record(operator, what, "programme", held.programme_id, at=now, organization_id=place, **told)
            return self.version(number, rules, now, operator.id)

        key = f"{self.act}.publish"
        answer: Answer[Any] = await once(operator, key, request_id, facts=rules, result=self.version, effect=effect)
        return answer

    @abstractmethod
    async def _problems(self, rules: R) -> Sequence[tuple[str, str]]:
        """What speaks against them, each by its field and in words for operators."""

    def _version(self, found: Mapping[str, Any]) -> Any:
        return self.version(
            number=int(found["number"]),
            rules=self.in_force.read(found["terms"]),
            published_at=as_instant(found["published_at"]),
            published_by=as_uuid(found["published_by_id"]),
        )

    async def _theirs(self, operator: Operator) -> RulesHeld[Any]:
        scope = await allowed(operator, self.capability)
        held = await self.in_force.held()
        if not scope.sees(held.organization_id):
            raise RoleMissing
        return held
