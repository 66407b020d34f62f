"""What the machine remembers in plain Python: lots that end, days in a row, and who has spun what."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
ZONE = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def begins(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=ZONE)


@dataclass
class Lots:
    """Amounts with an end, of one member; what is over goes once somebody has written it down, for good."""

    there: list[list] = field(default_factory=list)  # [end, left]; the soonest to end first

    def add(self, amount: int, end: datetime) -> None:
        self.there.append([end, amount])
        self.there.sort(key=lambda each: each[0])

    def available(self, at: datetime) -> int:
        return sum(left for end, left in self.there if end > at)

    def sweep(self, at: datetime) -> bool:
        before = len(self.there)
        self.there = [each for each in self.there if each[0] > at and each[1]]
        return len(self.there) < before

    def take(self, amount: int, at: datetime) -> None:
        self.sweep(at)
        for each in self.there:
            part = min(amount, each[1])
            each[1] -= part
            amount -= part
        assert amount == 0


@dataclass
class Player:
    """One member, as everything that was answered has left them."""

    points: int = 0  # all that came in and did not go out, expired or not, held or not
    growth: int = 0
    chances: Lots = field(default_factory=Lots)
    cards: Lots = field(default_factory=Lots)
    days: dict[date, bool] = field(default_factory=dict)  # whether a card mended it
    free_used: Counter = field(default_factory=Counter)  # by business day of the draw
    earned: Counter = field(default_factory=Counter)  # by the capped rule, by business day
    wins: Counter = field(default_factory=Counter)
    claims: int = 0
    requests: Counter = field(default_factory=Counter)  # that were answered with success, by operation

    def run(self, on: date, step: int) -> int:
        """How many days in a row stand next to this one, on one side of it."""
        count = 0
        while on + (count + 1) * step * DAY in self.days:
            count += 1
        return count

    def in_month(self, on: date) -> int:
        return sum((each.year, each.month) == (on.year, on.month) for each in self.days)


@dataclass
class Due:
    """A prize that asks something, as it stands."""

    id: UUID
    owner: int
    until: datetime
    state: str = "waiting"


@dataclass
class Wheel:
    """The draw of one game."""

    id: UUID
    code: str
    opens_at: datetime
    closes_at: datetime
    day: date
    left: dict[str, int]
    added: Counter = field(default_factory=Counter)
    awarded: Counter = field(default_factory=Counter)
    spins: int = 0
    last_at: datetime | None = None
    is_paused: bool = False
    due: list[Due] = field(default_factory=list)

    def moment(self, now: datetime) -> tuple[date, datetime]:
        at = now if self.last_at is None else max(now, self.last_at)
        return (day_of(at), at) if day_of(at) >= self.day else (self.day, max(at, begins(self.day)))
