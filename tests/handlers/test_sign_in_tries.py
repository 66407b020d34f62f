"""Guesses at an operator's login are few, and keep out nobody who comes from where they signed in before."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import SignInRefused, SignInTriesUsedUp
from handlers.operators.operators import OperatorChange
from handlers.operators.sign_in_tries import ADDRESSES_KEPT
from handlers.privacy.retention import purge_expired
from handlers.rules.sign_in_tries import AT_LOGIN, AT_LOGIN_FROM_ADDRESS, FROM_ADDRESS, IN_ALL, WINDOW
from models.cards import ProofAttempts, RecentTries
from models.operators import AuditEntry, OperatorAddress
from models.operators import Operator as OperatorRow
from models.statements import cards, operators
from tests.operating import OFFICE, PASSWORD, another, first_operator, sign_in

WRONG = "Wrong-Password-1"
STRANGE = "203.0.113.66"


@pytest.fixture
async def root(rooms):
    """The first operator, who has signed in from the office."""
    worker = await first_operator(rooms.handlers)
    await sign_in(rooms.handlers, rooms.clock, worker)
    return worker


@pytest.fixture
def looked_at(rooms, monkeypatch):
    """The passwords that were verified, each as it was typed; no work is done, and none fits but the right one."""
    seen = []

    async def verify(password, password_hash):
        seen.append(password)
        return password_hash is not None and password == PASSWORD

    monkeypatch.setattr(rooms.handlers.operator_sessions._passwords, "verify", verify)
    return seen


@pytest.fixture
def guess(rooms, root):
    """Try a password at a login, from an address."""

    async def try_it(address=STRANGE, *, login=root.login, password=WRONG, otp="000000"):
        return await rooms.handlers.operator_sessions.open(login=login, password=password, otp=otp, address=address)

    return try_it


async def tried(*guesses):
    """How many of these were looked at, and the refusals of those that were not."""
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert {type(each) for each in answers} <= {SignInRefused, SignInTriesUsedUp}
    return (
        sum(isinstance(each, SignInRefused) for each in answers),
        [each for each in answers if isinstance(each, SignInTriesUsedUp)],
    )


def stranger(number):
    return f"203.0.113.{number}"


async def test_guesses_from_strange_addresses_do_not_keep_the_operator_out(rooms, root, guess, looked_at):
    guesses, refused = await tried(*(guess(stranger(number % 40)) for number in range(400)))
    assert (guesses, len(refused)) == (AT_LOGIN, 400 - AT_LOGIN)
    await sign_in(rooms.handlers, rooms.clock, root)
    # Strangers wait on: that the operator signed in gives them nothing.
    assert (await tried(guess(stranger(50))))[0] == 0


async def test_negative_control_from_a_new_address_the_operator_waits_with_the_strangers(rooms, root, guess, looked_at):
    await tried(*(guess(stranger(number)) for number in range(AT_LOGIN)))
    with pytest.raises(SignInTriesUsedUp):
        await sign_in(rooms.handlers, rooms.clock, root, address="192.0.2.1")


@pytest.mark.parametrize("address", [STRANGE, OFFICE])
async def test_of_many_guesses_at_once_five_are_looked_at(guess, looked_at, address):
    guesses, refused = await tried(*(guess(address, password=f"Guess-{number}") for number in range(1_000)))
    assert guesses == len(looked_at) == AT_LOGIN_FROM_ADDRESS
    assert len(refused) == 1_000 - AT_LOGIN_FROM_ADDRESS


async def test_negative_control_without_the_guard_more_are_looked_at(guess, looked_at, monkeypatch):
    guard = "WHERE recent_tries.fifth_at IS NULL"
    assert guard in cards.COUNT_TRY
    monkeypatch.setattr(cards, "COUNT_TRY", cards.COUNT_TRY.replace(guard, "WHERE recent_tries.tried_at IS NOT NULL"))
    assert (await tried(*(guess(OFFICE) for _ in range(50))))[0] > AT_LOGIN_FROM_ADDRESS


async def test_negative_control_without_the_cap_strangers_guess_on(guess, looked_at, monkeypatch):
    guard = "WHERE proof_attempts.tried_count < $5"
    assert guard in operators.COUNT_WITHIN
    unguarded = operators.COUNT_WITHIN.replace(guard, "WHERE $5 > 0")
    monkeypatch.setattr(operators, "COUNT_WITHIN", unguarded)
    assert (await tried(*(guess(stranger(number)) for number in range(50))))[0] == 50


async def test_codes_are_guessed_no_oftener_than_passwords(rooms, root, guess, looked_at):
    codes = [f"{number:06d}" for number in range(50)]
    guesses, _ = await tried(*(guess(password=PASSWORD, otp=code) for code in codes if code != root.code(rooms.clock)))
    assert guesses == AT_LOGIN_FROM_ADDRESS


async def test_one_address_goes_through_few_logins(guess, looked_at):
    guesses, _ = await tried(*(guess(login=f"somebody-{number}") for number in range(2 * FROM_ADDRESS)))
    assert guesses == FROM_ADDRESS


async def test_strangers_in_all_have_few_tries_and_the_operator_goes_on(rooms, root, guess, looked_at):
    for begin in range(0, IN_ALL + 50, 50):
        await tried(*(guess(stranger(n), login=f"somebody-{n}") for n in range(begin, begin + 50)))
    assert len(looked_at) == IN_ALL
    await sign_in(rooms.handlers, rooms.clock, root)


async def test_a_flush_of_redis_gives_no_further_tries(redis, guess, looked_at):
    await tried(*(guess() for _ in range(AT_LOGIN_FROM_ADDRESS)))
    await redis.flushall()
    with pytest.raises(SignInTriesUsedUp):
        await guess()


async def test_whoever_looked_at_the_clock_before_those_who_were_counted_waits_no_longer_than_they_do(
    rooms, guess, looked_at
):
    await tried(*(guess() for _ in range(AT_LOGIN_FROM_ADDRESS)))
    rooms.clock.advance(timedelta(milliseconds=-3))
    _, (refusal,) = await tried(guess())
    assert refusal.retry_after == WINDOW.total_seconds()


async def test_the_refusal_says_when_to_try_again_and_then_it_works(rooms, root, guess, looked_at):
    await tried(*(guess(OFFICE) for _ in range(AT_LOGIN_FROM_ADDRESS)))
    rooms.clock.advance(timedelta(minutes=4))
    with pytest.raises(SignInTriesUsedUp) as refusal:
        await guess(OFFICE, password=PASSWORD, otp=root.code(rooms.clock))
    assert refusal.value.facts == {"minutes": 11, "retry_after": 11 * 60}
    assert "11分钟后再试" in refusal.value.sentence
    rooms.clock.advance(timedelta(minutes=11))
    await guess(OFFICE, password=PASSWORD, otp=root.code(rooms.clock))


async def test_strangers_wait_for_the_hour_to_end(rooms, root, guess, looked_at):
    await tried(*(guess(stranger(number)) for number in range(AT_LOGIN)))
    now = rooms.clock.now()
    with pytest.raises(SignInTriesUsedUp) as refusal:
        await guess()
    hour_ends = now + timedelta(seconds=refusal.value.retry_after)
    assert (hour_ends.minute, hour_ends.second) == (0, 0)
    assert (await OperatorRow.get(id=root.id)).locked_until == hour_ends
    rooms.clock.advance(hour_ends - now)
    await guess(password=PASSWORD, otp=root.code(rooms.clock))
    assert (await OperatorRow.get(id=root.id)).locked_until is None


async def test_a_login_that_nobody_has_is_refused_like_one_that_somebody_has(root, guess, looked_at):
    facts = []
    for login in (root.login, "nobody-here"):
        _, refused = await tried(*(guess(f"{login}-{n}", login=login) for n in range(AT_LOGIN + 1)))
        facts.append([refusal.facts for refusal in refused])
    assert facts[0] == facts[1]
    assert len(facts[0]) == 1


async def test_who_signs_in_has_not_tried(rooms, root, guess, looked_at):
    for number in range(2 * AT_LOGIN):  # always from somewhere new, and then again
        for _ in range(2):
            await sign_in(rooms.handlers, rooms.clock, root, address=stranger(number))
    assert set(await ProofAttempts.all().values_list("tried_count", flat=True)) == {0}


async def test_signing_in_makes_an_address_known_to_this_login_alone(rooms, root, guess, looked_at):
    operator, _ = await sign_in(rooms.handlers, rooms.clock, root, address=STRANGE)
    other = await another(rooms.handlers, operator, "other")
    await tried(*(guess(stranger(n), login=login) for login in (root.login, "other") for n in range(AT_LOGIN)))
    await sign_in(rooms.handlers, rooms.clock, root, address=STRANGE)
    with pytest.raises(SignInTriesUsedUp):
        await sign_in(rooms.handlers, rooms.clock, other, address=STRANGE)


async def test_an_admin_lets_an_operator_in_from_somewhere_new(rooms, root, guess, looked_at):
    operator, _ = await sign_in(rooms.handlers, rooms.clock, root)
    other = await another(rooms.handlers, operator, "other")
    await tried(*(guess(stranger(number), login="other") for number in range(AT_LOGIN)))
    with pytest.raises(SignInTriesUsedUp):
        await sign_in(rooms.handlers, rooms.clock, other)
    changed = await rooms.handlers.operators.change(
        operator, other.id, OperatorChange(is_active=True), request_id="let-in"
    )
    assert changed.value.operator.locked_until is None
    await sign_in(rooms.handlers, rooms.clock, other)


async def test_the_record_says_when_tries_ran_out_and_no_table_says_where_from(root, guess, looked_at):
    await tried(*(guess() for _ in range(AT_LOGIN_FROM_ADDRESS)))
    entry = await AuditEntry.get(action="operator.tried")
    assert (entry.facts["tries"], entry.facts["is_strangers"]) == (AT_LOGIN_FROM_ADDRESS, True)
    told = [str(row) for table in (RecentTries, ProofAttempts, OperatorAddress) for row in await table.all().values()]
    assert told
    assert not any(plain in row for row in told for plain in (STRANGE, OFFICE, root.login))


async def test_an_address_is_forgotten_when_nobody_signed_in_there_for_long(rooms, root, guess, looked_at):
    rooms.clock.advance(ADDRESSES_KEPT + WINDOW)
    await tried(*(guess(stranger(number)) for number in range(AT_LOGIN)))
    with pytest.raises(SignInTriesUsedUp):
        await sign_in(rooms.handlers, rooms.clock, root)
    assert (await purge_expired(rooms.clock.now()))["operator_address"] == 1
