"""The lane of claims: ten thousand people press at the same second, and each offer is decided batch by batch.

First come, first served, within a batch too. Everything about a claim is decided in the transaction that writes it:
who they are (their canonical row locked, so that limits count over everything that is theirs), what the offer says
now, what is left.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.benefits.kinds import fulfiller
from handlers.channels.gate import Signed
from handlers.claims.claimants import claimants
from handlers.claims.claims import take_units
from handlers.claims.issuing import Issued, Wanted, issue
from handlers.claims.on_behalf import heard, sights
from handlers.claims.outside_paying import pay_outside, tills_of
from handlers.claims.paying import purses_of
from handlers.claims.wishes import Claim, Claimed, Outcome
from handlers.errors import (
    DomainError,
    KeyReused,
    OfferLimitReached,
    OfferPriced,
    OfferSoldOut,
    OfferTooMany,
    OfferUnknown,
    OutsidePriced,
    QuantityInvalid,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
)
from handlers.group_commit import GroupCommit
from handlers.offers.offer_refusals import limit_reached, refusal_of, sold_out
from handlers.offers.offers import keep_buckets, published
from handlers.outside_points.holding import OutsideHolds, spend
from handlers.outside_points.returning import keep
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.retrying import refusing
from handlers.rules.claim_slots import LimitFull, free_slots
from handlers.rules.eligibility import Asker, PublishedOffer, decide
from handlers.rules.phones import normalise
from handlers.rules.stock_buckets import TOTAL, NothingOn, buckets, next_opening
from handlers.rules.validity import period_ends_at, period_key
from models.database import rows
from models.sql import as_uuid
from models.statements import claims as statements
from models.words import ClaimSource, Touchpoint

MOST_AT_ONCE = 20  # claims under one key
SOLD_OUT_FOR = 1.0  # seconds that a process says no without looking; it never says yes without looking


@dataclass(slots=True)
class _Room:
    """What this batch may still give: of the stock (None: no limit), and of each member's slots."""

    names: tuple[str, ...]
    left: int | None
    empty: frozenset[str]
    slots: dict[tuple[UUID, str], list[int]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return self.left is not None and self.left <= 0


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
        self._sold_out: dict[UUID, tuple[float, OfferSoldOut]] = {}
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
        number = self._number(recharge_to)
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
        number = self._number(recharge_to)
        facts = {"member": member_id, **self._facts(offer_id, choices, number, quantity)}
        asked = Asked.of(signed.channel, "claim", request_id, facts)
        wish = (signed.channel, member_id, ClaimSource.CHANNEL, offer_id, tuple(sorted(choices)), asked)
        return await self._lane.submit(offer_id, Claim(*wish, number, quantity, signed))

    def _number(self, recharge_to: str | None) -> str:
        number = normalise(recharge_to, "86") if recharge_to is not None else ""
        if number is None:
            raise RechargeToInvalid
        return number

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
        return await self._lane.submit(wish.offer_id, wish)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _decide(self, batch: Sequence[Claim]) -> list[Outcome | DomainError]:
        now = self._clock.now()
        unheard = await heard({each.asked: each.call for each in batch if each.call is not None}, at=now)
        known = await recall([each.asked for each in batch if each.asked not in unheard], Claimed)
        fresh = [each for each in batch if each.asked not in known and each.asked not in unheard]
        decided = {**unheard, **(await self._give(fresh, now) if fresh else {})}
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in batch]

    async def _give(self, fresh: Sequence[Claim], now: datetime) -> dict[Asked, Outcome | DomainError]:
        offer_id = fresh[0].offer_id
        refused: dict[Asked, Outcome | DomainError] = {}
        if (gone := self._known_sold_out(offer_id)) is not None:
            refused = {each.asked: gone for each in fresh if each.call is None}
            fresh = [each for each in fresh if each.call is not None]  # they have to see it before they are told
            if not fresh:
                return refused
        people = await claimants([each.member_id for each in fresh])
        offer = (await published([offer_id])).get(offer_id)
        if offer is None:
            return refused | {each.asked: OfferUnknown() for each in fresh}
        may: list[tuple[Claim, Asker]] = []
        unseen = await sights({each.asked: (each.call, each.member_id) for each in fresh if each.call}, offer, people)
        for each in fresh:
            asker = people[each.member_id]
            refusal = unseen.get(each.asked) or (
                asker if isinstance(asker, DomainError) else self._why_not(offer, asker, each, now)
            )
            if refusal is not None:
                refused[each.asked] = refusal
            elif not isinstance(asker, DomainError):
                may.append((each, asker))
        given = await self._allot(offer, may, refused, now)
        if not given:
            return refused
        issued = await issue(
            offer,
            [wanted for _, wanted in given],
            at=now,
            zone=self._zone,
            vault=self._vault,
            buckets=_names(offer, now, self._zone),
        )
        got: dict[Asked, tuple[Issued, ...]] = {}
        for (asked, _), claims in zip(given, issued, strict=True):
            got[asked] = (*got.get(asked, ()), *claims)
        held = [(each.hold, got[each.asked]) for each in fresh if each.hold and each.asked in got]
        await spend({hold.id: claims[0].id for hold, claims in held}, at=now)
        shared = {
            hold.id: (hold.points, [each.id for each in claims if each.package_id is None]) for hold, claims in held
        }
        await keep(shared, at=now)
        done: dict[Asked, Outcome | DomainError] = {asked: Answer(Claimed(claims)) for asked, claims in got.items()}
        return refused | done

    def _why_not(self, offer: PublishedOffer, asker: Asker, each: Claim, now: datetime) -> DomainError | None:
        verdict = decide(offer, asker, now, self._zone)
        if not verdict.ok:
            return refusal_of(offer, verdict)
        if verdict.price.fen:
            return OfferPriced(title=offer.title, price_fen=verdict.price.fen)
        if verdict.price.carrier_fen:  # refused at publish; not to be given away by mistake
            return OfferUnknown()
        kind = fulfiller(offer.benefit.kind)
        try:
            kind.check_choices(offer.benefit.terms, each.choices)
        except DomainError as refusal:
            return refusal
        if kind.takes_number != bool(each.recharge_to):
            return RechargeToMissing() if kind.takes_number else RechargeToUnwanted()
        return None

    async def _allot(
        self,
        offer: PublishedOffer,
        may: Sequence[tuple[Claim, Asker]],
        refused: dict[Asked, Outcome | DomainError],
        now: datetime,
    ) -> list[tuple[Asked, Wanted]]:
        """Slots and stock for as many as there are, in order of arrival; the others are told why not."""
        if not may:
            return []
        room = await self._room(offer, now)
        if room.is_empty:
            self._remember_sold_out(offer, room, now)
        room.slots = await self._taken(offer, [asker.member_id for _, asker in may], now)
        free: list[tuple[Claim, Asker, list[tuple[tuple[str, int], ...]]]] = []
        for each, asker in may:
            slots = self._slots(offer, asker.member_id, each.quantity, room, now)
            if isinstance(slots, DomainError):
                refused[each.asked] = slots
                continue
            for period, number in (slot for one in slots for slot in one):
                room.slots.setdefault((asker.member_id, period), []).append(number)
            free.append((each, asker, slots))
        # Asked for those alone who may have one: whoever is over a limit takes nobody's place.
        units = [each.choices for each, _, slots in free for _ in slots]
        there = await fulfiller(offer.benefit.kind).room(offer.benefit.terms, units, now=now)
        # Units of the same choices are as good as each other: what somebody leaves serves the next.
        fits = Counter(choices for choices, is_there in zip(units, there, strict=True) if is_there)
        purses = await purses_of(offer, [asker for _, asker, _ in free], at=now, zone=self._zone)
        tills = await tills_of(offer, [(each, asker) for each, asker, _ in free], at=now, zone=self._zone)
        given: list[tuple[Asked, Wanted]] = []
        for each, asker, slots in free:
            left = fits[each.choices] if room.left is None else min(fits[each.choices], room.left)
            if left < each.quantity:
                too_many = OfferTooMany(title=offer.title, left=left)
                refused[each.asked] = too_many if left > 0 else self._sold_out_error(offer, room, now)
                continue
            short = tills.why_not(each, asker) or purses.take(asker.member_id, each.quantity)
            if short is not None:
                refused[each.asked] = short
                continue
            fits[each.choices] -= each.quantity
            if room.left is not None:
                room.left -= each.quantity
            price = purses.price(asker.member_id)
            given += [(each.asked, _wanted(each, asker, one, price)) for one in slots]
        await take_units(offer.id, room.names if given else (), len(given))
        return given

    async def _room(self, offer: PublishedOffer, now: datetime) -> _Room:
        """What is left, the counters locked; those of a day or a wave come into being here."""
        try:
            wanted = buckets(offer.terms, now, self._zone)
        except NothingOn:
            return _Room((), 0, frozenset())
        if not wanted:
            return _Room((), None, frozenset())
        names = tuple(bucket.name for bucket in wanted)
        found = await self._locked(offer.id, names)
        if missing := [bucket for bucket in wanted if bucket.name not in found and bucket.name != TOTAL]:
            await keep_buckets([(offer.id, bucket) for bucket in missing], now=now)
            found = await self._locked(offer.id, names)
        left = {bucket.name: found.get(bucket.name, 0) for bucket in wanted}
        return _Room(names, min(left.values()), frozenset(name for name, count in left.items() if count <= 0))

    async def _locked(self, offer_id: UUID, names: tuple[str, ...]) -> dict[str, int]:
        found = await rows(statements.LOCK_STOCK, offer_id, list(names))
        return {each["bucket"]: int(each["left_count"]) for each in found}

    async def _taken(
        self, offer: PublishedOffer, member_ids: Sequence[UUID], now: datetime
    ) -> dict[tuple[UUID, str], list[int]]:
        periods = [period_key(limit.period, now, self._zone) for limit in offer.terms.limits]
        taken: dict[tuple[UUID, str], list[int]] = {}
        if periods:
            for each in await rows(statements.SLOTS, offer.id, sorted(set(member_ids)), periods):
                taken.setdefault((as_uuid(each["member_id"]), each["period"]), []).append(int(each["number"]))
        return taken

    def _slots(
        self, offer: PublishedOffer, member_id: UUID, quantity: int, room: _Room, now: datetime
    ) -> list[tuple[tuple[str, int], ...]] | OfferLimitReached | OfferTooMany:
        """For each of so many claims the first free slot of every limit."""
        periods = {limit: period_key(limit.period, now, self._zone) for limit in offer.terms.limits}
        taken = {period: room.slots.get((member_id, period), []) for period in periods.values()}
        try:
            return free_slots(periods, taken, quantity)
        except LimitFull as full:
            if full.left > 0:
                return OfferTooMany(title=offer.title, left=full.left)
            return limit_reached(offer, full.limit, period_ends_at(full.limit.period, now, self._zone))

    # --- sold out

    def _known_sold_out(self, offer_id: UUID) -> OfferSoldOut | None:
        until, refusal = self._sold_out.get(offer_id, (0.0, None))
        if refusal is None:
            return None
        if asyncio.get_running_loop().time() >= until:
            del self._sold_out[offer_id]
            return None
        return refusal

    def _remember_sold_out(self, offer: PublishedOffer, room: _Room, now: datetime) -> None:
        refusal = self._sold_out_error(offer, room, now)
        self._sold_out[offer.id] = (asyncio.get_running_loop().time() + SOLD_OUT_FOR, refusal)

    def _sold_out_error(self, offer: PublishedOffer, room: _Room, now: datetime) -> OfferSoldOut:
        # What this batch itself took to zero counts as well.
        empty = room.empty or (frozenset(room.names) if room.is_empty else frozenset())
        next_at = next_opening(offer.terms, now, self._zone, sold_out=empty)
        return sold_out(offer, next_at)

    async def _settle(self, batch: Sequence[Claim]) -> list[Outcome | DomainError | None]:
        happened: Mapping[Asked, Outcome | KeyReused] = await settle([each.asked for each in batch], Claimed)
        return [happened.get(each.asked) for each in batch]


def _request(wanted: Claim) -> Hashable:
    return wanted.asked.scope


def _wanted(each: Claim, asker: Asker, slots: tuple[tuple[str, int], ...], price_points: int) -> Wanted:
    return Wanted(asker.member_id, each.source, each.actor, each.choices, slots, each.recharge_to, price_points)


def _names(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    return tuple(bucket.name for bucket in buckets(offer.terms, now, zone))
