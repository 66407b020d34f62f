"""Joining, seeing oneself, consents."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import (
    BirthdayInvalid,
    ConsentMissing,
    ConsentNeeded,
    ConsentOutdated,
    KeyReused,
    NotAMember,
    PhoneBlocked,
    PhoneCodeRefused,
    WeChatUnavailable,
)
from handlers.identity.consents import Agreed
from handlers.membership.member_views import Profile
from handlers.ports import WeChatOutcomeUnknown
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.numbers import is_well_formed
from models.consents import Consent
from models.database import rows
from models.identity import Attribution, Identifier, Member
from models.linking import Review
from models.words import ConsentPurpose, Namespace
from tests.handlers.conftest import MARKETING, MEMBERSHIP, PHONE


async def test_joining_needs_one_consent_and_nothing_else(rooms):
    person = await rooms.person()
    answer = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP])
    joined = answer.value
    assert is_well_formed(joined.member.number)
    assert joined.already_member is False
    consent = await Consent.get()
    assert (consent.purpose, consent.version, consent.given_through) == (
        MEMBERSHIP.purpose,
        MEMBERSHIP.version,
        "mini_program",
    )
    assert (await rooms.person()).is_member


async def test_the_same_request_gets_the_first_answer(rooms):
    person = await rooms.person()
    first = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap-1")
    again = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap-1")
    assert again.replayed
    assert again.value == first.value


async def test_the_same_key_with_other_facts_is_refused(rooms):
    person = await rooms.person()
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap-1")
    with pytest.raises(KeyReused):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], scene="other", request_id="tap-1")


async def test_joining_without_the_consent_changes_nothing(rooms):
    person = await rooms.person()
    with pytest.raises(ConsentMissing):
        await rooms.handlers.membership.join(person, agreed=[PHONE])
    assert (await Member.get()).joined_at is None
    assert await Consent.all().count() == 0


async def test_agreeing_to_an_old_text_is_refused_with_the_current_version(rooms):
    person = await rooms.person()
    with pytest.raises(ConsentOutdated) as refusal:
        await rooms.handlers.membership.join(person, agreed=[Agreed(ConsentPurpose.MEMBERSHIP, "2020-01")])
    assert refusal.value.facts == {"purpose": "membership", "version": MEMBERSHIP.version}


async def test_a_phone_without_its_own_consent_is_not_even_asked_of_wechat(rooms):
    person = await rooms.person()
    with pytest.raises(ConsentMissing):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], phone_code="any")
    assert rooms.wechat.calls["phone"] == 0


async def test_a_phone_code_is_exchanged_once_and_a_retry_still_works(rooms):
    person = await rooms.person()
    code = rooms.wechat.phone_code("13912345670")
    first = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    again = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert rooms.wechat.calls["phone"] == 1
    assert first.value.member.phone_tail == again.value.member.phone_tail == "5670"


async def test_a_used_or_foreign_phone_code_is_refused_and_nothing_changes(rooms):
    person = await rooms.person()
    with pytest.raises(PhoneCodeRefused):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code="never-issued")
    assert (await Member.get()).joined_at is None


async def test_a_number_nobody_owns_is_refused(rooms):
    person = await rooms.person()
    code = rooms.wechat.phone_code("13800000000")
    with pytest.raises(PhoneBlocked):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert (await Member.get()).joined_at is None


async def test_when_wechat_does_not_answer_the_person_is_told_to_try_again(rooms):
    person = await rooms.person()
    code = rooms.wechat.phone_code("13912345670")
    rooms.wechat.trouble = WeChatOutcomeUnknown(0, "time-out")
    with pytest.raises(WeChatUnavailable):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    rooms.wechat.trouble = None
    answer = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert answer.value.member.phone_tail == "5670"


async def test_the_first_scene_is_kept_for_good(rooms):
    person = await rooms.person()
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], scene="poster")
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], scene="store_7")
    assert (await Attribution.get()).scene == "poster"


async def test_the_profile_is_encrypted_and_read_back(rooms):
    person = await rooms.person()
    told = Profile(nickname="小明", birthday="1990-02-28", gender="male")
    answer = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], profile=told)
    assert answer.value.member.profile == told
    assert "小明" not in str(await rows("SELECT * FROM member"))


async def test_changing_one_part_of_the_profile_leaves_the_others(rooms):
    person = await rooms.member()
    await rooms.handlers.membership.change_profile(person, changes={"nickname": "小明", "gender": "male"})
    changed = await rooms.handlers.membership.change_profile(person, changes={"gender": None})
    assert changed.value.profile == Profile(nickname="小明")


async def test_changes_of_different_parts_at_once_all_stay(rooms):
    person = await rooms.member()
    changes = [{"nickname": "小明"}, {"gender": "male"}, {"birthday": "1990-02-28"}]
    await asyncio.gather(*(rooms.handlers.membership.change_profile(person, changes=each) for each in changes))
    view = await rooms.handlers.membership.view(person)
    assert view.profile == Profile(nickname="小明", birthday="1990-02-28", gender="male")


async def test_only_members_have_a_profile(rooms):
    with pytest.raises(NotAMember):
        await rooms.handlers.membership.change_profile(await rooms.person(), changes={"nickname": "x"})


async def test_consents_are_given_and_withdrawn_one_by_one(rooms):
    person = await rooms.member()
    first = await rooms.handlers.consents.give(person, agreed=MARKETING)
    again = await rooms.handlers.consents.give(person, agreed=MARKETING)
    assert (first.value.changed, again.value.changed) == (True, False)
    gone = await rooms.handlers.consents.withdraw(person, purpose=ConsentPurpose.MARKETING)
    assert gone.value.changed
    assert [given.purpose for given in (await rooms.handlers.membership.view(person)).consents] == ["membership"]
    assert await Consent.filter(purpose=ConsentPurpose.MARKETING).count() == 1


async def test_membership_itself_is_not_withdrawn_but_left(rooms):
    with pytest.raises(ConsentNeeded):
        await rooms.handlers.consents.withdraw(await rooms.member(), purpose=ConsentPurpose.MEMBERSHIP)


# --- at the same time


async def winners(calls) -> int:
    """How many of these simultaneous joins say that they made the member."""
    answers = await asyncio.gather(*calls)
    return sum(not already_member for already_member in answers)


async def test_fifty_joins_of_one_person_at_once_are_one(rooms):
    person = await rooms.person()

    async def join(turn):
        answer = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id=f"tap-{turn}")
        return answer.value.already_member

    assert await winners(join(turn) for turn in range(50)) == 1
    assert await Consent.all().count() == 1


async def test_fifty_identical_requests_at_once_get_one_answer(rooms):
    person = await rooms.person()
    answers = await asyncio.gather(
        *(rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap") for _ in range(50))
    )
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({answer.value for answer in answers}) == 1


async def test_the_race_above_is_seen_when_joining_looks_first(rooms):
    """Negative control: read, then write."""
    person, everybody_has_looked = await rooms.person(), asyncio.Barrier(50)

    async def naive(_):
        member = await Member.get(id=person.member_id)
        already_member = member.joined_at is not None
        await everybody_has_looked.wait()
        if not already_member:
            await Member.filter(id=person.member_id).update(joined_at=rooms.clock.now(), number="0000000000")
        return already_member

    assert await winners(naive(turn) for turn in range(50)) == 50


async def test_fifty_people_joining_at_once_all_join(rooms):
    people = [await rooms.person(f"o-{turn}") for turn in range(50)]
    answers = await asyncio.gather(
        *(rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap") for person in people)
    )
    assert len({answer.value.member.number for answer in answers}) == 50


async def test_fifty_people_showing_one_phone_at_once_leave_it_with_one_of_them(rooms):
    people = [await rooms.person(f"o-{turn}") for turn in range(50)]
    codes = [rooms.wechat.phone_code("13912345670") for _ in people]
    answers = await asyncio.gather(
        *(
            rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
            for person, code in zip(people, codes, strict=True)
        )
    )
    assert sum(not answer.value.is_phone_elsewhere for answer in answers) == 1
    assert await Identifier.filter(namespace=Namespace.PHONE).count() == 1


# --- a second number, and birthdays


async def test_a_second_own_number_at_joining_is_neither_elsewhere_nor_a_case_and_the_first_one_stays(rooms):
    person = await rooms.member("o-ming", phone="13912345670")
    code = rooms.wechat.phone_code("13912345671")
    joined = (await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)).value
    assert (joined.is_phone_elsewhere, joined.is_phone_kept) == (False, True)
    assert joined.member.phone_tail == "5670"
    assert await Review.all().count() == 0  # nobody has to decide anything
    assert await Identifier.filter(namespace=Namespace.PHONE).count() == 1


async def test_another_members_number_is_elsewhere_also_for_who_has_one_already(rooms):
    await rooms.member("o-hong", phone="13912345671")
    person = await rooms.member("o-ming", phone="13912345670")
    code = rooms.wechat.phone_code("13912345671")
    joined = (await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)).value
    assert (joined.is_phone_elsewhere, joined.is_phone_kept) == (True, False)
    assert await Review.all().count() == 1


async def test_the_own_number_shown_again_is_neither(rooms):
    person = await rooms.member("o-ming", phone="13912345670")
    code = rooms.wechat.phone_code("13912345670")
    joined = (await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)).value
    assert (joined.is_phone_elsewhere, joined.is_phone_kept) == (False, False)


async def test_nobody_is_born_after_today_in_shanghai(rooms):
    person = await rooms.member("o-ming")
    membership = rooms.handlers.membership
    today = rooms.clock.now().astimezone(BUSINESS_ZONE).date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    for wrong in (tomorrow, "2999-01-01", "1899-12-31", "not a day"):
        with pytest.raises(BirthdayInvalid):
            await membership.change_profile(person, changes={"birthday": wrong})
        with pytest.raises(BirthdayInvalid):
            await membership.join(person, agreed=[MEMBERSHIP], profile=Profile(birthday=wrong))
    assert (await membership.view(person)).profile.birthday is None
    changed = await membership.change_profile(person, changes={"birthday": today.isoformat()})
    assert changed.value.profile.birthday == today.isoformat()
    assert (await membership.change_profile(person, changes={"birthday": None})).value.profile.birthday is None
