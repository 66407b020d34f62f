"""Steps of the draw: spin once or ten times, pause and resume, more stock, chances by hand."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from handlers.errors import (
    DomainError,
    DrawClosed,
    DrawNotOpen,
    DrawPaused,
    DrawStateWrong,
    DuePrizeStateWrong,
    DuePrizeUnknown,
    PointsShort,
    TimesInvalid,
)
from models.words import SpinPaid
from tests.handlers.charging import NUMBER
from tests.handlers.fair_machine.model import Due
from tests.handlers.fair_machine.purse import PurseSteps
from tests.handlers.fair_machine.world import PRICE, people, picks, places, strikes
from tests.handlers.offering import key


class WheelSteps(PurseSteps):
    """What is done at the wheel, by members and operators."""

    def _closed(self) -> type[DomainError] | None:
        """In the order in which one of several is said."""
        if self.now >= self.wheel.closes_at:
            return DrawClosed
        if self.wheel.is_paused:
            return DrawPaused
        return DrawNotOpen if self.now < self.wheel.opens_at else None

    @rule(
        who=people,
        times=st.sampled_from([1, 1, 10, 10, 0, -1, 11]),
        more=st.integers(0, 3),
        how=strikes,
        at=places,
        is_other=st.booleans(),
    )
    def spin(self, who, times, more, how, at, is_other):
        """Several in a row, the first of which may meet with a failure."""
        if times in {1, 10}:
            self._spin(who, times, how, at, is_other=is_other)
        else:
            wanted = {"draw_id": self.wheel.id, "times": times, "request_id": key()}
            outcome = self.ask(lambda: self.fair.handlers.spinning.spin(self.people[who], **wanted), None, 0)
            assert isinstance(outcome, TimesInvalid)
        for _ in range(more):
            self._spin(who, 1, None, 0, is_other=False)

    def _spin(self, who, times, how, at, *, is_other):
        wheel, player, person, request_id = self.wheel, self.players[who], self.people[who], key()
        closed = self._closed()
        if closed is None:
            day, moment = wheel.moment(self.now)
            free = min(times, max(1 - player.free_used[day], 0))
            chances = min(times - free, player.chances.available(moment))
            cost = PRICE * (times - free - chances)
            expected = PointsShort if cost > self.available(who, moment) else None
        else:
            expected = closed

        def work(times=times):
            return self.fair.handlers.spinning.spin(person, draw_id=wheel.id, times=times, request_id=request_id)

        outcome = self.ask(work, how, at)
        if closed is None:
            wheel.day = day  # is opened, whatever becomes of the spin
        if isinstance(outcome, DomainError) or expected is not None:
            assert type(outcome) is expected, (outcome, expected)
            self.seen[f"spin refused: {type(outcome).__name__}"] += 1
            return
        spins = outcome.value.spins
        paid = [SpinPaid.FREE] * free + [SpinPaid.CHANCE] * chances + [SpinPaid.POINTS] * (times - free - chances)
        assert [each.paid_by for each in spins] == paid
        assert [each.sequence for each in spins] == [wheel.spins + number + 1 for number in range(times)]
        wheel.spins, wheel.last_at = wheel.spins + times, moment
        player.free_used[day] += free
        player.points -= cost
        if times > free:
            player.chances.take(chances, moment)
        player.requests["spin"] += 1
        self.seen.update(f"paid by {each}" for each in paid)
        for each in spins:
            self._award(who, each)
        if is_other:
            self.asks_something_else(lambda: work(11 - times))

    def _award(self, who, spin):
        wheel, player = self.wheel, self.players[who]
        self.seen[f"won {spin.prize}"] += 1
        self.seen["guaranteed"] += spin.is_guaranteed
        self.seen["a fallback"] += spin.rolled != spin.prize
        if spin.prize == "thanks":
            return
        wheel.awarded[spin.prize] += 1
        player.wins[spin.prize] += 1
        if spin.prize in wheel.left:
            wheel.left[spin.prize] -= 1
            assert wheel.left[spin.prize] >= 0
        match spin.prize:
            case "points":
                player.points += 4
            case "more":
                player.chances.add(1, wheel.closes_at)
            case "kettle":
                assert player.wins["kettle"] <= 2
                assert spin.parcel_id is not None
                self.told.add(f"won:{spin.id}")
            case "wash":
                assert spin.claim_id is not None
            case "charge":
                assert (spin.claim_id, spin.asks) == (None, "number")
                wheel.due.append(Due(spin.prize_id, who, spin.until))
                self.told.add(f"won:{spin.id}")

    @rule(who=people, pick=picks, how=strikes, at=places, is_other=st.booleans())
    def say_what_a_prize_asks(self, who, pick, how, at, is_other):
        """Mostly of one that waits, and of their own; of another's they are told that there is none."""
        if not self.wheel.due:
            return
        waiting = [each for each in self.wheel.due if each.state == "waiting" and each.until > self.now]
        among, request_id = waiting if waiting and pick % 5 else self.wheel.due, key()
        due = among[pick % len(among)]
        if pick % 3:
            who = due.owner

        def work(number=NUMBER):
            facts = {"recharge_to": number, "request_id": request_id}
            return self.fair.handlers.due_prizes.claim(self.people[who], due.id, **facts)

        is_late = due.state != "waiting" or due.until <= self.now
        expected = DuePrizeUnknown if who != due.owner else DuePrizeStateWrong if is_late else None
        outcome = self.ask(work, how, at)
        if isinstance(outcome, DomainError) or expected is not None:
            assert type(outcome) is expected, (outcome, expected)
            self.seen[f"refused: {type(outcome).__name__}"] += 1
            return
        due.state = "taken"
        self.players[who].requests["prize.claim"] += 1
        self.seen["a prize was said"] += 1
        if is_other:
            self.asks_something_else(lambda: work("13912345671"))

    @rule(who=people, is_short=st.sampled_from([True, True, False]), how=strikes, at=places)
    def pause_or_resume(self, who, is_short, how, at):
        """Somebody tries meanwhile."""
        self._pause_or_resume(how, at)
        self._spin(who, 1, None, 0, is_other=False)
        if self.wheel.is_paused and is_short:
            self._pause_or_resume(None, 0)

    def _pause_or_resume(self, how, at):
        editing, wheel, request_id = self.fair.handlers.draw_editing, self.wheel, key()
        move = editing.resume if wheel.is_paused else editing.pause
        facts = {"reason": "检查", "request_id": request_id}
        outcome = self.ask(lambda: move(self.fair.operator, wheel.id, **facts), how, at)
        assert not isinstance(outcome, DomainError), outcome
        wheel.is_paused = not wheel.is_paused
        self.acts += 1
        self.seen["paused" if wheel.is_paused else "resumed"] += 1

    @rule(prize=st.sampled_from(["kettle", "wash"]), how=strikes, at=places)
    def add_stock(self, prize, how, at):
        stock, request_id = self.fair.handlers.draw_stock, key()
        facts = {"code": prize, "delta": 1, "reason": "加奖", "request_id": request_id}
        asked = self.ask(lambda: stock.change(self.fair.operator, self.wheel.id, **facts), None, 0)
        assert not isinstance(asked, DomainError), asked
        self._approve(asked, how, at)
        self.wheel.day = self.wheel.moment(self.now)[0]
        self.wheel.left[prize] += 1
        self.wheel.added[prize] += 1
        self.seen["stock added"] += 1

    @rule(who=people, amount=st.integers(1, 2), how=strikes, at=places)
    def give_chances(self, who, amount, how, at):
        if not self.wheel.spins:
            return
        stock, person = self.fair.handlers.draw_stock, self.people[who]
        facts = {"amount": amount, "reason": "补发", "request_id": key()}
        asked = self.ask(
            lambda: stock.give_chances(self.fair.operator, self.wheel.id, person.member_id, **facts), None, 0
        )
        assert isinstance(asked, DrawStateWrong) is (self.now >= self.wheel.closes_at)
        if not isinstance(asked, DomainError):
            self._approve(asked, how, at)
            self.players[who].chances.add(amount, self.wheel.closes_at)

    def _approve(self, asked, how, at):
        """What the first operator asked for is done by the second one."""
        self.acts += 1
        approvals, approval_id, request_id = self.fair.handlers.draw_approvals, asked.value.approval_id, key()
        work = lambda: approvals.approve(self.fair.second, approval_id, request_id=request_id)  # noqa: E731
        outcome = self.ask(work, how, at)
        assert not isinstance(outcome, DomainError), outcome
        self.acts += 1
