"""Operators at the same moment: a code opens one session, one person is the first, one admin always stays.

Each promise is put to several at once, and beside it stands the same race with its guard taken away: a race that
nobody can lose proves nothing.
"""

import asyncio

import pytest

from handlers.errors import BootstrapRefused, LastAdmin, SignInRefused
from handlers.operators import operator_sessions, operators
from handlers.operators.operators import OperatorChange
from models.database import atomic, dialect, row, rows
from models.operators import Operator as OperatorRow
from models.operators import OperatorSession
from models.sql import Both
from models.statements import operators as statements
from models.words import OperatorRole
from tests.operating import OFFICE, PASSWORD, another, first_operator, sign_in
from tests.stories.conftest import BOOTSTRAP_TOKEN

SIGN_INS = 4  # the fifth try at once would rest the login
FIRST_ONES = 6
ADMINS = 5


def outcomes(answers, refusal):
    """How many were done; everything else must be this refusal."""
    done = [each for each in answers if not isinstance(each, BaseException)]
    assert {type(each) for each in answers if isinstance(each, BaseException)} <= {refusal}
    return len(done)


# --- one code, one session


async def sign_ins_at_once(rooms):
    root = await first_operator(rooms.handlers)
    code = root.code(rooms.clock)
    tries = (
        rooms.handlers.operator_sessions.open(login=root.login, password=PASSWORD, otp=code, address=OFFICE)
        for _ in range(SIGN_INS)
    )
    opened = outcomes(await asyncio.gather(*tries, return_exceptions=True), SignInRefused)
    assert await OperatorSession.all().count() == opened
    return opened


async def test_one_code_shown_by_many_at_once_opens_one_session(rooms):
    assert await sign_ins_at_once(rooms) == 1


async def test_without_the_step_in_the_update_a_replayed_code_opens_more(rooms, monkeypatch):
    """Negative control."""
    unguarded = statements.ADMIT.replace("AND last_totp_step < $2", "")
    assert unguarded != statements.ADMIT
    monkeypatch.setattr(operator_sessions.statements, "ADMIT", unguarded)
    assert await sign_ins_at_once(rooms) == SIGN_INS


# --- the first operator


async def first_ones_at_once(bootstrap):
    answers = await asyncio.gather(*(bootstrap(f"root-{n}") for n in range(FIRST_ONES)), return_exceptions=True)
    created = outcomes(answers, BootstrapRefused)
    assert await OperatorRow.all().count() == created
    return created


@pytest.fixture
def bootstrap(rooms):
    async def create(login):
        await rooms.handlers.operators.bootstrap(
            token=BOOTSTRAP_TOKEN, login=login, password=PASSWORD, request_id=f"k-{login}"
        )

    return create


async def test_of_many_first_operators_at_once_one_is(bootstrap):
    assert await first_ones_at_once(bootstrap) == 1


async def test_looking_before_the_transaction_makes_several_first_operators(rooms, bootstrap, monkeypatch):
    """Negative control: asked first and written afterwards, without the lock on the root."""
    everybody_has_looked, exists = asyncio.Barrier(FIRST_ONES), OperatorRow.exists

    async def naive(login):
        if await exists():
            raise BootstrapRefused
        await everybody_has_looked.wait()
        await bootstrap(login)

    async def nobody(*_, **__):
        return False

    monkeypatch.setattr(OperatorRow, "exists", nobody)
    assert await first_ones_at_once(naive) > 1


# --- the last admin


async def switch_each_other_off(rooms, switch_off):
    """Every admin of the root switches the next one off, the last one the first; how many are left."""
    admins = [(await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers)))[0]]
    for number in range(1, ADMINS):
        worker = await another(rooms.handlers, admins[0], f"admin-{number}")
        admins.append((await sign_in(rooms.handlers, rooms.clock, worker))[0])
    ring = zip(admins, [*admins[1:], admins[0]], strict=True)
    answers = await asyncio.gather(*(switch_off(by, other.id) for by, other in ring), return_exceptions=True)
    left = await OperatorRow.filter(is_active=True, role=OperatorRole.ADMIN).count()
    assert outcomes(answers, LastAdmin) == ADMINS - left
    return left


async def test_admins_who_all_switch_each_other_off_at_once_leave_one(rooms):
    async def switch_off(by, other_id):
        change = OperatorChange(is_active=False)
        await rooms.handlers.operators.change(by, other_id, change, request_id=f"off-{other_id}")

    assert await switch_each_other_off(rooms, switch_off) == 1


async def test_counting_admins_before_the_transaction_leaves_nobody(rooms):
    """Negative control."""
    everybody_has_counted = asyncio.Barrier(ADMINS)

    async def naive(by, other_id):
        counted = await row(statements.ROOT_ADMINS)
        if counted["admins"] < 2:
            raise LastAdmin
        await everybody_has_counted.wait()
        async with atomic():
            await OperatorRow.filter(id=other_id).update(is_active=False)

    assert await switch_each_other_off(rooms, naive) == 0


async def test_without_the_lock_on_the_root_postgres_leaves_nobody(rooms, monkeypatch):
    """Negative control on the handler itself; SQLite has one writer and no such lock to take away."""
    if dialect() == "sqlite":
        pytest.skip("one writer at a time")
    everybody_has_counted = asyncio.Barrier(ADMINS)

    async def together(statement, *values):
        found = await row(statement, *values)
        if statement == statements.ROOT_ADMINS:  # nobody commits before everybody has counted
            async with asyncio.timeout(5):
                await everybody_has_counted.wait()
        return found

    monkeypatch.setattr(operators, "row", together)
    monkeypatch.setattr(operators.statements, "LOCK_ROOT", Both(postgres="SELECT 1", sqlite=""))

    async def switch_off(by, other_id):
        change = OperatorChange(is_active=False)
        await rooms.handlers.operators.change(by, other_id, change, request_id=f"off-{other_id}")

    assert await switch_each_other_off(rooms, switch_off) == 0
    assert await rows('SELECT id FROM "operator" WHERE is_active') == []
