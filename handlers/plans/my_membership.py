"""付费会员 as its member sees it: what they have, until when, how it came about, and what there is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.level_rights.giving import active_rights
from handlers.paid_terms.having import TermHeld, published_plans
from handlers.plans.catalogue import PlanSeen, Standing, plan_seen, stands
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.plans import days_left
from handlers.rules.roles import Capability
from handlers.sighting import seen_member
from models.words import RightPeriod, TermCause


@dataclass(frozen=True, slots=True)
class TermSeen:
    """One term. `cut_at`: the rest from there on went back."""

    plan: str
    level: str
    cause: TermCause
    order_id: UUID | None
    paid_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime | None


@dataclass(frozen=True, slots=True)
class MembershipSeen:
    """Without one, `level` and `name` are empty and `ends_at` is None. Terms: the newest first."""

    level: str
    name: str
    ends_at: datetime | None
    days_left: int
    terms: tuple[TermSeen, ...]


@dataclass(frozen=True, slots=True)
class PlanRight:
    """What the level of a plan brings by itself, and how often."""

    name: str
    period: RightPeriod


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan with what it brings."""

    plan: PlanSeen
    rights: tuple[PlanRight, ...]


@refusing
class MyMembership:
    """Reads; changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def plans(self, person: Person) -> tuple[PlanShown, ...]:
        """What is sold, each with what it would cost this person. Raises NotSignedIn."""
        now = self._clock.now()
        standing = await stands(person.member_id, now)
        rights = await active_rights(standing.held.programme_id)
        return tuple(
            PlanShown(
                plan_seen(each, standing, now),
                tuple(PlanRight(right.name, right.period) for right in rights if each.terms.level in right.levels),
            )
            for each in await published_plans(standing.held.programme_id)
        )

    async def view(self, person: Person) -> MembershipSeen:
        """How theirs stands. Raises NotSignedIn."""
        now = self._clock.now()
        return membership_seen(await stands(person.member_id, now), now)

    async def of_member(self, operator: Operator, member_id: UUID) -> MembershipSeen:
        """How that of a member of the subtree stands. Raises RoleMissing, MemberUnknown."""
        now = self._clock.now()
        return membership_seen(await stands(await seen_member(operator, Capability.PLANS_SEEN, member_id), now), now)


def membership_seen(standing: Standing, at: datetime) -> MembershipSeen:
    """How it stands at a moment."""
    running = standing.running
    level = standing.held.ladder.level(running.level) if running else None
    return MembershipSeen(
        level=running.level if running else "",
        name=level.name if level else "",
        ends_at=running.ends_at if running else None,
        days_left=days_left(running.ends_at, at) if running else 0,
        terms=tuple(_seen(each) for each in reversed(standing.terms)),
    )


def _seen(term: TermHeld) -> TermSeen:
    stretch = term.stretch
    return TermSeen(
        plan=term.plan,
        level=term.level,
        cause=stretch.cause,
        order_id=term.order_id,
        paid_fen=stretch.paid_fen,
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
        cut_at=stretch.cut_at,
    )
