"""Recurring work: each due moment is a row (name, slot) that only one process can insert; it then adds the job.

Nothing is remembered in a process, so a restart neither forgets nor repeats a slot. Slots are instants in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from handlers.outbox import later
from models.database import atomic, row
from models.ids import new_id
from models.statements import jobs as statements

AT_ONCE = 200  # missed slots that are started in one go; the rest follow with the next look


class Schedule(Protocol):
    """When something is due."""

    def latest(self, now: datetime) -> datetime:
        """The last due moment not after `now`."""

    def following(self, slot: datetime) -> datetime:
        """The due moment after this one."""


BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Every:
    """Every so often, counted from the epoch: `Every(timedelta(minutes=15))` is due at :00, :15, :30, :45."""

    period: timedelta

    def latest(self, now: datetime) -> datetime:
        """The last multiple of the period not after `now`."""
        return now - (now - _EPOCH) % self.period

    def following(self, slot: datetime) -> datetime:
        """One period later."""
        return slot + self.period


@dataclass(frozen=True, slots=True)
class Daily:
    """Once per business day, at a time of day of the programme's zone."""

    at: time
    zone: ZoneInfo = BUSINESS_ZONE

    def latest(self, now: datetime) -> datetime:
        """Today's moment, or yesterday's while today's is ahead."""
        today = self._on(now.astimezone(self.zone))
        return today if today <= now else self._on(now.astimezone(self.zone) - timedelta(days=1))

    def following(self, slot: datetime) -> datetime:
        """The next day's moment, whatever the length of the day."""
        return self._on(slot.astimezone(self.zone) + timedelta(days=1))

    def _on(self, day: datetime) -> datetime:
        return datetime.combine(day.date(), self.at, self.zone).astimezone(UTC)


class CatchUp(StrEnum):
    """What happens to slots that nobody was there for."""

    LATEST = "latest"  # cleaning up twice is no better than once
    ALL = "all"  # every business day needs its statement


@dataclass(frozen=True, slots=True)
class Recurring:
    """A task by its name, the kind of job it adds, and when. The job's payload is `{"slot": instant}`."""

    name: str
    kind: str
    schedule: Schedule
    catch_up: CatchUp = CatchUp.LATEST


async def start_due(task: Recurring, now: datetime) -> int:
    """Add the jobs of slots that are due and that nobody has taken; how many this call took.

    A task that was never seen before begins with its latest slot. A clock that was set back starts nothing again.
    """
    found = await row(statements.LAST_SLOT, task.name)
    last = datetime.fromisoformat(found["slot"]) if found and found["slot"] else None
    return sum([await _take(task, slot, now) for slot in _due(task, last, now)])


def _due(task: Recurring, last: datetime | None, now: datetime) -> list[datetime]:
    latest = task.schedule.latest(now)
    if last is None or task.catch_up is CatchUp.LATEST:
        return [latest] if last is None or latest > last else []
    slots: list[datetime] = []
    slot = task.schedule.following(last)
    while slot <= latest and len(slots) < AT_ONCE:
        slots.append(slot)
        slot = task.schedule.following(slot)
    return slots


async def _take(task: Recurring, slot: datetime, now: datetime) -> bool:
    name = slot.astimezone(UTC).isoformat(timespec="seconds")  # fixed width: the greatest text is the latest slot
    async with atomic():
        won = await row(statements.TAKE_SLOT, new_id(), now, task.name, name)
        if won is None:
            return False
        key = f"{task.name}@{name}"
        await later(task.kind, key=key, at=now, order_key=f"recurring:{task.name}", slot=slot)
    return True
