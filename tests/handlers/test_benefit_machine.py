"""Everything that can happen to a benefit, in any order: what a plain model says is what the database holds.

The steps and the promises stand in `benefit_machine/`. Members claim, clerks redeem, take back, void and upload,
operators pause, publish, change stock and give lists, suppliers charge or say nothing, time goes forth and back, people
leave, connections break and Redis is wiped; whoever got no
answer asks again with the same key.
"""

import asyncio
import os
from collections import Counter

import pytest
from hypothesis.errors import Flaky
from tortoise.exceptions import IntegrityError

from handlers.actors import Clerk
from handlers.claims import claiming, sharing
from handlers.claims import claims as claims_room
from handlers.errors import DomainError
from handlers.fulfillment import settling, top_up_orders
from handlers.grants import granting
from handlers.redemptions import redeeming
from handlers.rules import redemption as rules
from handlers.rules.claim_states import EDGES, FIRST
from handlers.rules.fulfillment_states import OPEN, Act
from handlers.serving import void_acts
from models.failures import SerializationConflict
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.redemptions import Clerk as ClerkRow
from models.sql import Both
from models.statements import claims, invariants, offline, redemptions
from models.words import ClerkRole
from tests.handlers.benefit_machine.promises import Benefits
from tests.handlers.benefit_machine.world import Staff
from tests.handlers.charging import a_supplier
from tests.handlers.machine.failpoints import How
from tests.handlers.machine.playing import LongRun, in_parts, play
from tests.handlers.offering import operator_at

# Otherwise the promises would hold for want of trying.
MUST_HAPPEN = {
    "claimed wash",
    "claimed tea",
    "claimed film",
    "claimed package",
    "redeemed several",
    "redeemed, then partly_used",
    "redeemed, then used",
    "reversed, then issued",
    "refused: OfferLimitReached",
    "refused: OfferSoldOut",
    "refused: AlreadyRedeemed",
    "refused: NotReversible",
    "answered again",
    "swept away",
    "a unit went back",
    "somebody left",
    "a new version",
    "the clock went back",
    "Redis was wiped",
    "stock added",
    "stock taken",
    "paused",
    "voided",
    "uploaded, accepted",
    "given by a list: done",
    "top-up done",
    "top-up failed",
    "top-up silent",
    "top-up called off",
    *(f"struck by {how}" for how in How),
}
MUST_HAPPEN_IN_THE_LONG_RUN = MUST_HAPPEN | {
    "fetched parts of a later month",
    "reversed, then expired",
    "reversed, then partly_used",
    "refused: ClaimExpired",
    "refused: NotStarted",
    "refused: UsesExceeded",
    "refused: StockBelowZero",
    "refused: ChoicesInvalid",
    "refused: PackageNothingDue",
    "refused: OfferPaused",
    "refused: RedemptionInvalid",
    "refused: ClaimNotVoidable",
    "uploaded, conflict",
    "uploaded, rejected",
    "given by a list: offer.limit_reached",
    "given by a list: offer.sold_out",
    "a silent supplier was asked",
    "a top-up hindered leaving",
}


@pytest.fixture
async def staff(rooms, monkeypatch):
    # What a process remembers for a second says no where the model, which has no such second, says yes.
    monkeypatch.setattr(claiming, "SOLD_OUT_FOR", 0.0)
    root = await Organization.get(parent=None)
    await a_supplier(rooms)
    merchant = await Merchant.create(organization=root, code="other", name="别家")
    store = await Store.create(merchant=merchant, code="other", name="别处")
    person = await rooms.member("o-stranger")
    made = await ClerkRow.create(
        member_id=person.member_id, merchant=merchant, store=store, role=ClerkRole.MANAGER, name="小刚"
    )
    stranger = Clerk(made.id, person.member_id, merchant.id, store.id, ClerkRole.MANAGER, made.name)
    clerk, manager = await rooms.member("o-clerk"), await rooms.member("o-manager")
    return Staff(clerk, manager, stranger, (await operator_at(root), await operator_at(root)))


GAMES, STEPS, SEEDS = 7, 40, (1, 2, 3, 4)


def game_of(rooms, redis, staff) -> tuple[type[Benefits], Counter[str]]:
    """The machine over this database, and what happens in it."""
    seen: Counter[str] = Counter()
    facts = {
        "rooms": rooms,
        "redis": redis,
        "staff": staff,
        "loop": asyncio.get_running_loop(),
        "begins_at": rooms.clock.now(),
        "runs": 0,
        "seen_happen": seen,
    }
    return type("Played", (Benefits,), facts), seen


