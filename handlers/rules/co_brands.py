"""联名会员: what an agreement with a partner says, what stands against it, and how long it gives whom what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.rules.problems import Problem

MOST_DAYS = 1_100
MOST_SUBSIDY_FEN = 10_000_000
MOST_CAP_FEN = 10**12
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Subsidy:
    """What a side gives for each who joins, in fen, and for all together at most."""

    subsidy_fen: int = 0
    cap_fen: int = 0


@dataclass(frozen=True, slots=True)
class CoBrandTerms:
    """One agreement: half-open, with a partner that is an organization or a merchant (its code), not both.

    `is_free`: whoever joins is given the plan's time; otherwise they have bought the plan. `channel` (its code): by
    which the partner asks for its figures; None: it does not.
    """

    name: str
    partner_name: str
    plan_id: UUID
    starts_at: datetime
    ends_at: datetime
    is_free: bool = True
    house: Subsidy = Subsidy()
    partner: Subsidy = Subsidy()
    partner_organization_id: UUID | None = None
    partner_merchant: str | None = None
    channel: str | None = None
    description: str = ""


def problems_of(terms: CoBrandTerms, at: datetime) -> tuple[Problem, ...]:
    """Everything that stands against publishing it."""
    return tuple(_problems(terms, at))


def _problems(terms: CoBrandTerms, at: datetime) -> Iterator[Problem]:
    if (terms.partner_organization_id is None) == (terms.partner_merchant is None):
        yield Problem("partner", "one_of_two", "合作方请选择一个机构或一个商户")
    if terms.ends_at <= max(terms.starts_at, at):
        yield Problem("ends_at", "not_ahead", "结束时间要晚于开始时间和现在")
    elif terms.ends_at - terms.starts_at > timedelta(days=MOST_DAYS):
        yield Problem("ends_at", "too_long", f"期限最长{MOST_DAYS}天")
    for name, side in (("house", terms.house), ("partner", terms.partner)):
        if not (0 <= side.subsidy_fen <= MOST_SUBSIDY_FEN and 0 <= side.cap_fen <= MOST_CAP_FEN):
            yield Problem(name, "out_of_range", "补贴金额超出范围")
        elif side.cap_fen < side.subsidy_fen:
            yield Problem(name, "cap_below_one", "补贴上限至少要够一个人")


def free_days(day_count: int, begins_at: datetime, ends_at: datetime) -> int:
    """Whole days of 24 hours that a free membership lasts from `begins_at` on: the plan's, never past the agreement's
    end."""
    return max(min(day_count, (ends_at - begins_at) // _DAY), 0)


def runs_until(ends_at: datetime, cut_at: datetime | None, agreement_ends_at: datetime) -> datetime:
    """Until when a membership of an agreement lasts: as its term does, and no longer than the agreement."""
    return min(cut_at or ends_at, agreement_ends_at)
