"""A person the door still remembers, who was merged or frozen a moment ago: what they do lands on who they are now."""

import asyncio
from datetime import timedelta

import pytest

from handlers.accounts.accounts import AccountDraft, ensure_root
from handlers.errors import KeyReused, MemberFrozen, NotSignedIn, PhoneCodeRefused
from handlers.identity import identity
from handlers.identity.consents import Agreed
from handlers.identity.identity import resolve
from handlers.identity.phones import EncryptedPhone
from handlers.identity.proofs import Proof
from handlers.membership.member_views import Profile
from handlers.ports import FollowerInfo, PhoneNumber, WeChatRetryLater
from models.accounts import Account
from models.consents import Consent
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.identity import Attribution, Follower, Identifier, Member
from models.organizations import Organization
from models.outbox import Job
from models.programmes import CardKind, Programme
from models.words import AccountKind, ConsentPurpose, IdentifierStatus, MemberStatus, Namespace
from tests.handlers.conftest import MARKETING, MEMBERSHIP, PHONE


async def freeze(person) -> None:
    await Member.filter(id=person.member_id).update(status=MemberStatus.FROZEN)


async def merged(rooms):
    """Two members who turn out to be one: the one who was absorbed, as a door may still remember them."""
    first = await rooms.member("o-mini")
    other = await rooms.person("o-chat", "u-ming", account="oa")
    await rooms.handlers.membership.join(other, agreed=[MEMBERSHIP])
    other = await rooms.person("o-chat", "u-ming", account="oa")
    now = await rooms.person("o-mini", "u-ming")
    loser = first if now.member_id == other.member_id else other
    assert loser.member_id != now.member_id
    return loser, now


async def test_correcting_the_profile_is_a_right_and_does_not_thaw_a_frozen_member(rooms):
    person = await rooms.member()
    await freeze(person)
    changed = await rooms.handlers.membership.change_profile(person, changes={"nickname": "小明"})
    assert changed.value.profile.nickname == "小明"
    assert (await Member.get()).status == MemberStatus.FROZEN


async def test_changing_the_profile_right_after_a_merge_changes_the_survivors_and_revives_nobody(rooms):
    loser, now = await merged(rooms)
    await rooms.handlers.membership.change_profile(loser, changes={"nickname": "小明"})
    assert (await Member.get(id=loser.member_id)).status == MemberStatus.MERGED
    assert (await rooms.handlers.membership.view(now)).profile == Profile(nickname="小明")


async def test_a_frozen_person_is_told_so_and_not_that_they_are_a_member(rooms):
    person = await rooms.person()
    await freeze(person)
    with pytest.raises(MemberFrozen):
        await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP])


async def test_withdrawing_right_after_a_merge_withdraws_what_moved_to_the_survivor(rooms):
    first = await rooms.member("o-mini")
    await rooms.handlers.consents.give(first, agreed=MARKETING)
    other = await rooms.person("o-chat", "u-ming", account="oa")
    await rooms.handlers.membership.join(other, agreed=[MEMBERSHIP])
    now = await rooms.person("o-mini", "u-ming")
    assert now.member_id == other.member_id
    gone = await rooms.handlers.consents.withdraw(first, purpose=ConsentPurpose.MARKETING)
    assert gone.value.changed
    assert [given.purpose for given in (await rooms.handlers.membership.view(now)).consents] == ["membership"]


async def test_agreeing_right_after_a_merge_is_recorded_for_the_survivor(rooms):
    loser, now = await merged(rooms)
    await rooms.handlers.consents.give(loser, agreed=MARKETING)
    assert (await Consent.get(purpose=ConsentPurpose.MARKETING)).member_id == now.member_id


