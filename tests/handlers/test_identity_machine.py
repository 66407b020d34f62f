"""Everything that can happen to who is who, in any order: the promises hold after every step.

The steps and the promises stand in `machine/`. A model in memory says who the people are, who left, and whose each
card is; every run has people, numbers and cards of its own.
"""

import asyncio
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from handlers.errors import DomainError
from tests.handlers.machine.failpoints import How
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


async def run(rooms, must_happen: set[str], *, examples: int, steps: int) -> None:
    """Play until all of this has happened, three times at most."""
    facts = {"rooms": rooms, "loop": asyncio.get_running_loop(), "runs": 0, "seen_happen": Counter()}
    played = type("Played", (WhoIsWho,), facts)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # making a failure smaller takes minutes here; its steps are printed as they are
        suppress_health_check=list(HealthCheck),
    )
    for _ in range(3):
        await asyncio.to_thread(run_state_machine_as_test, played, settings=chosen)
        missing = must_happen - set(+played.seen_happen)
        if not missing:
            break
    print(dict(played.seen_happen))
    assert not missing


@pytest.mark.timeout(240)
async def test_who_is_who_holds_its_promises_whatever_happens(far):
    is_quick = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"
    await run(far, MUST_HAPPEN, examples=24 if is_quick else 12, steps=50)


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_who_is_who_holds_its_promises_for_long(far):
    await run(far, MUST_HAPPEN_IN_THE_LONG_RUN, examples=300, steps=60)


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
    with pytest.raises((AssertionError, DomainError, Flaky)):
        await run(far, set(), examples=40, steps=50)
