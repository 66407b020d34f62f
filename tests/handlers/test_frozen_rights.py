"""A freeze stops a member from acting; it takes away none of the rights that the law gives (PIPL art. 15, 44-47)."""

import pytest

from handlers.errors import MemberFrozen, NotSignedIn
from models.consents import Consent
from models.identity import Identifier, Member
from models.words import ConsentPurpose, MemberStatus
from tests.handlers.conftest import MARKETING, MEMBERSHIP


async def a_frozen_one(rooms):
    person = await rooms.member("o-ming", phone="13912345670")
    await rooms.handlers.consents.give(person, agreed=MARKETING)
    await Member.filter(id=person.member_id).update(status=MemberStatus.FROZEN)
    return person


async def test_a_frozen_person_sees_everything_that_is_held_about_them(rooms):
    person = await a_frozen_one(rooms)
    data = await rooms.handlers.personal_data.export(person)
    assert data.member.status is MemberStatus.FROZEN
    assert "13912345670" in {each.value for each in data.identifiers}


async def test_a_frozen_person_leaves_for_good(rooms):
    person = await a_frozen_one(rooms)
    await rooms.handlers.departures.leave(person)
    assert (await Member.get(id=person.member_id)).status is MemberStatus.ERASED
    assert await Identifier.filter(member_id=person.member_id).count() == 0


async def test_a_frozen_person_withdraws_a_consent_and_stays_frozen(rooms):
    person = await a_frozen_one(rooms)
    for purpose in (ConsentPurpose.MARKETING, ConsentPurpose.PHONE):
        assert (await rooms.handlers.consents.withdraw(person, purpose=purpose)).value.changed
    open_ones = await Consent.filter(member_id=person.member_id, withdrawn_at=None)
    assert [each.purpose for each in open_ones] == [ConsentPurpose.MEMBERSHIP]
    assert (await Member.get(id=person.member_id)).status is MemberStatus.FROZEN


async def test_a_frozen_person_signs_in_for_their_rights_alone(rooms):
    person = await a_frozen_one(rooms)
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"), scene="poster")
    sessions = rooms.handlers.sessions
    assert (await sessions.who(opened.token, even_frozen=True)).member_id == person.member_id
    with pytest.raises(MemberFrozen):  # not even when they were let in for a right a moment ago
        await sessions.who(opened.token)
    with pytest.raises(MemberFrozen):
        await rooms.handlers.consents.give(opened.person, agreed=MARKETING)
    with pytest.raises(MemberFrozen):
        await rooms.handlers.membership.join(opened.person, agreed=[MEMBERSHIP])


async def test_who_has_left_is_let_in_for_nothing(rooms):
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming"))
    await Member.filter(id=opened.person.member_id).update(status=MemberStatus.ERASED)
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(opened.token, even_frozen=True)
    with pytest.raises(NotSignedIn):
        await rooms.handlers.personal_data.export(opened.person)
