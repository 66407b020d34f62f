"""What a prize is made of when it is awarded: the claims, parcels and amounts that come with it, by the set.

Winning means that this is there in the transaction of the spin. Points, chances and growth are entries of the book that
the spins are paid from (`spin_paying.py`); growth moves levels as well, once it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import fulfiller
from handlers.claims.issuing import Wanted, issue
from handlers.levels.levels import settle
from handlers.offers.offers import PublishedOffer, published
from handlers.ports import Vault
from handlers.requests import Actor
from handlers.rules.draw_rules import Prize, PrizeKind
from handlers.rules.validity import begins, day_of
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import dump_rows, instant_text
from models.statements import draws as statements
from models.words import ClaimSource

CREDITED = frozenset({PrizeKind.POINTS, PrizeKind.CHANCES, PrizeKind.GROWTH})  # entries of the ledger
WON = "spin_won"  # the kind of cause in the ledger; its id is the spin's
FULFILLED = frozenset({PrizeKind.THANKS, PrizeKind.BENEFIT, PrizeKind.GOODS}) | CREDITED


@dataclass(frozen=True, slots=True)
class Won:
    """One prize in one member's hands."""

    spin_id: UUID
    member_id: UUID
    actor: Actor
    prize: Prize


@dataclass(frozen=True, slots=True)
class Given:
    """What came of it: a claim until its end, or a parcel until the end of its time for an address."""

    claim_id: UUID | None = None
    parcel_id: UUID | None = None
    until: datetime | None = None


class Shelf:
    """The offers that stand behind the benefit prizes of a draw, as of the open transaction."""

    def __init__(self, offers: Mapping[UUID, PublishedOffer], zone: ZoneInfo, vault: Vault) -> None:
        self._offers = offers
        self._zone = zone
        self._vault = vault

    @classmethod
    async def open(cls, prizes: Sequence[Prize], zone: ZoneInfo, vault: Vault) -> "Shelf":
        """One statement where there are benefits among the prizes."""
        ids = {UUID(prize.reference) for prize in prizes if prize.kind is PrizeKind.BENEFIT}
        return cls(await published(sorted(ids)) if ids else {}, zone, vault)

    async def room(self, prize: Prize, most: int, *, at: datetime) -> int:
        """How many of `most` units there is something to give for; of all but codes and packages always all."""
        if prize.kind is not PrizeKind.BENEFIT or not most:
            return most
        offer = self._offers.get(UUID(prize.reference))
        if offer is None:
            return 0
        kind = fulfiller(offer.benefit.kind)
        return sum(await kind.room(offer.benefit.terms, [()] * most, now=at))

    async def give(self, won: Sequence[Won], *, address_days: int, at: datetime) -> dict[UUID, Given]:
        """By spin. Claims are written at once, and levels moved by growth that was won; parcels are written by `send`,
        after the spins that they belong to."""
        by_offer: dict[str, list[Won]] = {}
        for each in won:
            if each.prize.kind is PrizeKind.BENEFIT:
                by_offer.setdefault(each.prize.reference, []).append(each)
        given: dict[UUID, Given] = {}
        for reference, theirs in sorted(by_offer.items()):
            wanted = [Wanted(each.member_id, ClaimSource.DRAW, each.actor) for each in theirs]
            offer = self._offers[UUID(reference)]
            issued = await issue(offer, wanted, at=at, zone=self._zone, vault=self._vault, reason="won")
            for each, (claim, *_) in zip(theirs, issued, strict=True):
                given[each.spin_id] = Given(claim_id=claim.id, until=claim.expires_at)
        if grown := {each.member_id for each in won if each.prize.kind is PrizeKind.GROWTH}:
            await settle(grown, at=at)
        until = begins(day_of(at, self._zone) + timedelta(days=address_days + 1), self._zone)
        for each in won:
            if each.prize.kind is PrizeKind.GOODS:
                given[each.spin_id] = Given(parcel_id=new_id(), until=until)
        return given


async def send(draw_id: UUID, won: Sequence[Won], given: Mapping[UUID, Given], *, at: datetime) -> None:
    """The parcels of these spins, whose rows are there by now."""
    parcels = [
        {
            "id": there.parcel_id,
            "spin_id": each.spin_id,
            "draw_id": draw_id,
            "member_id": each.member_id,
            "code": each.prize.code,
            "name": each.prize.name,
            "deadline_at": instant_text(there.until),
        }
        for each in won
        if (there := given.get(each.spin_id)) is not None and there.parcel_id is not None and there.until is not None
    ]
    if parcels and len(await rows(statements.ADD_PARCELS, dump_rows(parcels), at)) < len(parcels):
        raise SerializationConflict("a parcel was not written")
