"""The platform repeats, delays, forges, forgets and fails; the person sees one answer, and one thing happens."""

from datetime import timedelta

import pytest

from handlers.accounts.accounts import AccountDraft
from models.database import rows
from models.identity import Follower, Identifier, IdentityEvent, Member
from models.outbox import Job
from models.requests import Request
from models.words import AccountKind, Namespace
from simulator import Account, Kind, Mode, Tampering
from tests.stories.conftest import ANSWER_WITHIN


async def a_member(town, name="小明"):
    person = town.person(name)
    await person.follow(town.oa)
    await person.say(town.oa, "入会")
    await person.say(town.oa, "同意")
    return person


@pytest.mark.parametrize("parallel", [False, True])
async def test_every_delivery_of_one_push_gets_the_same_bytes_and_it_happens_once(town, parallel):
    ming = town.person()
    await ming.follow(town.oa)
    await ming.say(town.oa, "入会")
    town.platform.pusher.switches.once(Tampering(duplicates=2, parallel=parallel))
    push = await ming.say(town.oa, "同意")
    answers = {delivery.body for delivery in push.deliveries}
    assert len(push.deliveries) == 3
    assert len(answers) == 1
    assert "入会成功" in push.text
    assert await Request.all().count() == 1


async def test_a_lost_answer_is_given_again_to_the_next_delivery(town):
    ming = await a_member(town)
    town.platform.pusher.switches.once(Tampering(lost_answers=2))
    push = await ming.say(town.oa, "我的")
    assert "会员号" in push.text
    assert len(push.deliveries) == 3


async def test_an_answer_that_takes_too_long_follows_as_a_message(town):
    ming = town.person()
    town.platform.faults.hang_after_doing("/cgi-bin/user/info", ANSWER_WITHIN + 0.5)
    push = await ming.follow(town.oa)
    assert push.reply is None
    assert not push.is_fault_shown
    assert await town.work_to_come() == 1
    assert "欢迎来到江南书店" in ming.chat(town.oa).texts()[-1]


@pytest.mark.parametrize(
    "tampering",
    [
        Tampering(wrong_signature=True),
        Tampering(stale_seconds=301),
        Tampering(wrong_app_id=True),
        Tampering(truncated=True),
        Tampering(mode=Mode.PLAIN),
    ],
    ids=["signature", "stale", "app", "truncated", "plain"],
)
async def test_what_is_not_the_platforms_is_refused_and_changes_nothing(town, tampering):
    ming = town.person()
    town.platform.pusher.switches.always(tampering)
    push = await ming.follow(town.oa)
    assert push.taken is None
    assert {delivery.status for delivery in push.deliveries} <= {400, 403}
    assert all(not delivery.body for delivery in push.deliveries)
    assert await Member.all().count() == 0
    assert not await Job.exclude(kind="recognise_kind").exists()


async def test_a_replayed_push_is_answered_from_memory_and_does_nothing(town):
    ming = await a_member(town)
    await ming.unfollow(town.oa)
    follow = next(push for push in town.platform.pusher.history if push.fields.get("Event") == "subscribe")
    again = await town.platform.pusher.replay(follow)
    assert again.taken is not None
    assert (await Follower.get()).unfollowed_at is not None


async def test_the_previous_key_still_opens_pushes_while_keys_are_rotated(town):
    draft = AccountDraft(
        key="oa",
        kind=AccountKind.OFFICIAL_ACCOUNT,
        app_id=town.oa.app_id,
        secret=town.oa.secret,
        token=town.oa.token,
        aes_key="Xk3PEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
        previous_aes_key=town.oa.aes_key,
        original_id=town.oa.original_id,
        brand_name="江南书店",
    )
    await town.house.handlers.accounts.keep(draft)
    assert "欢迎" in (await town.person().follow(town.oa)).text


async def test_an_account_added_later_answers_at_once_with_its_own_name(town):
    second = Account(
        kind=Kind.OFFICIAL_ACCOUNT,
        name="suzhou",
        app_id="wx0123456789abcdef",
        secret="5d2e8f604b1a6c9d8e7f2a353f1c9a7b",
        token="SuzhouAccount1",
        original_id="gh_112233445566",
        mode=Mode.PLAIN,
    )
    town.platform.add(second)
    await town.house.handlers.accounts.keep(
        AccountDraft(
            key="suzhou",
            kind=AccountKind.OFFICIAL_ACCOUNT,
            app_id=second.app_id,
            secret=second.secret,
            token=second.token,
            original_id=second.original_id,
            brand_name="江南书店苏州店",
        )
    )
    ming = await a_member(town)
    assert "苏州店" not in ming.chat(town.oa).texts()[0]
    assert "欢迎来到江南书店苏州店" in (await ming.follow(second)).text
    assert await Member.all().count() == 1


# --- interfaces that fail


async def test_a_token_that_dies_in_mid_flight_is_replaced_once_and_nobody_notices(town):
    await town.person("小红").follow(town.oa)
    town.platform.tokens.expire_all()
    before = town.platform.call_counts["/cgi-bin/user/info"]
    assert "欢迎" in (await town.person().follow(town.oa)).text
    assert town.platform.call_counts["/cgi-bin/user/info"] == before + 2


