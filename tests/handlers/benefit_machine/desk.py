"""Steps behind the counter: a manager voids, a device comes back, a list is given, a supplier charges."""

from types import SimpleNamespace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.claims.typed_codes import typed_code
from handlers.errors import ClaimNotVoidable, ClaimUnknown
from handlers.grants.grant_drafts import GivenRow, GrantDraft
from handlers.offline.scans import ScanSent
from models.fulfillments import Fulfillment
from models.words import GrantState, Heard
from tests.handlers.benefit_machine.claiming import members, picks
from tests.handlers.benefit_machine.model import Done, Held, OnOffer
from tests.handlers.benefit_machine.running import RunningSteps
from tests.handlers.benefit_machine.world import MEMBERS, Act
from tests.handlers.charging import NUMBER, order_of
from tests.handlers.machine.failpoints import Failpoint, How

LIMIT, STOCK = "offer.limit_reached", "offer.sold_out"
MOODS = st.sampled_from(["done", "failed", "silent", "called off"])
WORDS = st.sampled_from([Heard.DONE, Heard.FAILED])
perhaps = st.sampled_from([None, None, *How])


async def nothing() -> None:
    """Nobody's lease is at stake."""


class DeskSteps(RunningSteps):
    """What managers, devices, lists and suppliers do."""

    # --- voiding

    @precondition(lambda self: self.held)
    @rule(which=picks, how=perhaps)
    def void(self, which, how):
        held = list(self.held.values())[which % len(self.held)]
        is_theirs = held.offer.is_redeemed or held.package is not None
        if not is_theirs:
            refusals = {ClaimUnknown}
        else:
            refusals = set() if held.is_open and not held.is_over(self.now) else {ClaimNotVoidable}

        def settled(_value) -> None:
            held.state = "revoked"
            self.seen_happen["voided"] += 1

        voiding = self.rooms.handlers.voiding
        act = Act(
            lambda key: voiding.void(self.manager, held.id, reason="假券", request_id=key), frozenset(refusals), settled
        )
        self.do(self.perform(act, Failpoint(how, 0) if how else None, is_repeated=how is None))

    # --- without a network

    @precondition(lambda self: self._of(self.offers[1]))
    @rule(which=picks, count=st.sampled_from([1, 2, 2]), is_reversed=st.booleans())
    def upload(self, which, count, is_reversed):
        """Scanned at this moment, uploaded twice and in any order: each counts once."""
        tea = self.offers[1]
        mine = [each for each in self._of(tea) if each.member not in self.gone]
        mine = [mine[(which + number) % len(mine)] for number in range(count)] if mine else []
        chosen = list({each.id: each for each in mine}.values())
        if chosen:
            self.do(self._upload(tea, chosen, is_reversed=is_reversed))

    async def _upload(self, tea: OnOffer, chosen: list[Held], *, is_reversed: bool) -> None:
        handlers, device, now = self.rooms.handlers, f"{self.name}off", self.now
        fetched = await handlers.offline_packs.fetch(self.clerk, device_id=device, sent_at=now)
        scans = []
        for held in chosen:
            self.scans += 1
            code = typed_code(self.rooms.vault, held.id, 0)
            number = {"seq": self.scans, "key": f"{device}-{self.scans}"}
            scans.append(ScanSent(**number, code=code, sync_id=fetched.sync_id, scanned_at=now))
        sent = scans[::-1] if is_reversed else scans
        facts = {"device_id": device, "sent_at": now}
        first = await handlers.offline_uploads.upload(self.clerk, scans=sent, **facts)
        again = await handlers.offline_uploads.upload(self.clerk, scans=scans, **facts)
        answers = {each.seq: each for each in first.answers}
        assert {each.told.value for each in again.answers} == {"replayed"}
        for held, scan in zip(chosen, scans, strict=True):
            answer = answers[scan.seq]
            expected = self._offline(tea, held)
            assert answer.outcome.value == expected, (answer, held)
            self.seen_happen[f"uploaded, {expected}"] += 1
            if expected == "accepted":
                held.use(1)
                self.done.append(Done(answer.redemption_id, held, 1, "off", now))

    def _offline(self, tea: OnOffer, held: Held) -> str:
        if held.state == "revoked" or self.now < held.claimed_at or tea.was_paused(self.now):
            return "rejected"
        return "accepted" if held.state == "issued" else "conflict"

    # --- lists

    @rule(offer=st.sampled_from([0, 1]), quantity=st.sampled_from([1, 1, 2]), how=perhaps)
    def give_to_all(self, offer, quantity, how):
        """Every member of this run is in it; a paused offer would hold the list."""
        if not self.offers[offer].is_paused:
            self.do(self._give(self.offers[offer], quantity, how))

    async def _give(self, offer: OnOffer, quantity: int, how: How | None) -> None:
        grants, (first, second) = self.rooms.handlers.grants, self.staff.operators
        self.lists += 1
        name = f"{self.name}-list-{self.lists}"
        listed = tuple(GivenRow(member=str(each.member_id), quantity=quantity) for each in self.people)
        draft = GrantDraft(offer.id, "回馈", rows=listed, is_again=True)
        made = (await grants.make(first, draft, request_id=f"{name}-make")).value
        await grants.submit(first, made.id, request_id=f"{name}-submit")
        await grants.approve(second, made.id, request_id=f"{name}-approve")
        job = SimpleNamespace(payload={"grant_id": str(made.id), "step": 1}, finish=nothing)
        granting = self.rooms.handlers.granting
        if how is not None:
            await Failpoint(how, 0).strikes(lambda: granting.go_on(job))
        await granting.go_on(job)
        await granting.go_on(job)  # whoever comes again gives nothing more
        assert (await grants.one(first, made.id)).state is GrantState.DONE
        told = await grants.rows(first, made.id, after_row=0, limit=len(MEMBERS))
        periods, buckets = offer.periods(self.now), offer.buckets(self.now)
        left = min(self.left_in(offer, bucket) for bucket in buckets)
        for member, row in zip(MEMBERS, told, strict=True):
            theirs = [each for each in self._of(offer) if each.member == member]
            had = [sum(period in each.slots for each in theirs) for period in periods]
            is_full = any(held + quantity > most for held, most in zip(had, offer.limits.values(), strict=True))
            code = LIMIT if is_full else STOCK if left < quantity else ""
            if member in self.gone:
                code = "member.unknown"
            assert (row.code, len(row.claim_ids)) == (code, 0 if code else quantity)
            self.seen_happen[f"given by a list: {code or 'done'}"] += 1
            for claim_id in row.claim_ids:
                left -= 1
                self.hold(claim_id, offer, member)

    # --- suppliers

    @rule(member=members, mood=MOODS, how=perhaps)
    def top_up(self, member, mood, how):
        """Claimed, and then done, refused, called off before it was sent, or done and kept silent about."""
        if member not in self.gone:
            self.do(self._top_up(member, self.offers[-1], mood, how))

    async def _top_up(self, member: int, offer: OnOffer, mood: str, how: How | None) -> None:
        handlers, supplier, made = self.rooms.handlers, self.rooms.supplier, []

        def settled(value) -> None:
            (claim,) = value.claims
            held = self.hold(claim.id, offer, member)
            held.state = "pending"
            self.claim_keys[member] += 1
            made.append(held)

        facts = {"offer_id": offer.id, "recharge_to": NUMBER}
        act = Act(
            lambda key: handlers.claiming.claim(self.people[member], request_id=key, **facts),
            frozenset(self._why_not(member, offer, ())),
            settled,
        )
        await self.perform(act)
        if not made:
            return
        (held,) = made
        order = await order_of(held.id)
        supplier.does_silently = mood == "silent"
        supplier.becomes = Heard.FAILED if mood == "failed" else Heard.DONE
        if mood == "called off":
            operator = self.staff.operators[0]
            await handlers.top_up_cancelling.cancel(operator, order.id, reason="停业", request_id=f"{order.order_no}")
            self._came_to_nothing(held)
        else:
            await self._look(order, how)
            if mood == "silent" and how is None:
                assert (await order_of(held.id)).state.value == "sent"
            if mood != "silent":
                self._closed(held, supplier.becomes)
            elif (await order_of(held.id)).state.value == "done":  # broken off, it was asked about already
                self._closed(held, Heard.DONE)
        supplier.does_silently = False
        self.seen_happen[f"top-up {mood}"] += 1

    @precondition(lambda self: self.hanging())
    @rule(which=picks, word=WORDS, how=perhaps)
    def the_supplier_is_asked_again(self, which, word, how):
        hanging = self.hanging()
        held = hanging[which % len(hanging)]

        async def ask():
            order = await order_of(held.id)
            self.rooms.supplier.states[order.order_no] = word
            await self._look(order, how)
            self._closed(held, word)
            self.seen_happen["a silent supplier was asked"] += 1

        self.do(ask())

    async def _look(self, order: Fulfillment, how: How | None) -> None:
        orders = self.rooms.handlers.top_up_orders
        if how is not None:
            await Failpoint(how, 0).strikes(lambda: orders.look(order.id))
        for _ in range(2):
            await Fulfillment.filter(id=order.id).update(look_at=self.now)
            await orders.look(order.id)
            if how is None:
                return

    def _closed(self, held: Held, word: Heard) -> None:
        if word is Heard.DONE:
            held.state = "used"
        else:
            self._came_to_nothing(held)

    def _came_to_nothing(self, held: Held) -> None:
        held.state, held.is_returned, held.slots = "revoked", True, ()

    async def charges_are_as_remembered(self) -> None:
        """Nothing is sent twice, and what is used was done by a supplier, once."""
        supplier = self.rooms.supplier
        for held in self._of(self.offers[-1]):
            numbers = await Fulfillment.filter(claim_id=held.id).values_list("order_no", flat=True)
            sent = [number for what, number in supplier.calls if what == "order" and number in numbers]
            done = sum(supplier.states.get(str(number)) is Heard.DONE for number in numbers)
            assert len(sent) <= 1, sent
            assert held.state == "pending" or (done == 1) is (held.state == "used"), (held, done)
