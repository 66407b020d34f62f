"""The terms of points and the rules by which they are earned, as operators set them. They hold for what comes after."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.cards.card_kinds import MAIN
from handlers.errors import BudgetBelowUsed, PointsTermsIncomplete, RoleMissing
from handlers.levels.ladders import main_programme
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.ledger import FEN, Unit
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import points as statements
from models.words import PointsExpiry


@dataclass(frozen=True, slots=True)
class TermsHeld:
    """What holds now. `budget`: points that rules may give in all (None: no limit), `budget_used` of them are given."""

    programme_id: UUID
    organization_id: UUID
    expiry: PointsExpiry
    expiry_count: int
    grace_days: int
    budget: int | None
    budget_used: int


@dataclass(frozen=True, slots=True)
class TermsWanted:
    """What is to hold from now on; `PointsTerms` tells what each means."""

    expiry: PointsExpiry = PointsExpiry.NEVER
    expiry_count: int = 0
    grace_days: int = 0
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class RuleWanted:
    """A rule by its code; again, it is changed."""

    code: str
    name: str
    pending_days: int = 0
    cap_amount: int | None = None
    cap_period: str = "day"
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as it holds now."""

    id: UUID
    code: str
    name: str
    pending_days: int
    cap_amount: int | None
    cap_period: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class EarningTerms:
    """By what points are earned: the terms, and the rules by their codes."""

    held: TermsHeld
    rules: Mapping[str, RuleView]


async def terms() -> TermsHeld:
    """The terms of the main programme; without any, points never end and have no budget. One read."""
    return _held(await rows(statements.TERMS, MAIN))


async def earning_terms() -> EarningTerms:
    """Those, and the rules. One read as well."""
    found = await rows(statements.TERMS_AND_RULES, MAIN)
    return EarningTerms(_held(found), {each["code"]: _rule(each) for each in found if each["code"]})


def _held(programme: Sequence[Mapping[str, Any]]) -> TermsHeld:
    if not programme:
        raise LookupError("there is no programme")
    found = programme[0]
    return TermsHeld(
        programme_id=as_uuid(found["programme_id"]),
        organization_id=as_uuid(found["organization_id"]),
        expiry=PointsExpiry(found["expiry"]),
        expiry_count=int(found["expiry_count"]),
        grace_days=int(found["grace_days"]),
        budget=None if found["budget"] is None else int(found["budget"]),
        budget_used=int(found["budget_used"]),
    )


async def fen() -> Unit:
    """Money of the main programme, which stands in the same ledger as its points."""
    return Unit(await main_programme(), FEN)


def _rule(found: Mapping[str, Any]) -> RuleView:
    return RuleView(
        id=as_uuid(found["id"]),
        code=found["code"],
        name=found["name"],
        pending_days=int(found["pending_days"]),
        cap_amount=None if found["cap_amount"] is None else int(found["cap_amount"]),
        cap_period=found["cap_period"],
        is_active=bool(found["is_active"]),
    )


@refusing
class PointsTermsEditing:
    """Looks at and sets the terms and rules of the programme, for operators of its organization."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def view(self, operator: Operator) -> TermsHeld:
        """Raises RoleMissing (also when the programme is another organization's)."""
        return await _theirs(operator)

    async def set(self, operator: Operator, wanted: TermsWanted, *, request_id: str | None) -> Answer[TermsHeld]:
        """Lots that exist keep their ends. Raises RoleMissing, BudgetBelowUsed, PointsTermsIncomplete, KeyReused."""
        await _theirs(operator)
        if wanted.expiry is PointsExpiry.DAYS and not wanted.expiry_count:
            raise PointsTermsIncomplete(field="expiry_count")

        async def effect() -> TermsHeld:
            held, now = await terms(), self._clock.now()
            values = wanted.expiry, wanted.expiry_count, wanted.grace_days, wanted.budget
            if not await rows(statements.SET_TERMS, new_id(), now, held.programme_id, *values):
                raise BudgetBelowUsed(used=(await terms()).budget_used)
            told, place = asdict(wanted), held.organization_id
            await record(
                operator, "points.terms_set", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return await terms()

        return await once(operator, "points.terms", request_id, facts=wanted, result=TermsHeld, effect=effect)

    async def rules(self, operator: Operator, *, after: str | None, limit: int) -> tuple[RuleView, ...]:
        """By code, those behind one. Raises RoleMissing."""
        programme_id = (await _theirs(operator)).programme_id
        return tuple(map(_rule, await rows(statements.RULES_PAGE, programme_id, after, limit)))

    async def set_rule(self, operator: Operator, wanted: RuleWanted, *, request_id: str | None) -> Answer[RuleView]:
        """Add a rule, or change the one of this code. Raises RoleMissing, KeyReused."""
        held = await _theirs(operator)

        async def effect() -> RuleView:
            now, values = self._clock.now(), asdict(wanted)
            await rows(statements.SET_RULE, new_id(), now, held.programme_id, *values.values())
            told = {"rule": wanted.code, **{name: value for name, value in values.items() if name != "code"}}
            place = held.organization_id
            await record(
                operator, "points.rule_set", "programme", held.programme_id, at=now, organization_id=place, **told
            )
            return (await earning_terms()).rules[wanted.code]

        return await once(operator, "points.rule", request_id, facts=wanted, result=RuleView, effect=effect)


async def _theirs(operator: Operator) -> TermsHeld:
    scope = await allowed(operator, Capability.POINTS)
    held = await terms()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held
