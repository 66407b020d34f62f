"""Offers that cost points of an account outside: held before the claim, spent in the claim's own transaction.

What the lane decides about is the hold's row. It is asked about the price first, so that nothing is held for somebody
who could not have the offer anyway; then the points are held outside any transaction; then the same wish is decided
again, with the hold. docs/adr/0029.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.claims.wishes import Claim, Claimed
from handlers.errors import DomainError, OutcomeUnknown, OutsidePriced, OutsidePriceMoved
from handlers.outside_points.holding import OutsideHolds, OutsideWish, held
from handlers.requests import Answer, alone
from handlers.rules.eligibility import Asker, PublishedOffer, price_for
from handlers.rules.offer_terms import Price

Submit = Callable[[Claim], Awaitable[Answer[Claimed]]]


@dataclass(frozen=True, slots=True)
class OutsideTills:
    """What an offer costs each of these members outside, and which of their holds stand while a batch is decided."""

    offer: PublishedOffer
    prices: Mapping[UUID, Price]
    held: frozenset[UUID]

    def why_not(self, each: Claim, asker: Asker) -> DomainError | None:
        """A wish that is not paid for, or paid by what does not stand, or not what it costs now."""
        price = self.prices.get(asker.member_id)
        wanted = (price.outside_account, price.outside_points * each.quantity) if price else ("", 0)
        if each.hold is None:
            account, points = wanted
            return OutsidePriced(title=self.offer.title, account=account, points=points) if points else None
        if (each.hold.account, each.hold.points) != wanted or each.hold.id not in self.held:
            return OutsidePriceMoved()
        return None


async def tills_of(
    offer: PublishedOffer, wishes: Sequence[tuple[Claim, Asker]], *, at: datetime, zone: ZoneInfo
) -> OutsideTills:
    """For an offer without such a price, and wishes without a hold, nothing is read. Holds are locked."""
    prices = {}
    if any(price.outside_points for price in (offer.terms.price, *(each.price for each in offer.terms.prices))):
        prices = {asker.member_id: price_for(offer.terms, asker, at, zone) for _, asker in wishes}
    wanted = [each.hold.id for each, _ in wishes if each.hold is not None]
    return OutsideTills(offer, prices, await held(wanted) if wanted else frozenset())


async def pay_outside(holds: OutsideHolds, wish: Claim, submit: Submit) -> Answer[Claimed]:
    """Hold what the wish costs, submit it, and let go of what nothing came of.

    Raises what `submit` and the holds raise, OutsidePriceMoved.
    """
    async with alone(("outside", *wish.asked.scope)):
        try:
            return await submit(wish)  # a twin may have had it answered meanwhile
        except OutsidePriced as price:
            account, points = str(price.facts["account"]), int(str(price.facts["points"]))
        key = f"{wish.member_id}:{wish.asked.key}"
        hold = await holds.hold(OutsideWish(wish.member_id, wish.offer_id, account, points, key))
        try:
            answer = await submit(replace(wish, hold=hold))
        except OutcomeUnknown:  # the row knows, and whoever settles it asks the row
            raise
        except OutsidePriced as moved:
            await holds.release(hold.id)
            raise OutsidePriceMoved from moved
        except DomainError:
            await holds.release(hold.id)
            raise
        if answer.replayed:  # another process was faster: this one holds twice
            await holds.release(hold.id)
        return answer
