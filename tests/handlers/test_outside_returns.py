"""合作方的积分退回: a claim that is taken back unused gives back what it cost, once, whatever breaks between."""

import asyncio
import logging

import pytest

from handlers.claims.paying import return_points
from handlers.errors import DepartureHindered
from handlers.outside_points.returning import send_back
from handlers.rules.outside_holds import pause_after
from models.claims import Claim
from models.database import atomic, rows
from models.organizations import Organization
from models.outside_points import OutsideHold, OutsideShare
from models.statements import invariants
from models.statements import outside_shares as statements
from models.words import OutsideHoldState, OutsideShareState
from tests.handlers.offering import key, operator_at
from tests.handlers.test_claiming import holds
from tests.handlers.test_outside_points import NUMBER, an_outside_offer, claim, ming

__all__ = ["ming"]


@pytest.fixture
async def operator(rooms):
    return await operator_at(await Organization.get(parent=None))


async def work(rooms) -> None:
    """What the worker does, until nothing is due."""
    while await rooms.handlers.outside_holds.poll() + await rooms.handlers.outside_returns.poll():
        pass


async def two(rooms, person):
    """Claims of one wish, paid for with sixty points."""
    answer = await claim(rooms, person, await an_outside_offer(rooms), quantity=2)
    return [each.id for each in answer.value.claims]


async def revoke(rooms, operator, claim_id):
    return await rooms.handlers.claim_desk.revoke(operator, claim_id, reason="发错了", request_id=key())


async def states() -> list[OutsideShareState]:
    return [each.state for each in await OutsideShare.all().order_by("id")]


async def later(rooms, looks=1) -> None:
    rooms.clock.advance(pause_after(looks))
    await work(rooms)


async def test_each_claim_gives_back_its_own_share_and_the_hold_stays_taken(rooms, ming, operator):
    first, second = await two(rooms, ming)
    await work(rooms)
    assert (rooms.points.balances[NUMBER], await states()) == (40, [OutsideShareState.KEPT] * 2)
    await revoke(rooms, operator, first)
    assert await states() == [OutsideShareState.RETURNING, OutsideShareState.KEPT]
    await holds()
    await work(rooms)
    assert (rooms.points.balances[NUMBER], await states()) == (70, [OutsideShareState.RETURNED, OutsideShareState.KEPT])
    await revoke(rooms, operator, second)
    await work(rooms)
    assert rooms.points.balances[NUMBER] == 100
    assert rooms.points.calls == ["hold", "post", "return", "return"]
    assert (await OutsideHold.get()).state is OutsideHoldState.POSTED
    told = (await rooms.handlers.personal_data.export(ming)).outside_points
    assert [(each.amount, each.returned) for each in told] == [(60, 60)]
    await holds()


async def test_what_was_used_gives_nothing_back(rooms, ming):
    first, _ = await two(rooms, ming)
    await work(rooms)
    await Claim.filter(id=first).update(uses_left=0)
    async with atomic():
        await return_points([first], at=rooms.clock.now())
    await work(rooms)
    assert (rooms.points.balances[NUMBER], await states()) == (40, [OutsideShareState.KEPT] * 2)


async def test_taken_back_before_they_were_taken_they_go_back_afterwards(rooms, ming, operator):
    rooms.points.is_deaf.add("post")
    first, _ = await two(rooms, ming)
    await rooms.handlers.outside_holds.poll()
    await revoke(rooms, operator, first)
    await rooms.handlers.outside_returns.poll()
    assert "return" not in rooms.points.calls
    rooms.points.is_deaf.clear()
    await later(rooms)
    await later(rooms)
    assert (rooms.points.balances[NUMBER], (await states())[0]) == (70, OutsideShareState.RETURNED)
    await holds()


@pytest.mark.parametrize(
    ("broken", "calls"),
    [("does_silently", ["return", "query_return"]), ("is_deaf", ["return", "query_return", "return"])],
)
async def test_what_is_unclear_is_asked_about_before_it_is_asked_for_again(rooms, ming, operator, broken, calls):
    first, _ = await two(rooms, ming)
    await work(rooms)
    getattr(rooms.points, broken).add("return")
    await revoke(rooms, operator, first)
    await work(rooms)
    assert (await states())[0] is OutsideShareState.RETURNING
    getattr(rooms.points, broken).clear()
    await later(rooms)
    assert rooms.points.calls[2:] == calls
    assert (rooms.points.balances[NUMBER], (await states())[0]) == (70, OutsideShareState.RETURNED)
    await holds()


async def test_what_the_account_does_not_give_back_is_for_people(rooms, ming, operator, caplog):
    first, _ = await two(rooms, ming)
    await work(rooms)
    (hold,) = await OutsideHold.all()
    rooms.points.returns["by-hand"] = (hold.hold_no, 60)  # somebody there has done it already
    await revoke(rooms, operator, first)
    with caplog.at_level(logging.ERROR):
        await work(rooms)
    assert (await states())[0] is OutsideShareState.REFUSED
    assert "outside_return_refused" in [each.getMessage() for each in caplog.records]
    await later(rooms)
    assert rooms.points.calls.count("return") == 1


async def test_whoever_waits_for_points_does_not_leave_yet(rooms, ming, operator):
    first, _ = await two(rooms, ming)
    await work(rooms)
    rooms.points.is_deaf.add("return")
    await revoke(rooms, operator, first)
    await work(rooms)
    with pytest.raises(DepartureHindered):
        await rooms.handlers.departures.leave(ming)
    rooms.points.is_deaf.clear()
    await later(rooms)
    await rooms.handlers.departures.leave(ming)


async def both_send_back(rooms, claim_id) -> list[int]:
    async def once() -> int:
        async with atomic():
            return await send_back([claim_id], at=rooms.clock.now())

    return sorted(await asyncio.gather(once(), once()))


async def test_two_who_take_back_at_once_ask_once(rooms, ming):
    first, _ = await two(rooms, ming)
    await work(rooms)
    await Claim.filter(id=first).update(state="revoked")
    assert await both_send_back(rooms, first) == [0, 1]
    await work(rooms)
    assert (rooms.points.balances[NUMBER], rooms.points.calls.count("return")) == (70, 1)


async def test_without_the_guard_both_believe_to_be_the_one(rooms, ming, monkeypatch):
    """The negative control; the number that was made once is what holds beneath it."""
    unguarded = statements.Both(
        postgres=statements.SEND_BACK.postgres.replace("AND outside_share.state = 'kept'", ""),
        sqlite=statements.SEND_BACK.sqlite.replace("AND outside_share.state = 'kept'", ""),
    )
    monkeypatch.setattr(statements, "SEND_BACK", unguarded)
    first, _ = await two(rooms, ming)
    await work(rooms)
    assert await both_send_back(rooms, first) == [1, 1]
    await work(rooms)
    assert rooms.points.balances[NUMBER] == 70


@pytest.mark.parametrize(
    ("breach", "what"),
    [
        ("points = points + 1", "所付各次领取之和"),
        ("state = 'returned', closed_at = created_at", "都属于已收回的领取"),
        ("look_count = 48", "都属于已收回的领取"),
    ],
)
async def test_a_breach_is_found_by_its_rule(rooms, ming, breach, what):
    await two(rooms, ming)
    await holds()
    await rows(f"UPDATE outside_share SET {breach}")
    (check,) = [each for each in invariants.CHECKS if what in each.what]
    assert await rows(check.sql)
