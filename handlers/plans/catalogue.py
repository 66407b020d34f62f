"""What there is and what it would cost somebody: the one decision that showing and ordering share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.levels.ladders import LadderHeld, ladder_now
from handlers.paid_terms.having import PlanSold, TermHeld, own_stretches, running_of, terms_of
from handlers.rules.plans import Running, upgrade_fen, way_of
from handlers.standing import canonical
from models.words import PlanPeriod, PlanWay


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has paid for, as it stands at one moment."""

    member_id: UUID
    held: LadderHeld
    running: Running | None
    terms: Sequence[TermHeld]


@dataclass(frozen=True, slots=True)
class PlanPriced:
    """What a plan would do for somebody now, and for how much. `way` None: nothing, they have something better."""

    way: PlanWay | None
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PlanSeen:
    """A plan as members see it. `amount_fen` is theirs: the whole price, or the difference of an upgrade."""

    id: UUID
    name: str
    description: str
    level: str
    level_name: str
    period: PlanPeriod
    day_count: int
    price_fen: int
    trial_days: int
    way: PlanWay | None
    amount_fen: int


async def stands(member_id: UUID, at: datetime) -> Standing:
    """Of a member id of any time. Raises NotSignedIn."""
    at, today, held = at.replace(microsecond=0), await canonical(member_id), await ladder_now()
    return Standing(today, held, await running_of(today, held, at), await terms_of(today))


def priced(plan: PlanSold, standing: Standing, at: datetime) -> PlanPriced:
    """By the version that is sold now."""
    running, terms = standing.running, plan.terms
    way = way_of(terms.level, running, standing.held.ladder)
    if way is PlanWay.UPGRADE and running is not None:
        if not running.sequence:  # it runs on a member that was merged into them; when it ends, they can
            return PlanPriced(None, terms.price_fen)
        own = own_stretches(standing.terms, standing.member_id)
        at = at.replace(microsecond=0)
        return PlanPriced(way, upgrade_fen(terms.price_fen, terms.day_count, running.ends_at, own, at))
    return PlanPriced(way, terms.price_fen)


def plan_seen(plan: PlanSold, standing: Standing, at: datetime) -> PlanSeen:
    """With what it would be for this person."""
    terms, theirs = plan.terms, priced(plan, standing, at)
    level = standing.held.ladder.level(terms.level)
    return PlanSeen(
        id=plan.id,
        name=terms.name,
        description=terms.description,
        level=terms.level,
        level_name=level.name if level else "",
        period=terms.period,
        day_count=terms.day_count,
        price_fen=terms.price_fen,
        trial_days=terms.trial_days,
        way=theirs.way,
        amount_fen=theirs.amount_fen,
    )
