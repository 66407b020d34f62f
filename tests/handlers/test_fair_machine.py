"""Points, chances, draws, check-ins and levels in any order: what a plain model says is what the database holds.

The steps and the promises stand in `fair_machine/`. Members earn, spend, are refunded, hold, spin once and ten times,
check in, mend, claim points for points, say what a prize asks; operators pause, resume, add stock and give chances;
the clock goes forth and back, its jobs run or do not, connections break at any statement and commit, processes forget,
Redis is wiped; whoever got no answer asks again with the same key.
"""

import asyncio
import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis.errors import Flaky
from tortoise.exceptions import IntegrityError

from handlers.checkins import check_ins
from handlers.claims import claiming
from handlers.draws import chances, commitments, spin_folding, spin_writing, spinning
from handlers.draws.chances import given
from handlers.draws.spin_paying import Till
from handlers.errors import DomainError
from handlers.levels import growth
from handlers.points import earning
from handlers.rules import lots
from handlers.rules.ledger import Move
from handlers.rules.levels import Ladder, Level
from handlers.rules.points import Allotted
from handlers.rules.validity import day_of
from models.failures import SerializationConflict
from models.statements import draws, due_prizes, ledger
from models.words import DowngradePolicy, PointsExpiry
from tests.handlers.drawing import fair_of
from tests.handlers.fair_machine.promises import FairGame
from tests.handlers.laddering import Steps
from tests.handlers.machine.failpoints import How
from tests.handlers.machine.playing import LongRun, in_parts, play
from tests.handlers.test_benefit_machine import like, nothing
from tests.handlers.test_points import Mall

# Otherwise the promises would hold for want of trying.
MUST_HAPPEN = {
    "earned", "earned pending", "cut by the cap", "spent", "refused: PointsShort", "given back",
    "refused: ReversedTooMuch", "taken back", "held", "posted", "voided", "claimed points for points",
    "refused: OfferLimitReached", "paid by free", "paid by chance", "paid by points", "won points", "won more",
    "won kettle", "won wash", "won thanks", "a fallback", "guaranteed", "spin refused: PointsShort",
    "spin refused: DrawPaused", "refused: KeyReused", "paused", "resumed", "stock added", "checked in",
    "refused: AlreadyCheckedIn", "mended", "refused: DayNotMendable", "refused: MakeupCardMissing", "chances ended",
    "levels were judged", "the clock went back", "a process forgot", "Redis was wiped", "answered again",
    "won charge", "a prize was said", "a prize lapsed", "refused: DuePrizeUnknown", "refused: DuePrizeStateWrong",
    "a game was verified", *(f"struck by {how}" for how in How),
}  # fmt: skip
MUST_HAPPEN_IN_THE_LONG_RUN = MUST_HAPPEN | {
    "cards ended", "refused: OfferSoldOut", "spin refused: DrawClosed", "spin refused: DrawNotOpen",
}  # fmt: skip
# What the wheel gives is nobody's to say: now and then it takes more games until everything has happened.
GAMES, STEPS, SEEDS = 5, 40, tuple(range(1, 21))
IS_QUICK = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"


@pytest.fixture
async def fair(rooms, monkeypatch):
    # What a process remembers for a second says no where the model, which has no such second, says yes.
    monkeypatch.setattr(claiming, "SOLD_OUT_FOR", 0.0)
    fair = await fair_of(rooms)
    mall = Mall(rooms, fair.root, fair.operator)
    await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=3, grace_days=1)
    await mall.rule("visit", cap_amount=40)
    await mall.rule("later", pending_days=1)
    await mall.rule("check_in", name="签到")
    weekly = PointsExpiry.DAYS, 5
    await Steps(rooms.clock).publish(
        Ladder(
            (
                Level("base", "普通会员", 0),
                Level("silver", "银卡会员", 60, *weekly, keep_growth=60),
                Level("gold", "金卡会员", 150, *weekly, keep_growth=90),
            ),
            DowngradePolicy.ONE_DOWN,
        )
    )
    return fair


def game_of(fair, redis) -> tuple[type[FairGame], Counter[str]]:
    """The machine over this database, and what happens in it."""
    seen: Counter[str] = Counter()
    facts = {"fair": fair, "redis": redis, "loop": asyncio.get_running_loop(), "begins_at": fair.rooms.clock.now()}
    return type("Played", (FairGame,), {**facts, "runs": 0, "seen": seen, "told": set()}), seen


