"""付费会员: how long a plan lasts, what it costs whom, and what of it comes back. docs/adr/0032.

A tier is the level that a plan grants, and the order of tiers is the ladder's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.rules.fee_shares import FeeShare
from handlers.rules.fee_shares import problems_of as problems_of_shares
from handlers.rules.levels import Ladder
from handlers.rules.problems import Problem
from models.words import PlanPeriod, PlanWay, TermCause

# As long as the longest natural month, quarter and year: nobody gets fewer days than the calendar would give.
DAYS = {PlanPeriod.MONTH: 31, PlanPeriod.QUARTER: 92, PlanPeriod.YEAR: 366}
MOST_FEN = 10_000_000
MOST_TRIAL_DAYS = 31
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What is sold: for how long, at what price in fen, and the level that its buyer has meanwhile (a code).

    `trial_days`: for so long everybody may have it once without paying; 0: there is no trial. `shares`: which merchants
    have which part of each fee (融合套餐); what is given to nobody is the house's.
    """

    name: str
    level: str
    period: PlanPeriod
    price_fen: int
    trial_days: int = 0
    description: str = ""
    shares: tuple[FeeShare, ...] = ()

    @property
    def day_count(self) -> int:
        """Days of 24 hours that one purchase lasts."""
        return DAYS[self.period]


@dataclass(frozen=True, slots=True)
class Running:
    """What a person has paid for and still has: the level, until when, and how often their own row was moved.

    `sequence` 0: it runs on a member that was merged into them.
    """

    level: str
    ends_at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """One term: half-open, in whole seconds. `cut_at`: it ended there, because the rest went back."""

    number: int
    cause: TermCause
    paid_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime | None = None

    def is_alive(self, at: datetime) -> bool:
        """Whether something of it is left."""
        return self.cut_at is None and self.ends_at > at


def problems_of(terms: PlanTerms, ladder: Ladder) -> tuple[Problem, ...]:
    """Everything that stands against publishing it."""
    return tuple(_problems(terms, ladder))


def _problems(terms: PlanTerms, ladder: Ladder) -> Iterator[Problem]:
    level = ladder.level(terms.level)
    if level is None:
        yield Problem("level", "unknown", "请选择已发布的等级")
    elif not level.threshold:
        yield Problem("level", "for_all", "门槛为0的等级人人都有，不能作为付费会员")
    if not 0 < terms.price_fen <= MOST_FEN:
        yield Problem("price_fen", "out_of_range", "价格超出范围")
    if not 0 <= terms.trial_days <= MOST_TRIAL_DAYS:
        yield Problem("trial_days", "out_of_range", f"试用最多{MOST_TRIAL_DAYS}天")
    yield from problems_of_shares(terms.shares)


def way_of(level: str, running: Running | None, ladder: Ladder) -> PlanWay | None:
    """What buying a plan of this level would do for somebody who has this; None: they have something better."""
    if running is None or running.level == level:
        return PlanWay.EXTEND
    return PlanWay.UPGRADE if ladder.rank(level) > ladder.rank(running.level) else None


def days_left(ends_at: datetime, at: datetime) -> int:
    """Days of 24 hours until the end; one that has begun counts as left, so that a quote holds for some hours."""
    return max(-((at - ends_at) // _DAY), 0)


def unused_fen(paid_fen: int, starts_at: datetime, ends_at: datetime, at: datetime) -> int:
    """Of what was paid for a stretch, the part of its days that is left, rounded down (to the house)."""
    return paid_fen * days_left(ends_at, max(at, starts_at)) // max(days_left(ends_at, starts_at), 1)


def unearned_fen(
    kept_fen: int, shared_fen: int, open_fen: int, *, starts_at: datetime, ends_at: datetime, at: datetime
) -> int:
    """What is no income yet of what was paid for a stretch, in fen: what merchants will be owed, and days to come.

    `kept_fen`: what did not go back; `shared_fen`: of it the merchants', of which `open_fen` in no statement yet; below
    zero where a statement has what went back since. What is the house's is earned by the day, as it would go back
    (`unused_fen`); of a stretch that was cut, at once.
    """
    own = max(kept_fen - shared_fen, 0)
    return max(open_fen, 0) + (unused_fen(own, starts_at, ends_at, at) if at < ends_at else 0)


def worth_fen(terms: Sequence[Stretch], at: datetime) -> int:
    """What was paid for all the days that are left."""
    return sum(unused_fen(each.paid_fen, each.starts_at, each.ends_at, at) for each in terms if each.is_alive(at))


def upgrade_fen(price_fen: int, day_count: int, ends_at: datetime, terms: Sequence[Stretch], at: datetime) -> int:
    """The difference for what is left until `ends_at`: its price at the higher rate less what was paid for it.

    Rounded up (to the house); at least one fen, because nothing less can be paid.
    """
    at_new_rate = -(-price_fen * days_left(ends_at, at) // day_count)
    return max(at_new_rate - worth_fen(terms, at), 1)


def blocks_refund(term: Stretch, terms: Sequence[Stretch], at: datetime) -> bool:
    """Whether something that lies upon a term has to go back before it does.

    An upgrade lies upon everything before it; what was bought after an upgrade lies upon the upgrade.
    """
    later = [each for each in terms if each.number > term.number and each.is_alive(at)]
    if term.cause is TermCause.UPGRADED:
        return bool(later)
    return any(each.cause is TermCause.UPGRADED for each in later)
