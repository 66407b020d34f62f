"""Simulations of draws as operators ask for and see them. Costs are fen, instants of the report RFC 3339."""

from datetime import datetime

from pydantic import Field

from handlers.simulation.plans import HOURS, Plan
from miniapp_api.operator.offer_shapes import Count
from miniapp_api.shapes import Body, Id, Out


class SimulationBody(Body):
    """What is expected of the draw. Which values make sense is said in one answer, by field."""

    expected_spins: Count = Field(default=100_000, description="of the whole draw")
    members: Count = Field(default=20_000, description="who take part")
    virtual_spins: Count = Field(default=1_000_000, description="so many whole draws as fit, one at least")
    hours: list[Count] = Field(default=list(HOURS), max_length=24, description="spins of each hour of a day, relative")
    decay_percent: Count = Field(default=0, description="by how much each day has fewer spins than the one before")
    blocked_ppm: Count = Field(default=0, description="of the members, block-listed")
    budget_fen: Count | None = None
    seed: Count = Field(default=1, description="the same one gives the same report")

    def facts(self) -> Plan:
        """As the simulation takes it."""
        return Plan(**self.model_dump(exclude={"hours"}), hours=tuple(self.hours))


class PlanOut(Out):
    expected_spins: int
    members: int
    virtual_spins: int
    hours: list[int]
    decay_percent: int
    blocked_ppm: int
    budget_fen: int | None
    seed: int


class PrizeReportOut(Out):
    """Counts are averages of a whole draw; within low and high lie nine of ten. `runs_out`: how likely, 0..1."""

    code: str
    name: str
    ppm: int
    stock: int | None
    rolled: float
    awarded: float
    awarded_low: float
    awarded_high: float
    cost_fen: float
    runs_out: float
    runs_out_at: datetime | None


class PityReportOut(Out):
    """Shares of all spins, 0..1."""

    base_share: float
    rolled_share: float
    guaranteed_share: float


class CautionOut(Out):
    """Something to think about; publishing stays possible."""

    code: str
    prize: str | None
    text: str


class ReportOut(Out):
    """`given`: of each prize how many by each of the sixty instants of `ticks`."""

    title: str
    runs: int
    virtual_spins: int
    expected_spins: int
    cost_mean_fen: float
    cost_low_fen: float
    cost_high_fen: float
    prizes: list[PrizeReportOut]
    pity: PityReportOut | None
    warnings: list[CautionOut]
    ticks: list[datetime]
    given: list[list[float]]


class SimulationOut(Out):
    """`is_draft`, `is_published`: whether these are the rules that stand there now."""

    id: Id
    draw_id: Id
    plan: PlanOut
    report: ReportOut
    simulated_at: datetime
    operator_id: Id
    is_draft: bool
    is_published: bool


class PrizeOutcomeOut(Out):
    """`planned`, `low`, `high`: of as many spins as there were. `is_as_planned`: null where nothing can be said."""

    code: str
    name: str
    awarded: int
    planned: float | None
    low: float | None
    high: float | None
    is_as_planned: bool | None


class OutcomeOut(Out):
    """Beside the newest simulation of the published rules. `p`: how often fair rolls look at least as odd."""

    draw_id: Id
    is_over: bool
    simulation_id: Id | None
    spins: int
    planned_spins: int | None
    cost_fen: int
    planned_cost_fen: float | None
    cost_low_fen: float | None
    cost_high_fen: float | None
    is_cost_as_planned: bool | None
    prizes: list[PrizeOutcomeOut]
    p: float
    is_alarming: bool
