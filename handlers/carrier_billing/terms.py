"""How much may be put on a phone bill, as operators publish it: versions that never change, the newest holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import to_json
from handlers.errors import CarrierTermsWrong, RoleMissing
from handlers.orders.on_the_bill import TermsHeld, held_terms, rules_in
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.carrier_billing import CarrierRules, problems_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import carrier as statements


@dataclass(frozen=True, slots=True)
class CarrierVersion:
    """One version as operators see it."""

    number: int
    rules: CarrierRules
    published_at: datetime
    published_by: UUID


@refusing
class CarrierTermsEditing:
    """Publishes versions, for operators of the programme's own organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def versions(self, operator: Operator, *, before: int | None, limit: int) -> tuple[CarrierVersion, ...]:
        """The newest first; the first one of the first page holds. Raises RoleMissing."""
        held = await _theirs(operator)
        below = before if before is not None else held.number + 1
        return tuple(_version(each) for each in await rows(statements.VERSIONS, held.programme_id, below, limit))

    async def publish(self, operator: Operator, rules: CarrierRules, *, request_id: str) -> Answer[CarrierVersion]:
        """In force at once, for what is ordered from now on. Raises RoleMissing, CarrierTermsWrong, KeyReused."""
        await _theirs(operator)
        if problems := list(problems_of(rules)):
            raise CarrierTermsWrong(
                why="；".join(why for _, why in problems) + "。",
                problems=[{"field": field, "problem": why} for field, why in problems],
            )

        async def effect() -> CarrierVersion:
            held, now = await held_terms(), self._clock.now()
            number = held.number + 1
            facts = held.programme_id, number, to_json(rules), operator.id
            if not await rows(statements.PUBLISH, new_id(), now, *facts):
                raise SerializationConflict("somebody published meanwhile")
            told, place = {"version": number, "is_open": rules.is_open}, held.organization_id
            await record(
                operator, "carrier.published", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return CarrierVersion(number, rules, now, operator.id)

        return await once(operator, "carrier.publish", request_id, facts=rules, result=CarrierVersion, effect=effect)


def _version(found: Mapping[str, Any]) -> CarrierVersion:
    return CarrierVersion(
        number=int(found["number"]),
        rules=rules_in(found["terms"]),
        published_at=as_instant(found["published_at"]),
        published_by=as_uuid(found["published_by_id"]),
    )


async def _theirs(operator: Operator) -> TermsHeld:
    scope = await allowed(operator, Capability.CARRIER_TERMS)
    held = await held_terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held
