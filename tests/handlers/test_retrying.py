"""Failures of the database leave a use case as refusals, and leave an open transaction as they are."""

import pytest

from handlers.errors import NotAMember, OutcomeUnknown, Overloaded
from handlers.retrying import refusing
from models.database import atomic
from models.failures import (
    CommitUnknown,
    DatabaseUnavailable,
    LockTimeout,
    SerializationConflict,
    StatementTimeout,
    TransactionAborted,
)

BUSY = [DatabaseUnavailable, LockTimeout, StatementTimeout, SerializationConflict]


@refusing
class Desk:
    async def fail(self, error):
        raise error

    async def _inner(self, error):
        raise error

    def words(self):
        return "words"


@pytest.mark.parametrize("failure", BUSY)
async def test_a_busy_database_is_a_refusal_with_the_time_to_come_back(failure):
    with pytest.raises(Overloaded) as refused:
        await Desk().fail(failure("x"))
    assert refused.value.retry_after >= 1
    assert isinstance(refused.value.__cause__, failure)


async def test_an_interrupted_commit_is_an_unknown_outcome():
    with pytest.raises(OutcomeUnknown) as refused:
        await Desk().fail(CommitUnknown())
    assert refused.value.retry_after >= 1


@pytest.mark.parametrize("failure", BUSY)
async def test_inside_a_transaction_the_failure_belongs_to_whoever_opened_it(database, failure):
    with pytest.raises(failure):
        async with atomic():
            await Desk().fail(failure("x"))


@pytest.mark.parametrize("error", [NotAMember(), TransactionAborted("ours"), ValueError("ours")])
async def test_refusals_and_our_own_mistakes_pass(error):
    with pytest.raises(type(error)):
        await Desk().fail(error)


async def test_only_use_cases_are_wrapped():
    assert Desk().words() == "words"
    with pytest.raises(LockTimeout):
        await Desk()._inner(LockTimeout("x"))