async def test_following_and_leaving_right_after_a_merge_is_the_survivors(rooms):
    loser, now = await merged(rooms)
    oa = await rooms.handlers.accounts.get("oa")
    await rooms.handlers.following.follow(loser, oa, scene="poster")
    assert (await Follower.get()).member_id == now.member_id
    assert (await Attribution.get()).member_id == now.member_id
    await rooms.handlers.following.unfollow(loser, oa)
    assert (await Follower.get()).unfollowed_at is not None


async def test_a_freeze_outlives_a_merge(rooms):
    """Otherwise following the official account would thaw whoever was frozen in the mini-program."""
    frozen = await rooms.person("o-mini")
    await freeze(frozen)
    await rooms.person("o-chat", "u-ming", account="oa")
    with pytest.raises(MemberFrozen):
        await rooms.person("o-mini", "u-ming")
    with pytest.raises(MemberFrozen):
        await rooms.person("o-chat", account="oa")
    with pytest.raises(MemberFrozen):
        await rooms.person("o-mini")


async def test_three_rows_becoming_one_keep_the_strictest_consent(rooms):
    survivor = await rooms.person("o-chat", "u-ming", account="oa")
    await rooms.handlers.membership.join(survivor, agreed=[MEMBERSHIP])
    async with atomic():
        for number, is_open in (("13912345671", False), ("13912345672", True)):
            proof = Proof(Namespace.PHONE, number[-1], number, "test")
            till = await resolve([proof], now=rooms.clock.now(), vault=rooms.vault)
            await Consent.create(
                member_id=till.member_id,
                purpose=ConsentPurpose.MARKETING,
                version=MARKETING.version,
                account_id=(await rooms.handlers.accounts.get("oa")).id,
                given_through="chat",
                given_at=rooms.clock.now(),
                withdrawn_at=None if is_open else rooms.clock.now(),
            )
            await resolve([proof], now=rooms.clock.now(), vault=rooms.vault, asking=survivor.member_id)
    assert await Member.filter(canonical_id=None).count() == 1
    view = await rooms.handlers.membership.view(survivor)
    assert [consent.purpose for consent in view.consents] == [ConsentPurpose.MEMBERSHIP]


async def test_agreeing_to_a_newer_text_is_recorded(rooms):
    person = await rooms.member()
    await rooms.handlers.consents.give(person, agreed=MARKETING)
    await Consent.filter(purpose=ConsentPurpose.MARKETING).update(version="2020-01")
    rooms.clock.advance(timedelta(days=1))
    changed = await rooms.handlers.consents.give(person, agreed=MARKETING)
    assert changed.value.changed
    view = await rooms.handlers.membership.view(person)
    assert {given.version for given in view.consents} == {MARKETING.version}
    assert await Consent.filter(purpose=ConsentPurpose.MARKETING).count() == 2


# --- asking again


async def test_a_retried_join_is_answered_although_the_phone_code_is_used_and_forgotten(rooms, redis):
    person = await rooms.person()
    code = rooms.wechat.phone_code("13912345670")
    asked = {"agreed": [MEMBERSHIP, PHONE], "phone_code": code, "request_id": "tap-1"}
    first = await rooms.handlers.membership.join(person, **asked)
    await redis.flushall()
    again = await rooms.handlers.membership.join(person, **asked)
    assert again.replayed
    assert again.value == first.value
    assert rooms.wechat.calls["phone"] == 1


async def test_a_retried_join_is_answered_although_its_encrypted_phone_has_aged(rooms):
    person = await rooms.person()
    answers = [PhoneNumber("13912345670", "86")]
    rooms.wechat.decrypt_phone = lambda *_, **__: answers.pop()
    encrypted = EncryptedPhone("data", "iv", "key")
    asked = {"agreed": [MEMBERSHIP, PHONE], "encrypted_phone": encrypted, "request_id": "tap"}
    first = await rooms.handlers.membership.join(person, **asked)
    again = await rooms.handlers.membership.join(person, **asked)
    assert (again.replayed, again.value) == (True, first.value)


