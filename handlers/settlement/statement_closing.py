"""结账: a merchant's business day is closed by the clock a while after its end, or by finance by hand once it is over.

A statement does not take "the rows of a day" but the entries that are open, one by one: each redemption row has had an
entry since it was written, a second hand-over that an operator pays since that was decided, the merchant's part of a
sale or of a plan's fee since it was paid. Most are in parts by then (`sealing.py`); closing seals the rest, and a
statement takes parts by a guarded update that happens once. A row whose transaction began before a closing and commits
after it is therefore in no statement yet and waits for the next one, where it is told with the day that it belongs to.
Days of a merchant are closed in their order; where the terms say so, those of a calendar month in one statement. What
it brings is booked in the same transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import DayClosed, DayNotOver, EarlierDayOpen, MerchantUnknown
from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Actor, Answer, once
from handlers.retrying import again, refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.settlement import DayStatement
from handlers.rules.settlement_parts import Joining, told
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from handlers.settlement.merchant_money import stated
from handlers.settlement.statement_days import BEGINNING, DAY, Days, days_around, last_closed
from handlers.settlement.statement_parts import open_parts, seal_rest, take
from handlers.settlement.statement_views import StatementView, whole
from models.database import atomic, require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.programmes import Merchant
from models.settlement import SettlementStatement
from models.sql import as_instant, as_uuid
from models.statements import settlement as statements

BATCH = 500
_NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class ByTheClock:
    """Who closes a day when nobody does it by hand."""

    kind: str = "system"
    actor_id: str = ""


@refusing
class StatementClosing:
    """Closes business days."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def by_hand(
        self, operator: Operator, *, merchant: str, business_on: date, request_id: str
    ) -> Answer[StatementView]:
        """One day of a merchant of the subtree (its code), which may have nothing in it; by the month, all of that.

        Raises RoleMissing, MerchantUnknown, DayNotOver, DayClosed, EarlierDayOpen, KeyReused.
        """
        scope = await allowed(operator, Capability.STATEMENTS)

        async def effect() -> StatementView:
            found = await Merchant.get_or_none(code=merchant)
            if found is None:
                raise MerchantUnknown
            made = await self._close(found.id, business_on, operator, scope=scope)
            stored = await row(statements.STATEMENT, made)
            assert stored is not None  # noqa: S101 - it was written in this transaction
            return await whole(stored)

        facts = {"merchant": merchant, "business_on": business_on}
        return await once(operator, "statement.close", request_id, facts=facts, result=StatementView, effect=effect)

    async def plan(self, slot: datetime) -> int:
        """A job for every merchant with something open on the days before `slot`'s; how many there are."""
        until = day_of(slot, BUSINESS_ZONE) - DAY
        after, planned = _NO_ID, 0
        while True:
            ends_at = begins(until + DAY, BUSINESS_ZONE)
            async with atomic():
                found = await rows(statements.OPEN_MERCHANTS, ends_at, after, BATCH)
                for merchant_id in [as_uuid(each["merchant_id"]) for each in found]:
                    key, now = f"close_days:{merchant_id}:{until.isoformat()}", self._clock.now()
                    told = {"merchant_id": str(merchant_id), "until": until.isoformat()}
                    await later("close_days", key=key, at=now, order_key=f"close_days:{merchant_id}", **told)
            planned += len(found)
            if len(found) < BATCH:
                return planned
            after = as_uuid(found[-1]["merchant_id"])

    async def up_to(self, merchant_id: UUID, until: date) -> int:
        """Close the days of a merchant that have something open, in their order and one transaction each; how many.

        Repeating it closes nothing twice.
        """
        closed = 0
        while await again(lambda: self._next(merchant_id, until)):
            closed += 1
        return closed

    async def _next(self, merchant_id: UUID, until: date) -> bool:
        async with atomic():
            await rows(statements.LOCK_MERCHANT, merchant_id)
            last_on, last_end = await last_closed(merchant_id)
            until_end = begins(until + DAY, BUSINESS_ZONE)
            if last_on is not None and last_on >= until:
                return False
            first = await row(statements.FIRST_OPEN, merchant_id, last_end, until_end)
            is_late = await row(statements.FIRST_OPEN, merchant_id, BEGINNING, last_end)
            if first is None and is_late is None:
                return False
            day = day_of(as_instant(first["happened_at"]), BUSINESS_ZONE) if first else until
            if (await days_around(merchant_id, day)).last_on > until:
                return False  # its month is not over
            await self._close(merchant_id, day, ByTheClock())
            return True

    async def _close(self, merchant_id: UUID, day: date, by: Actor, *, scope: Scope | None = None) -> UUID:
        """The statement that this day is in, inside the open transaction."""
        require_atomic()
        merchant = await row(statements.LOCK_MERCHANT, merchant_id)
        if merchant is None or (scope is not None and not scope.sees(as_uuid(merchant["organization_id"]))):
            raise MerchantUnknown
        days, now = await days_around(merchant_id, day), self._clock.now()
        if now < days.ends_at:
            raise DayNotOver(ends_at=days.ends_at.isoformat())
        closed_on, last_end = await last_closed(merchant_id)
        if closed_on is not None and day <= closed_on:
            raise DayClosed(closed_until=closed_on.isoformat())
        days = days.behind(closed_on)
        earlier = await row(statements.FIRST_OPEN, merchant_id, last_end, days.begins_at)
        if earlier is not None:
            raise EarlierDayOpen(business_on=day_of(as_instant(earlier["happened_at"]), BUSINESS_ZONE).isoformat())
        await seal_rest(merchant_id, days, since=BEGINNING)
        joining, count = Joining(merchant_id, days.last_on, from_on=days.from_on), 0
        async for each in open_parts(merchant_id, days):
            joining.add(each)
            count += 1
        made = joining.made()
        statement_id = await _write(made, days, by=by, now=now)
        if await take(statement_id, merchant_id, days) != count:
            raise SerializationConflict("a part came or was taken meanwhile")
        await stated(statement_id, made.totals.payable_operator_fen, made.totals.fee_fen, at=now)
        said = {
            "merchant": merchant["code"],
            "business_on": days.last_on,
            "payable_fen": made.totals.payable_fen,
            "net_fen": made.totals.net_fen,
            "entries": made.totals.count,
            "hash": made.hash,
        }
        place = as_uuid(merchant["organization_id"])
        await record(by, "statement.closed", "statement", statement_id, at=now, organization_id=place, **said)
        return statement_id


async def _write(made: DayStatement, days: Days, *, by: Actor, now: datetime) -> UUID:
    redeemed, back = made.totals.redeemed, made.totals.reversed
    stored = await SettlementStatement.create(
        id=new_id(),
        merchant_id=made.merchant_id,
        business_on=made.business_on.isoformat(),
        from_on=made.from_on.isoformat() if made.from_on else None,
        ends_at=days.ends_at,
        closed_at=now,
        closed_by_id=by.id if isinstance(by, Operator) else None,
        late_count=made.late_count,
        redeemed_count=redeemed.count,
        redeemed_fen=redeemed.settlement_fen,
        redeemed_operator_fen=redeemed.operator_fen,
        redeemed_merchant_fen=redeemed.merchant_fen,
        redeemed_fee_fen=redeemed.fee_fen,
        reversed_count=back.count,
        reversed_fen=back.settlement_fen,
        reversed_operator_fen=back.operator_fen,
        reversed_merchant_fen=back.merchant_fen,
        reversed_fee_fen=back.fee_fen,
        sums=told(made.sums),
        hash=made.hash,
    )
    return stored.id
