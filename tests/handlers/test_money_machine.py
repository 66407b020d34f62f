"""Everything that can happen to money, in any order: our books are never ahead of theirs, and at rest they are theirs.

The steps and the promises stand in `money_machine/`. People order, pay in time or late, use, give back; notices come,
come twice, in another order or never; promoters earn, take out, close the page; operators refund, agree, refuse; people
leave with whatever is open, or are told what keeps them, and come back as somebody else; time goes forth and back,
calls are lost, connections break, processes start anew and Redis is wiped.
"""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis.errors import Flaky
from tortoise.exceptions import IntegrityError

from app.container import build_handlers
from app.outward import Outward
from gateways.stores.commands import BatchedRedis
from handlers.errors import DomainError
from handlers.ledger.holding import void_hold
from handlers.orders import fulfilling, moving, refunding, settling
from handlers.privacy import departures
from handlers.rules.fee_shares import FeeShare
from handlers.rules.order_states import Money
from handlers.rules.withdrawal_states import Next
from handlers.withdrawals import moving as payouts
from handlers.withdrawals import sending
from models.failures import SerializationConflict
from models.organizations import Organization
from models.sql import of_rows
from models.statements import departures as departure_statements
from models.statements import orders
from models.words import OperatorRole, WithdrawalState
from tests.handlers.counter import open_counter
from tests.handlers.distributing import rules
from tests.handlers.machine.failpoints import How
from tests.handlers.machine.playing import LongRun, in_parts, play
from tests.handlers.money_machine.promises import MoneyGame
from tests.handlers.money_machine.running import BENT
from tests.handlers.money_machine.wallet import Mood, Wallet
from tests.handlers.money_machine.world import RATES, REVIEWED_FROM, TWICE_FROM, House
from tests.handlers.offering import operator_at
from tests.handlers.planning import MONTH, YEAR, plan_desk
from tests.handlers.test_points import Mall
from tests.handlers.withdrawing import an_operator, publish
from tests.stories.conftest import town_settings

IS_QUICK = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"
GAMES, STEPS = 8, 40
# Of what happens often: which of two at once is first is for the database to say, and a game may go on otherwise.
MUST_HAPPEN = {
    "ordered", "paid", "told", "redeemed", "given back", "at once", "cancelled", "a statement",
    "held back or earned",
    "answered again", "came to rest", "a debt", "asked for, waiting", "wanted back",
    "there: SUCCESS", "struck by abort", "struck by cancel",
    "left", "came back", "gave up money", "stays: order.open", "stays: balance.left", "stays: commission.pending",
}  # fmt: skip
MUST_HAPPEN_IN_THE_LONG_RUN = MUST_HAPPEN | {
    "told twice at once", "the clock went back", "paid late", "sent another", "released", "went home after a day",
    "stays: claims.paid", "a page was closed", "a refund was stuck",
    "a notice was lost", "asked for, review", "agreed to, review", "agreed to, waiting", "refused by operators",
    "there: FAIL", "anew", "wiped", "get loose",
    "a promoter left", "stays: withdrawal.open", "left and met itself", "left and met notice", "left and met release",
    *Mood, *(f"struck by {how}" for how in How), *(f"not believed: {bent}" for bent in BENT),
}  # fmt: skip


@pytest.fixture
async def house(rooms, database, redis):
    settings_, wallet = town_settings(database, "memory://", port=8080, platform_port=8090), Wallet(rooms)
    commands, outward = BatchedRedis(redis), Outward(rooms.supplier, rooms.points, wallet.api)

    def build():
        return build_handlers(settings_, rooms.clock, rooms.vault, rooms.wechat, commands, outward)

    rooms.handlers = build()
    desk, root, till = await plan_desk(rooms), await Organization.get(parent=None), await open_counter(rooms)
    for code, terms in (("month", MONTH), ("year", YEAR)):
        await desk.sell(code, replace(terms, shares=(FeeShare(till.merchant.code, 3_333),)))
    await rules(rooms, rates=RATES, level_count=2, hold_days=0, freeze_days=1, window_days=365)
    limits = {"least_fen": 30, "daily_count": 50, "review_from_fen": REVIEWED_FROM, "second_from_fen": TWICE_FROM}
    await publish(rooms, **limits)
    mall = Mall(rooms, root, await operator_at(root, OperatorRole.ADMIN))
    await mall.rule()
    finance = await an_operator(), await an_operator()
    yield House(rooms, wallet, build, finance, desk, till, mall)
    await commands.aclose()


