"""What the machine remembers of benefits: plain values, and the calendar of Shanghai by plain arithmetic."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

EIGHT_HOURS = timedelta(hours=8)  # Shanghai has had no other offset since 1991


def day_of(at: datetime) -> date:
    return (at + EIGHT_HOURS).date()


def begins(day: date, at: datetime) -> datetime:
    return datetime.combine(day, time(), at.tzinfo) - EIGHT_HOURS


def month_ends(at: datetime) -> datetime:
    day = day_of(at).replace(day=1)
    return begins((day + timedelta(days=32)).replace(day=1), at)


@dataclass
class OnOffer:
    """One offer of this run. `limits` by period; `daily` units a day; `codes` that are left in its pool."""

    id: UUID
    name: str
    limits: dict[str, int]
    uses: int = 1
    days: int | None = None  # valid until the end of the day so many days later
    added: int | None = None  # to its total stock
    daily: int | None = None
    codes: int | None = None
    choices: dict[str, tuple[int, int, bool]] = field(default_factory=dict)  # code -> (count, uses, every month)
    is_paused: bool = False
    is_redeemed: bool = True
    returns: bool = False
    version: int = 1
    pauses: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def paused(self, at: datetime) -> None:
        self.is_paused = True
        self.pauses.append((at, None))

    def resumed(self, at: datetime) -> None:
        self.is_paused = False
        self.pauses[-1] = self.pauses[-1][0], at

    def was_paused(self, at: datetime) -> bool:
        """By the history: the clock may have gone back to before a pause."""
        return any(since <= at and (until is None or at < until) for since, until in self.pauses)

    def periods(self, at: datetime) -> tuple[str, ...]:
        """The slots that one claim at this instant takes."""
        return tuple("ever" if period == "ever" else f"day:{day_of(at)}" for period in self.limits)

    def buckets(self, at: datetime) -> tuple[str, ...]:
        """The counters that one claim at this instant takes from."""
        daily = (f"day:{day_of(at)}",) if self.daily is not None else ()
        return (*daily, "total") if self.added is not None else daily


@dataclass
class Held:
    """One claim."""

    id: UUID
    offer: OnOffer
    member: int
    claimed_at: datetime
    expires_at: datetime | None
    left: int
    total: int
    slots: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    package: UUID | None = None
    part: str = ""  # the code of its benefit, where it came with a package
    month: str = ""
    state: str = "issued"
    is_returned: bool = False
    is_of_package: bool = False  # it is one itself
    reversals: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in {"issued", "partly_used"}

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def use(self, uses: int) -> None:
        self.left -= uses
        self.state = "partly_used" if self.left else "used"

    def unuse(self, uses: int, now: datetime) -> None:
        self.left, self.reversals = self.left + uses, self.reversals + 1
        if self.state in {"used", "partly_used"}:
            back = "issued" if self.left == self.total else "partly_used"
            self.state = "expired" if self.is_over(now) else back


@dataclass
class Done:
    """One redemption of one claim."""

    id: UUID
    held: Held
    uses: int
    device: str
    at: datetime
    is_reversed: bool = False
