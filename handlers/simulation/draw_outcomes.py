"""What became of a draw, beside what its simulation had said.

Odds are judged by what was rolled (chi-square, see `handlers/rules/chi_square.py`): stock and caps cannot bend that.
Cost and counts depend on how many spins there were, so the plan's are scaled to as many; far from the plan nothing can
be said of them.
"""

from dataclasses import dataclass
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.codec import from_json
from handlers.draws.draw_views import theirs, view
from handlers.draws.draws import Draws, PrizeBurn
from handlers.errors import DrawUnknown
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.draw_rules import PrizeKind
from handlers.rules.fairness import rules_hash
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.simulation.draw_simulating import published_rules
from handlers.simulation.reports import PrizeReport, Report
from models.database import row
from models.sql import as_uuid
from models.statements import draw_simulations as statements
from models.words import DrawState

_NEAR = 0.8, 1.25  # times the planned number of spins: within, counts are compared


@dataclass(frozen=True, slots=True)
class PrizeOutcome:
    """One prize. `planned`, `low`, `high`: of as many spins as there were, nine of ten draws lie between.

    `is_as_planned`: None where nothing can be said.
    """

    code: str
    name: str
    awarded: int
    planned: float | None
    low: float | None
    high: float | None
    is_as_planned: bool | None


@dataclass(frozen=True, slots=True)
class DrawOutcome:
    """Costs in fen. `simulation_id`: the newest of the rules that are published, None where there was none.

    `is_alarming`: what was rolled does not look like the published odds (`p` below 0.001).
    """

    draw_id: UUID
    is_over: bool
    simulation_id: UUID | None
    spins: int
    planned_spins: int | None
    cost_fen: int
    planned_cost_fen: float | None
    cost_low_fen: float | None
    cost_high_fen: float | None
    is_cost_as_planned: bool | None
    prizes: tuple[PrizeOutcome, ...]
    p: float
    is_alarming: bool


@refusing
class DrawOutcomes:
    """Reads. Changes nothing."""

    def __init__(self, clock: Clock, draws: Draws) -> None:
        self._clock = clock
        self._draws = draws

    async def outcome(self, operator: Operator, draw_id: UUID) -> DrawOutcome:
        """Raises RoleMissing, DrawUnknown."""
        draw = view(await theirs(await allowed(operator, Capability.DRAWS), draw_id))
        burn, rules = await self._draws.burn(operator, draw_id), await published_rules(draw)
        if rules is None:  # nothing was ever published: `burn` has said so
            raise DrawUnknown
        thanks = {prize.code for prize in rules.prizes if prize.kind is PrizeKind.THANKS}  # of which there is no count
        found = await row(statements.NEWEST_OF, draw_id, rules_hash(rules))
        report = from_json(Report, orjson.loads(found["report"])) if found is not None else None
        scale = burn.spins / report.expected_spins if report else 0.0
        is_near = _NEAR[0] <= scale <= _NEAR[1]
        planned = {each.code: each for each in report.prizes} if report else {}
        return DrawOutcome(
            draw_id=draw_id,
            is_over=draw.state is DrawState.ENDED
            or (draw.closes_at is not None and draw.closes_at <= self._clock.now()),
            simulation_id=as_uuid(found["id"]) if found is not None else None,
            spins=burn.spins,
            planned_spins=report.expected_spins if report else None,
            cost_fen=burn.value_fen,
            planned_cost_fen=report.cost_mean_fen * scale if report else None,
            cost_low_fen=report.cost_low_fen * scale if report else None,
            cost_high_fen=report.cost_high_fen * scale if report else None,
            is_cost_as_planned=report.cost_low_fen * scale <= burn.value_fen <= report.cost_high_fen * scale
            if report and is_near
            else None,
            prizes=tuple(
                _prize(each, planned.get(each.code), scale, is_near=is_near)
                for each in burn.prizes
                if each.code not in thanks
            ),
            p=burn.fit.p,
            is_alarming=burn.is_alarming,
        )


def _prize(burnt: PrizeBurn, plan: PrizeReport | None, scale: float, *, is_near: bool) -> PrizeOutcome:
    if plan is None:
        return PrizeOutcome(burnt.code, burnt.name, burnt.awarded, None, None, None, None)
    planned, low, high = (
        min(count * scale, plan.stock) if plan.stock is not None else count * scale
        for count in (plan.awarded, plan.awarded_low, plan.awarded_high)
    )
    # A count is whole: one that is less than half a unit off lies between.
    is_within = low - 0.5 <= burnt.awarded <= high + 0.5 if is_near else None
    return PrizeOutcome(burnt.code, burnt.name, burnt.awarded, planned, low, high, is_within)
