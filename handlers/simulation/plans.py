"""What is expected of a draw, and how much of it is simulated: plain data, for those who ask for a simulation."""

from dataclasses import dataclass
from datetime import timedelta

from handlers.rules.draw_rules import WHOLE, DrawRules
from handlers.rules.problems import Problem

# Few at night, most at noon and in the evening: spins of each hour of a day, in relation to each other.
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 10, 14, 11, 8, 8, 8, 9, 11, 14, 16, 15, 10, 5)
MOST_SPINS, MOST_MEMBERS, MOST_RUNS, MOST_DAYS = 2_000_000, 1_000_000, 40, 400
MOST_OF_ONE = 1_000  # spins of one member, on average


@dataclass(frozen=True, slots=True)
class Plan:
    """What is expected of a draw, and how much is simulated."""

    expected_spins: int = 100_000  # of the whole draw
    members: int = 20_000  # who take part
    virtual_spins: int = 1_000_000  # so many whole draws as fit into these, one at least
    hours: tuple[int, ...] = HOURS
    decay_percent: int = 0  # by how much each day has fewer spins than the day before
    blocked_ppm: int = 0  # of the members, block-listed
    budget_fen: int | None = None
    seed: int = 1  # the same one gives the same report

    @property
    def runs(self) -> int:
        """How many whole draws are simulated."""
        return max(1, min(self.virtual_spins // self.expected_spins, MOST_RUNS))


def plan_problems(plan: Plan, rules: DrawRules) -> tuple[Problem, ...]:
    """What cannot be simulated, by field."""
    bounds = {
        "expected_spins": (1, MOST_SPINS),
        "members": (max(1, plan.expected_spins // MOST_OF_ONE), MOST_MEMBERS),
        "virtual_spins": (1, MOST_SPINS),
        "decay_percent": (0, 90),
        "blocked_ppm": (0, WHOLE),
        "seed": (0, 2**63 - 1),
    }
    found = [
        Problem(name, "out_of_range", f"须在{low}到{high}之间")
        for name, (low, high) in bounds.items()
        if not low <= getattr(plan, name) <= high
    ]
    if len(plan.hours) != 24 or any(not 0 <= each <= WHOLE for each in plan.hours) or not any(plan.hours):
        found.append(Problem("hours", "malformed", "请给出24个小时的相对人数"))
    if plan.budget_fen is not None and plan.budget_fen < 0:
        found.append(Problem("budget_fen", "negative", "预算不能是负数"))
    if not timedelta(0) < rules.closes_at - rules.opens_at <= timedelta(days=MOST_DAYS):
        found.append(Problem("closes_at", "out_of_range", f"活动时间最长{MOST_DAYS}天"))
    return tuple(found)
