"""What people take back in WeChat goes here as well."""

import pytest

from handlers.identity.transfers import PhoneOutcome
from handlers.membership.member_views import Profile
from handlers.privacy.authorizations import unknown_total
from models.database import rows
from models.identity import Follower, Identifier, IdentityEvent, Member
from models.words import IdentifierStatus, IdentityAct, MemberStatus, Namespace
from tests.handlers.conftest import PHONE
from tests.handlers.test_transfers import change

NUMBER = "13912345670"


@pytest.fixture
async def ming(rooms):
    person = await rooms.member("o-ming", "u-ming", phone=NUMBER)
    await rooms.handlers.membership.change_profile(person, changes={"nickname": "小明", "birthday": "1990-02-28"})
    code = rooms.wechat.phone_code("13912345671")
    await rooms.handlers.numbers.bind(person, phone_code=code, request_id=None)
    return person


async def what_is_left(rooms, person):
    view = await rooms.handlers.membership.view(person)
    numbers = await rooms.handlers.numbers.list(person)
    return view.phone_tail, len(numbers), view.profile, PHONE.purpose in {given.purpose for given in view.consents}


@pytest.mark.parametrize(
    ("taken_back", "left"),
    [
        ("8", ("", 0, Profile("小明", "1990-02-28"), False)),
        ("6", ("5670", 1, Profile(birthday="1990-02-28"), True)),
        ("19", ("5670", 1, Profile(birthday="1990-02-28"), True)),
        ("205", ("5670", 1, Profile(birthday="1990-02-28"), True)),
        ("18", ("5670", 1, Profile("小明", "1990-02-28"), True)),
        ("20", ("5670", 1, Profile("小明", "1990-02-28"), True)),
        ("207", ("5670", 1, Profile("小明", "1990-02-28"), True)),
        ("2,301", ("", 0, Profile(birthday="1990-02-28"), False)),
        ("99999", ("", 0, Profile(birthday="1990-02-28"), False)),
        ("phone", ("", 0, Profile(birthday="1990-02-28"), False)),
        ("6,8", ("", 0, Profile(birthday="1990-02-28"), False)),
        ("2", ("5670", 1, Profile("小明", "1990-02-28"), True)),
        ("", ("", 0, Profile(birthday="1990-02-28"), False)),
        ("301", ("", 0, Profile(birthday="1990-02-28"), False)),
    ],
)
async def test_what_was_taken_back_goes_and_nothing_else(rooms, ming, taken_back, left):
    for _ in range(2):  # the platform may deliver twice
        await rooms.handlers.authorizations.revoked(ming, taken_back=taken_back)
        assert await what_is_left(rooms, ming) == left
    assert (await Member.get(id=ming.member_id)).number == ming.number


async def test_what_we_have_no_word_for_is_counted_and_named_in_the_log(rooms, ming, caplog):
    before = unknown_total._value.get()
    for taken_back in ("8", "2,7", "301", ""):
        await rooms.handlers.authorizations.revoked(ming, taken_back=taken_back)
    assert unknown_total._value.get() - before == 2
    assert [record.numbers for record in caplog.records if record.message == "unknown_revocation"] == [["301"], []]


async def test_nothing_of_a_phone_taken_back_is_kept(rooms, ming):
    await rooms.handlers.authorizations.revoked(ming, taken_back="8")
    phone_hash = rooms.vault.blind_index("identifier:phone", NUMBER)
    kept = str([await rows(f"SELECT * FROM {table}") for table in ("identifier", "bound_number", "member")])
    assert phone_hash not in kept
    assert await Identifier.filter(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE).count() == 0


async def test_a_phone_taken_back_can_be_given_again(rooms, ming):
    await rooms.handlers.authorizations.revoked(ming, taken_back="8")
    await rooms.handlers.consents.give(ming, agreed=PHONE)
    assert (await change(rooms, ming, NUMBER)).outcome is PhoneOutcome.ATTACHED


async def test_a_modified_profile_loses_the_nickname_alone(rooms, ming):
    await rooms.handlers.authorizations.info_modified(ming)
    assert await what_is_left(rooms, ming) == ("5670", 1, Profile(birthday="1990-02-28"), True)


async def test_an_account_closed_in_the_only_channel_is_a_departure(rooms, ming):
    mp = await rooms.handlers.accounts.get("mp")
    await rooms.handlers.authorizations.cancelled(ming, mp, openid="o-ming")
    assert (await Member.get(id=ming.member_id)).status is MemberStatus.ERASED
    assert await Identifier.all().count() == 0


async def test_an_account_closed_in_one_of_several_channels_takes_that_channel_and_the_data(rooms, ming):
    chatting = await rooms.person("o-chat", "u-ming", account="oa")
    oa, mp = [await rooms.handlers.accounts.get(key) for key in ("oa", "mp")]
    await rooms.handlers.following.follow(chatting, oa)
    await rooms.handlers.authorizations.cancelled(ming, mp, openid="o-ming")
    assert await what_is_left(rooms, ming) == ("", 0, Profile(birthday="1990-02-28"), False)
    scopes = await Identifier.filter(namespace=Namespace.WX_OPENID).values_list("scope", flat=True)
    assert list(scopes) == [oa.app.app_id]
    assert await Follower.all().count() == 1
    assert await IdentityEvent.filter(act=IdentityAct.UNBIND, namespace=Namespace.WX_OPENID).count() == 1


async def test_what_a_frozen_person_takes_back_goes_too(rooms, ming):
    await Member.filter(id=ming.member_id).update(status=MemberStatus.FROZEN)
    await rooms.handlers.authorizations.revoked(ming, taken_back="8")
    assert (await Member.get(id=ming.member_id)).phone_tail == ""
