"""What a prize is made of when it is awarded: the claims, parcels and amounts that come with it, by the set.

Winning means that this is there in the transaction of the spin; of a benefit that asks something of its winner, the
right to it until a deadline (docs/adr/0043). Points, chances and growth are entries of the book that
the spins are paid from (`spin_paying.py`); growth moves levels as well, once it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import fulfiller
from handlers.claims.issuing import Wanted, issue
from handlers.draws.asking import asks_of, room_later
from handlers.levels.levels import settle
from handlers.offers.offers import PublishedOffer, published
from handlers.ports import Vault
from handlers.requests import Actor
from handlers.rules.draw_rules import Prize, PrizeKind
from handlers.rules.validity import begins, day_of
from models.database import put
from models.ids import new_id
from models.sql import dump_rows, instant_text
from models.statements import draws as statements
from models.statements import due_prizes
from models.words import ClaimSource, PrizeAsks

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
    """What came of it: a claim until its end, or what waits for a word of the winner's until the end of its time."""

    claim_id: UUID | None = None
    parcel_id: UUID | None = None
    until: datetime | None = None
    prize_id: UUID | None = None
    asks: PrizeAsks | None = None


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
        if asks_of(offer.benefit) is not None:
            return await room_later(offer, most, at=at)
        kind = fulfiller(offer.benefit.kind)
        return sum(await kind.room(offer.benefit.terms, [()] * most, now=at))

    async def give(self, won: Sequence[Won], *, address_days: int, at: datetime) -> dict[UUID, Given]:
        """By spin. Claims are written at once, and levels moved by growth that was won; what waits for a word is
        written by `send`, after the spins that it belongs to."""
        until = begins(day_of(at, self._zone) + timedelta(days=address_days + 1), self._zone)
        by_offer: dict[str, list[Won]] = {}
        given: dict[UUID, Given] = {}
        for each in won:
            if each.prize.kind is PrizeKind.GOODS:
                given[each.spin_id] = Given(parcel_id=new_id(), until=until)
            elif each.prize.kind is PrizeKind.BENEFIT:
                if asks := asks_of(self._offers[UUID(each.prize.reference)].benefit):
                    given[each.spin_id] = Given(prize_id=new_id(), until=until, asks=asks)
                else:
                    by_offer.setdefault(each.prize.reference, []).append(each)
        for reference, theirs in sorted(by_offer.items()):
            wanted = [Wanted(each.member_id, ClaimSource.DRAW, each.actor) for each in theirs]
            offer = self._offers[UUID(reference)]
            issued = await issue(offer, wanted, at=at, zone=self._zone, vault=self._vault, reason="won")
            for each, (claim, *_) in zip(theirs, issued, strict=True):
                given[each.spin_id] = Given(claim_id=claim.id, until=claim.expires_at)
        if grown := {each.member_id for each in won if each.prize.kind is PrizeKind.GROWTH}:
            await settle(grown, at=at)
        return given


async def send(draw_id: UUID, won: Sequence[Won], given: Mapping[UUID, Given], *, at: datetime) -> None:
    """What waits for a word of these winners, whose spins are there by now."""
    parcels: list[dict[str, object]] = []
    prizes: list[dict[str, object]] = []
    for each in won:
        there = given.get(each.spin_id, Given())
        if there.until is None or (row_id := there.parcel_id or there.prize_id) is None:
            continue
        facts: dict[str, object] = {
            "id": row_id,
            "spin_id": each.spin_id,
            "draw_id": draw_id,
            "member_id": each.member_id,
            "code": each.prize.code,
            "name": each.prize.name,
            "deadline_at": instant_text(there.until),
        }
        if there.parcel_id is not None:
            parcels.append(facts)
        else:
            prizes.append({**facts, "offer_id": each.prize.reference})
    for listed, statement in ((parcels, statements.ADD_PARCELS), (prizes, due_prizes.ADD)):
        if listed:
            lost = "something that was won was not written"
            await put(statement, dump_rows(listed), at, count=len(listed), conflict=lost)
