"""Steps at the counter: redeem once or more, several at once, by pass or by code; take back; and foreign hands."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.claims.typed_codes import typed_code
from handlers.errors import (
    AlreadyRedeemed,
    BenefitPaused,
    ClaimExpired,
    ClaimRevoked,
    NotReversible,
    NotStarted,
    RedemptionInvalid,
    RedemptionUnknown,
    UsesExceeded,
)
from handlers.redemptions.counter import Scan
from tests.handlers.benefit_machine.claiming import ClaimingSteps, picks
from tests.handlers.benefit_machine.model import Done, Held
from tests.handlers.benefit_machine.world import Act

devices = st.sampled_from(["d1", "d1", "d2"])
# In the order in which one of several is said.
REASONS = (
    RedemptionInvalid,
    ClaimRevoked,
    AlreadyRedeemed,
    BenefitPaused,
    ClaimExpired,
    NotStarted,
    UsesExceeded,
)
MOST_GUESSES = 3  # the fifth would lock the counter


class CounterSteps(ClaimingSteps):
    """What clerks do."""

    def _against(self, held: Held, uses: int) -> type | None:
        if held.member in self.gone or not (held.offer.is_redeemed or held.package):
            return RedemptionInvalid
        if held.state in {"revoked", "used", "expired"}:
            if held.state == "expired" and held.offer.is_paused:
                return BenefitPaused
            return {"revoked": ClaimRevoked, "used": AlreadyRedeemed, "expired": ClaimExpired}[held.state]
        if held.offer.is_paused:
            return BenefitPaused
        if held.is_over(self.now):
            return ClaimExpired
        if self.now < held.claimed_at:  # the clock was set back
            return NotStarted
        return UsesExceeded if uses > held.left else None

    def redeem_act(self, wanted: dict, device: str, tokens: dict | None = None) -> Act | None:
        """`wanted` uses by claim. None: it would be a guess too many, and what follows is not what is asked here."""
        against = [reason for held_id, uses in wanted.items() if (reason := self._against(self.held[held_id], uses))]
        guesses = against.count(RedemptionInvalid)
        if self.guesses + guesses > MOST_GUESSES:
            return None
        self.guesses += guesses
        scans = [
            Scan(token=tokens[each], uses=uses)
            if tokens
            else Scan(code=typed_code(self.rooms.vault, each, 0), uses=uses)
            for each, uses in wanted.items()
        ]

        def settled(receipt) -> None:
            assert {line.claim_id: line.uses for line in receipt.lines} == wanted
            for line in receipt.lines:
                held = self.held[line.claim_id]
                held.use(line.uses)
                assert line.uses_left == held.left
                self.done.append(Done(line.id, held, line.uses, device, self.now))
            self.seen_happen["redeemed several" if len(wanted) > 1 else f"redeemed, then {held.state}"] += 1

        return Act(
            lambda key: self.rooms.handlers.redemptions.redeem(
                self.clerk, scans, device_id=f"{self.name}{device}", request_id=key
            ),
            frozenset({min(against, key=REASONS.index)} if against else ()),
            settled,
        )

    def _some(self, first: int, count: int) -> list[Held]:
        """Claims, those that may be redeemed more often than others."""
        held = list(self.held.values())
        good = [each for each in held if self._against(each, 1) is None] or held
        return list({each.id: each for each in (good if first % 4 else held)[first % len(good) :][:count]}.values())

    @precondition(lambda self: self.held)
    @rule(
        first=picks, count=st.sampled_from([1, 1, 3]), uses=st.integers(1, 3), device=devices, is_repeated=st.booleans()
    )
    def redeem(self, first, count, uses, device, is_repeated):
        act = self.redeem_act({each.id: uses if count == 1 else 1 for each in self._some(first, count)}, device)
        if act is not None:
            self.do(self.perform(act, is_repeated=is_repeated))

    @precondition(lambda self: any(self._against(each, 1) is None for each in self.held.values()))
    @rule(first=picks, is_flushed=st.sampled_from([True, False, False]))
    def redeem_by_pass(self, first, is_flushed):
        """A pass lives in Redis: when that is wiped, it is nothing, and the claim is whole."""

        async def scan():
            held = next(each for each in self._some(first | 1, 99) if self._against(each, 1) is None)
            token = (await self.rooms.handlers.passes.show(self.people[held.member], held.id)).token
            act = self.redeem_act({held.id: 1}, "d1", {held.id: token})
            if act is None:
                return
            if is_flushed:
                if self.guesses >= MOST_GUESSES:
                    return
                self.guesses += 1
                await self.redis.flushall()
                act = Act(act.ask, frozenset({RedemptionInvalid}), act.settled)
                self.seen_happen["Redis was wiped"] += 1
            await self.perform(act, is_repeated=not is_flushed)

        self.do(scan())

    @precondition(lambda self: self.held)
    @rule(first=picks, device=devices)
    def find_by_key(self, first, device):
        """What was answered is found by its key, and asking makes nothing."""

        async def find():
            redemptions, key = self.rooms.handlers.redemptions, str(uuid4())
            (held,) = self._some(first, 1)
            at = {"device_id": f"{self.name}{device}"}
            with pytest.raises(RedemptionUnknown):
                await redemptions.by_key(self.clerk, key=key, **at)
            act = self.redeem_act({held.id: 1}, device)
            if act is None:
                return
            kept = Act(lambda _: act.ask(key), act.refusals, act.settled)
            before = len(self.done)
            await self.perform(kept)
            if len(self.done) > before:
                found = await redemptions.by_key(self.clerk, key=key, **at)
                assert [line.id for line in found.value.lines] == [self.done[-1].id]
            else:
                with pytest.raises(tuple(act.refusals)):
                    await redemptions.by_key(self.clerk, key=key, **at)
            with pytest.raises(RedemptionUnknown):
                await redemptions.by_key(self.staff.stranger, key=key, **at)

        self.do(find())

    # --- taking back

    def reverse_act(self, done: Done, device: str, *, by_manager: bool) -> Act:
        age = max(self.now - done.at, timedelta(0))
        is_late = age > (timedelta(hours=24) if by_manager else timedelta(minutes=15))
        is_elsewhere = device != done.device and not by_manager
        refused = done.is_reversed or is_late or is_elsewhere or done.held.reversals >= 10

        def settled(value) -> None:
            done.is_reversed = True
            done.held.unuse(done.uses, self.now)
            assert (value.uses_left, value.claim_state.value) == (done.held.left, done.held.state)
            self.seen_happen[f"reversed, then {done.held.state}"] += 1

        return Act(
            lambda key: self.rooms.handlers.reversals.reverse(
                self.manager if by_manager else self.clerk,
                done.id,
                reason="拿错了",
                device_id=f"{self.name}{device}",
                request_id=key,
            ),
            frozenset({NotReversible} if refused else ()),
            settled,
        )

    @precondition(lambda self: self.done)
    @rule(which=picks, device=devices, by_manager=st.booleans(), is_repeated=st.booleans())
    def reverse(self, which, device, by_manager, is_repeated):
        open_ones = [each for each in self.done if not each.is_reversed] or self.done
        done = (open_ones if which % 4 else self.done)[which % len(open_ones)]
        self.do(self.perform(self.reverse_act(done, device, by_manager=by_manager), is_repeated=is_repeated))

    @precondition(lambda self: self.done)
    @rule(which=picks)
    def somebody_of_another_merchant_takes_back(self, which):
        done = self.done[which % len(self.done)]
        act = self.reverse_act(done, done.device, by_manager=True)
        stolen = Act(
            lambda key: self.rooms.handlers.reversals.reverse(
                self.staff.stranger, done.id, reason="x", device_id=None, request_id=key
            ),
            frozenset({RedemptionUnknown}),
            act.settled,
        )
        self.do(self.perform(stolen))
