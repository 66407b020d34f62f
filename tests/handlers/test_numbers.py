"""Bound numbers: several per person, each proven, with one holder."""

import asyncio
from uuid import uuid4

import pytest

from handlers.errors import NumbersFull, NumberUnknown, PhoneConsentMissing
from handlers.identity.numbers import LIMIT
from models.database import rows
from models.identity import Identifier, IdentityEvent
from models.linking import BoundNumber
from models.outbox import Job
from models.words import IdentifierStatus, IdentityAct, Namespace
from tests.handlers.conftest import PHONE

NUMBER = "13912345670"


async def a_member(rooms, openid="o-ming"):
    person = await rooms.member(openid)
    await rooms.handlers.consents.give(person, agreed=PHONE)
    return person


async def bind(rooms, person, number=NUMBER, country_code="86", request_id=None):
    code = rooms.wechat.phone_code(number, country_code)
    return (await rooms.handlers.numbers.bind(person, phone_code=code, request_id=request_id)).value


async def test_several_numbers_are_bound_listed_and_unbound_apart_from_the_login_phone(rooms):
    person = await a_member(rooms)
    first, second = await bind(rooms, person), await bind(rooms, person, "13912345671")
    assert {number.tail for number in await rooms.handlers.numbers.list(person)} == {"5670", "5671"}
    assert await Identifier.filter(namespace=Namespace.PHONE).count() == 0
    await rooms.handlers.numbers.unbind(person, first.number.id)
    assert [number.id for number in await rooms.handlers.numbers.list(person)] == [second.number.id]


async def test_proving_a_number_again_binds_nothing_new(rooms):
    person = await a_member(rooms)
    first, again = await bind(rooms, person), await bind(rooms, person)
    assert (first.was_theirs, again.was_theirs) == (False, True)
    assert first.number.id == again.number.id


async def test_whoever_proves_a_number_last_has_it_and_the_one_before_is_told(rooms):
    former = await rooms.member("o-mini", "u-old")
    await rooms.handlers.consents.give(former, agreed=PHONE)
    chatting = await rooms.person("o-chat", "u-old", account="oa")
    await rooms.handlers.following.follow(chatting, await rooms.handlers.accounts.get("oa"))
    await bind(rooms, former)
    person = await a_member(rooms, "o-new")
    await bind(rooms, person)
    assert await rooms.handlers.numbers.list(former) == ()
    assert len(await rooms.handlers.numbers.list(person)) == 1
    events = await IdentityEvent.filter(act=IdentityAct.TRANSFER)
    assert {event.member_id for event in events} == {former.member_id, person.member_id}
    assert (await Job.get(kind="send_text")).payload["member_id"] == str(former.member_id)


async def test_equal_digits_of_two_countries_are_two_numbers(rooms):
    hong, singh = await a_member(rooms, "o-hong"), await a_member(rooms, "o-singh")
    await bind(rooms, hong, "91234568", "852")
    await bind(rooms, singh, "91234568", "65")
    assert await BoundNumber.filter(status=IdentifierStatus.ACTIVE).count() == 2


async def test_somebody_elses_number_cannot_be_told_from_one_that_does_not_exist(rooms):
    bound = await bind(rooms, await a_member(rooms))
    stranger = await a_member(rooms, "o-other")
    for number_id in (bound.number.id, uuid4()):
        with pytest.raises(NumberUnknown):
            await rooms.handlers.numbers.unbind(stranger, number_id)


async def test_nobody_binds_more_than_ten(rooms):
    person = await a_member(rooms)
    for turn in range(LIMIT):
        await bind(rooms, person, f"139123456{turn:02}")
    with pytest.raises(NumbersFull):
        await bind(rooms, person, "13900001111")


async def test_a_number_needs_the_phone_consent(rooms):
    with pytest.raises(PhoneConsentMissing):
        await bind(rooms, await rooms.member("o-ming"))


async def test_no_number_stands_in_the_clear(rooms):
    await bind(rooms, await a_member(rooms))
    assert NUMBER not in str([await rows(f"SELECT * FROM {table}") for table in ("bound_number", "identity_event")])


# --- at the same time


async def holders_after(rooms, prove) -> tuple[int, int]:
    people = [await a_member(rooms, f"o-{turn}") for turn in range(20)]
    outcomes = await asyncio.gather(*(prove(person) for person in people), return_exceptions=True)
    holders = await BoundNumber.filter(status=IdentifierStatus.ACTIVE).count()
    return holders, sum(isinstance(outcome, BaseException) for outcome in outcomes)


async def test_twenty_members_proving_one_number_at_once_leave_it_with_one(rooms):
    assert await holders_after(rooms, lambda person: bind(rooms, person)) == (1, 0)


async def test_the_race_above_is_seen_when_nobody_locks(rooms):
    """Negative control: look, revoke, write."""
    everybody_has_looked = asyncio.Barrier(20)

    async def naive(person):
        found = await BoundNumber.filter(status=IdentifierStatus.ACTIVE)
        await everybody_has_looked.wait()
        for held in found:
            await BoundNumber.filter(id=held.id).update(status=IdentifierStatus.REVOKED)
        await BoundNumber.create(
            member_id=person.member_id, number_hash="h", number_cipher="c", tail="5670", proven_at=rooms.clock.now()
        )

    assert await holders_after(rooms, naive) == (1, 19)  # the unique index alone held, and 19 calls broke
