"""Which terms a redemption is settled under: those of the benefit, then of its merchant, then what it was saved with.

Price, share, and what managers void alone are looked for one by one, so that terms which name only one of them leave
the others as they were.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

# New terms begin no sooner than this: longer than any redemption takes that is under way when they are saved.
LEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """One version as it is stored. `benefit_id` None: of all the merchant's benefits. None: left to wider terms."""

    number: int
    starts_at: datetime
    benefit_id: UUID | None
    price_fen: int | None
    operator_share_bp: int | None
    void_limit_fen: int | None = None


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


def _levels(versions: Iterable[TermsVersion], benefit_id: UUID, now: datetime) -> list[TermsVersion]:
    """The version in force of the benefit, then that of all the merchant's, as far as there are any."""
    started = sorted(
        (each for each in versions if each.starts_at <= now and each.benefit_id in (None, benefit_id)),
        key=lambda each: (each.starts_at, each.number),
    )
    of_benefit = next((each for each in reversed(started) if each.benefit_id == benefit_id), None)
    of_merchant = next((each for each in reversed(started) if each.benefit_id is None), None)
    return [each for each in (of_benefit, of_merchant) if each is not None]
