"""What a batch of wishes may have, and what each of them pays: slots, units, codes and points, in order of arrival.

Inside the open transaction of whoever gives it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.claims.issuing import Wanted
from handlers.claims.outside_paying import OutsideTills, tills_of
from handlers.claims.paying import Purses, purses_of
from handlers.claims.sharing import Gone, WhyNot, share_out
from handlers.claims.wishes import Claim
from handlers.errors import DomainError
from handlers.requests import Asked
from handlers.rules.eligibility import Asker, PublishedOffer


@dataclass(frozen=True, slots=True)
class Allowed:
    """A wish that nothing speaks against but what there is."""

    wish: Claim
    offer: PublishedOffer
    asker: Asker

    @property
    def member_id(self) -> UUID:
        """Whose limits it counts for."""
        return self.asker.member_id

    @property
    def choices(self) -> tuple[str, ...]:
        """Of a package."""
        return self.wish.choices

    @property
    def quantity(self) -> int:
        """How many, or none."""
        return self.wish.quantity


@dataclass(slots=True)
class Allotted:
    """What became of the wishes: claims that are to be written, their units taken; or why not.

    `gone`: offers that had nothing left before any of these. `purses`: what is to be paid from, looked into.
    """

    given: list[tuple[Allowed, list[Wanted]]] = field(default_factory=list)
    refused: dict[Asked, DomainError] = field(default_factory=dict)
    gone: dict[UUID, Gone] = field(default_factory=dict)
    names: dict[UUID, tuple[str, ...]] = field(default_factory=dict)  # the counters that each offer is taken from
    purses: Purses | None = None


async def allot(allowed: Sequence[Allowed], *, now: datetime, zone: ZoneInfo) -> Allotted:
    """Decide and take. Raises SerializationConflict."""
    purses = Purses({}, {})

    async def paying(free: Sequence[Allowed]) -> WhyNot[Allowed]:
        nonlocal purses
        purses = await purses_of(free, at=now, zone=zone)
        tills = await _tills(free, now, zone)
        return lambda each: (
            tills[each.offer.id].why_not(each.wish, each.asker)
            or purses.take(each.offer.id, each.member_id, each.quantity)
        )

    shared = await share_out(allowed, now=now, zone=zone, also=paying)
    return Allotted(
        given=[(each, [_wanted(each, one, purses) for one in slots]) for each, slots in shared.given],
        refused={each.wish.asked: refusal for each, refusal in shared.refused},
        gone=shared.gone,
        names=shared.names,
        purses=purses,
    )


def _wanted(each: Allowed, slots: tuple[tuple[str, int], ...], purses: Purses) -> Wanted:
    wish, price = each.wish, purses.price(each.offer.id, each.member_id)
    return Wanted(each.member_id, wish.source, wish.actor, wish.choices, slots, wish.recharge_to, price)


async def _tills(free: Sequence[Allowed], now: datetime, zone: ZoneInfo) -> dict[UUID, OutsideTills]:
    by_offer: dict[UUID, list[Allowed]] = {}
    for each in free:
        by_offer.setdefault(each.offer.id, []).append(each)
    return {
        offer_id: await tills_of(theirs[0].offer, [(each.wish, each.asker) for each in theirs], at=now, zone=zone)
        for offer_id, theirs in sorted(by_offer.items())
    }
