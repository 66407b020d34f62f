"""A word some days before what was won lapses, to whoever has not answered for it: once for each prize.

The mark on the prize's row says that its turn was; it is set in the transaction of the job, so that planning twice, or
after a day without a worker, says nothing twice and leaves nothing out. What ends together is said in one message, and
what was answered for meanwhile is not mentioned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.draws.waiting_prizes import PrizesWaiting, WaitingPrizes
from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again
from handlers.rules.quiet_hours import speakable
from handlers.rules.validity import begins, day_of
from handlers.standing import canonicals
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import waiting_prizes as statements

DAYS_BEFORE = 3
BATCH = 500
MOST = 1_000  # of one member; nobody has so many


class PrizeReminders:
    """Plans the day's reminders, and says what is in each."""

    def __init__(
        self, clock: Clock, waiting: WaitingPrizes, *, days: int = DAYS_BEFORE, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._waiting = waiting
        self._before = timedelta(days=days)
        self._zone = zone

    async def plan(self, slot: datetime) -> int:
        """A job for every follower with something that lapses within these days after `slot`; how many.

        Not on the day on which it was won, when its winner was told.
        """
        until, today = slot + self._before, begins(day_of(slot, self._zone), self._zone)
        after: UUID | None = None
        planned = 0
        while True:
            now = self._clock.now()
            owners = [
                as_uuid(each["member_id"]) for each in await rows(statements.OWNERS, now, until, today, after, BATCH)
            ]

            async def mark(now: datetime = now, owners: Sequence[UUID] = tuple(owners)) -> int:
                async with atomic():
                    return await self._mark(owners, now=now, until=until, today=today)

            planned += await again(mark) if owners else 0
            if len(owners) < BATCH:
                return planned
            after = owners[-1]

    async def due(self, said: Mapping[str, Any]) -> PrizesWaiting | None:
        """What to say now; None: nothing waits any more, or not at this hour, in which case a later job has it."""
        now, member_id = self._clock.now(), UUID(said["member_id"])
        ids = [UUID(each) for each in said["prize_ids"]]
        if speakable(now, self._zone) > now:
            async with atomic():
                await self._say_later(member_id, ids, now)
            return None
        waiting = await self._waiting.among(member_id, set(ids), limit=MOST)
        return waiting if waiting.items else None

    async def _mark(self, owners: Sequence[UUID], *, now: datetime, until: datetime, today: datetime) -> int:
        found = [
            (as_uuid(each["member_id"]), as_uuid(each["id"]))
            for statement in statements.MARK
            for each in await rows(statement, now, until, today, list(owners))
        ]
        whose = await canonicals(member_id for member_id, _ in found)
        by_owner: dict[UUID, list[UUID]] = defaultdict(list)
        for member_id, prize_id in found:
            by_owner[whose.get(member_id, member_id)].append(prize_id)
        for owner_id, ids in sorted(by_owner.items()):
            await self._say_later(owner_id, sorted(ids), now)
        return len(by_owner)

    async def _say_later(self, member_id: UUID, prize_ids: Sequence[UUID], now: datetime) -> None:
        at = speakable(now, self._zone)
        await later(
            "say_prizes_ending",
            # Each prize is in one job of a day: its first one names it.
            key=f"prizes_ending:{prize_ids[0]}:{day_of(at, self._zone).isoformat()}",
            at=at,
            order_key=f"chat:{member_id}",
            member_id=str(member_id),
            prize_ids=[str(each) for each in prize_ids],
        )
