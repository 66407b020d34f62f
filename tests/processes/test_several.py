"""Two web processes and one worker, as in production: whichever process is asked, there is one installation."""

import asyncio
import time

import aiohttp
import pytest

from simulator import Tampering
from simulator.envelopes import seal
from simulator.identifiers import message_id
from simulator.verdicts import judge
from tests.processes import stored
from tests.servers import free_port


@pytest.fixture
async def pair(site):
    if site.is_sqlite:
        pytest.skip("SQLite is served by one process")
    first, second = await site.start("serve"), await site.start("serve", port=free_port())
    await first.said("服务已启动")
    await second.said("服务已启动")
    return first, second


def a_push(site, person, text):
    """A text message as it is told and as it travels."""
    fields = {
        "ToUserName": site.oa.original_id,
        "FromUserName": person.openid(site.oa),
        "CreateTime": int(time.time()),
        "MsgType": "text",
        "Content": text,
        "MsgId": message_id(),
    }
    return fields, seal(site.oa, fields, time.time(), Tampering())


async def deliver(server, site, envelope):
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{server.url}/wechat/{site.oa.name}",
            params=envelope.query,
            data=envelope.body,
            headers={"Content-Type": envelope.content_type},
        ) as answer,
    ):
        return answer.status, await answer.read()


async def call(server, screen, method, path, **facts):
    headers = {"Authorization": f"Bearer {screen.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{server.url}/api/v1{path}", headers=headers, **facts) as answer,
    ):
        return answer.status


async def test_one_push_delivered_to_both_at_once_happens_once_and_is_answered_alike(site, pair):
    people = [site.platform.person(f"p{number}") for number in range(10)]
    for person in people:
        await person.follow(site.oa)
        await person.say(site.oa, "入会")
    for person in people:
        fields, envelope = a_push(site, person, "同意")
        answers = await asyncio.gather(*(deliver(server, site, envelope) for server in pair for _ in range(2)))
        assert len(set(answers)) == 1
        verdict = judge(site.oa, fields, *answers[0])
        assert verdict.reply is not None
        assert "入会成功" in verdict.reply.text
    assert await stored.number(site.database_url, "SELECT count(*) FROM request") == len(people)
    assert await stored.number(site.database_url, "SELECT count(*) FROM consent") == len(people)


async def test_joins_of_one_person_at_both_make_one_member(site, pair):
    screens = [site.platform.person().open_mini_program(site.mp) for _ in range(10)]
    for screen in screens:
        await screen.login()
        terms = await screen.call("GET", "/consents")
        body = {"consents": [{"purpose": "membership", "version": terms.fact("items")[0]["version"]}]}
        statuses = await asyncio.gather(
            *(call(server, screen, "POST", "/members", json=body) for server in pair for _ in range(3))
        )
        assert sorted(statuses) == [200] * 5 + [201]
    assert await stored.number(site.database_url, "SELECT count(*) FROM member WHERE joined_at IS NOT NULL") == 10
    assert await stored.number(site.database_url, "SELECT count(*) FROM consent") == 10


async def test_a_session_of_one_is_known_at_the_other_and_ends_at_both(site, pair):
    first, second = pair
    screen = site.platform.person().open_mini_program(site.mp)
    await screen.join(with_phone=False)
    assert await call(second, screen, "GET", "/me") == 200
    assert await call(second, screen, "GET", "/me") == 200  # from the second one's own memory
    assert await call(first, screen, "DELETE", "/sessions/current") == 204
    assert await call(first, screen, "GET", "/me") == 401
    since = time.monotonic()
    while await call(second, screen, "GET", "/me") != 401:
        assert time.monotonic() - since < 30  # a second, on a machine that does nothing else
        await asyncio.sleep(0.02)


async def test_a_dialogue_begun_at_one_goes_on_at_the_other(site, pair):
    _, second = pair
    person = site.platform.person()
    await person.follow(site.oa)
    await person.say(site.oa, "入会")
    fields, envelope = a_push(site, person, "同意")
    verdict = judge(site.oa, fields, *await deliver(second, site, envelope))
    assert "入会成功" in verdict.reply.text


async def test_a_token_is_fetched_once_for_all(site, pair):
    people = [site.platform.person(f"p{number}") for number in range(12)]
    pushes = [a_push(site, person, "菜单")[1] for person in people]  # each makes the server ask who this is
    await asyncio.gather(*(deliver(pair[number % 2], site, push) for number, push in enumerate(pushes)))
    assert site.platform.call_counts["/cgi-bin/user/info"] == len(people)
    assert site.platform.call_counts["/cgi-bin/stable_token"] == 1


async def test_a_late_answer_is_sent_by_the_separate_worker(site, pair):
    person = site.platform.person()
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 4.5)
    push = await person.follow(site.oa)
    assert push.reply is None
    assert not push.is_fault_shown
    await asyncio.sleep(1.5)
    assert site.platform.call_counts["/cgi-bin/message/custom/send"] == 0  # nobody does jobs yet
    await site.work()
    await until_said(person, site, "欢迎来到江南书店")
    # And one that is told of new work does not wait for its own next look.
    site.platform.faults.hang_after_doing("/cgi-bin/user/info", 4.5)
    other = site.platform.person("小红")
    await other.follow(site.oa)
    await until_said(other, site, "欢迎来到江南书店")
    assert site.platform.call_counts["/cgi-bin/message/custom/send"] == 2


async def until_said(person, site, words, *, within=30):
    since = time.monotonic()
    while words not in "".join(person.chat(site.oa).texts()):
        assert time.monotonic() - since < within
        await asyncio.sleep(0.02)


async def test_a_worker_hears_of_new_work_at_once(site, pair):
    """This worker looks once an hour: it does nothing unless it is told."""
    await site.work(planted="from app import worker; worker.POLL = 3600.0", is_fresh=True)
    asked = "/cgi-bin/user/info"
    for number in range(8):
        person = site.platform.person(f"p{number}")
        site.platform.faults.fail(asked, 45009)  # so that a job has to ask again
        before = site.platform.call_counts[asked]
        await person.follow(site.oa)
        since = time.monotonic()
        while site.platform.call_counts[asked] < before + 2:
            assert time.monotonic() - since < 20
            await asyncio.sleep(0.005)
