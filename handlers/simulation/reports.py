"""What the operator reads before they publish: cost, what runs out and when, what pity does, and warnings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrizeReport:
    """One prize; counts are averages of a whole draw. Shares are 0..1, instants those of the middle run."""

    code: str
    name: str
    ppm: int
    stock: int | None
    rolled: float
    awarded: float
    awarded_low: float
    awarded_high: float
    cost_fen: float
    runs_out: float  # how likely
    runs_out_at: str | None  # RFC 3339, of those draws in which it did


@dataclass(frozen=True, slots=True)
class PityReport:
    """What pity adds to the odds of the prizes it speaks of."""

    base_share: float
    rolled_share: float
    guaranteed_share: float  # of all spins


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to think about; publishing stays possible."""

    code: str
    prize: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """Costs are fen of one whole draw. Within `low` and `high` lie nine of ten draws."""

    title: str
    runs: int
    virtual_spins: int
    expected_spins: int
    cost_mean_fen: float
    cost_low_fen: float
    cost_high_fen: float
    prizes: tuple[PrizeReport, ...]
    pity: PityReport | None
    warnings: tuple[Caution, ...]
    ticks: tuple[str, ...]  # ends of the sixty parts of the draw, RFC 3339
    given: tuple[tuple[float, ...], ...]  # of each prize, how many by each tick
