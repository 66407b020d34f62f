"""Steps of operators, of the clock and the sweep; and whatever breaks half way and is asked again by its key."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.codec import from_json
from handlers.errors import OfferStateWrong, StockBelowZero
from handlers.offers.offer_editing import OfferChange
from handlers.rules.offer_terms import Limit, OfferTerms, Period
from models.benefits import Offer
from tests.handlers.benefit_machine.claiming import chosen, members, offers, picks
from tests.handlers.benefit_machine.counter import CounterSteps, devices
from tests.handlers.benefit_machine.model import OnOffer
from tests.handlers.benefit_machine.world import Act
from tests.handlers.machine.failpoints import Failpoint, How

acts = st.sampled_from(["claim", "claim", "parts", "redeem", "redeem", "reverse", "reverse", "stock", "pause"])
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class RunningSteps(CounterSteps):
    """What operators, time and misfortune do."""

    # --- operators

    def pause_act(self, offer: OnOffer) -> Act:
        editing, to_pause = self.rooms.handlers.offer_editing, not offer.is_paused
        move = editing.pause if to_pause else editing.resume

        def settled(_value) -> None:
            (offer.paused if to_pause else offer.resumed)(self.now)
            self.records += 1
            self.seen_happen["paused" if to_pause else "resumed"] += 1

        return Act(
            lambda key: move(self.staff.operators[0], offer.id, reason="盘点", request_id=key), frozenset(), settled
        )

    def stock_act(self, offer: OnOffer, delta: int) -> Act:
        stocks, (first, second) = self.rooms.handlers.offer_stocks, self.staff.operators
        is_too_much = delta < 0 and self.left_in(offer, "total") + delta < 0

        async def ask(key):
            changed = await stocks.change(first, offer.id, bucket="total", delta=delta, reason="补货", request_id=key)
            proposed = changed.value.approval_id
            return await stocks.approve(second, proposed, request_id=f"{key}-2") if proposed else changed

        def settled(_value) -> None:
            offer.added += delta
            self.seen_happen["stock added" if delta > 0 else "stock taken"] += 1

        return Act(ask, frozenset({StockBelowZero} if is_too_much else ()), settled)

    def resume_act(self, offer: OnOffer) -> Act:
        """Of what is not paused."""
        resume = self.rooms.handlers.offer_editing.resume
        return Act(
            lambda key: resume(self.staff.operators[0], offer.id, reason="x", request_id=key),
            frozenset({OfferStateWrong}),
            lambda _: None,
        )

    @rule(
        what=st.sampled_from(["stock", "stock", "publish", "pause", "resume"]),
        offer=offers,
        delta=st.sampled_from([-1, 1, -2, 2]),
    )
    def operators_do(self, what, offer, delta):
        on_offer = self.offers[offer]
        if on_offer.is_paused:  # otherwise nothing more would happen to it
            act = self.pause_act(on_offer)
        elif what == "publish":
            self.publish_a_new_version(2 + offer % 3, abs(delta))
            return
        elif what == "stock" and on_offer.added is not None:
            act = self.stock_act(on_offer, delta)
        else:
            act = self.resume_act(on_offer) if what == "resume" else self.pause_act(on_offer)
        self.do(self.perform(act, is_repeated=what == "pause"))

    def publish_a_new_version(self, ever: int, days: int) -> None:
        """Of the first offer, with another limit and another validity; what was claimed keeps its own."""
        offer, editing, operator = self.offers[0], self.rooms.handlers.offer_editing, self.staff.operators[0]

        async def publish():
            terms = from_json(OfferTerms, (await Offer.get(id=offer.id)).terms)
            validity = type(terms.validity)(terms.validity.kind, days=days)
            limits = (Limit(Period.EVER, ever), Limit(Period.DAY, 2))
            changed = OfferTerms(
                stock=terms.stock, limits=limits, validity=validity, returns_to_stock=terms.returns_to_stock
            )
            name = f"{self.name}-{offer.version}"
            await editing.edit(operator, offer.id, OfferChange(terms=changed), request_id=f"{name}-edit")
            await editing.publish(operator, offer.id, request_id=f"{name}-publish")

        self.do(publish())
        offer.limits, offer.days, offer.version = {"ever": ever, "day": 2}, days, offer.version + 1
        self.records += 2
        self.seen_happen["a new version"] += 1

    # --- time

    @rule(
        by=st.sampled_from([HOUR, DAY, -HOUR, -DAY, 20 * HOUR, 2 * DAY, timedelta(minutes=16)]),
        is_swept=st.booleans(),
        is_wiped=st.booleans(),
    )
    def time_passes(self, by, is_swept, is_wiped):
        """Swept twice, there is nothing the second time: whatever the clock did, nothing ends twice or comes back."""
        self.rooms.clock.advance(by)
        self.seen_happen["the clock went back" if by < timedelta(0) else "time passed"] += 1
        if is_wiped:
            self.do(self.redis.flushall())
        if not is_swept:
            return

        async def twice():
            await self.rooms.handlers.claim_expiry.sweep()
            return await self.rooms.handlers.claim_expiry.sweep()

        again = self.do(twice())
        assert (again.expired, again.returned) == (0, 0)
        ended = [each for each in self.held.values() if each.is_open and each.is_over(self.now)]
        for each in ended:
            each.state = "expired"
        self.give_back(ended)
        self.seen_happen["swept away"] += bool(ended)

    # --- misfortune

    def _act(self, what, member, offer, wish, which, device) -> Act | None:
        on_offer = self.offers[offer]
        if what == "claim":
            return self.claim_act(member, on_offer, wish)
        if what == "parts":
            packages = self.packages()
            return self.parts_act(packages[which % len(packages)]) if packages else None
        if what == "redeem":
            return (
                self.redeem_act({each.id: 1 for each in self._some(which, 1 + which % 2)}, device)
                if self.held
                else None
            )
        if what == "reverse":
            open_ones = [each for each in self.done if not each.is_reversed]
            done = open_ones[which % len(open_ones)] if open_ones else None
            return self.reverse_act(done, done.device, by_manager=bool(which % 2)) if done else None
        if what == "stock" and on_offer.added is not None:
            return self.stock_act(on_offer, 1 if which % 2 else -1)
        return self.pause_act(on_offer)

    @precondition(lambda self: self.held)
    @rule(
        what=acts,
        member=members,
        offer=offers,
        wish=chosen,
        which=picks,
        device=devices,
        how=st.sampled_from(How),
        at=st.integers(0, 9),
    )
    def break_off_and_ask_again(self, what, member, offer, wish, which, device, how, at):
        act = self._act(what, member, offer, wish, which, device)
        if act is not None:
            is_commit = how in {How.COMMIT_LOST, How.ANSWER_LOST}
            self.do(self.perform(act, Failpoint(how, 0 if is_commit else at)))