async def test_the_same_key_with_another_profile_is_another_request(rooms):
    person = await rooms.person()
    ask = rooms.handlers.membership.join
    await ask(person, agreed=[MEMBERSHIP], profile=Profile(nickname="小明"), request_id="tap-1")
    with pytest.raises(KeyReused):
        await ask(person, agreed=[MEMBERSHIP], profile=Profile(nickname="小红"), request_id="tap-1")


async def test_what_people_tell_of_themselves_stands_in_no_stored_answer(rooms):
    person = await rooms.person()
    told = Profile(nickname="小明明", birthday="1990-02-28")
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], profile=told, request_id="tap-1")
    stored = str(await rows("SELECT CAST(result AS TEXT) AS result FROM request"))
    assert "小明明" not in stored
    assert "1990-02-28" not in stored


async def test_a_request_is_recognised_although_its_person_was_merged_meanwhile(rooms):
    chatting = await rooms.person("o-chat", account="oa")
    await rooms.person("o-mini", "u-ming")
    first = await rooms.handlers.membership.join(chatting, agreed=[MEMBERSHIP], request_id="msg:1")
    joined = await rooms.person("o-mini", "u-ming")
    await rooms.handlers.membership.join(joined, agreed=[MEMBERSHIP], request_id="tap")
    survivor = await rooms.person("o-chat", "u-ming", account="oa")
    losers = {chatting.member_id, joined.member_id} - {survivor.member_id}
    assert len(losers) == 1
    for key in ("msg:1", "tap"):
        again = await rooms.handlers.membership.join(survivor, agreed=[MEMBERSHIP], request_id=key)
        assert again.replayed
    assert not first.replayed


