"""The rules of commissions as operators draft and publish them, by version, and the kill switch of each level."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import from_json, to_json
from handlers.errors import CommissionRulesUnpublishable, RoleMissing
from handlers.points.points_terms import terms as programme_terms
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.commission import MOST_LEVELS, CommissionTerms, problems_of
from handlers.rules.problems import facts_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.distribution import CommissionRule
from models.ids import new_id
from models.sql import Both, as_instant, as_uuid
from models.statements import distribution as statements


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One published version; with number 0, the draft."""

    number: int
    terms: CommissionTerms
    since: datetime
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LevelSwitch:
    """Whether sales give commissions of this level; `changed_at` None: nobody ever threw it."""

    level: int
    is_off: bool
    changed_at: datetime | None = None


async def rules_in_force(programme_id: UUID) -> RuleVersion | None:
    """The last published version; None: there is no distribution here."""
    found = await row(statements.LATEST, programme_id)
    return _version(found) if found else None


@refusing
class CommissionRules:
    """Drafts, publishes, and switches levels off and on, for operators of the programme's organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def draft(self, operator: Operator) -> RuleVersion | None:
        """What is being written; None: nothing yet. Raises RoleMissing."""
        programme_id, _ = await _theirs(operator)
        return await _draft(programme_id)

    async def set_draft(
        self, operator: Operator, wanted: CommissionTerms, *, request_id: str | None
    ) -> Answer[RuleVersion]:
        """Replace it; what is in force stays. Raises RoleMissing, KeyReused."""
        programme_id, place = await _theirs(operator)

        async def effect() -> RuleVersion:
            now = self._clock.now()
            await rows(statements.SET_DRAFT, new_id(), now, programme_id, to_json(wanted))
            await record(operator, "commission_rules.drafted", "programme", programme_id, at=now, organization_id=place)
            return RuleVersion(0, wanted, now)

        return await once(
            operator, "commission_rules.draft", request_id, facts=wanted, result=RuleVersion, effect=effect
        )

    async def publish(self, operator: Operator, *, request_id: str) -> Answer[RuleVersion]:
        """Put the draft in force as the next version, for orders that are made from now on.

        Raises RoleMissing, CommissionRulesUnpublishable, KeyReused.
        """
        programme_id, place = await _theirs(operator)

        async def effect() -> RuleVersion:
            drafted = await _draft(programme_id, statements.DRAFT_LOCKED)
            if drafted is None:
                raise CommissionRulesUnpublishable(why="还没有草稿，请先填写。", problems=[])
            terms, now = drafted.terms, self._clock.now()
            if problems := problems_of(terms):
                raise CommissionRulesUnpublishable(**facts_of(problems))
            before = await rules_in_force(programme_id)
            rule = await CommissionRule.create(
                programme_id=programme_id,
                number=before.number + 1 if before else 1,
                level_count=terms.level_count,
                window_days=terms.window_days,
                protection_days=terms.protection_days,
                hold_days=terms.hold_days,
                freeze_days=terms.freeze_days,
                cap_bp=terms.cap_bp,
                terms=to_json(terms),
                published_by_id=operator.id,
                published_at=now,
            )
            told = {"number": rule.number, "level_count": terms.level_count, "cap_bp": terms.cap_bp}
            await record(
                operator,
                "commission_rules.published",
                "programme",
                programme_id,
                at=now,
                organization_id=place,
                **told,
            )
            return RuleVersion(rule.number, terms, now, rule.id)

        return await once(
            operator, "commission_rules.publish", request_id, facts=None, result=RuleVersion, effect=effect
        )

    async def versions(self, operator: Operator, *, before: int | None, limit: int) -> tuple[RuleVersion, ...]:
        """What was in force, the newest first. Raises RoleMissing."""
        programme_id, _ = await _theirs(operator)
        return tuple(_version(each) for each in await rows(statements.VERSIONS, programme_id, before, limit))

    async def switches(self, operator: Operator) -> tuple[LevelSwitch, ...]:
        """Every level's. Raises RoleMissing."""
        programme_id, _ = await _theirs(operator)
        return await _switches(programme_id)

    async def switch(
        self, operator: Operator, level: int, *, is_off: bool, request_id: str | None
    ) -> Answer[LevelSwitch]:
        """Off: sales that are paid from now on give none of this level; what is earned stays. Raises RoleMissing."""
        programme_id, place = await _theirs(operator)

        async def effect() -> LevelSwitch:
            now = self._clock.now()
            await rows(statements.SET_SWITCH, new_id(), now, programme_id, level, is_off)
            told = {"level": level, "is_off": is_off}
            await record(
                operator, "commission_level.switched", "programme", programme_id, at=now, organization_id=place, **told
            )
            return LevelSwitch(level, is_off, now)

        facts = {"level": level, "is_off": is_off}
        return await once(
            operator, "commission_level.switch", request_id, facts=facts, result=LevelSwitch, effect=effect
        )


async def _switches(programme_id: UUID) -> tuple[LevelSwitch, ...]:
    thrown = {int(each["level"]): each for each in await rows(statements.SWITCHES, programme_id)}
    return tuple(
        LevelSwitch(level, bool(thrown[level]["is_off"]), as_instant(thrown[level]["changed_at"]))
        if level in thrown
        else LevelSwitch(level, is_off=False)
        for level in range(1, MOST_LEVELS + 1)
    )


async def _draft(programme_id: UUID, statement: str | Both = statements.DRAFT) -> RuleVersion | None:
    found = await row(statement, programme_id)
    return RuleVersion(0, _terms(found["terms"]), as_instant(found["edited_at"])) if found else None


def _version(found: Mapping[str, Any]) -> RuleVersion:
    return RuleVersion(
        int(found["number"]), _terms(found["terms"]), as_instant(found["published_at"]), as_uuid(found["id"])
    )


def _terms(stored: Any) -> CommissionTerms:
    return from_json(CommissionTerms, orjson.loads(stored) if isinstance(stored, str) else stored)


async def _theirs(operator: Operator) -> tuple[UUID, UUID]:
    """The programme and its organization. Raises RoleMissing where that is another organization's."""
    scope = await allowed(operator, Capability.COMMISSION_RULES)
    held = await programme_terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held.programme_id, held.organization_id
