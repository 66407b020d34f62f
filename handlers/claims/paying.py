"""Claims that cost points: debited in the transaction that gives them, returned when one goes back unused.

Called inside an open transaction. The ledger's own cause is the claim, so nothing is paid or returned twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import DomainError, PointsShort
from handlers.ledger.posting import post, settle
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


@dataclass(slots=True)
class Purses:
    """What offers cost each of these members (canonical ids), and what they have left while a batch is decided."""

    prices: Mapping[tuple[UUID, UUID], int]  # by offer and member
    left: dict[UUID, int]

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


async def purses_of(asking: Iterable[tuple[PublishedOffer, Asker]], *, at: datetime, zone: ZoneInfo) -> Purses:
    """Read and locked for those who have to pay: nobody else spends their points until the transaction ends.

    For offers without a price in points nothing is read.
    """
    prices = {
        (offer.id, asker.member_id): price_for(offer.terms, asker, at, zone).points
        for offer, asker in asking
        if any(price.points for price in (offer.terms.price, *(each.price for each in offer.terms.prices)))
    }
    paying = sorted({member_id for (_, member_id), points in prices.items() if points})
    if not paying:
        return Purses({}, {})
    unit = await points_unit()
    balances = await settle([(unit, of_member(each)) for each in paying], at=at)
    return Purses(prices, {each: max(balances[unit, of_member(each)].available, 0) for each in paying})


async def pay(paid: Sequence[Paid], *, at: datetime) -> None:
    """Debit what was decided over the purses. Raises SerializationConflict: decide again."""
    spendings = [Spending(each.member_id, each.points, Cause(PAID, str(each.claim_id))) for each in paid]
    done = await spend_each(spendings, at=at, known={})  # the claims are new: nobody has paid for them
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
