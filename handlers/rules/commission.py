"""Commissions (佣金): at which rate, of what, how much of it goes back, and from when on it is theirs.

Law (禁止传销条例 art. 7, WeChat's own rules): paid only of a real sale to somebody who was brought, never for heads,
never for buying one's way in; one level, two at most. What stands here knows nothing of how many anybody brought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.rules.problems import Problem
from models.words import Admission, CommissionState

WHOLE = 10_000  # basis points
MOST_LEVELS = 2
MOST_DAYS = 365
OFTEN, OFTEN_FOR, SELDOM = timedelta(hours=1), timedelta(days=3), timedelta(days=1)
MOST_SPECIAL = 500  # rates of their own: offers, categories, grades

Rates = tuple[int, ...]  # by level, in basis points; a level that is missing gets nothing

EDGES: Mapping[CommissionState, frozenset[CommissionState]] = {
    CommissionState.PENDING: frozenset({CommissionState.FROZEN, CommissionState.VOID}),
    # Back to pending: what was redeemed is not redeemed any more.
    CommissionState.FROZEN: frozenset({CommissionState.AVAILABLE, CommissionState.PENDING, CommissionState.VOID}),
}


@dataclass(frozen=True, slots=True)
class CommissionTerms:
    """The rules as operators write them. Rates by level; of several that fit, the most special one counts alone.

    `window_days`: how long a first touch counts; `protection_days`: how long at least after a purchase. `hold_days`
    after the payment and `freeze_days` after the redemption, whichever is later, a commission is available. `cap_bp`:
    the most that all levels together get of what was paid. `least_member_days`, `needs_phone`: who may apply.
    """

    level_count: int = 1
    rates: Rates = ()
    offers: Mapping[str, Rates] = field(default_factory=dict)  # by id
    categories: Mapping[str, Rates] = field(default_factory=dict)
    grades: Mapping[str, Rates] = field(default_factory=dict)  # of the promoter
    cap_bp: int = 3_000
    window_days: int = 30
    protection_days: int = 0
    hold_days: int = 7
    freeze_days: int = 7
    admission: Admission = Admission.REVIEW
    least_member_days: int = 0
    needs_phone: bool = False


def rate(terms: CommissionTerms, level: int, *, offer: str, category: str, grade: str) -> int:
    """Of one level, in basis points: offer, then category, then the promoter's grade, then what holds for all."""
    if level > terms.level_count:
        return 0
    special = terms.offers.get(offer), terms.categories.get(category), terms.grades.get(grade)
    rates = next((each for each in special if each is not None), terms.rates)
    return rates[level - 1] if level <= len(rates) else 0


def shares(base_fen: int, rates: Sequence[int], cap_bp: int) -> tuple[int, ...]:
    """What each level gets of one line: floored each, nearest level first, never more than the cap together.

    What is left over by flooring or by the cap stays with the house.
    """
    left = base_fen * cap_bp // WHOLE
    given = []
    for each in rates:
        share = min(base_fen * each // WHOLE, left)
        left -= share
        given.append(share)
    return tuple(given)


def taken_back(amount_fen: int, base_fen: int, refunded_fen: int, back_fen: int) -> int:
    """How much more goes back once `refunded_fen` of what was paid went back in all; `back_fen` did before.

    What the promoter keeps is floored, so that many small refunds take as much as one large one; a whole refund takes
    all of it.
    """
    kept = amount_fen * max(base_fen - refunded_fen, 0) // base_fen if base_fen else 0
    return max(amount_fen - kept - back_fen, 0)


def available_from(
    hold_days: int,
    freeze_days: int,
    *,
    earned_at: datetime,
    used_at: datetime | None,
    is_open: bool,
    refundable_until: datetime,
) -> datetime:
    """From when on it is the promoter's, as things stand.

    `is_open`: something of the order can still be used, or given back; `used_at`: when the last of it was used up.
    """
    held_until = earned_at + timedelta(days=hold_days)
    if is_open:
        return max(held_until, refundable_until)
    return max(held_until, (used_at or earned_at) + timedelta(days=freeze_days))


def next_look(earned_at: datetime, now: datetime, until: datetime) -> datetime:
    """When to look again whether an order is used up: every hour at first, then once a day, at last at `until`."""
    pause = OFTEN if now - earned_at < OFTEN_FOR else SELDOM
    return min(max(until, now), now + pause)


def problems_of(terms: CommissionTerms) -> list[Problem]:
    """What stands against publishing these rules."""
    found: list[Problem] = []
    if not 1 <= terms.level_count <= MOST_LEVELS:
        found.append(Problem("level_count", "too_many", f"分销最多{MOST_LEVELS}级"))
    if not 0 <= terms.cap_bp <= WHOLE:
        found.append(Problem("cap_bp", "out_of_range", "佣金总比例上限要在0到100%之间"))
    for name in ("window_days", "protection_days", "hold_days", "freeze_days", "least_member_days"):
        least = 1 if name in {"window_days", "freeze_days"} else 0
        if not least <= getattr(terms, name) <= MOST_DAYS:
            found.append(Problem(name, "out_of_range", f"天数要在{least}到{MOST_DAYS}之间"))
    if len(terms.offers) + len(terms.categories) + len(terms.grades) > MOST_SPECIAL:
        found.append(Problem("offers", "too_many", f"单独设置的比例最多{MOST_SPECIAL}项"))
    for name, rates in _all_rates(terms):
        if len(rates) > terms.level_count:
            found.append(Problem(name, "too_many_levels", "比例的级数不能超过分销级数"))
        if any(not 0 <= each <= WHOLE for each in rates):
            found.append(Problem(name, "out_of_range", "比例要在0到100%之间"))
        elif sum(rates) > terms.cap_bp:
            found.append(Problem(name, "over_the_cap", "各级比例之和不能超过佣金总比例上限"))
    return found


def _all_rates(terms: CommissionTerms) -> list[tuple[str, Rates]]:
    special = {"offers": terms.offers, "categories": terms.categories, "grades": terms.grades}
    return [
        ("rates", terms.rates),
        *((f"{name}.{key}", rates) for name, group in special.items() for key, rates in group.items()),
    ]
