"""Steps of points: earn (capped, or pending), spend, give back, take back, hold, close, claim points for points."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from handlers.errors import (
    BalanceShort,
    DomainError,
    HoldExpired,
    HoldPosted,
    HoldVoided,
    OfferLimitReached,
    OfferSoldOut,
    PointsShort,
    ReversedTooMuch,
)
from handlers.ledger.holding import hold, post_hold, void_hold
from handlers.points.earning import Earning, earn
from handlers.points.spending import Spending, give_back, points_unit, spend, take_back
from handlers.retrying import again
from handlers.rules.ledger import Cause, Side, of_member
from models.database import atomic, row
from models.words import LedgerAccountKind
from tests.handlers.fair_machine.model import DAY, day_of
from tests.handlers.fair_machine.world import (
    CAP,
    OFFER_LIMIT,
    OFFER_POINTS,
    OFFER_PRICE,
    OFFER_STOCK,
    World,
    people,
    picks,
    places,
    strikes,
)
from tests.handlers.offering import key

amounts = st.sampled_from([1, 4, 9, 15, 30, 30])
SPENT = Side(LedgerAccountKind.SPENT)
_AVAILABLE = """
    SELECT COALESCE(SUM(l.left_amount), 0) AS there FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
    WHERE a.member_id = $1 AND a.unit = 'points' AND (l.expires_at IS NULL OR l.expires_at > $2)
    AND (a.kind = 'member' OR l.available_at <= $2)
