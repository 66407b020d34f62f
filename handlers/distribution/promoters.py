"""Becoming a promoter (分销员): asked for by a member, free of charge, and decided by the rules or by an operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.distribution.commission_rules import RuleVersion, rules_in_force
from handlers.distribution.money import money_of
from handlers.errors import DistributionClosed, NotAMember, PromoterConditions, PromoterStateWrong
from handlers.points.points_terms import terms as programme_terms
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.commission import CommissionTerms
from handlers.standing import canonical, standing
from models.database import row, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import distribution as statements
from models.words import Admission, CommissionState, PromoterState

HINDRANCE = "commission.pending"


@dataclass(frozen=True, slots=True)
class PromoterSeen:
    """How a promoter stands, for themselves. Who came is told in numbers only.

    `window_days`, `hold_days`, `freeze_days`: what the rules in force say (0: there are none).
    """

    state: PromoterState | None
    reason: str
    applied_at: datetime | None
    came_count: int
    sale_count: int
    is_open: bool
    window_days: int
    hold_days: int
    freeze_days: int


@dataclass(frozen=True, slots=True)
class CommissionEntry:
    """One line: negative where a refund took back. `level` 1: of somebody they brought themselves."""

    id: UUID
    number: str
    level: int
    amount_fen: int
    state: CommissionState
    earned_at: datetime
    available_at: datetime | None


@dataclass(frozen=True, slots=True)
class CommissionTotals:
    """`pending_fen`: the day is not known yet; `frozen_fen`: it is; `owed_fen` is taken out of what comes next."""

    pending_fen: int
    frozen_fen: int
    available_fen: int
    held_fen: int
    owed_fen: int


@refusing
class Promoters:
    """Takes applications, and shows promoters what is theirs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def view(self, person: Person) -> PromoterSeen:
        """How they stand; with no state they never applied. Raises NotSignedIn."""
        return await _seen(await canonical(person.member_id))

    async def apply(self, person: Person, *, request_id: str) -> Answer[PromoterSeen]:
        """Ask to become one; again, nothing changes. Whoever was refused may ask anew.

        Raises NotAMember, DistributionClosed, PromoterConditions, PromoterStateWrong (they were stopped), NotSignedIn,
        MemberFrozen, KeyReused.
        """

        async def effect() -> PromoterSeen:
            member_id, now = await standing(person.member_id), self._clock.now()
            version = await _in_force()
            if version is None:
                raise DistributionClosed
            await _check(member_id, version.terms, now)
            found = await row(statements.MINE, member_id)
            state = PromoterState(found["state"]) if found else None
            if state is PromoterState.STOPPED:
                raise PromoterStateWrong(state=state.value)
            if state in {None, PromoterState.REFUSED}:
                is_open = version.terms.admission is Admission.OPEN
                target, decided_at = (PromoterState.ACTIVE, now) if is_open else (PromoterState.WAITING, None)
                await rows(statements.APPLY, new_id(), now, await _row_of(member_id), target.value, decided_at)
            return await _seen(member_id)

        return await once(person, "promoter.apply", request_id, facts=None, result=PromoterSeen, effect=effect)

    async def totals(self, person: Person) -> CommissionTotals:
        """Their money. Raises NotSignedIn."""
        return await totals_of(await canonical(person.member_id))

    async def entries(self, person: Person, *, after: UUID | None, limit: int) -> list[CommissionEntry]:
        """Their commissions, the newest first. Raises NotSignedIn."""
        found = await rows(statements.ENTRIES, await canonical(person.member_id), after, limit)
        return [_entry(each) for each in found]

    async def balance(self, member_id: UUID) -> int:
        """What they can have now, in fen, less what they owe: below zero where that is more. Raises NotSignedIn."""
        totals = await totals_of(await canonical(member_id))
        return totals.available_fen - totals.owed_fen

    async def hinders_leaving(self, member_ids: Sequence[UUID]) -> str | None:
        """Why somebody cannot leave yet: commissions of theirs are not available yet."""
        return HINDRANCE if await rows(statements.WAITS, [as_uuid(each) for each in member_ids]) else None


async def totals_of(member_id: UUID) -> CommissionTotals:
    """The money of a member, by today's id."""
    stands = {each["state"]: int(each["amount"]) for each in await rows(statements.STANDS, member_id)}
    money = (await money_of([member_id])).get(member_id)
    return CommissionTotals(
        pending_fen=stands.get(CommissionState.PENDING.value, 0),
        frozen_fen=stands.get(CommissionState.FROZEN.value, 0),
        available_fen=money.available_fen if money else 0,
        held_fen=money.held_fen if money else 0,
        owed_fen=money.owed_fen if money else 0,
    )


async def _in_force() -> RuleVersion | None:
    return await rules_in_force((await programme_terms()).programme_id)


async def _row_of(member_id: UUID) -> UUID:
    """Whose row it is: that of before a merge, where there is one."""
    found = await row(statements.PROMOTER_ROW, member_id)
    return as_uuid(found["member_id"]) if found else member_id


async def _check(member_id: UUID, terms: CommissionTerms, now: datetime) -> None:
    found = await row(statements.APPLICANT, member_id)
    if found is None or not found["joined_at"]:
        raise NotAMember
    missing = []
    if terms.needs_phone and not found["has_phone"]:
        missing.append("phone")
    if as_instant(found["joined_at"]) + timedelta(days=terms.least_member_days) > now:
        missing.append("member_days")
    if missing:
        raise PromoterConditions(missing=missing, least_member_days=terms.least_member_days)


async def _seen(member_id: UUID) -> PromoterSeen:
    found, version = await row(statements.MINE, member_id), await _in_force()
    terms = version.terms if version else None
    return PromoterSeen(
        state=PromoterState(found["state"]) if found else None,
        reason=found["reason"] if found else "",
        applied_at=as_instant(found["applied_at"]) if found else None,
        came_count=int(found["came_count"]) if found else 0,
        sale_count=int(found["sale_count"]) if found else 0,
        is_open=terms is not None,
        window_days=terms.window_days if terms else 0,
        hold_days=terms.hold_days if terms else 0,
        freeze_days=terms.freeze_days if terms else 0,
    )


def _entry(each: Mapping[str, Any]) -> CommissionEntry:
    return CommissionEntry(
        id=as_uuid(each["id"]),
        number=str(each["number"])[-8:].upper(),
        level=int(each["level"]),
        amount_fen=int(each["amount_fen"]),
        state=CommissionState(each["state"]),
        earned_at=as_instant(each["earned_at"]),
        available_at=as_instant(each["frozen_until"]) if each["frozen_until"] else None,
    )
