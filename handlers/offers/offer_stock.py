"""The stock of offers in operators' hands: added to or taken from, never set.

Every change is a row, in the transaction in which the counter moved by one guarded update. Whoever adds more than a
fifth to what was last approved needs a second operator, also when it is done in several small steps.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.approvals import decide, propose, waiting
from handlers.audit import record
from handlers.errors import (
    StockBelowZero,
    StockTooLarge,
    StockUnknown,
)
from handlers.offers.offer_publishing import use_quota
from handlers.offers.offer_views import Change, Pending, StockChanged, StockView, theirs
from handlers.offers.offers import bucket_rows
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.stock_buckets import TOTAL
from handlers.scopes import allowed
from models.benefits import Offer, OfferStock, StockChange
from models.database import row, rows
from models.ids import new_id
from models.statements import offers as statements

KIND = "stock"
ALONE_PERCENT = 20  # of what was last approved, rounded down to whole units: what one operator may add alone


@refusing
class OfferStocks:
    """Looks at and changes the counters of offers within the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def view(self, operator: Operator, offer_id: UUID) -> tuple[StockView, ...]:
        """The counters of an offer: the total first, then the newest 100 of days and waves. None: no limit.

        Raises RoleMissing, OfferUnknown.
        """
        offer = await theirs(await allowed(operator, Capability.OFFERS), offer_id)
        found = await OfferStock.filter(offer_id=offer.id).order_by("-id").limit(100)
        total = await OfferStock.filter(offer_id=offer.id, bucket=TOTAL)
        listed = [*total, *(each for each in found if each.bucket != TOTAL)]
        return tuple(StockView(each.bucket, each.added_count, each.left_count, each.taken_count) for each in listed)

    async def changes(
        self, operator: Operator, offer_id: UUID, *, before: UUID | None, limit: int
    ) -> tuple[Change, ...]:
        """What was added and taken, the newest first. Raises RoleMissing, OfferUnknown."""
        offer = await theirs(await allowed(operator, Capability.OFFERS), offer_id)
        found = StockChange.filter(offer_id=offer.id).order_by("-id").limit(limit)
        listed: Any = await (found.filter(id__lt=before) if before else found)
        return tuple(
            Change(
                id=each.id,
                bucket=each.bucket,
                delta=each.delta,
                reason=each.reason,
                operator_id=each.operator_id,
                approved_by=each.approved_by_id,
                created_at=each.created_at,
            )
            for each in listed
        )

    async def change(
        self, operator: Operator, offer_id: UUID, *, bucket: str, delta: int, reason: str, request_id: str
    ) -> Answer[StockChanged]:
        """Add `delta` to a counter, or take it away; more than 20 % up becomes a proposal for a second operator.

        Raises RoleMissing, OfferUnknown, StockUnknown, StockBelowZero, StockTooLarge, QuotaTooSmall, KeyReused.
        """
        scope = await allowed(operator, Capability.OFFERS)

        async def effect() -> StockChanged:
            now, offer = self._clock.now(), await theirs(scope, offer_id)
            found = await row(statements.LOCK_STOCK, offer_id, bucket)
            if found is None:
                raise StockUnknown
            stock = _stock(bucket, found)
            if not await _needs_second(offer_id, stock, delta):
                return await _apply(operator, offer, bucket, delta, reason, now=now)
            place: UUID = offer.organization_id  # type: ignore[attr-defined]
            approval_id = await propose(
                operator, KIND, offer_id, place=place, facts={"bucket": bucket, "delta": delta}, reason=reason
            )
            told = {"bucket": bucket, "delta": delta, "reason": reason, "approval": approval_id}
            await record(operator, "stock.proposed", "offer", offer_id, at=now, organization_id=place, **told)
            return StockChanged(offer_id, stock, approval_id)

        facts = {"id": offer_id, "bucket": bucket, "delta": delta, "reason": reason}
        return await once(operator, "stock.change", request_id, facts=facts, result=StockChanged, effect=effect)

    async def pending(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[Pending, ...]:
        """What waits for a second operator, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.OFFERS)
        found = await waiting(KIND, scope, after=after, limit=limit)
        return tuple(
            Pending(
                id=each.id,
                offer_id=each.subject_id,
                organization_id=each.organization_id,
                bucket=each.facts["bucket"],
                delta=each.facts["delta"],
                reason=each.reason,
                proposed_by=each.proposed_by,
                proposed_at=each.proposed_at,
            )
            for each in found
        )

    async def approve(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[StockChanged]:
        """Do what a first operator proposed.

        Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, StockTooLarge, QuotaTooSmall, KeyReused.
        """
        return await self._decide(operator, approval_id, "approved", request_id)

    async def reject(self, operator: Operator, approval_id: UUID, *, request_id: str) -> Answer[StockChanged]:
        """Leave the stock as it is. Raises RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, KeyReused."""
        return await self._decide(operator, approval_id, "rejected", request_id)

    async def _decide(
        self, operator: Operator, approval_id: UUID, outcome: str, request_id: str
    ) -> Answer[StockChanged]:
        scope = await allowed(operator, Capability.OFFERS)

        async def effect() -> StockChanged:
            now = self._clock.now()
            proposed = await decide(operator, KIND, approval_id, outcome, scope=scope, at=now)
            offer_id, bucket, delta = proposed.subject_id, proposed.facts["bucket"], int(proposed.facts["delta"])
            offer = await theirs(scope, offer_id)
            if outcome == "approved":
                proposer = proposed.proposed_by
                return await _apply(operator, offer, bucket, delta, proposed.reason, now=now, proposed_by=proposer)
            told = {"bucket": bucket, "delta": delta, "approval": approval_id}
            place: UUID = offer.organization_id  # type: ignore[attr-defined]
            await record(operator, "stock.rejected", "offer", offer_id, at=now, organization_id=place, **told)
            found = await row(statements.LOCK_STOCK, offer_id, bucket)
            if found is None:
                raise StockUnknown
            return StockChanged(offer_id, _stock(bucket, found))

        operation = f"stock.{outcome}"
        return await once(operator, operation, request_id, facts=approval_id, result=StockChanged, effect=effect)


async def _needs_second(offer_id: UUID, stock: StockView, delta: int) -> bool:
    if delta <= 0:
        return False
    found = await row(statements.APPROVED_COUNT, offer_id, stock.bucket)
    approved = int(found["approved"]) if found else 0
    return stock.added + delta > approved + approved * ALONE_PERCENT // 100


async def _apply(
    operator: Operator,
    offer: Offer,
    bucket: str,
    delta: int,
    reason: str,
    *,
    now: datetime,
    proposed_by: UUID | None = None,
) -> StockChanged:
    """Move the counter and write down that it moved. `proposed_by`: the operator now approves."""
    found = await row(statements.CHANGE_STOCK, offer.id, bucket, delta)
    if found is None:
        raise await _why_unmoved(offer.id, bucket, delta)
    if bucket == TOTAL:
        await use_quota(offer, delta)
    by, approver = (proposed_by, operator.id) if proposed_by else (operator.id, None)
    change = [(str(new_id()), offer.id, bucket, delta)]
    text = bucket_rows(change, reason=reason, operator_id=by, approved_by_id=approver)
    await rows(statements.ADD_CHANGES, text, now)
    told = {"bucket": bucket, "delta": delta, "reason": reason, "proposed_by": proposed_by}
    place: UUID = offer.organization_id  # type: ignore[attr-defined]
    await record(operator, "stock.changed", "offer", offer.id, at=now, organization_id=place, **told)
    return StockChanged(offer.id, _stock(bucket, found))


async def _why_unmoved(offer_id: UUID, bucket: str, delta: int) -> Exception:
    found = await row(statements.LOCK_STOCK, offer_id, bucket)
    if found is None:
        return StockUnknown()
    return StockBelowZero(left=int(found["left_count"])) if delta < 0 else StockTooLarge()


def _stock(bucket: str, found: Any) -> StockView:
    return StockView(bucket, int(found["added_count"]), int(found["left_count"]), int(found["taken_count"]))