"""


class PurseSteps(World):
    """What is done with points."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: list[list[Any]] = []  # who, transfer, amount, given back
        self.earned: list[tuple[int, Any, int]] = []
        self.holds: list[list[Any]] = []  # who, hold, state

    def available(self, who: int, at: Any = None) -> int:
        """What could be spent, by the lots themselves."""
        return int(self.do(row(_AVAILABLE, self.people[who].member_id, at or self.now))["there"])

    def within(self, work: Any, how: Any, at: int) -> Any:
        """A function of an open transaction, as its callers run it."""

        async def run() -> Any:
            async def once() -> Any:
                async with atomic():
                    return await work()

            return await again(once)

        return self.ask(run, how, at)

    @initialize(amount=st.sampled_from([9, 15, 30]))
    def everybody_has_something(self, amount):
        for who in range(len(self.people)):
            self._earn(who, amount, None, 0, is_later=False)

    @rule(who=people, amount=amounts, is_later=st.booleans(), how=strikes, at=places)
    def earn(self, who, amount, is_later, how, at):
        for _ in range(2):
            self._earn(who, amount, how, at, is_later=is_later)

    def _earn(self, who, amount, how, at, *, is_later):
        code = "later" if is_later else "visit"
        earning, now = Earning(self.people[who].member_id, code, amount, key()), self.now
        outcome = self.within(lambda: earn([earning], at=now), how, at)
        assert not isinstance(outcome, DomainError), outcome
        earned = outcome[earning]
        room = amount if is_later else min(amount, CAP - self.players[who].earned[day_of(now)])
        assert earned.amount == max(room, 0)
        if not is_later:
            self.players[who].earned[day_of(now)] += earned.amount
        self.players[who].points += earned.amount
        self.seen["earned pending" if is_later else "earned"] += 1
        self.seen["cut by the cap"] += earned.amount < amount
        if earned.transfer_id:
            self.earned.append((who, earned.transfer_id, earned.amount))

    @rule(who=people, amount=amounts, back=st.sampled_from([0, 1, 4]), how=strikes, at=places)
    def spend(self, who, amount, back, how, at):
        available = self.available(who)
        spending = Spending(self.people[who].member_id, amount, Cause("test_spend", key()))
        outcome = self.within(lambda: spend([spending], at=self.now), how, at)
        assert isinstance(outcome, PointsShort) is (amount > available)
        if isinstance(outcome, DomainError):
            self.seen["refused: PointsShort"] += 1
            return
        self.players[who].points -= amount
        self.spent.append([who, outcome[spending.cause].transfer_ids[0], amount, 0])
        self.seen["spent"] += 1
        if back:
            self._give_back(self.spent[-1], back, how, at)

    @rule(pick=picks, amount=amounts, how=strikes, at=places)
    def give_back(self, pick, amount, how, at):
        if not self.spent:
            return
        self._give_back(self.spent[pick % len(self.spent)], amount, how, at)

    def _give_back(self, entry, amount, how, at):
        who, transfer, was, back = entry
        facts = {"cause": Cause("test_refund", key()), "at": self.now}
        outcome = self.within(lambda: give_back(self.people[who].member_id, transfer, amount, **facts), how, at)
        assert isinstance(outcome, ReversedTooMuch) is (amount > was - back)
        if isinstance(outcome, DomainError):
            self.seen["refused: ReversedTooMuch"] += 1
            return
        entry[3] += amount
        self.players[who].points += amount
        self.seen["given back"] += 1

    @rule(pick=picks, how=strikes, at=places)
    def take_back(self, pick, how, at):
        if not self.earned:
            return
        who, transfer, amount = self.earned.pop(pick % len(self.earned))
        available = self.available(who)
        facts = {"cause": Cause("test_undo", key()), "at": self.now}
        outcome = self.within(lambda: take_back(self.people[who].member_id, transfer, amount, **facts), how, at)
        if isinstance(outcome, PointsShort):
            assert amount > available
            return
        assert not isinstance(outcome, DomainError), outcome
        self.players[who].points -= amount
        self.seen["taken back"] += 1

    @rule(
        who=people,
        amount=st.sampled_from([1, 4, 9]),
        days=st.sampled_from([1, 3]),
        then=st.sampled_from(["post", "post", "void", "void", ""]),
        how=strikes,
        at=places,
    )
    def hold(self, who, amount, days, then, how, at):
        available, now, act = self.available(who), self.now, Cause("test_hold", key())
        facts = {"for_": SPENT, "cause": act, "expires_at": now + days * DAY, "at": now}

        async def work():
            return await hold(await points_unit(), of_member(self.people[who].member_id), amount, **facts)

        outcome = self.within(work, how, at)
        assert isinstance(outcome, BalanceShort) is (amount > available)
        if not isinstance(outcome, DomainError):
            self.holds.append([who, outcome, "open"])
            self.seen["held"] += 1
            if then:
                self._close(self.holds[-1], amount, how, at, is_post=then == "post")

    @rule(pick=picks, is_post=st.booleans(), part=amounts, how=strikes, at=places)
    def close_hold(self, pick, is_post, part, how, at):
        if not self.holds:
            return
        self._close(self.holds[pick % len(self.holds)], part, how, at, is_post=is_post)

    def _close(self, entry, part, how, at, *, is_post):
        who, held, state = entry
        part, now = min(part, held.amount), self.now
        close = (lambda: post_hold(held.id, part, at=now)) if is_post else (lambda: void_hold(held.id, at=now))
        outcome = self.within(close, how, at)
        if isinstance(outcome, HoldPosted | HoldVoided | HoldExpired):
            assert state != "open" or (is_post and held.expires_at <= now)
            return
        if state == "open":
            entry[2] = "posted" if is_post else "voided"
            self.seen[entry[2]] += 1
            self.players[who].points -= part if is_post else 0

    @rule(who=people, times=st.sampled_from([1, 3]), how=strikes, at=places)
    def claim(self, who, times, how, at):
        """A benefit of points, for points."""
        for _ in range(times):
            self._claim(who, how, at)

    def _claim(self, who, how, at):
        player, request_id = self.players[who], key()
        refused = set()
        if player.claims >= OFFER_LIMIT:
            refused.add(OfferLimitReached)
        if sum(each.claims for each in self.players) >= OFFER_STOCK:
            refused.add(OfferSoldOut)
        if self.available(who) < OFFER_PRICE:
            refused.add(PointsShort)
        claiming = self.fair.handlers.claiming
        outcome = self.ask(
            lambda: claiming.claim(self.people[who], offer_id=self.offer.id, request_id=request_id), how, at
        )
        if isinstance(outcome, DomainError):
            assert type(outcome) in refused, outcome
            self.seen[f"refused: {type(outcome).__name__}"] += 1
            return
        assert not refused
        player.claims += 1
        player.requests["claim"] += 1
        player.points += OFFER_POINTS - OFFER_PRICE
        self.seen["claimed points for points"] += 1
