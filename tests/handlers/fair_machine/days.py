"""Steps of days: check in, mend, the clock forth and back and its jobs, and what processes and Redis forget."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from handlers.errors import AlreadyCheckedIn, DayNotMendable, DomainError, MakeupCardMissing
from handlers.ledger.due import LedgerDue
from handlers.ledger.holding import HoldExpiry
from tests.handlers.fair_machine.model import DAY, begins, day_of
from tests.handlers.fair_machine.wheel import WheelSteps
from tests.handlers.fair_machine.world import people, places, strikes
from tests.handlers.offering import key


class DaySteps(WheelSteps):
    """What comes with time."""

    @rule(who=people, days=st.sampled_from([1, 2, 2, 4]), how=strikes, at=places)
    def check_in(self, who, days, how, at):
        """Day after day, the first of which may meet with a failure."""
        self._check_in(who, how, at)
        for _ in range(days - 1):
            self.clock.advance(DAY)
            self._check_in(who, None, 0)

    def _check_in(self, who, how, at):
        player, today, request_id = self.players[who], day_of(self.now), key()
        outcome = self.ask(
            lambda: self.fair.handlers.check_ins.check_in(self.people[who], request_id=request_id), how, at
        )
        taken = any(each >= today for each in player.days)
        if isinstance(outcome, DomainError) or taken:
            assert type(outcome) is AlreadyCheckedIn, outcome
            assert taken
            self.seen["refused: AlreadyCheckedIn"] += 1
            return
        self._counts(who, today, outcome.value, is_made_up=False)
        player.requests["check_in"] += 1
        self.seen["checked in"] += 1

    @rule(who=people, back=st.integers(0, 5), is_prepared=st.booleans(), how=strikes, at=places)
    def mend(self, who, back, is_prepared, how, at):
        """Perhaps after two days in a row, which give a card, and one that was missed."""
        if is_prepared:
            self._check_in(who, None, 0)
            self.clock.advance(DAY)
            self._check_in(who, None, 0)
            self.clock.advance(2 * DAY)
        self._mend(who, 1 if is_prepared else back, how, at)

    def _mend(self, who, back, how, at):
        player, today = self.players[who], day_of(self.now)
        on, since = today - back * DAY, day_of(self.begins_at)
        may = on not in player.days and max(today - 4 * DAY, since) <= on < today
        expected = DayNotMendable if not may else None if player.cards.available(self.now) else MakeupCardMissing
        request_id = key()
        outcome = self.ask(
            lambda: self.fair.handlers.check_ins.mend(self.people[who], on, request_id=request_id), how, at
        )
        if isinstance(outcome, DomainError) or expected is not None:
            assert type(outcome) is expected, (outcome, expected)
            self.seen[f"refused: {type(outcome).__name__}"] += 1
            return
        player.cards.take(1, self.now)
        self._counts(who, on, outcome.value, is_made_up=True)
        player.requests["make_up"] += 1
        self.seen["mended"] += 1

    def _counts(self, who, on, done, *, is_made_up):
        """The day, and everything it is worth: daily, of two days in a row, and of the third day of a month."""
        player, now, ends = self.players[who], self.now, begins(day_of(self.now) + 2 * DAY)
        before, after, in_month = player.run(on, -1), player.run(on, 1), player.in_month(on)
        expected = []
        if not is_made_up:
            expected += [("points", 2), ("growth", 30), ("chances", 0 if now >= self.wheel.closes_at else 1)]
        if (before + 1 + after) // 2 > before // 2 + after // 2:
            expected.append(("makeup_card", 1))
        if in_month == 2:
            expected.append(("points", 7))
        given = [(each.kind, each.amount) for each in done.rewards]
        assert (given, done.business_on, done.streak) == (expected, on, before + 1 + after)
        player.days[on] = is_made_up
        for kind, amount in given:
            match kind:
                case "points":
                    player.points += amount
                case "growth":
                    player.growth += amount
                case "chances" if amount:
                    player.chances.add(amount, min(ends, self.wheel.closes_at))
                case "makeup_card":
                    player.cards.add(1, begins(day_of(now) + 6 * DAY))

    @rule(hours=st.sampled_from([7, 25, 50, -7, -25]))
    def time_goes(self, hours):
        self.clock.advance(timedelta(hours=hours))
        self.seen["the clock went back"] += hours < 0

    @rule(hours=st.sampled_from([0, 26, 26, 150, 150]))
    def the_jobs_of_the_clock_run(self, hours):
        self.clock.advance(timedelta(hours=hours))
        now, rooms = self.now, self.fair.handlers
        self.do(HoldExpiry(self.clock).sweep())
        for entry in self.holds:
            if entry[2] == "open" and entry[1].expires_at <= now:
                entry[2] = "expired"
        self.do(LedgerDue(self.clock).sweep())
        for player in self.players:
            self.seen["chances ended"] += player.chances.sweep(now)
            self.seen["cards ended"] += player.cards.sweep(now)
        self.seen["levels were judged"] += self.do(rooms.level_judging.sweep()) > 0
        late = [each for each in self.wheel.due if each.state == "waiting" and each.until <= now]
        # Of other games too: what is late anywhere goes back.
        assert self.do(rooms.due_prizes.lapse()) >= len(late)
        for each in late:
            each.state = "lapsed"
            self.wheel.left["charge"] += 1
            self.wheel.day = self.wheel.moment(now)[0]
            self.seen["a prize lapsed"] += 1
        self.do(rooms.draw_revealing.commit_ahead())
        if self.wheel.opens_at < now + 2 * DAY and now < self.wheel.closes_at:
            # Of a draw that is paused, too: its seeds are there when it goes on.
            self.wheel.day = self.wheel.moment(now)[0]

    @rule(who=people, is_wiped=st.booleans())
    def a_process_dies(self, who, is_wiped):
        """And somebody spins in the next one, perhaps without anything that was in Redis."""
        self.forget()
        self.seen["a process forgot"] += 1
        if is_wiped:
            self.do(self.redis.flushall())
            self.seen["Redis was wiped"] += 1
        self._spin(who, 1, None, 0, is_other=False)
