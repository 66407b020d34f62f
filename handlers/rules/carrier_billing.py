"""How much may be put on a phone bill, and how codes are asked for and tried. Amounts in fen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from models.words import ChargeState

MOST_CODES = 5  # that are asked for, for one order
MOST_CODES_A_MONTH = 60  # for all orders of one number: whoever orders and cancels must not flood a phone
MOST_ATTEMPTS = 5  # that are tried, for one order
CODE_VALID_FOR = timedelta(minutes=5)
CODE_PAUSE = timedelta(seconds=60)  # between two codes
# How long a charge with a code may be on its way: a call is given up after seconds, and no network keeps it longer.
ON_ITS_WAY_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class CarrierRules:
    """What holds: the most of one order, and of one number within a calendar month."""

    is_open: bool = True
    per_order_fen: int = 5_000
    per_month_fen: int = 20_000


def problems_of(rules: CarrierRules) -> Iterator[tuple[str, str]]:
    """Which field is wrong and why, in words for operators."""
    if rules.per_month_fen < rules.per_order_fen:
        yield "per_month_fen", "每月上限不能低于单笔上限"


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """The calendar month of the zone that an instant falls in: `2026-11`."""
    local = at.astimezone(zone)
    return f"{local.year:04}-{local.month:02}"


@dataclass(frozen=True, slots=True)
class Stands:
    """How the charge of one order stands, as far as codes go."""

    state: ChargeState
    code_count: int
    code_asked_at: datetime | None
    code_sent_at: datetime | None
    attempt_count: int

    @property
    def attempts_left(self) -> int:
        return max(MOST_ATTEMPTS - self.attempt_count, 0)

    @property
    def codes_left(self) -> int:
        return max(MOST_CODES - self.code_count, 0)

    @property
    def code_valid_until(self) -> datetime | None:
        """Until when the last code is tried."""
        return self.code_asked_at + CODE_VALID_FOR if self.code_asked_at else None

    def next_code_at(self) -> datetime | None:
        """When another code may be asked for: at once where the carrier never said that it sent the last."""
        return self.code_asked_at + CODE_PAUSE if self.code_asked_at and self.code_sent_at else None
