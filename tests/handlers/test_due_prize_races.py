"""One prize and many who say what it asks at the same moment: one claim; and the same race without its guard."""

import asyncio
from datetime import timedelta

import pytest

from handlers.draws import due_prizes
from handlers.draws.due_prizes import DuePrizes
from handlers.draws.seeds import Seeds
from handlers.errors import DuePrizeStateWrong
from models.claims import Claim
from models.database import row
from models.draws import DuePrize
from models.fulfillments import Fulfillment
from models.outbox import Job
from models.statements import due_prizes as statements
from tests.handlers.asking import charge, say, state_of
from tests.handlers.charging import NUMBER
from tests.handlers.drawing import fair_of, holds
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key
from tests.handlers.test_claiming import outcomes
from tests.handlers.test_draw_races import is_read_before

TWICE = "来自抽奖的领取都是抽中的，每次抽中只有一份；没有充上的不算"


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)


@pytest.fixture
async def unguarded(far):
    """For negative controls: nothing needs to hold in the end."""
    return await fair_of(far)


async def won(fair, **more):
    ming = await fair.rooms.member("o-ming")
    draw = await fair.published(await charge(fair), **more)
    return ming, draw, (await fair.spin(ming, draw)).spins[0].prize_id


def another_process(fair) -> DuePrizes:
    rooms = fair.rooms
    return DuePrizes(rooms.clock, rooms.vault, Seeds(rooms.vault), fair.handlers.due_prizes._links, "")


async def test_fifty_at_once_in_two_processes_get_one_claim(fair):
    ming, _, prize_id = await won(fair)
    processes = fair.handlers.due_prizes, another_process(fair)
    facts = [{"recharge_to": f"139123456{number:02}", "request_id": key()} for number in range(50)]
    done = await outcomes(*(processes[n % 2].claim(ming, prize_id, **said) for n, said in enumerate(facts)))
    assert done == {"Claimed": 1, "DuePrizeStateWrong": 49}
    assert (await Claim.all().count(), await Fulfillment.all().count()) == (1, 1)
    assert await Job.filter(kind="place_top_up").count() == 1


async def test_the_same_press_twenty_times_is_one_answer(fair):
    ming, _, prize_id = await won(fair)
    processes = fair.handlers.due_prizes, another_process(fair)
    calls = (processes[n % 2].claim(ming, prize_id, recharge_to=NUMBER, request_id="tap") for n in range(20))
    assert len({answer.value.claims for answer in await asyncio.gather(*calls)}) == 1
    assert await Claim.all().count() == 1


async def two_read_it_waiting(fair, monkeypatch):
    """The second one sees the prize as it was before the first one took it."""
    ming, _, prize_id = await won(fair)
    before = await row(statements.ONE, prize_id)
    await say(fair, ming, prize_id)
    is_read_before(monkeypatch, due_prizes, "row", before)
    return ming, prize_id


async def test_whoever_read_it_as_waiting_finds_it_taken(fair, monkeypatch):
    ming, prize_id = await two_read_it_waiting(fair, monkeypatch)
    with pytest.raises(DuePrizeStateWrong):
        await say(fair, ming, prize_id)
    assert (await Claim.all().count(), await Fulfillment.all().count()) == (1, 1)


async def test_without_the_guard_both_get_a_claim_and_the_doctor_sees_it(unguarded, monkeypatch):
    """The negative control."""
    ming, prize_id = await two_read_it_waiting(unguarded, monkeypatch)
    naive = statements.TAKE.replace("AND state = 'waiting' ", "")
    assert naive != statements.TAKE
    monkeypatch.setattr(statements, "TAKE", naive)
    await say(unguarded, ming, prize_id)
    assert await Claim.all().count() == 2
    assert TWICE in await breaches()


async def test_what_lapsed_meanwhile_is_not_taken_by_whoever_read_it_before(fair, clock, monkeypatch):
    ming, draw, prize_id = await won(fair, terms={"address_days": 1})
    before, now = await row(statements.ONE, prize_id), clock.now()
    clock.advance(timedelta(days=3))
    assert await fair.handlers.due_prizes.lapse() == 1
    clock.advance(now - clock.now())
    is_read_before(monkeypatch, due_prizes, "row", before)
    with pytest.raises(DuePrizeStateWrong) as refused:
        await say(fair, ming, prize_id)
    assert refused.value.facts == {"state": "lapsed"}
    assert (await Claim.exists(), await fair.left(draw, "charge")) == (False, 5)


async def test_saying_it_and_letting_it_lapse_at_once_is_one_of_both(fair, clock):
    """On the last instant the job comes too, from another process whose clock is ahead."""
    ming, draw, prize_id = await won(fair, terms={"address_days": 1})
    due = await DuePrize.get()
    clock.advance(due.deadline_at - clock.now() - timedelta(microseconds=1))
    ahead = another_process(fair)

    class Ahead:
        def now(self):
            return due.deadline_at

    ahead._clock = Ahead()
    done = await outcomes(
        fair.handlers.due_prizes.claim(ming, prize_id, recharge_to=NUMBER, request_id=key()), ahead.lapse()
    )
    if await state_of(prize_id) == "taken":
        assert done == {"Claimed": 1, "int": 1}
        assert (await Claim.all().count(), await fair.left(draw, "charge")) == (1, 4)
    else:
        assert done == {"DuePrizeStateWrong": 1, "int": 1}
        assert (await Claim.exists(), await fair.left(draw, "charge")) == (False, 5)
