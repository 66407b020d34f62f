"""Five tries in any 60 minutes: at the edges of the hour, many at once, and what a success gives back."""

import asyncio
from datetime import timedelta

import pytest

from handlers.cards.proof_attempts import TRIES, WINDOW, count_attempt, give_back
from handlers.errors import CardTriesUsedUp
from models.cards import RecentTries
from models.database import atomic
from models.statements import cards as statements

MING, CARD = "member:ming", "card:66"
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def tries(database, clock):
    """Try once at these, now."""
    return lambda *subjects: count_attempt(subjects or (MING,), clock.now())


async def test_each_try_says_how_many_are_left(tries, clock):
    left = []
    for _ in range(TRIES):
        left.append((await tries()).left)
        clock.advance(timedelta(minutes=10))
    assert left == [4, 3, 2, 1, 0]


async def test_the_turn_of_an_hour_gives_no_further_tries(tries, clock):
    clock.advance(timedelta(minutes=59))  # from 10:00
    for _ in range(TRIES):
        await tries()
    clock.advance(timedelta(minutes=2))
    with pytest.raises(CardTriesUsedUp) as full:
        await tries()
    assert full.value.retry_after == 58 * 60
    assert full.value.facts["minutes"] == 58


async def test_a_try_is_forgotten_after_an_hour_and_not_a_moment_earlier(tries, clock):
    for _ in range(TRIES):
        await tries()
        clock.advance(timedelta(minutes=3))
    clock.advance(WINDOW - TRIES * timedelta(minutes=3) - MOMENT)
    with pytest.raises(CardTriesUsedUp) as full:
        await tries()
    assert full.value.retry_after == 1
    clock.advance(MOMENT)
    assert (await tries()).left == 0  # the four of later are still counted
    with pytest.raises(CardTriesUsedUp) as full:
        await tries()
    assert full.value.retry_after == 3 * 60


async def test_in_any_sixty_minutes_there_are_at_most_five(tries, clock):
    allowed = []
    for _ in range(100):  # every 7 minutes, for more than 11 hours
        try:
            await tries()
            allowed.append(clock.now())
        except CardTriesUsedUp:
            pass
        clock.advance(timedelta(minutes=7))
    assert all(later - earlier >= WINDOW for earlier, later in zip(allowed, allowed[TRIES:], strict=False))
    assert len(allowed) > 50


async def test_refused_tries_do_not_make_the_wait_longer(tries, clock):
    for _ in range(TRIES):
        await tries()
    for _ in range(10):
        clock.advance(timedelta(minutes=5))
        with pytest.raises(CardTriesUsedUp):
            await tries()
    clock.advance(timedelta(minutes=10))
    assert (await tries()).left == 4


async def test_what_was_proven_does_not_count_wherever_it_stands_in_the_row(tries, clock):
    made = []
    for _ in range(TRIES):
        made.append(await tries(MING, CARD))
        clock.advance(timedelta(minutes=1))
    for attempt in (made[4], made[1], made[2]):
        async with atomic():
            await give_back(attempt)
    row = await RecentTries.get(subject=CARD)
    assert [row.first_at, row.second_at, row.third_at] == [made[3].at, made[0].at, None]
    assert [(await tries(MING, CARD)).left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(CardTriesUsedUp):
        await tries(MING, CARD)


async def test_of_two_tries_at_the_same_instant_one_is_given_back(tries):
    first, _ = await tries(), await tries()
    async with atomic():
        await give_back(first)
    assert (await tries()).left == 3


async def test_giving_back_what_was_forgotten_gives_nothing(tries, clock):
    attempt = await tries()
    clock.advance(WINDOW)
    for _ in range(TRIES):
        await tries()
    async with atomic():
        await give_back(attempt)
    with pytest.raises(CardTriesUsedUp):
        await tries()


async def test_whoever_is_counted_out_does_not_count_at_the_card(tries):
    for _ in range(TRIES):
        await tries()
    with pytest.raises(CardTriesUsedUp):
        await tries(MING, CARD)
    assert await RecentTries.filter(subject=CARD).count() == 0


async def fifty_at_once(tries) -> int:
    answers = await asyncio.gather(*(tries(MING, CARD) for _ in range(50)), return_exceptions=True)
    assert {type(answer).__name__ for answer in answers} <= {"Attempt", "CardTriesUsedUp"}
    return sum(not isinstance(answer, CardTriesUsedUp) for answer in answers)


async def test_of_fifty_at_once_five_are_tries(tries):
    assert await fifty_at_once(tries) == TRIES


async def test_negative_control_without_the_guard_the_race_is_seen(tries, monkeypatch):
    guard = "WHERE recent_tries.fifth_at IS NULL"
    for name in ("COUNT_TRY", "COUNT_TWO_TRIES"):
        guarded = getattr(statements, name)
        assert guard in guarded
        monkeypatch.setattr(statements, name, guarded.replace(guard, "WHERE recent_tries.tried_at IS NOT NULL"))
    assert await fifty_at_once(tries) > TRIES
