"""Claims that cost points: debited in the transaction that gives them, returned when one goes back unused.

Called inside an open transaction. The ledger's own cause is the claim, so nothing is paid or returned twice.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import DomainError, PointsShort
from handlers.ledger.books import OpenBook
from handlers.ledger.posting import look, post
from handlers.outside_points.returning import send_back
from handlers.points.crediting import recall
from handlers.points.points_terms import terms
from handlers.points.spending import SPENT, Spending, points_unit, spend_each
from handlers.rules.eligibility import Asker, PublishedOffer, price_for
from handlers.rules.ledger import POINTS, Cause, Move, Unit, of_member
from models.database import rows
from models.failures import SerializationConflict
from models.sql import as_uuid
from models.statements import paying as statements

PAID, RETURNED = "claim", "claim_returned"


@dataclass(frozen=True, slots=True)
class Paid:
    """What one claim costs, and whom."""

    claim_id: UUID
    member_id: UUID
    points: int


class Pays(Protocol):
    """Somebody who wants `quantity` of an offer."""

    @property
    def offer(self) -> PublishedOffer: ...

    @property
    def asker(self) -> Asker: ...

    @property
    def quantity(self) -> int: ...


@dataclass(slots=True)
class Purses:
    """What offers cost each of these members (canonical ids), and what they have left while a batch is decided."""

    prices: Mapping[tuple[UUID, UUID], int]  # by offer and member
    left: dict[UUID, int]
    opened: OpenBook | None = None

    def price(self, offer_id: UUID, member_id: UUID) -> int:
        """Points for one claim."""
        return self.prices.get((offer_id, member_id), 0)

    def take(self, offer_id: UUID, member_id: UUID, quantity: int) -> PointsShort | None:
        """So many claims are theirs to pay; why not, if not."""
        needed = self.price(offer_id, member_id) * quantity
        available = self.left.get(member_id, 0)
        if needed > available:
            return PointsShort(unit=POINTS, needed=needed, available=available)
        if needed:
            self.left[member_id] = available - needed
        return None


async def purses_of(asking: Sequence[Pays], *, at: datetime, zone: ZoneInfo) -> Purses:
    """Read and locked for those who have to pay: nobody else spends their points until the transaction ends.

    For offers without a price in points nothing is read.
    """
    prices: dict[tuple[UUID, UUID], int] = {}
    most: Counter[UUID] = Counter()
    for each in asking:
        terms_, member_id = each.offer.terms, each.asker.member_id
        if not any(price.points for price in (terms_.price, *(each.price for each in terms_.prices))):
            continue
        if points := price_for(terms_, each.asker, at, zone).points:
            prices[each.offer.id, member_id] = points
            most[member_id] += points * each.quantity
    if not most:
        return Purses({}, {})
    unit = await points_unit()
    opened = await look({(unit, of_member(each)): points for each, points in sorted(most.items())}, SPENT, at=at)
    left = {each: max(opened.balances[unit, of_member(each)].available, 0) for each in most}
    return Purses(prices, left, opened)


async def pay(paid: Sequence[Paid], *, at: datetime, purses: Purses | None = None) -> None:
    """Debit what was decided over the purses. Raises SerializationConflict: decide again."""
    spendings = [Spending(each.member_id, each.points, Cause(PAID, str(each.claim_id))) for each in paid]
    # The claims are new: nobody has paid for them.
    done = await spend_each(spendings, at=at, known={}, opened=purses.opened if purses else None)
    if any(isinstance(each, DomainError) for each in done.values()):
        raise SerializationConflict("a purse moved while it was locked")


async def return_points(claim_ids: Collection[UUID], *, at: datetime) -> int:
    """What unused claims have cost goes back into the lots it was taken from; of how many claims it did.

    What they have cost at an account outside is asked back from there, and not counted here. To whoever their member is
    today. Points that came with claims that were revoked go. Again, nothing happens.
    """
    await recall(claim_ids, at=at)
    await send_back(claim_ids, at=at)
    found = await rows(statements.PAID, sorted(claim_ids)) if claim_ids else []
    if not found:
        return 0
    held = await terms()
    unit, grace = Unit(held.programme_id, POINTS), timedelta(days=held.grace_days)
    back = [
        Move(
            unit,
            SPENT,
            of_member(as_uuid(each["owner_id"])),
            int(each["amount"]),
            Cause(RETURNED, str(as_uuid(each["id"]))),
            reverses=as_uuid(each["transfer_id"]),
            grace=grace,
        )
        for each in found
    ]
    done = await post(back, at=at)
    return sum(not each.replayed for each in done.values())
