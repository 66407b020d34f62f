"""Everything that can happen to a ledger, in any order: what a plain model says is what the database holds.

Members earn (at once or pending, for ever or for days), spend, hold, post, void, take back; time goes forth and back,
jobs run; connections break at any statement and at the commit, and whoever got no answer asks again for the same cause.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tortoise.exceptions import IntegrityError

from handlers.errors import BalanceShort, DomainError, HoldExpired, HoldPosted, HoldVoided, ReversedTooMuch
from handlers.ledger.due import LedgerDue
from handlers.ledger.holding import HoldExpiry, post_hold, void_hold
from handlers.retrying import again
from handlers.rules import book, lots
from handlers.rules import ledger as rules
from handlers.rules.ledger import Side
from models.database import CommitUnknown, DatabaseUnavailable, SerializationConflict, atomic, row, rows
from models.statements import ledger as statements
from models.statements.invariants_ledger import RULES
from models.words import LedgerAccountKind as Kind
from tests.handlers.ledgers import DAY, a_ledger, cause, somebody
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.test_benefit_machine import like

amounts = st.integers(1, 12)
people = st.integers(0, 1)
picks = st.integers(0, 9)
MUST_HAPPEN = {
    "earned", "earned pending", "spent", "refused: short", "held", "posted", "voided", "given back", "undone",
    "refused: too much back", "refused: closed", "the clock went back", "swept", "asked again",
    *(f"struck by {how}" for how in How),
}  # fmt: skip


class LedgerGame(RuleBasedStateMachine):
    """Two members; a balance of each, in the model the sum of what was answered."""

    ledger: Any
    loop: asyncio.AbstractEventLoop
    seen: Counter

    def __init__(self) -> None:
        super().__init__()
        self.members = [self.do(somebody()) for _ in range(2)]
        self.total = [0, 0]  # all that came in and did not go out, expired or not, held or not
        self.spent: list[tuple[int, Any, int, int]] = []  # who, transfer, amount, taken back
        self.earned: list[tuple[int, Any, int]] = []
        self.holds: list[list[Any]] = []  # who, hold, state

    def do(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def ask(self, work: Callable[[], Awaitable[Any]], how: How | None, at: int) -> Any:
        """Once, or into a failpoint and then again; what it gave or the refusal."""
        if how is not None:
            broken = Failpoint(how, at)
            outcome = self.do(broken.strikes(work))
            if broken.has_struck:
                self.seen[f"struck by {how}"] += 1
                assert isinstance(outcome, asyncio.CancelledError | CommitUnknown | DatabaseUnavailable | None)
            self.seen["asked again"] += 1
        try:
            return self.do(again(work))
        except DomainError as refusal:
            return refusal

    def put(self, move: Any, how: How | None, at: int) -> Any:
        """A transfer by its cause: asking again gives the first answer, so breaking it is no other story."""
        outcome = self.ask(lambda: self.ledger.post(move), how, at)
        return outcome if isinstance(outcome, DomainError) else outcome[move.cause].transfer_ids[0]

    strikes = st.one_of(st.none(), st.none(), st.sampled_from(How))
    places = st.integers(0, 7)

    @rule(who=people, amount=amounts, days=st.sampled_from([None, 1, 3]), waits=st.booleans(), how=strikes, at=places)
    def earn(self, who, amount, days, waits, how, at):
        now, member = self.ledger.clock.now(), self.members[who]
        more: dict[str, Any] = {"expires_at": now + days * DAY if days else None}
        if waits:
            more |= {"credit": Side(Kind.PENDING, member), "available_at": now + DAY}
        transfer = self.put(self.ledger.earning(member, amount, **more), how, at)
        assert not isinstance(transfer, DomainError)
        self.total[who] += amount
        if not waits:
            self.earned.append((who, transfer, amount))
        self.seen["earned pending" if waits else "earned"] += 1

    @rule(who=people, amount=amounts, how=strikes, at=places)
    def spend(self, who, amount, how, at):
        available = self.available(who)
        outcome = self.put(self.ledger.spending(self.members[who], amount), how, at)
        if isinstance(outcome, BalanceShort):
            assert amount > available
            self.seen["refused: short"] += 1
            return
        assert amount <= available
        self.total[who] -= amount
        self.spent.append((who, outcome, amount, 0))
        self.seen["spent"] += 1

    @rule(pick=picks, amount=amounts, grace=st.sampled_from([0, 2]), how=strikes, at=places)
    def give_back(self, pick, amount, grace, how, at):
        if not self.spent:
            return
        place = pick % len(self.spent)
        who, transfer, was, back = self.spent[place]
        facts = {"debit": rules.Side(Kind.SPENT), "credit": rules.of_member(self.members[who])}
        move = self.ledger.spending(self.members[who], amount, **facts, reverses=transfer, grace=grace * DAY)
        outcome = self.put(move, how, at)
        if isinstance(outcome, ReversedTooMuch):
            assert amount > was - back
            self.seen["refused: too much back"] += 1
            return
        assert amount <= was - back
        self.spent[place] = who, transfer, was, back + amount
        self.total[who] += amount
        self.seen["given back"] += 1

    @rule(pick=picks, how=strikes, at=places)
    def undo(self, pick, how, at):
        """An earning is taken back whole, if that is there."""
        if not self.earned:
            return
        who, transfer, amount = self.earned.pop(pick % len(self.earned))
        available = self.available(who)
        move = self.ledger.spending(self.members[who], amount, credit=Side(Kind.ISSUED), reverses=transfer)
        outcome = self.put(move, how, at)
        assert isinstance(outcome, BalanceShort) is (amount > available)
        if not isinstance(outcome, DomainError):
            self.total[who] -= amount
            self.seen["undone"] += 1

    @rule(who=people, amount=amounts, days=st.sampled_from([1, 4]), how=strikes, at=places)
    def hold(self, who, amount, days, how, at):
        available, act = self.available(who), cause("test_hold")
        ends = days * DAY
        outcome = self.ask(lambda: self.ledger.hold(self.members[who], amount, act, for_=ends), how, at)
        assert isinstance(outcome, BalanceShort) is (amount > available)
        if not isinstance(outcome, DomainError):
            self.holds.append([who, outcome, "open"])
            self.seen["held"] += 1

    @rule(pick=picks, is_post=st.booleans(), part=amounts, how=strikes, at=places)
    def close(self, pick, is_post, part, how, at):
        if not self.holds:
            return
        entry = self.holds[pick % len(self.holds)]
        who, held, state = entry
        part = min(part, held.amount)

        async def work():
            async with atomic():
                now = self.ledger.clock.now()
                return await (post_hold(held.id, part, at=now) if is_post else void_hold(held.id, at=now))

        outcome = self.ask(work, how, at)
        if isinstance(outcome, HoldPosted | HoldVoided | HoldExpired):
            self.seen["refused: closed"] += 1
            assert state != "open" or (is_post and held.expires_at <= self.ledger.clock.now())
            return
        if state == "open":
            entry[2] = "posted" if is_post else "voided"
            self.seen[entry[2]] += 1
            if is_post:
                self.total[who] -= part

    @rule(hours=st.sampled_from([6, 30, 30, -6, -30]))
    def time_goes(self, hours):
        self.ledger.clock.advance(timedelta(hours=hours))
        if hours < 0:
            self.seen["the clock went back"] += 1

    @rule()
    def jobs_run(self):
        now = self.ledger.clock.now()
        self.do(HoldExpiry(self.ledger.clock).sweep())
        for entry in self.holds:
            if entry[2] == "open" and entry[1].expires_at <= now:
                entry[2] = "expired"
        if self.do(LedgerDue(self.ledger.clock).sweep()):
            self.seen["swept"] += 1

    def available(self, who: int) -> int:
        """What could be spent now: asked of the lots themselves, by the clock, in another way than the ledger does."""
        return self.do(_available(self.ledger, self.members[who]))

    @invariant()
    def sums_are_right(self):
        assert self.do(_breaches()) == []

    @invariant()
    def nothing_is_lost_or_made(self):
        for who, member in enumerate(self.members):
            assert self.do(_stands(self.ledger, member)) == self.total[who]

    @invariant()
    def open_holds_are_held(self):
        for who, member in enumerate(self.members):
            wanted = sum(each.amount for owner, each, state in self.holds if owner == who and state == "open")
            assert self.do(_held(member)) == wanted


async def _available(ledger: Any, member: Any) -> int:
    now = ledger.clock.now()
    found = await row(
        """SELECT COALESCE(SUM(l.left_amount), 0) AS there FROM ledger_lot l
        JOIN ledger_account a ON a.id = l.account_id WHERE a.member_id = $1
        AND (l.expires_at IS NULL OR l.expires_at > $2) AND (a.kind = 'member' OR l.available_at <= $2)""",
        member,
        now,
    )
    return int(found["there"])


async def _stands(ledger: Any, member: Any) -> int:
    """All that there is, and what the clock took."""
    found = await row(
        """SELECT COALESCE((SELECT SUM(posted) FROM ledger_account WHERE member_id = $1), 0)
        + COALESCE((SELECT SUM(t.amount) FROM transfer t JOIN ledger_account a ON a.id = t.debit_id
            WHERE a.member_id = $1 AND t.cause_kind = 'lot_expired'), 0) AS there""",
        member,
    )
    return int(found["there"])


async def _breaches() -> list[str]:
    return [what for what, sql in RULES if await rows(sql)]


async def _held(member: Any) -> int:
    found = await row("SELECT COALESCE(SUM(held), 0) AS held FROM ledger_account WHERE member_id = $1", member)
    return int(found["held"])


async def play(ledger: Any, must_happen: set[str], *, games: int, steps: int, seeds: tuple[int, ...]) -> None:
    """The same games every time, until all of this has happened."""
    seen: Counter = Counter()
    facts = {"ledger": ledger, "loop": asyncio.get_running_loop(), "seen": seen}
    played = type("Played", (LedgerGame,), facts)
    chosen = settings(
        max_examples=games,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    missing = must_happen
    for number in seeds:
        await asyncio.to_thread(run_state_machine_as_test, seed(number)(played), settings=chosen)
        missing = must_happen - set(+seen)
        if not missing:
            break
    print(dict(seen))
    assert not missing


async def test_a_ledger_keeps_its_promises_whatever_happens(database, clock):
    await play(await a_ledger(clock), MUST_HAPPEN, games=8, steps=40, seeds=(1, 2, 3))


TAKEN_AWAY = {
    "the movement of the balance": (
        statements, "MOVE", like(statements.MOVE, "ledger_account.posted + r.posted,", "ledger_account.posted,"),
    ),
    "what is taken of a lot": (
        statements, "CHANGE_LOTS", like(statements.CHANGE_LOTS, "left_amount + r.delta,", "left_amount + 0 * r.delta,"),
    ),
    "the counter of what was taken back": (
        statements, "REVERSE", like(statements.REVERSE, "t.amount, r.amount FROM", "t.amount, 0 FROM"),
    ),
    "the end of a lot": (lots.Lot, "is_expired", lambda *_: False),
    "whether it can be paid": (book.Balance, "available", property(lambda _: 1_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN_AWAY)
async def test_the_machine_finds_out_what_is_taken_away(database, clock, monkeypatch, what):
    """Negative control: without this piece some promise is broken, and one of the games shows it."""
    place, name, instead = TAKEN_AWAY[what]
    monkeypatch.setattr(place, name, instead)
    with pytest.raises(
        (AssertionError, DomainError, IntegrityError, SerializationConflict, ValueError, Flaky)
    ) as found:
        await play(await a_ledger(clock), {"nothing was found"}, games=8, steps=40, seeds=(1, 2, 3))
    assert "nothing was found" not in str(found.value)


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_a_ledger_keeps_its_promises_for_a_long_time(database, clock):
    await play(await a_ledger(clock), MUST_HAPPEN, games=200, steps=50, seeds=tuple(range(100, 110)))
