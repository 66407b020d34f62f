"""One game: two members, a draw, check-ins that give chances of it, an offer; and how anything is asked for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from handlers.draws import held
from handlers.errors import DomainError, KeyReused, OutcomeUnknown, Overloaded
from handlers.levels import ladders
from handlers.requests import Answer
from handlers.rules.benefit_terms import PointsBenefitTerms
from handlers.rules.checkins import CheckInRules, Step
from handlers.rules.draw_rules import Pity, Prize, PrizeKind, SpinPrice
from handlers.rules.offer_terms import Limit, Period, Price
from handlers.rules.rewards import Reward
from models.draws import Draw
from models.failures import CommitUnknown, DatabaseUnavailable
from models.words import BenefitKind
from tests.handlers.asking import charge
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.drawing import Fair, goods, points
from tests.handlers.fair_machine.model import DAY, Player, Wheel, day_of
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.offering import key

PEOPLE = range(2)
people = st.sampled_from(PEOPLE)
picks = st.integers(0, 19)
strikes = st.sampled_from([None, None, None, None, *How])
places = st.integers(0, 25)  # the statement; of commits there are fewer
PRICE, CAP = 3, 40  # points of a spin; points that the capped rule gives in a day
OFFER_PRICE, OFFER_POINTS, OFFER_LIMIT, OFFER_STOCK = 2, 5, 2, 3


class World(RuleBasedStateMachine):
    """What every step needs. Its steps run in the loop that the database belongs to."""

    fair: ClassVar[Fair]
    redis: ClassVar[Any]
    loop: ClassVar[asyncio.AbstractEventLoop]
    begins_at: ClassVar[datetime]
    runs: ClassVar[int]
    seen: ClassVar[Counter]  # so that no promise holds for want of trying
    told: ClassVar[set[str]]  # winners of things, of all games

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @property
    def clock(self) -> Any:
        return self.fair.rooms.clock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.clock.advance(self.begins_at - self.now)
        self.players = [Player() for _ in PEOPLE]
        self.acts = 0  # of operators, on record
        self.is_midway = False  # a day may be open whose spin did not happen
        self.do(self._open())

    async def _open(self) -> None:
        rooms = self.fair.rooms
        self.people = [await rooms.member(f"o-{self.runs}-{number}") for number in PEOPLE]
        wash = await self.fair.voucher(150_000, stock=2, fallback="kettle")
        more = Prize("more", "再抽一次", PrizeKind.CHANCES, 100_000, amount=1, value_fen=1)
        kettle = goods(150_000, stock=3, rarity=1, per_member=2)
        draw_id = await self.fair.published(
            kettle,
            wash,
            await charge(self.fair, 200_000, stock=4),
            more,
            points(200_000, amount=4),
            price=SpinPrice(free_daily=1, takes_chances=True, points=PRICE),
            pity=Pity(rarity=1, guaranteed_at=6),
            closes_at=self.now + 15 * DAY,
            terms={"address_days": 2},
        )
        found = await Draw.get(id=draw_id)
        left = {"kettle": 3, "wash": 2, "charge": 4}
        opens_at, closes_at = self.now - timedelta(hours=1), self.now + 15 * DAY
        self.wheel = Wheel(draw_id, found.code, opens_at, closes_at, day_of(self.now), left, Counter(left))
        benefit = await a_benefit("五积分", BenefitKind.POINTS, PointsBenefitTerms(OFFER_POINTS), merchant=None)
        limits = (Limit(Period.EVER, OFFER_LIMIT),)
        self.offer = await an_offer(
            self.now, benefit=benefit, stock=OFFER_STOCK, limits=limits, price=Price(points=OFFER_PRICE)
        )
        daily = (
            Reward("points", 2, "check_in"),
            Reward("growth", 30),
            Reward("chances", 1, found.code, days=1),
        )
        streak, month = Step(2, (Reward("makeup_card", 1, days=5),)), Step(3, (Reward("points", 7, "check_in"),))
        rules = CheckInRules(daily, (streak,), (month,), days_back=4)
        await rooms.handlers.check_in_terms.publish(self.fair.operator, rules, request_id=key())

    # --- asking

    def ask(self, work: Callable[[], Awaitable[Any]], how: How | None, at: int) -> Any:
        """Once, or into a failpoint and then again with the same key; the answer, or the refusal."""
        told: list[Any] = []

        async def first() -> None:
            told.append(await work())

        if how is not None:
            broken = Failpoint(how, at % 2 if how in {How.COMMIT_LOST, How.ANSWER_LOST} else at)
            outcome = self.do(broken.strikes(first))
            self.seen[f"struck by {how}"] += broken.has_struck
            hits = asyncio.CancelledError | CommitUnknown | DatabaseUnavailable | Overloaded | OutcomeUnknown
            if isinstance(outcome, hits):
                assert broken.has_struck, outcome
                if how is How.ABORT:
                    self.is_midway = True
                    self.do(self.everything_is_as_remembered())
                    self.is_midway = False
        try:
            answer = self.do(work())
        except DomainError as refusal:
            assert not told, refusal  # noqa: PT017 - both ends are looked at
            return refusal
        if told and isinstance(answer, Answer):
            assert (answer.value, answer.replayed) == (told[0].value, True)
            self.seen["answered again"] += 1
        return answer

    def asks_something_else(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Under a key that was answered: it is no other act."""
        try:
            self.do(work())
        except KeyReused:
            self.seen["refused: KeyReused"] += 1
        else:
            raise AssertionError("a key was used for two acts")

    def forget(self) -> None:
        """What a process remembers is gone with it."""
        spinning = self.fair.handlers.spinning
        spinning._opened.clear()
        spinning._pseudonym_keys.clear()
        spinning._signing = None
        held._versions.clear()
        ladders._versions.clear()

    async def everything_is_as_remembered(self) -> None:
        raise NotImplementedError
