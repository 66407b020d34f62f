"""What became of orders: heard by notices, and asked about where nobody tells, until it is known for good.

Notice and question end in the same transition (`settling.py`). Each look begins by moving the next one on, so that two
workers do not speak about one order at once; the look at the end of the lock comes before everything is given back.
"""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.claims.claims import SYSTEM
from handlers.errors import PayNoticeUnreadable
from handlers.group_commit import GroupCommit
from handlers.orders.in_time import ANSWER_WITHIN, InTime
from handlers.orders.moving import end_waiting
from handlers.orders.services import PaymentServices
from handlers.orders.settling import Alone, Said, Settled, settle, settle_together
from handlers.ports import Clock, TradeSays, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.order_states import is_over_there, next_look, stands
from models.database import atomic, row, rows
from models.sql import as_instant, as_uuid
from models.statements import orders as statements
from models.words import OrderState, TradeHeard

AT_ONCE = 10  # orders that one poll asks about at the same time
BATCH = 200

log = logging.getLogger(__name__)


@refusing
class OrderWatch:
    """Hears and asks about the money of orders."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        services: PaymentServices,
        zone: ZoneInfo = BUSINESS_ZONE,
        *,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._services = services
        self._zone = zone
        self._in_time = InTime(answer_within)
        self._lane: GroupCommit[Said, Settled | Alone | None] = GroupCommit(
            "payments", self._decide, key=lambda each: each.number, settle=self._happened
        )

    async def hear(self, headers: Mapping[str, str], body: bytes) -> OrderState:
        """A notice that somebody paid; the same one again changes nothing and is answered alike.

        Answers in time whatever the database does: what is not done by then goes on behind the answer, and is told
        again. Raises PayNoticeForged, PayNoticeUnreadable (no order of ours, or other facts than ours),
        PaymentUnavailable (not done in time).
        """
        says = self._services.wechat.trade_notice(headers, body, now=self._clock.now())
        settled = await self._in_time.done(self._heard(says.number or "", says))
        if settled is None or not settled.is_believed:
            raise PayNoticeUnreadable
        return settled.state

    async def look(self, order_id: UUID) -> OrderState | None:
        """Ask what became of an order, and end it if its time is over; None: it is not there, or somebody looks."""
        found = await again(lambda: self._begin(order_id))
        if found is None:
            return None
        service = self._services.of(found["method"])
        says = await service.query(found["number"])
        settled = await self._settle(found["number"], says)
        state = settled.state if settled else OrderState(found["state"])
        now = self._clock.now()
        if state is OrderState.WAITING and stands(state, as_instant(found["expires_at"]), now) is not state:
            state = await again(lambda: self._expire(order_id))
        is_closed = False
        if state in {OrderState.EXPIRED, OrderState.CANCELLED} and says.heard is TradeHeard.OPEN:
            is_closed = await service.close(found["number"])
        if is_over_there(state, says.heard, is_closed=is_closed):
            await again(lambda: self._nothing_more(order_id))
        return state

    async def poll(self) -> int:
        """Look at every order whose time has come; how many there were. One that fails keeps none of the others."""
        due = [as_uuid(each["id"]) for each in await rows(statements.DUE, self._clock.now(), BATCH)]
        await each_of(due, self.look, "order_not_looked_at")
        return len(due)

    async def close(self) -> None:
        """Let what goes on behind an answer end."""
        await self._in_time.close()
        await self._lane.close()

    async def _heard(self, number: str, says: TradeSays) -> Settled | None:
        """With those that come in the same moment; in two lanes: one decides while the other commits."""
        settled = await self._lane.submit(zlib.crc32(number.encode()) % 2, Said(number, says))
        return await self._settle(number, says) if settled is Alone.ALONE else settled

    async def _settle(self, number: str, says: TradeSays) -> Settled | None:
        async def attempt() -> Settled | None:
            async with atomic():
                return await settle(number, says, at=self._clock.now(), zone=self._zone, vault=self._vault)

        return await again(attempt)

    async def _decide(self, batch: Sequence[Said]) -> list[Settled | Alone | None]:
        return await settle_together(batch, at=self._clock.now(), zone=self._zone, vault=self._vault)

    async def _happened(self, batch: Sequence[Said]) -> list[Settled | Alone | None]:
        """After an interrupted commit, when nobody holds the rows any more: which of them have this very payment."""
        async with atomic():
            found = {each["number"]: each for each in await rows(statements.LOCKED, sorted(b.number for b in batch))}
        return [
            Settled(OrderState(order["state"]))
            if (order := found.get(each.number)) and order["transaction_id"] == each.says.transaction_id != ""
            else None
            for each in batch
        ]

    async def _begin(self, order_id: UUID) -> Mapping[str, Any] | None:
        async with atomic():
            now = self._clock.now()
            found = await row(statements.ONE, order_id)
            if found is None:
                return None
            following = next_look(as_instant(found["ordered_at"]), int(found["look_count"]) + 1, now)
            taken = await rows(statements.TAKE_LOOK, order_id, now, following)
            return found if taken else None

    async def _expire(self, order_id: UUID) -> OrderState:
        async with atomic():
            await end_waiting(order_id, OrderState.EXPIRED, reason="time", actor=SYSTEM, at=self._clock.now())
            found = await row(statements.ONE, order_id)
            return OrderState(found["state"]) if found else OrderState.EXPIRED

    async def _nothing_more(self, order_id: UUID) -> None:
        async with atomic():
            await rows(statements.NOTHING_MORE, order_id)


async def each_of(ids: list[UUID], act: Callable[[UUID], Awaitable[object]], trouble: str) -> None:
    """Do it for each of them, a few at the same time; one that fails is logged as `trouble` and keeps no other."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row_id: UUID) -> None:
        async with gate:
            try:
                await act(row_id)
            except Exception as error:
                log.exception(trouble, extra={"row_id": str(row_id), "error": type(error).__name__})

    await asyncio.gather(*map(one, ids))
