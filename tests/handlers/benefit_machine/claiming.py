"""Steps of members: claim, fetch what a package gives later, look at what is somebody else's, leave."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from handlers.claims.wishes import Claimed
from handlers.errors import (
    ChoicesInvalid,
    ClaimUnknown,
    DepartureHindered,
    NotSignedIn,
    OfferLimitReached,
    OfferPaused,
    OfferSoldOut,
    PackageNothingDue,
)
from tests.handlers.benefit_machine.model import Held, OnOffer, begins, day_of, month_ends
from tests.handlers.benefit_machine.world import MEMBERS, Act, World

members = st.sampled_from(MEMBERS)
offers = st.sampled_from(range(4))
picks = st.integers(0, 20)
chosen = st.sampled_from([(0,), (0,), (1,), (), (0, 1)])


class ClaimingSteps(World):
    """What members do."""

    def left_in(self, offer: OnOffer, bucket: str) -> int:
        taken = sum(bucket in each.buckets and not each.is_returned for each in self._of(offer))
        return (offer.daily if bucket != "total" else offer.added) - taken

    def _of(self, offer: OnOffer) -> list[Held]:
        return [each for each in self.held.values() if each.offer is offer]

    # --- claiming

    def claim_act(self, member: int, offer: OnOffer, wish: tuple[int, ...] = (0,)) -> Act:
        codes = list(offer.choices)
        choices = tuple(codes[index] for index in wish) if offer.choices else ()
        person = self.people[member]

        def settled(value: Claimed) -> None:
            first, *parts = value.claims
            claim = self.hold(first.id, offer, member)
            claim.is_of_package = bool(offer.choices)
            self.claim_keys[member] += 1
            if offer.codes is not None:
                offer.codes -= 1
            assert len(parts) == sum(offer.choices[code][0] for code in choices)
            self._take_in(claim, choices, [each.id for each in parts])
            self.seen_happen[f"claimed {offer.name}"] += 1

        return Act(
            lambda key: self.rooms.handlers.claiming.claim(person, offer_id=offer.id, choices=choices, request_id=key),
            frozenset(self._why_not(member, offer, choices)),
            settled,
        )

    def hold(self, claim_id: UUID, offer: OnOffer, member: int) -> Held:
        """A claim of now."""
        now = self.now
        ends = begins(day_of(now) + timedelta(days=offer.days + 1), now) if offer.days is not None else None
        held = Held(claim_id, offer, member, now, ends, offer.uses, offer.uses, offer.periods(now), offer.buckets(now))
        self.held[claim_id] = held
        return held

    def hanging(self) -> list[Held]:
        """Top-ups that a supplier may have."""
        return [each for each in self.held.values() if each.state == "pending"]

    def _take_in(self, package: Held, codes: tuple[str, ...], part_ids: list[UUID]) -> None:
        wanted = iter(part_ids)
        for code in codes:
            count, uses, is_monthly = package.offer.choices[code]
            for _ in range(count):
                ends = min(package.expires_at, month_ends(self.now)) if is_monthly else package.expires_at
                part = Held(next(wanted), package.offer, package.member, self.now, ends, uses, uses)
                part.package, part.part = package.id, code
                part.month = f"{day_of(self.now):%Y-%m}" if is_monthly else ""
                self.held[part.id] = part

    def _why_not(self, member: int, offer: OnOffer, choices: tuple[str, ...]):
        if member in self.gone:
            yield NotSignedIn
        if offer.is_paused:
            yield OfferPaused
        if offer.choices and len(choices) != 1:
            yield ChoicesInvalid
        theirs = [each for each in self._of(offer) if each.member == member]
        for period, most in zip(offer.periods(self.now), offer.limits.values(), strict=True):
            if sum(period in each.slots for each in theirs) >= most:
                yield OfferLimitReached
        if any(self.left_in(offer, bucket) <= 0 for bucket in offer.buckets(self.now)) or offer.codes == 0:
            yield OfferSoldOut

    @initialize(offer=offers)
    def somebody_has_something(self, offer):
        for _ in range(2):
            self.do(self.perform(self.claim_act(0, self.offers[0])))
        self.do(self.perform(self.claim_act(1, self.offers[offer])))

    @rule(member=members, offer=offers, wish=chosen, taps=st.sampled_from([1, 1, 2, 4]), is_repeated=st.booleans())
    def claim(self, member, offer, wish, taps, is_repeated):
        for _ in range(taps):
            self.do(self.perform(self.claim_act(member, self.offers[offer], wish), is_repeated=is_repeated))

    # --- packages

    def packages(self) -> list[Held]:
        return [each for each in self.held.values() if each.is_of_package]

    def parts_act(self, package: Held) -> Act:
        (code,) = {each.part for each in self.held.values() if each.package == package.id}
        count, _, is_monthly = package.offer.choices[code]
        month = f"{day_of(self.now):%Y-%m}" if is_monthly else ""
        had = sum(each.package == package.id and each.month == month for each in self.held.values())
        refusals = set()
        if package.member in self.gone:
            refusals = {NotSignedIn}
        elif package.state != "issued" or package.is_over(self.now) or had >= count:
            refusals = {PackageNothingDue}
        if package.offer.is_paused:
            refusals.add(OfferPaused)

        def settled(value: Claimed) -> None:
            assert len(value.claims) == count
            self._take_in(package, (code,), [each.id for each in value.claims])
            self.seen_happen["fetched parts of a later month"] += 1

        person = self.people[package.member]
        return Act(
            lambda key: self.rooms.handlers.package_parts.claim(person, package.id, request_id=key),
            frozenset(refusals),
            settled,
        )

    @precondition(lambda self: self.packages())
    @rule(which=picks, is_month_later=st.booleans(), is_repeated=st.booleans())
    def fetch_parts(self, which, is_month_later, is_repeated):
        if is_month_later:
            self.rooms.clock.advance(timedelta(days=31))
        packages = self.packages()
        self.do(self.perform(self.parts_act(packages[which % len(packages)]), is_repeated=is_repeated))

    # --- others, and leaving

    @precondition(lambda self: self.held)
    @rule(which=picks)
    def look_at_what_is_somebody_elses(self, which):
        held = list(self.held.values())[which % len(self.held)]

        async def look():
            other = self.people[(held.member + 1) % len(MEMBERS)]
            with pytest.raises(ClaimUnknown):
                await self.rooms.handlers.wallet.claim(other, held.id)
            if held.is_of_package:
                with pytest.raises((ClaimUnknown, NotSignedIn)):
                    await self.rooms.handlers.package_parts.claim(other, held.id, request_id="stolen")

        self.do(look())

    @precondition(lambda self: len(self.held) > 3 and len(self.gone) < 2)
    @rule(member=members, is_sure=st.sampled_from([True, False, False]))
    def leave(self, member, is_sure):
        if not is_sure or member in self.gone:
            return
        leaving = self.rooms.handlers.departures.leave(self.people[member])
        if any(each.member == member for each in self.hanging()):
            with pytest.raises(DepartureHindered):
                self.do(leaving)
            self.seen_happen["a top-up hindered leaving"] += 1
            return
        self.do(leaving)
        self.gone.add(member)
        del self.claim_keys[member]  # with the person went what they had asked for
        ended = [each for each in self.held.values() if each.member == member and each.is_open]
        for each in ended:
            each.state = "revoked"
        self.give_back(ended)
        self.seen_happen["somebody left"] += 1

    def give_back(self, ended: list[Held]) -> None:
        """The units of what ended unused, where the offer says so."""
        for each in ended:
            parts = [part for part in self.held.values() if part.package == each.id]
            is_unused = all(one.left == one.total for one in (each, *parts))
            if each.offer.returns and each.buckets and is_unused and not each.is_returned:
                each.is_returned = True
                self.seen_happen["a unit went back"] += 1
