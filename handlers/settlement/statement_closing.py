"""结账: a merchant's business day is closed by the clock a while after its end, or by finance by hand once it is over.

A statement does not take "the rows of a day" but the entries that are open, one by one: each redemption row has had an
entry since it was written, a second hand-over that an operator pays since that was decided, the merchant's part of a
sale since it was paid, and a statement takes it by a guarded update that happens once. A row whose transaction began
before a closing and commits after it is therefore in no statement yet and waits for the next one, where it is told with
the day that it belongs to. Days of a merchant are closed in their order; where the terms say so, those of a calendar
month in one statement. What it brings is booked in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import DayClosed, DayNotOver, EarlierDayOpen, MerchantUnknown
from handlers.merchant_terms import terms_of_merchant
from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Actor, Answer, once
from handlers.retrying import again, refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.settlement import Amounts, DayStatement, Folding
from handlers.rules.settlement_terms import period_days
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from handlers.settlement.merchant_money import stated
from handlers.settlement.statement_entries import open_entries
from handlers.settlement.statement_views import StatementView, whole
from models.database import atomic, require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.programmes import Merchant
from models.settlement import SettlementStatement
from models.sql import as_instant, as_uuid
from models.statements import settlement as statements

BATCH = 500
ASSIGNED_AT_ONCE = 10_000  # a million in one statement takes longer than the database lets any run
DAY = timedelta(days=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ID, _AFTER_ALL = UUID(int=0), UUID(int=2**128 - 1)


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
            last_on, last_end = await _last(merchant_id)
            until_end = begins(until + DAY, BUSINESS_ZONE)
            if last_on is not None and last_on >= until:
                return False
            first = await row(statements.FIRST_OPEN, merchant_id, last_end, until_end)
            is_late = await row(statements.FIRST_OPEN, merchant_id, _BEGINNING, last_end)
            if first is None and is_late is None:
                return False
            day = day_of(as_instant(first["happened_at"]), BUSINESS_ZONE) if first else until
            if (await _days(merchant_id, day))[1] > until:
                return False  # its month is not over
            await self._close(merchant_id, day, ByTheClock())
            return True

    async def _close(self, merchant_id: UUID, day: date, by: Actor, *, scope: Scope | None = None) -> UUID:
        """The statement that this day is in, inside the open transaction."""
        require_atomic()
        merchant = await row(statements.LOCK_MERCHANT, merchant_id)
        if merchant is None or (scope is not None and not scope.sees(as_uuid(merchant["organization_id"]))):
            raise MerchantUnknown
        first_on, last_on = await _days(merchant_id, day)
        now, ends_at = self._clock.now(), begins(last_on + DAY, BUSINESS_ZONE)
        if now < ends_at:
            raise DayNotOver(ends_at=ends_at.isoformat())
        closed_on, last_end = await _last(merchant_id)
        if closed_on is not None and day <= closed_on:
            raise DayClosed(closed_until=closed_on.isoformat())
        if closed_on is not None:
            first_on = max(first_on, closed_on + DAY)
        earlier = await row(statements.FIRST_OPEN, merchant_id, last_end, begins(first_on, BUSINESS_ZONE))
        if earlier is not None:
            raise EarlierDayOpen(business_on=day_of(as_instant(earlier["happened_at"]), BUSINESS_ZONE).isoformat())
        from_on = first_on if first_on < last_on else None
        folding = Folding(merchant_id, last_on, BUSINESS_ZONE, from_on=from_on)
        read, ends = 0, list[UUID]()
        async for each in open_entries(merchant_id, ends_at):
            folding.add(each)
            read += 1
            if read % ASSIGNED_AT_ONCE == 0:
                ends.append(each.id)
        made = folding.made()
        statement_id = await _write(made, ends_at=ends_at, by=by, now=now)
        await _assign(statement_id, merchant_id, ends_at, ends, made.totals.count)
        await stated(statement_id, made.totals.payable_operator_fen, made.totals.fee_fen, at=now)
        told = {
            "merchant": merchant["code"],
            "business_on": last_on,
            "payable_fen": made.totals.payable_fen,
            "net_fen": made.totals.net_fen,
            "entries": made.totals.count,
            "hash": made.hash,
        }
        place = as_uuid(merchant["organization_id"])
        await record(by, "statement.closed", "statement", statement_id, at=now, organization_id=place, **told)
        return statement_id


async def _days(merchant_id: UUID, day: date) -> tuple[date, date]:
    """The first and the last day of the statement that a day is in."""
    return period_days(await terms_of_merchant(merchant_id), day, begins(day, BUSINESS_ZONE))


async def _last(merchant_id: UUID) -> tuple[date | None, datetime]:
    """The last day that is closed, and its end."""
    found = await row(statements.LAST_CLOSED, merchant_id)
    if found is None:
        return None, _BEGINNING
    return date.fromisoformat(found["business_on"]), as_instant(found["ends_at"])


async def _assign(statement_id: UUID, merchant_id: UUID, ends_at: datetime, ends: Sequence[UUID], count: int) -> None:
    """`ends`: up to which id each part goes. Raises SerializationConflict: one that was not read came in between."""
    for after, upto in pairwise((_NO_ID, *ends, _AFTER_ALL)):
        for assign in (statements.ASSIGN, statements.ASSIGN_CONFLICTS, statements.ASSIGN_SALES):
            await rows(assign, statement_id, merchant_id, ends_at, after, upto)
    found = await row(statements.ASSIGNED, statement_id)
    if found is None or found["number"] != count:
        raise SerializationConflict("entries came or were assigned meanwhile")


async def _write(made: DayStatement, *, ends_at: datetime, by: Actor, now: datetime) -> UUID:
    redeemed, back = made.totals.redeemed, made.totals.reversed
    stored = await SettlementStatement.create(
        id=new_id(),
        merchant_id=made.merchant_id,
        business_on=made.business_on.isoformat(),
        from_on=made.from_on.isoformat() if made.from_on else None,
        ends_at=ends_at,
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
        sums=sums_of(made),
        hash=made.hash,
    )
    return stored.id


def sums_of(made: DayStatement) -> list[dict[str, object]]:
    """The sums as they are stored."""
    return [
        {
            "benefit_id": str(each.benefit_id),
            "belongs_on": each.belongs_on.isoformat(),
            "redeemed": _figures(each.totals.redeemed),
            "reversed": _figures(each.totals.reversed),
        }
        for each in made.sums
    ]


def _figures(amounts: Amounts) -> list[int]:
    """Where there are no fees, none are told, as before there were any."""
    fee = [amounts.fee_fen] if amounts.fee_fen else []
    return [amounts.count, amounts.settlement_fen, amounts.operator_fen, amounts.merchant_fen, *fee]
