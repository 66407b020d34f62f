"""Claims while commits break, and ten thousand of them at once."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest

from handlers import group_commit
from handlers.claims.claiming import Claiming
from handlers.errors import OfferSoldOut, OutcomeUnknown, Overloaded
from handlers.requests import Answer
from handlers.rules.offer_terms import Limit, Period
from models.claims import Claim, ClaimEvent, ClaimSlot
from models.database import CommitUnknown, atomic, dialect
from tests.handlers.claimable import an_offer
from tests.handlers.commits import slow_commits_of
from tests.handlers.test_claiming import crowd, holds, outcomes

UNITS, PEOPLE, EACH = 10_000, 50, 205
MANY = (Limit(Period.EVER, 1_000),)


def break_commits(monkeypatch, *, is_done: bool) -> None:
    """The first commit of a lane is cut off, after it was done or before."""
    broken = []

    @asynccontextmanager
    async def breaking():
        if broken:
            async with atomic():
                yield
            return
        broken.append(True)
        if is_done:
            async with atomic():
                yield
            raise CommitUnknown
        async with atomic():
            yield
            raise CommitUnknown

    monkeypatch.setattr(group_commit, "atomic", breaking)


@pytest.mark.parametrize("is_done", [True, False])
async def test_an_interrupted_commit_is_settled_by_the_keys_and_nobody_gets_two(rooms, monkeypatch, is_done):
    people, offer = await crowd(rooms, 10), await an_offer(rooms.clock.now(), stock=6)
    break_commits(monkeypatch, is_done=is_done)
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k") for person in people]
    assert await outcomes(*claims) == {"Claimed": 6, "OfferSoldOut": 4}
    assert (await Claim.all().count(), await ClaimSlot.all().count(), await offer.left()) == (6, 6, 0)
    assert await ClaimEvent.all().count() == 6
    await holds()


async def test_a_connection_that_dies_in_its_commit_leaves_one_claim_each(rooms, database):
    if dialect() != "postgres":
        pytest.skip("SQLite has no connection to kill")
    people, offer = await crowd(rooms, 5), await an_offer(rooms.clock.now(), stock=5)

    async def claim(person) -> Answer:
        while True:  # who is told that nobody knows asks again with the same key, as every client does
            with suppress(OutcomeUnknown):
                return await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k")

    async with slow_commits_of("claim", database) as kill_a_commit:
        calls = asyncio.gather(*(claim(person) for person in people))
        assert await kill_a_commit() == 1
        answers = await calls
    assert len({answer.value.claims[0].id for answer in answers}) == 5
    assert (await Claim.all().count(), await offer.left()) == (5, 0)
    await holds()


async def test_two_processes_give_no_more_than_there_is(rooms):
    people, offer = await crowd(rooms, 50), await an_offer(rooms.clock.now(), stock=30, limits=MANY)
    lanes = [Claiming(rooms.clock, rooms.vault) for _ in range(2)]
    claims = [
        lanes[number % 2].claim(person, offer_id=offer.id, request_id=f"k{turn}")
        for turn in range(2)
        for number, person in enumerate(people)
    ]
    assert await outcomes(*claims) == {"Claimed": 30, "OfferSoldOut": 70}
    await holds()


async def test_the_same_key_at_two_processes_makes_one_claim(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=9, limits=MANY)
    lanes = [Claiming(rooms.clock, rooms.vault) for _ in range(2)]
    answers = await asyncio.gather(
        *(lanes[number % 2].claim(person, offer_id=offer.id, request_id="k") for number in range(50))
    )
    assert len({answer.value for answer in answers}) == 1
    assert await offer.left() == 8
    await holds()


async def test_twins_at_two_processes_are_one_claim_also_where_only_one_may_be_had(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=9)
    lanes = [Claiming(rooms.clock, rooms.vault) for _ in range(2)]
    answers = await asyncio.gather(
        *(lanes[number % 2].claim(person, offer_id=offer.id, request_id="k") for number in range(50))
    )
    assert len({answer.value for answer in answers}) == 1
    assert await offer.left() == 8
    await holds()


async def test_ten_thousand_units_are_gone_with_exactly_ten_thousand_claims(rooms):
    people, offer = await crowd(rooms, PEOPLE), await an_offer(rooms.clock.now(), stock=UNITS, limits=MANY)
    waiting = asyncio.Semaphore(1_000)

    async def claim(person, key) -> str:
        async with waiting:
            while True:  # whoever is turned away by a full lane comes back; the run's own limit ends what never ends
                try:
                    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=key)
                except Overloaded:
                    await asyncio.sleep(0.05)
                except OfferSoldOut:
                    return "sold out"
                else:
                    assert isinstance(answer, Answer)
                    return "claimed"

    told = await asyncio.gather(*(claim(person, f"k{turn}") for turn in range(EACH) for person in people))
    assert Counter(told) == {"claimed": UNITS, "sold out": PEOPLE * EACH - UNITS}
    assert (await Claim.all().count(), await offer.left()) == (UNITS, 0)
    await holds()
