"""对账: each morning the bills of the day before, beside our rows; what does not agree is told and listed.

The bill is fetched before the transaction that writes what came of it, and a look that is repeated replaces what the
one before found.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import BillNotReady, ReconciliationUnknown, RoleMissing
from handlers.orders.services import PaymentServices
from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.reconciliation import Difference, compare
from handlers.rules.roles import Capability
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from models.database import atomic, row, rows
from models.ids import new_id
from models.reconciliations import ReconciliationDifference
from models.sql import as_instant, as_uuid
from models.statements import reconciliations as statements
from models.words import BillKind, Listed, PaymentMethod

RECONCILE = "reconcile"  # the kind of the job
ASKED_AT_ONCE = 1_000  # numbers per read
SENT_EARLY = timedelta(minutes=10)

DIFFERENCES = Counter(
    "fanpiao_reconciliation_differences", "What bills and our rows do not agree about", ["kind", "list"]
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReconciliationSeen:
    """One bill of one day, as it compared the last time."""

    id: UUID
    kind: BillKind
    business_on: str
    mch_id: str  # whose bill
    line_count: int
    total_fen: int
    difference_count: int
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class DifferenceSeen:
    """One number that both do not agree about."""

    id: UUID
    number: str
    listed: Listed
    ours_fen: int
    theirs_fen: int


@dataclass(frozen=True, slots=True)
class LookPlanned:
    """The bills of this day will be looked at again."""

    business_on: str


@refusing
class Reconciliations:
    """Looks at bills, and shows what came of it."""

    def __init__(self, clock: Clock, services: PaymentServices, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._services = services
        self._zone = zone

    async def plan(self, slot: datetime) -> None:
        """The bills of the day before, each looked at by a job of its own; nothing where no money is taken."""
        day = day_of(slot, self._zone) - timedelta(days=1)
        async with atomic():
            await self._plan(day, str(day), at=self._clock.now())

    async def look(
        self, kind: BillKind, day: date, method: PaymentMethod = PaymentMethod.WECHAT
    ) -> tuple[Difference, ...]:
        """Compare one bill of one payment service with our rows; a look that finds nothing says so too.

        Raises BillNotReady: it cannot be read yet, or not now.
        """
        service = self._services.of(method)
        bill = await service.bill(kind, day)
        before = await service.bill(kind, day - timedelta(days=1))
        if bill is None or before is None:
            raise BillNotReady(retry_after=600)
        # We send refunds a little earlier than they book them, and hear of everything else a little later.
        early = SENT_EARLY if kind is BillKind.REFUND else timedelta(0)
        start, end = (begins(day + timedelta(days=more), self._zone) - early for more in (0, 1))
        of_day = {each["number"]: int(each["fen"]) for each in await rows(statements.MOVED[kind, method], start, end)}
        found = compare(bill, before.keys(), await _ours(kind, method, list(bill)), of_day)
        await again(lambda: self._write(kind, day, service.mch_id, bill, found))
        for each in found:
            DIFFERENCES.labels(kind.value, each.listed.value).inc()
            told = {"kind": kind.value, "method": method.value, "number": each.number, "listed": each.listed.value}
            log.error("reconciliation_differs", extra={**told, "ours": each.ours_fen, "theirs": each.theirs_fen})
        return tuple(found)

    async def page(self, operator: Operator, *, after: UUID | None, limit: int) -> list[ReconciliationSeen]:
        """The newest first. Raises RoleMissing (also below the root: the merchant's account is everybody's)."""
        await _require(operator)
        return [
            ReconciliationSeen(
                id=as_uuid(each["id"]),
                kind=BillKind(each["kind"]),
                business_on=each["business_on"],
                mch_id=each["mch_id"],
                line_count=int(each["line_count"]),
                total_fen=int(each["total_fen"]),
                difference_count=int(each["difference_count"]),
                checked_at=as_instant(each["checked_at"]),
            )
            for each in await rows(statements.PAGE, after, limit)
        ]

    async def differences(
        self, operator: Operator, reconciliation_id: UUID, *, after: UUID | None, limit: int
    ) -> list[DifferenceSeen]:
        """What one bill and our rows do not agree about. Raises RoleMissing, ReconciliationUnknown."""
        await _require(operator)
        if await row(statements.EXISTS, reconciliation_id) is None:
            raise ReconciliationUnknown
        return [
            DifferenceSeen(
                id=as_uuid(each["id"]),
                number=each["number"],
                listed=Listed(each["listed"]),
                ours_fen=int(each["ours_fen"]),
                theirs_fen=int(each["theirs_fen"]),
            )
            for each in await rows(statements.DIFFERENCES, reconciliation_id, after, limit)
        ]

    async def look_again(self, operator: Operator, day: date, *, request_id: str) -> Answer[LookPlanned]:
        """Have the bills of a day looked at again, by the worker. Raises RoleMissing, KeyReused."""
        await _require(operator)

        async def effect() -> LookPlanned:
            now = self._clock.now()
            await self._plan(day, str(new_id()), at=now)
            await record(operator, "reconciliation.planned", "reconciliation", str(day), at=now)
            return LookPlanned(str(day))

        return await once(operator, "reconcile", request_id, facts=str(day), result=LookPlanned, effect=effect)

    async def _plan(self, day: date, turn: str, *, at: datetime) -> None:
        """Of every service that takes money here. A carrier has no bill of transfers: none go that way."""
        for method in PaymentMethod:
            if not self._services.of(method).mch_id:
                continue
            is_wechat = method is PaymentMethod.WECHAT
            for kind in BillKind:
                if is_wechat or kind is not BillKind.TRANSFER:
                    key = (
                        f"reconcile:{kind.value}:{turn}"
                        if is_wechat
                        else f"reconcile:{method.value}:{kind.value}:{turn}"
                    )
                    told = {"kind_of_bill": kind.value, "day": str(day), "method": method.value}
                    await later(RECONCILE, key=key, at=at, **told)

    async def _write(
        self, kind: BillKind, day: date, mch_id: str, bill: Mapping[str, int], found: list[Difference]
    ) -> None:
        async with atomic():
            facts = kind.value, str(day), mch_id, len(bill), sum(bill.values()), len(found)
            (kept,) = await rows(statements.KEEP, new_id(), self._clock.now(), *facts)
            reconciliation_id = as_uuid(kept["id"])
            await rows(statements.FORGET, reconciliation_id)
            await ReconciliationDifference.bulk_create(
                [
                    ReconciliationDifference(
                        reconciliation_id=reconciliation_id,
                        number=each.number,
                        listed=each.listed,
                        ours_fen=each.ours_fen,
                        theirs_fen=each.theirs_fen,
                    )
                    for each in found
                ]
            )


async def _ours(kind: BillKind, method: PaymentMethod, numbers: list[str]) -> dict[str, int]:
    """What our rows of these numbers say has moved."""
    ours: dict[str, int] = {}
    for start in range(0, len(numbers), ASKED_AT_ONCE):
        found = await rows(statements.NUMBERED[kind, method], numbers[start : start + ASKED_AT_ONCE])
        ours |= {each["number"]: int(each["fen"]) for each in found}
    return ours


async def _require(operator: Operator) -> None:
    scope = await allowed(operator, Capability.RECONCILIATION)
    if not scope.is_root:
        raise RoleMissing
