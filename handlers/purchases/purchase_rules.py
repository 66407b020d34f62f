"""What purchases earn, as operators set it. Rules hold for what is told of after; what was earned stays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import PurchaseRuleIncomplete, RoleMissing
from handlers.points.points_terms import TermsHeld, terms
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.purchases import Rule
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import purchases as statements
from models.words import PurchaseRuleKind

EARNED_BY = "purchase"  # the earning rule by whose caps and pending days points of purchases are given


@dataclass(frozen=True, slots=True)
class PurchaseRuleWanted:
    """A rule by its code; again, it is changed. `PurchaseRule` tells what each part means."""

    code: str
    name: str
    unit: str
    kind: PurchaseRuleKind
    factor_bp: int
    level: str = ""
    category: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class PurchaseRuleView:
    """A rule as it holds now."""

    id: UUID
    code: str
    name: str
    unit: str
    kind: PurchaseRuleKind
    factor_bp: int
    level: str
    category: str
    starts_at: datetime | None
    ends_at: datetime | None
    is_active: bool

    @property
    def rule(self) -> Rule:
        """What is reckoned with."""
        return Rule(
            self.code, self.unit, self.kind, self.factor_bp, self.level, self.category, self.starts_at, self.ends_at
        )


async def rules_of(programme_id: UUID) -> tuple[PurchaseRuleView, ...]:
    """All of a programme, by code. One read."""
    return tuple([_seen(each) for each in await rows(statements.RULES, programme_id)])


@refusing
class PurchaseRules:
    """Looks at and sets them, for operators of the programme's organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(self, operator: Operator, *, after: str | None, limit: int) -> tuple[PurchaseRuleView, ...]:
        """By code, those behind one. Raises RoleMissing (also when the programme is another organization's)."""
        programme_id = (await _theirs(operator)).programme_id
        return tuple(map(_seen, await rows(statements.RULES_PAGE, programme_id, after, limit)))

    async def set(
        self, operator: Operator, wanted: PurchaseRuleWanted, *, request_id: str | None
    ) -> Answer[PurchaseRuleView]:
        """Add a rule, or change the one of this code. Raises RoleMissing, PurchaseRuleIncomplete, KeyReused."""
        held = await _theirs(operator)
        if wanted.starts_at and wanted.ends_at and wanted.ends_at <= wanted.starts_at:
            raise PurchaseRuleIncomplete(field="ends_at")

        async def effect() -> PurchaseRuleView:
            now, values = self._clock.now(), asdict(wanted)
            written = (wanted.unit, wanted.kind.value, wanted.level, wanted.category, wanted.factor_bp)
            times = (wanted.starts_at, wanted.ends_at, wanted.is_active)
            head = (new_id(), now, held.programme_id, wanted.code, wanted.name)
            await rows(statements.SET_RULE, *head, *written, *times)
            told = {"rule": wanted.code, **{name: value for name, value in values.items() if name != "code"}}
            place = held.organization_id
            await record(
                operator, "purchases.rule_set", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return next(each for each in await rules_of(held.programme_id) if each.code == wanted.code)

        operation = "purchases.rule"
        return await once(operator, operation, request_id, facts=wanted, result=PurchaseRuleView, effect=effect)


async def _theirs(operator: Operator) -> TermsHeld:
    scope = await allowed(operator, Capability.POINTS)
    held = await terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held


def _seen(found: Mapping[str, Any]) -> PurchaseRuleView:
    starts_at, ends_at = found["starts_at"], found["ends_at"]
    return PurchaseRuleView(
        id=as_uuid(found["id"]),
        code=found["code"],
        name=found["name"],
        unit=found["unit"],
        kind=PurchaseRuleKind(found["kind"]),
        factor_bp=int(found["factor_bp"]),
        level=found["level"],
        category=found["category"],
        starts_at=as_instant(starts_at) if starts_at else None,
        ends_at=as_instant(ends_at) if ends_at else None,
        is_active=bool(found["is_active"]),
    )