def game_of(house, redis) -> tuple[type[MoneyGame], Counter[str]]:
    """The machine over this database, and what happens in it."""
    seen: Counter[str] = Counter()
    facts = {"house": house, "redis": redis, "loop": asyncio.get_running_loop(), "runs": 0, "seen": seen, "closed": {}}
    return type("Played", (MoneyGame,), facts), seen


async def games(house, redis, must_happen: set[str], seeds: Iterable[int]) -> None:
    """The same every time, and then all of this has happened."""
    played, seen = game_of(house, redis)
    try:
        await play(played, seeds, steps=STEPS)
    finally:
        print(dict(seen))
    assert not must_happen - set(+seen)


@pytest.mark.timeout(240)
async def test_money_keeps_its_promises_whatever_happens(house, redis):
    await games(house, redis, MUST_HAPPEN if IS_QUICK else set(), range(GAMES if IS_QUICK else GAMES // 4))


async def nothing(*_, **__) -> int:
    return 0


def gives_it_back(state, *_, **__) -> Next:
    return Next.GIVE_BACK if state is WithdrawalState.SENT else Next.WAIT


async def under_another_number(self, found):
    return replace(await WANTED(self, found), number=uuid.uuid4().hex)


WANTED = sending.WithdrawalSending._wanted
ANYWAY = of_rows(
    "UPDATE sales_order SET state = r.after, transaction_id = r.transaction_id, paid_at = $2 FROM {rows}"
    " WHERE sales_order.id = r.id RETURNING sales_order.id",
    {"id": "uuid", "after": "text", "transaction_id": "text"},
)
TAKEN_AWAY = {
    "that a payment is known": (
        (settling, "on_money", lambda _: Money.FULFIL),
        (settling, "require_edge", lambda *_: None),
        (orders, "PAY", ANYWAY),
    ),
    "whose payment it is, and of how much": ((settling, "_differs", lambda *_: None),),
    "what is locked for an order that ended": ((moving, "unlock", nothing),),
    "the guarded sum of refunds": (
        (orders, "RESERVE", "UPDATE sales_order SET refunded_fen = $2 WHERE id = $1 RETURNING refunded_fen"),
    ),
    "what a refund takes of the commission": ((refunding, "claw_back", nothing),),
    "what a refund takes of the merchants' shares": ((refunding, "take_back_shares", nothing),),
    "the word to whoever paid": ((fulfilling, "later_many", nothing),),
    "the question before a withdrawal comes back": ((sending, "next_act", gives_it_back),),
    "the one number of a withdrawal": ((sending.WithdrawalSending, "_wanted", under_another_number),),
    "that what arrived is gone": ((payouts, "post_hold", void_hold),),
    "that nobody leaves money behind": (
        (departure_statements, "LEFT", "SELECT 0 AS fen, 0 AS claims WHERE $1 <> '' AND $2 <> ''"),
    ),
    "that nobody leaves while money is on its way": ((orders, "OPEN", "SELECT 1 AS id WHERE $1 = ''"),),
    "that whoever left is forgotten": ((departures, "_drop_identifiers", nothing),),
    "that claims of whoever left end": ((departures, "_end_claims", nothing),),
}  # fmt: skip


@pytest.mark.skipif(not IS_QUICK, reason="the pieces are those of both; the games themselves are played on both")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("what", TAKEN_AWAY)
async def test_the_machine_finds_out_what_is_taken_away(house, redis, monkeypatch, what):
    """Negative control: without this piece some promise is broken, already on the day on which a game opens."""
    for place, name, instead in TAKEN_AWAY[what]:
        monkeypatch.setattr(place, name, instead)
    # Flaky: played again, the game fails elsewhere, because what was broken before is still in the database.
    with pytest.raises((AssertionError, DomainError, IntegrityError, SerializationConflict, Flaky)) as found:
        await games(house, redis, {"nothing was found"}, range(2))
    assert "nothing was found" not in str(found.value)


LONG = LongRun(MUST_HAPPEN_IN_THE_LONG_RUN)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@in_parts
async def test_money_keeps_its_promises_for_long(house, redis, part):
    await LONG.part(part, *game_of(house, redis))
