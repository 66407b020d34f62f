"""What a purchase earns, and what of that goes when money is given back. Pure, exact, in whole numbers.

Each line earns by the most special rate that fits it (level and category before category alone, that before level
alone, that before neither), times every factor that fits. The sum over the lines is rounded down once, at the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from models.words import PurchaseRuleKind

YUAN = 100  # fen
ONE = 10_000  # basis points
MOST = 1_000_000_000  # of a unit, by one purchase: a rule that somebody mistyped gives no more


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a purchase."""

    category: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A rate (`factor_bp` / 10,000 of the unit per yuan) or a factor (times so much), for whom, what and when.

    Empty `level` or `category`: whatever it is. Half-open [`starts_at`, `ends_at`), by when was paid; None: always.
    """

    code: str
    unit: str
    kind: PurchaseRuleKind
    factor_bp: int
    level: str = ""
    category: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def fits(self, level: str, category: str, paid_at: datetime) -> bool:
        """Whether it speaks of this."""
        return (
            self.level in ("", level)
            and self.category in ("", category)
            and (self.starts_at is None or self.starts_at <= paid_at)
            and (self.ends_at is None or paid_at < self.ends_at)
        )

    @property
    def speciality(self) -> tuple[bool, bool, bool, str]:
        """Higher is more special: by category, by level, by time; of two that are alike, the later code."""
        return self.category != "", self.level != "", self.starts_at is not None or self.ends_at is not None, self.code


def earned(rules: Sequence[Rule], lines: Iterable[Line], *, unit: str, level: str, paid_at: datetime) -> int:
    """How much of a unit a purchase earns."""
    mine = [rule for rule in rules if rule.unit == unit]
    total = Fraction(0)
    for line in lines:
        fitting = [rule for rule in mine if rule.fits(level, line.category, paid_at)]
        rates = [rule for rule in fitting if rule.kind is PurchaseRuleKind.RATE]
        if not rates:
            continue
        worth = Fraction(line.amount_fen * max(rates, key=lambda rule: rule.speciality).factor_bp, YUAN * ONE)
        for rule in fitting:
            if rule.kind is PurchaseRuleKind.FACTOR:
                worth *= Fraction(rule.factor_bp, ONE)
        total += worth
    return min(total.numerator // total.denominator, MOST)


def gone(amount: int, *, paid_fen: int, refunded_fen: int) -> int:
    """How much of what a purchase brought goes in all, once so much of it was given back.

    What stays is the paid part of it, rounded down: by how many refunds, and in which order, makes no difference.
    """
    return amount - amount * (paid_fen - refunded_fen) // paid_fen