async def games(rooms, redis, staff, must_happen: set[str]) -> None:
    """The same every time, until all of this has happened."""
    played, seen = game_of(rooms, redis, staff)
    await play(played, SEEDS, steps=STEPS, games=GAMES, enough=lambda _: not must_happen - set(+seen))
    print(dict(seen))
    assert not must_happen - set(+seen)


@pytest.mark.timeout(240)
async def test_benefits_keep_their_promises_whatever_happens(rooms, redis, staff):
    is_quick = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"
    await games(rooms, redis, staff, MUST_HAPPEN if is_quick else set())


async def nothing(*_, **__) -> None:
    """Instead of what is taken away."""


async def no_slots(*_, **__) -> dict:
    return {}


def sends_whatever_is_open(state, *, is_paused: bool) -> Act:
    return Act.SEND if state in OPEN else Act.LEAVE


def like(statement, old: str, new: str):
    """A statement without one of its pieces."""
    texts = (statement, statement) if isinstance(statement, str) else (statement.postgres, statement.sqlite)
    assert all(old in text for text in texts)
    return Both(*(text.replace(old, new) for text in texts))


TAKEN_AWAY = {
    "a unit of stock that is taken": (
        claims,
        "TAKE_STOCK",
        like(
            claims.TAKE_STOCK,
            "left_count - r.number, taken_count = taken_count + r.number",
            "left_count - 0 * r.number",
        ),
    ),
    "the units that go back": (
        claims,
        "RETURN_STOCK",
        like(claims.RETURN_STOCK, "left_count + r.number", "left_count + 0 * r.number"),
    ),
    "the slots that were had": (sharing, "_taken", no_slots),
    "the row of the request": (claiming, "record", nothing),
    "the uses that are taken": (
        redemptions,
        "TAKE_USES",
        like(redemptions.TAKE_USES, "claim.uses_left - w.uses FROM", "claim.uses_left - 0 * w.uses FROM"),
    ),
    "the event of an edge": (claims_room, "_note", nothing),
    "what is told after a redemption": (redeeming, "later_many", nothing),
    "the mark that a unit went back": (
        claims,
        "MARK_RETURNED",
        like(claims.MARK_RETURNED, "SET is_returned = true", "SET is_returned = false"),
    ),
    "the word to whoever's claim is voided": (void_acts, "later", nothing),
    "the use that a scan without a network takes": (
        offline,
        "TAKE",
        like(offline.TAKE, "uses_left = uses_left - 1", "uses_left = uses_left - 0"),
    ),
    "the limits of members, for a list": (granting, "slots_of", no_slots),
    "the question before a top-up is sent again": (top_up_orders, "next_act", sends_whatever_is_open),
    "the unit of a top-up that failed": (settling, "give_back", nothing),
    "the time at which a claim is over": (rules, "_is_expired", lambda *_: False),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("what", TAKEN_AWAY)
async def test_the_machine_finds_out_what_is_taken_away(rooms, redis, staff, monkeypatch, what):
    """Negative control: without this piece some promise is broken, and one of the games shows it."""
    place, name, instead = TAKEN_AWAY[what]
    if what == "the time at which a claim is over":
        monkeypatch.setitem(rules._TESTS, rules.Reason.EXPIRED, instead)
    else:
        monkeypatch.setattr(place, name, instead)
    # Flaky: played again, the game fails elsewhere, because what was broken before is still in the database.
    with pytest.raises((AssertionError, DomainError, IntegrityError, SerializationConflict, Flaky)) as found:
        await games(rooms, redis, staff, {"nothing was found"})
    assert "nothing was found" not in str(found.value)


def test_the_doctor_knows_the_graph_of_claims():
    edges = {("", first) for first in FIRST} | {(before, after) for before in EDGES for after in EDGES[before]}
    assert {(str(before), after.value) for before, after in edges} == set(invariants.EDGES)


LONG = LongRun(MUST_HAPPEN_IN_THE_LONG_RUN)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@in_parts
async def test_benefits_keep_their_promises_for_long(rooms, redis, staff, part):
    await LONG.part(part, *game_of(rooms, redis, staff))
