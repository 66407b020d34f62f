"""By which limits money is taken out, as operators publish it: versions that never change, the newest holds."""

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
from handlers.errors import RoleMissing, WithdrawalTermsWrong
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.withdrawals import WithdrawalRules, problems_of
from handlers.scopes import allowed
from models.database import row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import withdrawals as statements

NOTHING = WithdrawalRules(is_open=False)  # before anything is published


@dataclass(frozen=True, slots=True)
class TermsHeld:
    """The version that holds; `number` 0: nothing was published yet."""

    id: UUID | None
    programme_id: UUID
    organization_id: UUID
    number: int
    rules: WithdrawalRules


@dataclass(frozen=True, slots=True)
class WithdrawalVersion:
    """One version as operators see it."""

    number: int
    rules: WithdrawalRules
    published_at: datetime
    published_by: UUID


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
        rules=rules_in(found["terms"]) if found["id"] else NOTHING,
    )


def rules_in(terms: str | bytes) -> WithdrawalRules:
    """The rules of a version, from the column's text."""
    return from_json(WithdrawalRules, orjson.loads(terms))


@refusing
class WithdrawalTermsEditing:
    """Publishes versions, for operators of the programme's own organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def versions(self, operator: Operator, *, before: int | None, limit: int) -> tuple[WithdrawalVersion, ...]:
        """The newest first; the first one of the first page holds. Raises RoleMissing."""
        held = await _theirs(operator)
        below = before if before is not None else held.number + 1
        return tuple(_version(each) for each in await rows(statements.VERSIONS, held.programme_id, below, limit))

    async def publish(
        self, operator: Operator, rules: WithdrawalRules, *, request_id: str
    ) -> Answer[WithdrawalVersion]:
        """In force at once, for what is asked for from now on. Raises RoleMissing, WithdrawalTermsWrong, KeyReused."""
        await _theirs(operator)
        if problems := problems_of(rules):
            raise WithdrawalTermsWrong(
                why="；".join(why for _, why in problems) + "。",
                problems=[{"field": field, "problem": why} for field, why in problems],
            )

        async def effect() -> WithdrawalVersion:
            held, now = await held_terms(), self._clock.now()
            number = held.number + 1
            facts = held.programme_id, number, to_json(rules), operator.id
            if not await rows(statements.PUBLISH, new_id(), now, *facts):
                raise SerializationConflict("somebody published meanwhile")
            told, place = {"version": number, "is_open": rules.is_open}, held.organization_id
            await record(
                operator, "withdrawal.published", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return WithdrawalVersion(number, rules, now, operator.id)

        return await once(
            operator, "withdrawal.publish", request_id, facts=rules, result=WithdrawalVersion, effect=effect
        )


def _version(found: Mapping[str, Any]) -> WithdrawalVersion:
    return WithdrawalVersion(
        number=int(found["number"]),
        rules=rules_in(found["terms"]),
        published_at=as_instant(found["published_at"]),
        published_by=as_uuid(found["published_by_id"]),
    )


async def _theirs(operator: Operator) -> TermsHeld:
    scope = await allowed(operator, Capability.WITHDRAWAL_TERMS)
    held = await held_terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held
