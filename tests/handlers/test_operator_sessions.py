"""Operators sign in with two factors; a code works once, revoking holds at once."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import OperatorNotSignedIn, SignInRefused
from handlers.operators.operators import OperatorChange
from models.operators import Operator as OperatorRow
from models.operators import OperatorSession
from tests.operating import OFFICE, PASSWORD, another, first_operator, sign_in


async def guess(rooms, worker, *, password="Wrong-Password-1", otp=None, login=None):
    return await rooms.handlers.operator_sessions.open(
        login=login or worker.login, password=password, otp=otp or worker.code(rooms.clock), address=OFFICE
    )


async def test_password_and_code_open_a_session_that_knows_who_it_is(rooms):
    root = await first_operator(rooms.handlers)
    operator, token = await sign_in(rooms.handlers, rooms.clock, root)
    assert operator.id == root.id
    assert await rooms.handlers.operator_sessions.who(token) == operator
    session = await OperatorSession.get()
    assert token not in (session.token_hash, str(session.id))


@pytest.mark.parametrize("wrong", ["password", "otp", "login"])
async def test_whatever_is_wrong_the_refusal_is_the_same(rooms, wrong):
    root = await first_operator(rooms.handlers)
    facts = {"login": root.login, "password": PASSWORD, "otp": root.code(rooms.clock), "address": OFFICE}
    facts[wrong] = "000000" if wrong == "otp" else "nobody-here"
    with pytest.raises(SignInRefused) as refusal:
        await rooms.handlers.operator_sessions.open(**facts)
    assert refusal.value.facts == {}


async def test_a_code_works_once_even_for_two_sign_ins_at_the_same_time(rooms):
    root = await first_operator(rooms.handlers)
    both = await asyncio.gather(
        guess(rooms, root, password=PASSWORD), guess(rooms, root, password=PASSWORD), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["OperatorSignedIn", "SignInRefused"]
    with pytest.raises(SignInRefused):
        await guess(rooms, root, password=PASSWORD)


async def test_an_older_code_is_not_taken_after_a_newer_one(rooms):
    root = await first_operator(rooms.handlers)
    earlier = root.code(rooms.clock)
    rooms.clock.advance(timedelta(seconds=30))
    await guess(rooms, root, password=PASSWORD)
    with pytest.raises(SignInRefused):
        await guess(rooms, root, password=PASSWORD, otp=earlier)


@pytest.mark.parametrize(("seconds", "fits"), [(30, True), (-30, True), (90, False), (-90, False)])
async def test_a_phone_whose_clock_is_a_step_off_is_fine_two_are_not(rooms, seconds, fits):
    root = await first_operator(rooms.handlers)
    rooms.clock.advance(timedelta(seconds=seconds))
    shown = root.code(rooms.clock)
    rooms.clock.advance(timedelta(seconds=-seconds))
    if fits:
        await guess(rooms, root, password=PASSWORD, otp=shown)
    else:
        with pytest.raises(SignInRefused):
            await guess(rooms, root, password=PASSWORD, otp=shown)


async def test_an_unknown_login_costs_the_same_work(rooms):
    root = await first_operator(rooms.handlers)
    passwords, seen = rooms.handlers.operator_sessions._passwords, []
    verify = passwords._verify
    passwords._verify = lambda password_hash, password: seen.append(password_hash) or verify(password_hash, password)
    for login in (root.login, "nobody-here"):
        with pytest.raises(SignInRefused):
            await guess(rooms, root, login=login)
    assert len(seen) == 2
    assert seen[0] != seen[1]
    assert seen[0].split("$")[1:4] == seen[1].split("$")[1:4]  # Argon2id with the same parameters


@pytest.mark.parametrize(
    "change",
    [
        OperatorChange(is_active=False),
        OperatorChange(reset_factor=True),
        OperatorChange(password="Another-Long-1-Word"),
    ],
)
async def test_whoever_is_switched_off_or_reset_is_out_with_a_live_token(rooms, change):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    worker = await another(rooms.handlers, root, "worker")
    _, token = await sign_in(rooms.handlers, rooms.clock, worker)
    await rooms.handlers.operator_sessions.who(token)
    await rooms.handlers.operators.change(root, worker.id, change, request_id=None)
    with pytest.raises(OperatorNotSignedIn):
        await rooms.handlers.operator_sessions.who(token)


async def test_switched_off_operators_cannot_sign_in_until_they_are_switched_on(rooms):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    worker = await another(rooms.handlers, root, "worker")
    await rooms.handlers.operators.change(root, worker.id, OperatorChange(is_active=False), request_id=None)
    with pytest.raises(SignInRefused):
        await sign_in(rooms.handlers, rooms.clock, worker)
    await rooms.handlers.operators.change(root, worker.id, OperatorChange(is_active=True), request_id=None)
    await sign_in(rooms.handlers, rooms.clock, worker)


async def test_a_session_ends_when_it_is_closed_idle_or_old(rooms):
    root = await first_operator(rooms.handlers)
    operator, token = await sign_in(rooms.handlers, rooms.clock, root)
    await rooms.handlers.operator_sessions.close(operator)
    with pytest.raises(OperatorNotSignedIn):
        await rooms.handlers.operator_sessions.who(token)
    _, idle = await sign_in(rooms.handlers, rooms.clock, root)
    rooms.clock.advance(timedelta(hours=1))
    with pytest.raises(OperatorNotSignedIn):
        await rooms.handlers.operator_sessions.who(idle)
    _, busy = await sign_in(rooms.handlers, rooms.clock, root)
    for _ in range(23):
        rooms.clock.advance(timedelta(minutes=30))
        await rooms.handlers.operator_sessions.who(busy)
    rooms.clock.advance(timedelta(minutes=30))
    with pytest.raises(OperatorNotSignedIn):
        await rooms.handlers.operator_sessions.who(busy)


async def test_an_outdated_hash_is_made_anew_at_the_next_sign_in(rooms):
    from argon2 import PasswordHasher

    root = await first_operator(rooms.handlers)
    await OperatorRow.filter(id=root.id).update(password_hash=PasswordHasher(time_cost=1).hash(PASSWORD))
    await sign_in(rooms.handlers, rooms.clock, root)
    assert "t=3" in (await OperatorRow.get()).password_hash
    await sign_in(rooms.handlers, rooms.clock, root)