async def test_a_phone_code_of_somebody_else_is_refused_even_while_it_is_remembered(rooms):
    code = rooms.wechat.phone_code("13912345670")
    await rooms.handlers.membership.join(await rooms.person("o-a"), agreed=[MEMBERSHIP, PHONE], phone_code=code)
    thief = await rooms.person("o-b")
    with pytest.raises(PhoneCodeRefused):
        await rooms.handlers.membership.join(thief, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert (await Member.get(id=thief.member_id)).joined_at is None


async def test_a_phone_code_still_works_for_the_person_its_first_use_made(rooms):
    """The phone was a till member's who joined long ago: the person goes on as that member, and retries without key."""
    async with atomic():
        proof = Proof(Namespace.PHONE, "86", "13912345670", "till")
        till = await resolve([proof], now=rooms.clock.now(), vault=rooms.vault)
        await Member.filter(id=till.member_id).update(joined_at=rooms.clock.now(), number="1234567897")
    code = rooms.wechat.phone_code("13912345670")
    person = await rooms.person("o-a")
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    now = await rooms.person("o-a")
    assert now.member_id == till.member_id
    again = await rooms.handlers.membership.join(now, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert again.value.member.phone_tail == "5670"


# --- sessions


async def test_logging_out_everywhere_ends_sessions_opened_before_a_merge(rooms):
    old = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mini"))
    await rooms.person("o-chat", "u-ming", account="oa")
    joined = await rooms.person("o-chat", "u-ming", account="oa")
    await rooms.handlers.membership.join(joined, agreed=[MEMBERSHIP])
    survivor = await rooms.person("o-mini", "u-ming")
    assert survivor.member_id != old.person.member_id
    await rooms.handlers.sessions.close_all(survivor)
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(old.token)


async def test_a_login_that_merges_two_people_ends_their_other_sessions(rooms):
    old = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mini"))
    await rooms.person("o-chat", "u-ming", account="oa")
    new = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mini", "u-ming"))
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(old.token)
    assert await rooms.handlers.sessions.who(new.token) == new.person


async def test_a_login_that_merges_nobody_leaves_other_sessions_alone(rooms):
    old = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mini", "u-ming"))
    await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mini", "u-ming"))
    assert await rooms.handlers.sessions.who(old.token) == old.person


async def test_a_session_read_while_it_is_being_closed_is_not_remembered(rooms, monkeypatch):
    await rooms.member("o-ming")
    sessions = rooms.handlers.sessions
    opened = await sessions.open(code=rooms.wechat.login_code("o-ming"))
    store = type(sessions._store)
    find, has_read, go_on = store.find, asyncio.Event(), asyncio.Event()

    async def slow(self, token_hash):
        record = await find(self, token_hash)
        has_read.set()
        await go_on.wait()
        return record

    monkeypatch.setattr(store, "find", slow)
    reading = asyncio.create_task(sessions.who(opened.token))
    await has_read.wait()
    await sessions.close(opened.person, token=opened.token)
    go_on.set()
    await reading
    with pytest.raises(NotSignedIn):
        await sessions.who(opened.token)


# --- following


async def test_scanning_later_changes_neither_since_when_somebody_follows_nor_what_brought_them(rooms):
    oa = await rooms.handlers.accounts.get("oa")
    person = await rooms.person("o-chat", account="oa")
    since = rooms.clock.now()
    await rooms.handlers.following.follow(person, oa)
    rooms.clock.advance(timedelta(days=400))
    await rooms.handlers.following.scan(person, oa)
    assert (await Follower.get()).followed_at == since
    await rooms.handlers.following.follow(person, oa, scene="promoter_9")
    assert (await Follower.get()).followed_at == since
    assert await Attribution.all().count() == 0


async def test_coming_back_by_somebodys_code_is_not_being_brought_by_them(rooms):
    oa = await rooms.handlers.accounts.get("oa")
    person = await rooms.person("o-chat", account="oa")
    await rooms.handlers.following.follow(person, oa)
    await rooms.handlers.following.unfollow(person, oa)
    rooms.clock.advance(timedelta(days=1))
    back = await rooms.handlers.following.follow(person, oa, scene="promoter_9")
    assert not back.is_first
    follower = await Follower.get()
    assert (follower.followed_at, follower.unfollowed_at) == (rooms.clock.now(), None)
    assert await Attribution.all().count() == 0


async def test_accounts_and_the_root_made_by_many_starting_processes_at_once_are_made_once(rooms):
    draft = AccountDraft(key="new", kind=AccountKind.MINI_PROGRAM, app_id="wx-new", secret="s", token="tok")
    await asyncio.gather(*(rooms.handlers.accounts.keep(draft) for _ in range(6)))
    assert await Account.filter(key="new").count() == 1
    for table in (Account, CardKind, Programme, Organization):
        await table.all().delete()
    await asyncio.gather(*(ensure_root("江南书店") for _ in range(6)))
    assert await Organization.all().count() == 1


async def test_somebody_wechat_does_not_show_as_a_follower_yet_is_asked_for_again(rooms):
    """user/info may lag behind the push; without its unionid the two channels would never be joined."""
    joined = await rooms.member("o-mini", "u-ming")
    oa = await rooms.handlers.accounts.get("oa")
    known = rooms.wechat.follower

    async def not_yet(_app, _openid):
        return FollowerInfo(is_following=False, unionid=None)

    rooms.wechat.follower = not_yet
    await rooms.handlers.following.recognise(oa, "o-chat")
    rooms.wechat.follower, rooms.wechat.unionids["o-chat"] = known, "u-ming"
    job = await Job.get(kind="learn_unionid")
    await rooms.handlers.notices.learn_unionid(**job.payload)
    assert (await rooms.handlers.following.recognise(oa, "o-chat")).member_id == joined.member_id


async def test_coming_back_asks_again_for_a_unionid_that_was_not_there(rooms):
    """The account may have been joined to the open platform since."""
    oa = await rooms.handlers.accounts.get("oa")
    person = await rooms.handlers.following.recognise(oa, "o-chat")
    await rooms.handlers.following.follow(person, oa)
    assert not await Job.exclude(kind="recognise_kind").exists()
    await rooms.handlers.following.unfollow(person, oa)
    rooms.clock.advance(timedelta(days=1))
    await rooms.handlers.following.follow(person, oa)
    assert await Job.filter(kind="learn_unionid").count() == 1


async def test_coming_back_asks_nothing_of_wechat_when_the_unionid_is_known(rooms):
    oa = await rooms.handlers.accounts.get("oa")
    rooms.wechat.unionids["o-chat"] = "u-ming"
    person = await rooms.handlers.following.recognise(oa, "o-chat")
    for _ in range(2):
        await rooms.handlers.following.follow(person, oa)
        await rooms.handlers.following.unfollow(person, oa)
    assert not await Job.exclude(kind="recognise_kind").exists()


async def test_people_are_recognised_although_the_database_gave_up_on_a_deadlock(rooms, monkeypatch):
    left = [2]
    create = identity._create

    async def unlucky(now):
        if left[0]:
            left[0] -= 1
            raise SerializationConflict("deadlock detected")
        return await create(now)

    monkeypatch.setattr(identity, "_create", unlucky)
    oa = await rooms.handlers.accounts.get("oa")
    await rooms.handlers.following.recognise(oa, "o-chat")
    assert await Member.all().count() == 1


async def test_a_frozen_followers_unionid_is_learnt_without_a_dead_job(rooms):
    oa = await rooms.handlers.accounts.get("oa")
    rooms.wechat.trouble = WeChatRetryLater(-1, "busy")
    person = await rooms.handlers.following.recognise(oa, "o-chat")
    await freeze(person)
    rooms.wechat.trouble, rooms.wechat.unionids["o-chat"] = None, "u-ming"
    job = await Job.get(kind="learn_unionid")
    await rooms.handlers.notices.learn_unionid(**job.payload)
    assert await Identifier.filter(namespace=Namespace.WX_UNIONID).count() == 1


# --- at the same time


async def test_merging_freezing_following_consenting_and_changing_at_once_leaves_nothing_with_the_absorbed(rooms):
    oa = await rooms.handlers.accounts.get("oa")
    for turn in range(6):
        chatting = await rooms.person(f"o-chat-{turn}", account="oa")
        mini = await rooms.member(f"o-mini-{turn}", f"u-{turn}")
        await asyncio.gather(
            rooms.person(f"o-chat-{turn}", f"u-{turn}", account="oa"),
            rooms.handlers.following.follow(chatting, oa, scene=f"s{turn}"),
            rooms.handlers.membership.join(chatting, agreed=[MEMBERSHIP]),
            rooms.handlers.membership.change_profile(mini, changes={"nickname": "小明"}),
            rooms.handlers.consents.give(mini, agreed=MARKETING),
        )
    assert await Member.filter(canonical_id=None).count() == 6
    merged_ids = list(await Member.filter(status=MemberStatus.MERGED).values_list("id", flat=True))
    assert len(merged_ids) == 6
    for table in (Follower, Attribution):
        assert await table.filter(member_id__in=merged_ids).count() == 0
        assert await table.all().count() == 6
    assert await Identifier.filter(member_id__in=merged_ids, status=IdentifierStatus.ACTIVE).count() == 0
    assert await Consent.filter(purpose=ConsentPurpose.MARKETING, member_id__in=merged_ids).count() == 0


async def test_outdated_and_current_texts_at_once_leave_one_open_consent(rooms):
    person = await rooms.member()
    await Consent.filter(member_id=person.member_id).update(version="2020-01")
    agreed = Agreed(ConsentPurpose.MEMBERSHIP, MEMBERSHIP.version)
    changes = await asyncio.gather(*(rooms.handlers.consents.give(person, agreed=agreed) for _ in range(10)))
    assert sum(change.value.changed for change in changes) == 1
    assert await Consent.filter(withdrawn_at=None).count() == 1
