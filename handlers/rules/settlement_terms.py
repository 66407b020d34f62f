"""Which terms a redemption is settled under: those of the benefit, then of its merchant, then what it was saved with.

Price, share, fees, the part of a sale, and what managers void alone are looked for one by one, so that terms which name
only one of them leave the others as they were.
"""

import calendar
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from models.words import SettlementPeriod

# New terms begin no sooner than this: longer than any redemption takes that is under way when they are saved.
LEAD = timedelta(minutes=1)
WHOLE_BP = 10_000
NOBODYS = UUID(int=0)  # no benefit's id


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """One version as it is stored. `benefit_id` None: of all the merchant's benefits. None: left to wider terms."""

    number: int
    starts_at: datetime
    benefit_id: UUID | None
    price_fen: int | None
    operator_share_bp: int | None
    void_limit_fen: int | None = None
    sale_share_bp: int | None = None
    fee_bp: int | None = None
    fee_flat_fen: int | None = None
    period: SettlementPeriod | None = None


@dataclass(frozen=True, slots=True)
class TermsInForce:
    """What a redemption is settled at. `price_since`: from when on this price counts; None: always has."""

    price_fen: int
    operator_share_bp: int
    price_since: datetime | None = None


def in_force(
    versions: Iterable[TermsVersion], benefit_id: UUID, now: datetime, *, price_fen: int, operator_share_bp: int
) -> TermsInForce:
    """The terms at `now`, among versions of one merchant; the last two are what the benefit was saved with.

    Of each level one version is in force: the one that started last, of several that start together the latest.
    """
    levels = _levels(versions, benefit_id, now)
    prices = [each.price_fen for each in levels if each.price_fen is not None]
    shares = [each.operator_share_bp for each in levels if each.operator_share_bp is not None]
    return TermsInForce(
        prices[0] if prices else price_fen,
        shares[0] if shares else operator_share_bp,
        max((each.starts_at for each in levels), default=None),
    )


def void_limit(versions: Iterable[TermsVersion], benefit_id: UUID, now: datetime, *, otherwise: int) -> int:
    """Up to which worth, in fen, a manager of the merchant voids a claim alone; 0: never."""
    limits = [each.void_limit_fen for each in _levels(versions, benefit_id, now) if each.void_limit_fen is not None]
    return limits[0] if limits else otherwise


def sale_share_bp(versions: Iterable[TermsVersion], benefit_id: UUID, now: datetime) -> int:
    """Of the money that is paid for a benefit, the merchant's part in basis points; without terms: none."""
    shares = [each.sale_share_bp for each in _levels(versions, benefit_id, now) if each.sale_share_bp is not None]
    return shares[0] if shares else 0


def part_of_sale(amount_fen: int, share_bp: int) -> int:
    """The merchant's part of what was paid, floored: the remainder stays with the house."""
    return amount_fen * share_bp // WHOLE_BP


@dataclass(frozen=True, slots=True)
class Fee:
    """What stays with the house of what a line brings the merchant: a rate in basis points, and fen by the line."""

    rate_bp: int = 0
    flat_fen: int = 0

    def of(self, gross_fen: int) -> int:
        """What the merchant gets is floored, so that the remainder stays with the house; never more than the line."""
        net = gross_fen * (WHOLE_BP - self.rate_bp) // WHOLE_BP - self.flat_fen
        return gross_fen - max(net, 0)


NO_FEE = Fee()


class Fees:
    """The fees of one merchant over time. Terms never begin in the past, so whoever looks later finds the same."""

    def __init__(self, versions: Iterable[TermsVersion]) -> None:
        self._versions = tuple(versions)
        self._known: dict[UUID, tuple[list[datetime], list[Fee]]] = {}

    def at(self, benefit_id: UUID, origin_at: datetime) -> Fee:
        """What held for a benefit at the instant that a line goes back to."""
        starts, fees = self._known.get(benefit_id) or self._known.setdefault(benefit_id, self._over_time(benefit_id))
        place = bisect_right(starts, origin_at)
        return fees[place - 1] if place else NO_FEE

    def _over_time(self, benefit_id: UUID) -> tuple[list[datetime], list[Fee]]:
        starts = sorted({each.starts_at for each in self._versions if each.benefit_id in (None, benefit_id)})
        return starts, [self._in_force(benefit_id, each) for each in starts]

    def _in_force(self, benefit_id: UUID, at: datetime) -> Fee:
        levels = _levels(self._versions, benefit_id, at)
        rates = [each.fee_bp for each in levels if each.fee_bp is not None]
        flats = [each.fee_flat_fen for each in levels if each.fee_flat_fen is not None]
        return Fee(rates[0] if rates else 0, flats[0] if flats else 0)


def period_days(versions: Iterable[TermsVersion], day: date, at: datetime) -> tuple[date, date]:
    """The first and the last day of the statement that a day is in, by the terms at `at`, when the day begins."""
    if any(each.period is SettlementPeriod.MONTH for each in _levels(versions, NOBODYS, at)):
        return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day, day


def _levels(versions: Iterable[TermsVersion], benefit_id: UUID, now: datetime) -> list[TermsVersion]:
    """The version in force of the benefit, then that of all the merchant's, as far as there are any."""
    started = sorted(
        (each for each in versions if each.starts_at <= now and each.benefit_id in (None, benefit_id)),
        key=lambda each: (each.starts_at, each.number),
    )
    of_benefit = next((each for each in reversed(started) if each.benefit_id == benefit_id), None)
    of_merchant = next((each for each in reversed(started) if each.benefit_id is None), None)
    return [each for each in (of_benefit, of_merchant) if each is not None]
