"""Everything that can happen to who is who, in any order: the promises hold after every step.

The steps and the promises stand in `machine/`. A model in memory says who the people are, who left, and whose each
card is; every run has people, numbers and cards of its own.
"""

import asyncio
import os
from collections import Counter

import pytest
from hypothesis.errors import Flaky

from handlers.errors import DomainError
from tests.handlers.machine.failpoints import How
from tests.handlers.machine.playing import LongRun, in_parts, play
from tests.handlers.machine.promises import WhoIsWho

# Otherwise the promises would hold for want of trying.
MUST_HAPPEN = {
    "a merge was taken back",
    "operators merged two",
    "two were linked",
    "phone attached",
    "phone transferred",
    "a till member",
    "a card was bound",
    "a card was unbound",
    "a card was held by somebody else",
    "somebody left",
    "somebody came back",
    *(f"struck by {how}" for how in How),
}
MUST_HAPPEN_IN_THE_LONG_RUN = MUST_HAPPEN | {
    "a link was refused",
    "a merge was taken back later",
    "an identifier was refused",
    "a fact was asked for",
    "a number was unbound",
    "operators were refused a merge",
    "phone merged",
    "phone same",
}


STEPS, SEEDS = 50, (1, 2, 3)


def game_of(rooms) -> tuple[type[WhoIsWho], Counter[str]]:
    """The machine over this database, and what happens in it."""
    seen: Counter[str] = Counter()
    facts = {"rooms": rooms, "loop": asyncio.get_running_loop(), "runs": 0, "seen_happen": seen}
    return type("Played", (WhoIsWho,), facts), seen


async def play_until(rooms, must_happen: set[str], *, games: int) -> None:
    """The same games every time, until all of this has happened."""
    played, seen = game_of(rooms)
    await play(played, SEEDS, steps=STEPS, games=games, enough=lambda _: not must_happen - set(+seen))
    print(dict(seen))
    assert not must_happen - set(+seen)


@pytest.mark.timeout(240)
async def test_who_is_who_holds_its_promises_whatever_happens(far):
    is_quick = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"
    await play_until(far, MUST_HAPPEN, games=24 if is_quick else 12)


LONG = LongRun(MUST_HAPPEN_IN_THE_LONG_RUN)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@in_parts
async def test_who_is_who_holds_its_promises_for_long(far, part):
    await LONG.part(part, *game_of(far))


async def nothing(*_, **__) -> None:
    """Instead of what is taken away."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "taken_away",
    [
        "handlers.privacy.departures._drop_identifiers",
        "handlers.privacy.departures._drop_cards",
        "handlers.identity.unmerging._return_consents",
        "handlers.identity.linking._note_refusal",
    ],
)
async def test_the_machine_notices_what_is_taken_away(far, monkeypatch, taken_away):
    """Negative control: without this piece some promise is broken, and the machine finds out."""
    monkeypatch.setattr(taken_away, nothing)
    # Flaky: played again, the run fails elsewhere, because what was broken before is still in the database.
    with pytest.raises((AssertionError, DomainError, Flaky)) as found:
        await play_until(far, {"nothing was found"}, games=40)
    assert "nothing was found" not in str(found.value)