async def games(fair, redis, must_happen: set[str]) -> None:
    """The same every time, until all of this has happened."""
    played, seen = game_of(fair, redis)
    await play(played, SEEDS, steps=STEPS, games=GAMES, enough=lambda _: not must_happen - set(+seen))
    print(dict(seen))
    assert not must_happen - set(+seen)


@pytest.mark.timeout(240)
async def test_points_chances_draws_and_days_keep_their_promises_whatever_happens(fair, redis):
    await games(fair, redis, MUST_HAPPEN if IS_QUICK else set())


async def no_levels(*_, **__) -> dict:
    return {}


def of_now(held, now, zone) -> tuple:
    return day_of(now, zone).isoformat(), now


def without_an_end(unit, each, closes_at) -> Move:
    return given(unit, replace(each, expires_at=None), closes_at)


TAKEN_AWAY = {
    "a unit of a prize that is taken": (
        draws, "AWARD", like(draws.AWARD, "left_count - r.units,", "left_count - 0 * r.units,"),
    ),
    "the step of the sequence": (
        draws, "ADVANCE", like(draws.ADVANCE, "last_sequence = $3,", "last_sequence = $3 + 1,"),
    ),
    "the free spins that were used": (
        draws, "PLAYED", like(draws.PLAYED, "free_used = excluded.free_used", "free_used = 0 * excluded.free_used"),
    ),
    "the day that never goes back": (commitments, "moment", of_now),
    "whether a draw is paused": (spinning, "not_now", lambda *_: None),
    "the seed of the day": (spin_folding, "roll_of", lambda *_, **__: 999_999),
    "the unit that goes back": (
        draws, "RETURN_UNIT", like(draws.RETURN_UNIT, "left_count + 1,", "left_count + 0,"),
    ),
    "that a prize was taken": (due_prizes, "TAKE", like(due_prizes.TAKE, "state = 'taken',", "state = 'waiting',")),
    "the end of its time": (
        due_prizes, "LAPSE", like(due_prizes.LAPSE, "state = 'lapsed'", "deadline_at = $2"),
    ),
    "the word to whoever won a thing": (spin_writing, "later_many", nothing),
    "the row of the request, of a spin": (spinning, "record", nothing),
    "the row of the request, of a check-in": (check_ins, "record", nothing),
    "what a spin takes from the purse": (Till, "_decide", lambda *_: None),
    "the end of a lot": (lots.Lot, "is_expired", lambda *_: False),
    "the end of given chances": (chances, "given", without_an_end),
    "what is taken of a lot": (
        ledger, "CHANGE_LOTS", like(ledger.CHANGE_LOTS, "left_amount + r.delta,", "left_amount + 0 * r.delta,"),
    ),
    "what is held": (
        ledger, "MOVE", like(ledger.MOVE, "ledger_account.held + r.held FROM", "ledger_account.held FROM"),
    ),
    "the cap of a rule": (earning, "allot", lambda wanted, **_: Allotted(wanted, None)),
    "the look at the newest day": (check_ins, "is_taken", lambda *_: False),
    "the level that growth reaches": (growth, "settle", no_levels),
}  # fmt: skip


@pytest.mark.skipif(not IS_QUICK, reason="the pieces are those of both; the games themselves are played on both")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("what", TAKEN_AWAY)
async def test_the_machine_finds_out_what_is_taken_away(fair, redis, monkeypatch, what):
    """Negative control: without this piece some promise is broken, and one of the games shows it."""
    place, name, instead = TAKEN_AWAY[what]
    monkeypatch.setattr(place, name, instead)
    # Flaky: played again, the game fails elsewhere, because what was broken before is still in the database.
    with pytest.raises(
        (AssertionError, DomainError, IntegrityError, SerializationConflict, ValueError, Flaky)
    ) as found:
        await games(fair, redis, {"nothing was found"})
    assert "nothing was found" not in str(found.value)


LONG = LongRun(MUST_HAPPEN_IN_THE_LONG_RUN)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@in_parts
async def test_points_chances_draws_and_days_keep_their_promises_for_long(fair, redis, part):
    await LONG.part(part, *game_of(fair, redis))
