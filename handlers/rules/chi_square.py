"""Pearson's chi-square: whether what was rolled can be chance, given the odds that were in force."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

from handlers.rules.draw_rules import WHOLE
from handlers.rules.prize_table import Table

ALARM_BELOW = 0.001  # fair draws alarm once in a thousand looks
_ENOUGH = 5.0  # expected in a cell; smaller ones are put together
_CLOSE = 1e-15


@dataclass(frozen=True, slots=True)
class Fit:
    """How well it fits: `p` is how often fair draws look at least as odd as these; 1 where nothing can be said."""

    statistic: float
    degrees: int
    p: float

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look at it."""
        return self.p < ALARM_BELOW


def planned(table: Table, points: Iterable[tuple[int, int, int]]) -> list[float]:
    """How many of each prize fair rolls give on average, in the order of the prizes.

    `points`: (spins, since, how many spins found a member at this point of pity), as the rows of the log say.
    """
    expected = [0.0] * len(table.prizes)
    for spins, since, count in points:
        for place, ppm in enumerate(table.shares(spins, since).ppm):
            expected[place] += count * ppm / WHOLE
    return expected


def fit(observed: Sequence[int], expected: Sequence[float]) -> Fit:
    """What was *rolled* against what was planned; what was awarded also follows the stock and proves nothing.

    Raises ValueError when both do not sum to the same, or something was rolled that has no share at all.
    """
    if abs(sum(observed) - sum(expected)) > 1e-6 * max(sum(observed), 1):
        raise ValueError("as many were observed as expected")
    if any(seen and plan == 0 for seen, plan in zip(observed, expected, strict=True)):
        return Fit(float("inf"), 0, 0.0)
    cells = _together(observed, expected)
    if len(cells) < 2:
        return Fit(0.0, 0, 1.0)
    statistic = sum((seen - plan) ** 2 / plan for seen, plan in cells)
    degrees = len(cells) - 1
    return Fit(statistic, degrees, upper_gamma(degrees / 2, statistic / 2))


def _together(observed: Sequence[int], expected: Sequence[float]) -> list[tuple[int, float]]:
    """The cells, small ones put together from the smallest on until each is large enough."""
    pairs = sorted(zip(expected, observed, strict=True))
    cells: list[tuple[int, float]] = []
    seen, plan = 0, 0.0
    for expectation, observation in pairs:
        seen, plan = seen + observation, plan + expectation
        if plan >= _ENOUGH:
            cells.append((seen, plan))
            seen, plan = 0, 0.0
    if plan > 0 and cells:
        cells[-1] = cells[-1][0] + seen, cells[-1][1] + plan
    return cells


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), for a > 0 and x >= 0: the tail of chi-square with 2a
    degrees of freedom at 2x (Numerical Recipes §6.2: a series below a + 1, Lentz's continued fraction above)."""
    if x <= 0:
        return 1.0
    scale = exp(a * log(x) - x - lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        step = a
        while abs(term) > abs(total) * _CLOSE:
            step += 1
            term *= x / step
            total += term
        return max(1 - total * scale, 0.0)
    b = x + 1 - a
    c, d = 1e300, 1 / b
    fraction = d
    for n in range(1, 10_000):
        numerator = -n * (n - a)
        b += 2
        d = 1 / (numerator * d + b or 1e-300)
        c = b + numerator / c or 1e-300
        fraction *= d * c
        if abs(d * c - 1) < _CLOSE:
            break
    return fraction * scale