@pytest.mark.parametrize("errcode", [45009, -1])
async def test_when_wechat_cannot_say_who_it_is_they_are_known_by_openid_and_joined_up_later(town, errcode):
    ming = town.person()
    joined = await ming.open_mini_program(town.mp).join(with_phone=False)
    town.platform.faults.fail("/cgi-bin/user/info", errcode)
    assert "欢迎来到" in (await ming.follow(town.oa)).text
    assert await Member.filter(canonical_id=None).count() == 2
    assert await town.work() == 1
    assert await Member.filter(canonical_id=None).count() == 1
    assert joined.fact("member")["number"] in (await ming.say(town.oa, "我的")).text


async def test_a_login_whose_answer_was_lost_is_told_to_try_again(town):
    ming = town.person()
    town.platform.faults.http_status("/sns/jscode2session", 504)
    screen = ming.open_mini_program(town.mp)
    refused = await screen.login()
    assert (refused.status, refused.fact("code")) == (503, "wechat.unavailable")
    assert (await screen.login()).status == 201


async def test_a_person_at_risk_is_refused_politely(town):
    ming = town.person()
    ming.is_risky = True
    refused = await ming.open_mini_program(town.mp).login()
    assert (refused.status, refused.fact("code")) == (403, "session.blocked")
    assert await Member.all().count() == 0


async def test_a_code_works_once_and_not_in_another_account(town):
    ming = town.person(phone="13912345670")
    screen = ming.open_mini_program(town.mp)
    code = screen.login_code()
    first = await screen.call("POST", "/sessions", {"code": code})
    again = await screen.call("POST", "/sessions", {"code": code})
    assert (first.status, again.status) == (201, 201)
    assert first.fact("token") != again.fact("token")
    screen.token = first.fact("token")
    expired = screen.phone_code()
    town.platform.clock.advance(301)
    body = {"consents": await consents(screen, "membership", "phone"), "phone_code": expired}
    refused = await screen.call("POST", "/members", body)
    assert (refused.status, refused.fact("code")) == (422, "phone.code_refused")
    assert (await screen.me()).fact("joined_at") is None


async def consents(screen, *purposes):
    terms = (await screen.call("GET", "/consents")).fact("items")
    return [{"purpose": term["purpose"], "version": term["version"]} for term in terms if term["purpose"] in purposes]


async def test_the_older_way_of_giving_a_phone_works_too(town):
    hong = town.person("小红", phone="13912345670")
    screen = hong.open_mini_program(town.mp)
    await screen.login()
    body = {"consents": await consents(screen, "membership", "phone"), "encrypted_phone": screen.encrypted_phone()}
    joined = await screen.call("POST", "/members", body)
    assert (joined.status, joined.fact("phone_status")) == (201, "attached")


async def test_a_phone_of_another_person_stays_there_and_joining_goes_on(town):
    first, second = town.person("小红", phone="13912345670"), town.person("小明", phone="13912345670")
    assert (await first.open_mini_program(town.mp).join(with_phone=True)).fact("phone_status") == "attached"
    joined = await second.open_mini_program(town.mp).join(with_phone=True)
    assert (joined.status, joined.fact("phone_status")) == (201, "elsewhere")
    assert await IdentityEvent.filter(act="conflict", namespace=Namespace.PHONE).count() == 1


# --- what may be lost


async def test_redis_flushed_in_the_middle_of_a_dialogue_is_a_polite_restart(town):
    ming = town.person()
    await ming.follow(town.oa)
    await ming.say(town.oa, "入会")
    await town.house.redis.run(("FLUSHALL",))
    assert "没有改动任何内容" in (await ming.say(town.oa, "同意")).text
    assert (await Member.get()).joined_at is None
    await ming.say(town.oa, "入会")
    assert "入会成功" in (await ming.say(town.oa, "同意")).text


async def test_redis_flushed_at_any_moment_loses_nothing_of_value(town):
    ming = await a_member(town)
    screen = ming.open_mini_program(town.mp)
    await screen.login()
    number = screen.member["number"]
    await town.house.redis.run(("FLUSHALL",))
    assert number in (await ming.say(town.oa, "我的")).text
    await screen.login()
    assert screen.member["number"] == number
    assert await Identifier.filter(namespace=Namespace.WX_OPENID).count() == 2


async def test_a_message_that_cannot_be_delivered_ends_quietly(town):
    ming = await a_member(town)
    person = await town.house.handlers.identity.find("oa", town.oa.app_id, ming.openid(town.oa), through="chat")
    town.platform.clock.advance(timedelta(hours=49).total_seconds())
    await town.house.handlers.notices.answer_late(person, text="您好", key="test")
    await town.work()
    job = await Job.get(key="late:test")
    assert job.state == "done"
    assert "45015" in job.last_error


async def test_nothing_personal_stands_in_the_database_in_the_clear(town):
    hong = town.person("小红", phone="13912345670")
    await hong.open_mini_program(town.mp).join(with_phone=True)
    await hong.follow(town.oa)
    await town.house.handlers.notices.answer_late(
        await town.house.handlers.identity.find("oa", town.oa.app_id, hong.openid(town.oa), through="chat"),
        text="您好",
        key="x",
    )
    everything = [
        str(await rows(f"SELECT * FROM {table}"))
        for table in ("member", "identifier", "identity_event", "job", "request", "follower", "consent", "account")
    ]
    for secret in (hong.openid(town.oa), hong.openid(town.mp), "13912345670", town.oa.secret, town.oa.aes_key):
        assert not any(secret in table for table in everything)
