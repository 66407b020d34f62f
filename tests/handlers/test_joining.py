"""The lanes of newcomers and first joins: whoever travels in a batch gets what they would have got alone."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from handlers import group_commit
from handlers.errors import KeyReused, MemberFrozen
from handlers.identity.proofs import wechat_proofs
from handlers.membership.member_views import Profile
from models.consents import Consent
from models.database import CommitUnknown, atomic
from models.identity import Attribution, Identifier, Member
from models.words import ConsentPurpose, MemberStatus
from tests.handlers.conftest import MARKETING, MEMBERSHIP


def join(rooms, person, key=None, **facts):
    agreed = facts.pop("agreed", [MEMBERSHIP])
    return rooms.handlers.membership.join(person, agreed=agreed, request_id=key or str(uuid4()), **facts)


async def test_a_batch_of_very_different_people(rooms):
    plain, telling, scanned, twice = [
        await rooms.person(f"o-{who}") for who in ("plain", "telling", "scanned", "twice")
    ]
    frozen, member = await rooms.person("o-frozen"), await rooms.member("o-member")
    await Member.filter(id=frozen.member_id).update(status=MemberStatus.FROZEN)
    outcomes = await asyncio.gather(
        join(rooms, plain),
        join(rooms, telling, profile=Profile(nickname="小明"), agreed=[MEMBERSHIP, MARKETING, MEMBERSHIP]),
        join(rooms, scanned, scene="poster"),
        join(rooms, twice, "one"),
        join(rooms, twice, "two"),
        join(rooms, frozen),
        join(rooms, replace(member, is_member=False)),  # known to the door as of a moment ago
        return_exceptions=True,
    )
    assert isinstance(outcomes.pop(5), MemberFrozen)
    assert [answer.value.already_member for answer in outcomes] == [False, False, False, False, True, True]
    views = [answer.value.member for answer in outcomes]
    assert views[3].id == views[4].id
    assert all(view.number and view.joined_at for view in views)
    assert all(len(answer.value.cards) == 1 for answer in outcomes)
    assert views[1].profile == Profile(nickname="小明")
    assert {consent.purpose for consent in views[1].consents} == {ConsentPurpose.MEMBERSHIP, ConsentPurpose.MARKETING}
    assert (await Attribution.get()).member_id == scanned.member_id
    for view in views:  # and that is what stands in the database
        assert await rooms.handlers.membership.view(replace(plain, member_id=view.id)) == view


async def test_the_same_request_gets_its_first_answer_and_with_other_facts_none(rooms):
    person = await rooms.person()
    first = await join(rooms, person, "tap")
    again = await join(rooms, person, "tap")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.value == again.value
    with pytest.raises(KeyReused):
        await join(rooms, person, "tap", scene="poster")


@pytest.mark.parametrize("happened", [True, False])
async def test_an_interrupted_commit_is_looked_up_and_never_guessed(rooms, monkeypatch, happened):
    people = [await rooms.person(f"o-{number}") for number in range(5)]
    left = [True]

    @asynccontextmanager
    async def breaking():
        breaks = left.pop() if left else False
        async with atomic():
            yield
            if breaks and not happened:
                raise CommitUnknown
        if breaks:
            raise CommitUnknown

    monkeypatch.setattr(group_commit, "atomic", breaking)
    answers = await asyncio.gather(*(join(rooms, person) for person in people))
    assert not any(answer.value.already_member for answer in answers)
    assert await Member.filter(joined_at__not_isnull=True).count() == 5
    assert await Consent.all().count() == 5


async def test_a_poisoned_neighbour_falls_out_alone(rooms, monkeypatch):
    people = [await rooms.person(f"o-{number}") for number in range(8)]
    lane = rooms.handlers.membership._first_joins
    consenting = lane._member

    def member(wanted, number):
        if wanted.person.member_id == people[3].member_id:
            raise ZeroDivisionError
        return consenting(wanted, number)

    monkeypatch.setattr(lane, "_member", member)
    outcomes = await asyncio.gather(*(join(rooms, person) for person in people), return_exceptions=True)
    assert [number for number, one in enumerate(outcomes) if isinstance(one, ZeroDivisionError)] == [3]
    assert await Member.filter(joined_at__not_isnull=True).count() == 7


async def test_fifty_newcomers_at_once_are_fifty_and_their_numbers_differ(rooms):
    people = await asyncio.gather(*(rooms.person(f"o-{number}") for number in range(50)))
    assert len({person.member_id for person in people}) == 50
    assert len(set(await Member.all().values_list("ordinal", flat=True))) == 50


async def test_one_newcomer_at_fifty_doors_is_one(rooms):
    people = await asyncio.gather(*(rooms.person("o-ming") for _ in range(50)))
    assert len({person.member_id for person in people}) == 1
    assert await Member.all().count() == await Identifier.all().count() == 1


async def test_one_newcomer_through_two_accounts_at_once_is_one(rooms):
    people = await asyncio.gather(
        *(
            rooms.person(f"o-{account}-{number}", f"u-{number}", account)
            for number in range(10)
            for account in ("oa", "mp")
        )
    )
    assert len({person.member_id for person in people}) == 10
    assert await Member.filter(status=MemberStatus.ACTIVE).count() == 10


async def test_whoever_was_written_by_another_process_meanwhile_is_found(rooms, monkeypatch):
    """The lane's insert meets the unique index: the neighbours are written, and this one is looked up."""
    known = await rooms.person("o-known")
    identity = rooms.handlers.identity
    facts = await rooms.handlers.accounts.get("mp")

    def proofs(openid):
        return wechat_proofs(facts.app.app_id, facts.open_platform, openid, None)

    resolutions = await asyncio.gather(*(identity._welcome(proofs(f"o-{who}")) for who in ("a", "known", "b")))
    assert resolutions[1].member_id == known.member_id
    assert [resolution.is_new for resolution in resolutions] == [True, False, True]
    assert await Member.all().count() == 3
