"""The lanes of claims: ten thousand people press at the same second, and what they press is decided batch by batch.

First come, first served, within a batch too. Everything about a claim is decided in the transaction that writes it:
who they are (their canonical row locked, so that limits count over everything that is theirs), what the offer says
now, what is left.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.channels.gate import Signed
from handlers.claims.allotting import Allowed, allot
from handlers.claims.claimants import lock, standing
from handlers.claims.issuing import Issued, Lot, issue_all
from handlers.claims.on_behalf import heard, sights
from handlers.claims.outside_paying import pay_outside
from handlers.claims.sharing import Gone
from handlers.claims.wishes import Claim, Claimed, Outcome, check_said, number_of
from handlers.errors import (
    DomainError,
    KeyReused,
    OfferPriced,
    OfferSoldOut,
    OfferUnknown,
    OutsidePriced,
    QuantityInvalid,
)
from handlers.group_commit import GroupCommit
from handlers.lanes import Lanes
from handlers.offers.offer_refusals import refusal_of
from handlers.offers.offers import published
from handlers.outside_points.holding import OutsideHolds, spend
from handlers.outside_points.returning import keep
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.retrying import refusing
from handlers.rules.eligibility import Asker, PublishedOffer, decide
from models.database import together
from models.words import ClaimSource, Touchpoint

MOST_AT_ONCE = 20  # claims under one key
SOLD_OUT_FOR = 1.0  # seconds that a process says no without looking; it never says yes without looking


@refusing
class Claiming:
    """Gives offers out, each at most once per key."""

    def __init__(
        self, clock: Clock, vault: Vault, holds: OutsideHolds | None = None, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        """Without `holds` nothing is given for points of accounts outside."""
        self._clock = clock
        self._vault = vault
        self._holds = holds
        self._zone = zone
        self._sold_out: dict[UUID, tuple[float, Gone]] = {}
        self._lanes = Lanes()
        self._lane: GroupCommit[Claim, Outcome] = GroupCommit("claims", self._decide, key=_request, settle=self._settle)

    async def claim(
        self,
        person: Person,
        *,
        offer_id: UUID,
        choices: Sequence[str] = (),
        recharge_to: str | None = None,
        quantity: int = 1,
        request_id: str,
    ) -> Answer[Claimed]:
        """领取: `quantity` claims (1 to 20), all or none, each with its slot, its unit and the parts of a package.

        `choices`: the benefits chosen of a package k of n, by code; the same for all.

        `recharge_to`: for a top-up and for nothing else, the mainland mobile number that is charged.
        Raises OfferUnknown, OfferClosed, OfferPaused, OfferNotForYou, OfferNotOpen, ChoicesInvalid, RechargeToInvalid,
        RechargeToMissing, RechargeToUnwanted, OfferLimitReached, OfferSoldOut, OfferTooMany (some would do),
        OfferPriced, PointsShort, what `pay_outside` raises (in chat OutsidePriced: nobody sees there what it takes),
        QuantityInvalid, NotSignedIn, MemberFrozen, KeyReused, Overloaded (nothing happened), OutcomeUnknown (the key
        finds out).
        """
        source = ClaimSource.CHAT if person.through is Touchpoint.CHAT else ClaimSource.MINI_PROGRAM
        number = number_of(recharge_to)
        facts = self._facts(offer_id, choices, number, quantity)
        asked = Asked.of(person, "claim", request_id, facts)
        wish = Claim(person, person.member_id, source, offer_id, tuple(sorted(choices)), asked, number, quantity)
        try:
            return await self._submit(wish)
        except OutsidePriced:
            if self._holds is None or source is not ClaimSource.MINI_PROGRAM:  # where they see what it takes
                raise
        return await pay_outside(self._holds, wish, self._submit)

    async def claim_for(
        self,
        signed: Signed,
        member_id: UUID,
        *,
        offer_id: UUID,
        choices: Sequence[str] = (),
        recharge_to: str | None = None,
        quantity: int = 1,
        request_id: str,
    ) -> Answer[Claimed]:
        """The same for a member whom a channel serves: their limits and points, the channel's quota and sight.

        Raises as `claim`, what the gate's `let_in` raises, and MemberUnknown and OfferUnknown for what is out of sight.
        """
        number = number_of(recharge_to)
        facts = {"member": member_id, **self._facts(offer_id, choices, number, quantity)}
        asked = Asked.of(signed.channel, "claim", request_id, facts)
        wish = (signed.channel, member_id, ClaimSource.CHANNEL, offer_id, tuple(sorted(choices)), asked)
        return await self._submit(Claim(*wish, number, quantity, signed))

    def _facts(self, offer_id: UUID, choices: Sequence[str], number: str, quantity: int) -> dict[str, object]:
        if not 1 <= quantity <= MOST_AT_ONCE:
            raise QuantityInvalid(most=MOST_AT_ONCE)
        facts: dict[str, object] = {"offer": offer_id, "choices": sorted(choices)}
        if quantity > 1:
            facts["quantity"] = quantity
        if number:  # by its keyed mark: fingerprints are stored, and there are few numbers
            facts["recharge_to"] = self._vault.blind_index("recharge_to", number)
        return facts

    async def _submit(self, wish: Claim) -> Answer[Claimed]:
        async with self._lanes.lane_of(wish.offer_id) as lane:
            return await self._lane.submit(lane, wish)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _decide(self, batch: Sequence[Claim]) -> list[Outcome | DomainError]:
        now = self._clock.now()
        unheard = await heard({each.asked: each.call for each in batch if each.call is not None}, at=now)
        decided: dict[Asked, Outcome | DomainError] = {**unheard}
        for each in batch:
            # Channels have to see it before they are told that it is gone.
            if each.call is None and (gone := self._known_sold_out(each.offer_id, now)) is not None:
                decided[each.asked] = gone
        # Locked before it is asked what was answered: a twin in another lane or process is waited for, and found.
        open_ = [each for each in batch if each.asked not in decided]
        ids = {each.member_id for each in open_}
        locked = await lock(ids)
        known, people, offers = await together(
            recall([each.asked for each in batch if each.asked not in unheard], Claimed),
            standing(ids, locked),
            published({each.offer_id for each in open_}),
        )
        fresh = [each for each in open_ if each.asked not in known]
        decided |= await self._give(fresh, people, offers, now) if fresh else {}
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in batch]

    async def _give(
        self,
        fresh: Sequence[Claim],
        people: Mapping[UUID, Asker | DomainError],
        offers: Mapping[UUID, PublishedOffer],
        now: datetime,
    ) -> dict[Asked, Outcome | DomainError]:
        decided: dict[Asked, Outcome | DomainError] = {}
        allowed = await self._allowed(fresh, people, offers, decided, now)
        allotted = await allot(allowed, now=now, zone=self._zone)
        for offer_id, gone in allotted.gone.items():
            self._sold_out[offer_id] = (asyncio.get_running_loop().time() + SOLD_OUT_FOR, gone)
        decided |= allotted.refused
        lots: dict[UUID, Lot] = {}
        got: dict[Asked, list[Issued]] = {}
        asked: dict[UUID, list[Asked]] = {}
        for each, wanted in allotted.given:
            offer = each.offer
            lots.setdefault(offer.id, Lot(offer, [], allotted.names[offer.id])).wanted.extend(wanted)
            asked.setdefault(offer.id, []).extend([each.wish.asked] * len(wanted))
        issued = await issue_all(
            list(lots.values()), at=now, zone=self._zone, vault=self._vault, purses=allotted.purses
        )
        for offer_id, claims in zip(lots, issued, strict=True):
            for one, theirs in zip(asked[offer_id], claims, strict=True):
                got.setdefault(one, []).extend(theirs)
        held = [(each.hold, got[each.asked]) for each in fresh if each.hold and each.asked in got]
        await spend({hold.id: claims[0].id for hold, claims in held}, at=now)
        await keep({hold.id: (hold.points, _wholes(claims)) for hold, claims in held}, at=now)
        return decided | {one: Answer(Claimed(tuple(claims))) for one, claims in got.items()}

    async def _allowed(
        self,
        fresh: Sequence[Claim],
        people: Mapping[UUID, Asker | DomainError],
        offers: Mapping[UUID, PublishedOffer],
        refused: dict[Asked, Outcome | DomainError],
        now: datetime,
    ) -> list[Allowed]:
        """Those whom nothing is against but what there is; the others are told why not."""
        unseen = await sights([each for each in fresh if each.offer_id in offers], offers, people)
        allowed: list[Allowed] = []
        for each in fresh:
            offer, asker = offers.get(each.offer_id), people[each.member_id]
            if offer is None:
                refused[each.asked] = OfferUnknown()
            elif (hidden := unseen.get(each.asked)) is not None:
                refused[each.asked] = hidden
            elif isinstance(asker, DomainError):
                refused[each.asked] = asker
            elif (against := self._why_not(offer, asker, each, now)) is not None:
                refused[each.asked] = against
            else:
                allowed.append(Allowed(each, offer, asker))
        return allowed

    def _why_not(self, offer: PublishedOffer, asker: Asker, each: Claim, now: datetime) -> DomainError | None:
        verdict = decide(offer, asker, now, self._zone)
        if not verdict.ok:
            return refusal_of(offer, verdict)
        if verdict.price.is_paid:
            return OfferPriced(title=offer.title, price_fen=verdict.price.fen or verdict.price.carrier_fen)
        try:
            check_said(offer.benefit, each.choices, each.recharge_to)
        except DomainError as refusal:
            return refusal
        return None

    # --- sold out

    def _known_sold_out(self, offer_id: UUID, now: datetime) -> OfferSoldOut | None:
        until, gone = self._sold_out.get(offer_id, (0.0, None))
        if gone is None:
            return None
        # The second does not reach into the next wave.
        if asyncio.get_running_loop().time() >= until or (gone.until is not None and now >= gone.until):
            del self._sold_out[offer_id]
            return None
        return gone.refusal

    async def _settle(self, batch: Sequence[Claim]) -> list[Outcome | DomainError | None]:
        happened: Mapping[Asked, Outcome | KeyReused] = await settle([each.asked for each in batch], Claimed)
        return [happened.get(each.asked) for each in batch]


def _request(wanted: Claim) -> Hashable:
    return wanted.asked.scope


def _wholes(claims: Sequence[Issued]) -> list[UUID]:
    """The claims that were asked for, without the parts that came with them."""
    return [each.id for each in claims if each.package_id is None]
