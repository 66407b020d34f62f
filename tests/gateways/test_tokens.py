import asyncio
from datetime import timedelta

import pytest

from handlers.ports import WeChatApp, WeChatGaveUp, WeChatOutcomeUnknown, WeChatRetryLater
from tests.gateways.platform import TOKEN_PATH, only_token

USER_INFO = "/cgi-bin/user/info"
FOLLOWER = {"subscribe": 1, "openid": "o", "unionid": "u"}
REFUSED = {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"}


async def test_fifty_cold_calls_fetch_one_token(wechat, platform, app):
    platform.token_delay = 0.05
    platform.on(USER_INFO, FOLLOWER)
    await asyncio.gather(*(wechat.follower(app, f"o{n}") for n in range(50)))
    assert platform.count(TOKEN_PATH) == 1
    assert platform.count(USER_INFO) == 50


async def test_cold_calls_of_several_processes_fetch_one_token(wechat_of, processes, platform, app):
    platform.token_delay = 0.05
    platform.on(USER_INFO, FOLLOWER)
    apis = [wechat_of(processes()) for _ in range(3)]
    await asyncio.gather(*(api.follower(app, f"o{n}") for n in range(20) for api in apis))
    assert platform.count(TOKEN_PATH) == 1
    assert {asked.query["access_token"] for asked in platform.asked if asked.path == USER_INFO} == {"TOKEN-1"}


async def test_processes_without_common_redis_fetch_one_token_each(wechat_of, mortal_redis, mortal, platform, app):
    """The control of the test above: it is the shared lease that makes it one."""
    mortal_redis.kill()
    platform.token_delay = 0.05
    apis = [wechat_of(mortal()) for _ in range(3)]
    await asyncio.gather(*(api.follower(app, f"o{n}") for n in range(5) for api in apis))
    assert platform.count(TOKEN_PATH) == 3


async def test_a_platform_that_keeps_refusing_new_tokens_gets_two_calls(wechat, platform, app):
    platform.on(USER_INFO, REFUSED)
    with pytest.raises(WeChatGaveUp) as caught:
        await wechat.follower(app, "o")
    assert caught.value.errcode == 40001
    assert platform.count(USER_INFO) == 2
    assert platform.count(TOKEN_PATH) == 2


async def test_the_same_token_again_is_not_tried_again(wechat, platform, app):
    platform.on(TOKEN_PATH, {"access_token": "STABLE", "expires_in": 7200})
    platform.on(USER_INFO, REFUSED)
    with pytest.raises(WeChatGaveUp):
        await wechat.follower(app, "o")
    assert platform.count(USER_INFO) == 1
    assert platform.count(TOKEN_PATH) == 2
    assert all("force_refresh" not in asked.body for asked in platform.asked if asked.path == TOKEN_PATH)


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_token_that_expires_in_mid_flight_is_replaced_once(wechat, platform, app, errcode):
    platform.on(USER_INFO, FOLLOWER)
    await wechat.follower(app, "o")
    platform.on(USER_INFO, {"errcode": errcode, "errmsg": "access_token expired"}, FOLLOWER)
    assert (await wechat.follower(app, "o")).is_following
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-2"
    assert platform.count(TOKEN_PATH) == 2


async def test_fifty_calls_refused_at_once_fetch_one_new_token(wechat, platform, app):
    platform.on(USER_INFO, FOLLOWER)
    await wechat.follower(app, "o")
    platform.token_delay = 0.05
    platform.on(USER_INFO, only_token(platform, lambda: "TOKEN-2", FOLLOWER))
    await asyncio.gather(*(wechat.follower(app, f"o{n}") for n in range(50)))
    assert platform.count(TOKEN_PATH) == 2


async def test_a_token_that_another_process_has_replaced_is_taken_from_it(wechat_of, processes, platform, app):
    platform.on(USER_INFO, FOLLOWER)
    here, there = wechat_of(processes()), wechat_of(processes())
    await here.follower(app, "o")
    await there.follower(app, "o")
    platform.on(USER_INFO, only_token(platform, lambda: "TOKEN-2", FOLLOWER))
    await here.follower(app, "o")
    await there.follower(app, "o")
    assert platform.count(TOKEN_PATH) == 2


async def test_a_token_is_renewed_before_its_end_without_making_anyone_wait(wechat, platform, app, clock):
    platform.on(USER_INFO, FOLLOWER)
    await wechat.follower(app, "o")
    clock.advance(timedelta(seconds=7200 - 299))
    platform.token_delay = 0.1
    await wechat.follower(app, "o")
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-1"
    for _ in range(500):
        await asyncio.sleep(0.02)
        await wechat.follower(app, "o")
        if platform.last(USER_INFO).query["access_token"] == "TOKEN-2":
            break
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-2"
    assert platform.count(TOKEN_PATH) == 2


async def test_a_token_past_its_end_is_never_used(wechat, platform, app, clock):
    platform.on(USER_INFO, FOLLOWER)
    await wechat.follower(app, "o")
    clock.advance(timedelta(seconds=7201))
    await wechat.follower(app, "o")
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-2"


async def test_a_token_lent_shortly_before_its_rotation_is_kept_for_a_while(wechat, platform, app, clock):
    platform.expires_in = 300
    for _ in range(5):
        await wechat.follower(app, "o")
        clock.advance(timedelta(seconds=5))
    assert platform.count(TOKEN_PATH) == 1


async def test_a_failed_renewal_leaves_the_old_token_in_use(wechat, platform, app, clock):
    await wechat.follower(app, "o")
    clock.advance(timedelta(seconds=7000))
    platform.on(TOKEN_PATH, {"errcode": -1, "errmsg": "system error"})
    for _ in range(3):
        await wechat.follower(app, "o")
        await asyncio.sleep(0.02)
    async with asyncio.timeout(20):  # it is fetched beside the calls
        while platform.count(TOKEN_PATH) < 2:  # noqa: ASYNC110 - the pretend platform tells nobody
            await asyncio.sleep(0.02)
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-1"


async def test_a_platform_that_cannot_lend_is_not_asked_by_every_call(wechat, platform, app, clock):
    platform.on(TOKEN_PATH, {"errcode": 45009, "errmsg": "reach max api daily quota limit"})
    for _ in range(20):
        with pytest.raises(WeChatRetryLater) as caught:
            await wechat.follower(app, "o")
        assert (caught.value.errcode, caught.value.retry_after) == (45009, 3600.0)
    assert platform.count(TOKEN_PATH) == 1
    platform.answers.clear()
    clock.advance(timedelta(seconds=2))
    assert (await wechat.follower(app, "o")).is_following


async def test_accounts_have_tokens_of_their_own(wechat, platform, app):
    other = WeChatApp("wx00000000000000ff", "other")
    await wechat.follower(app, "o")
    await wechat.follower(other, "o")
    assert [asked.body["appid"] for asked in platform.asked if asked.path == TOKEN_PATH] == [app.app_id, other.app_id]
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-2"


async def test_a_wiped_redis_costs_at_most_one_fetch(wechat_of, processes, connect, platform, app):
    here, there = wechat_of(processes()), wechat_of(processes())
    await here.follower(app, "o")
    await connect().flushall()
    await here.follower(app, "o")
    assert platform.count(TOKEN_PATH) == 1
    await there.follower(app, "o")
    assert platform.count(TOKEN_PATH) == 2


async def test_without_redis_a_process_goes_by_its_own_memory(wechat_of, mortal_redis, mortal, platform, app, clock):
    api = wechat_of(mortal())
    await api.follower(app, "o")
    mortal_redis.kill()
    clock.advance(timedelta(seconds=600))
    await asyncio.gather(*(api.follower(app, "o") for _ in range(20)))
    assert platform.count(TOKEN_PATH) == 1


async def test_a_refusal_for_good_is_not_asked_again_at_once_unless_the_secret_changes(wechat, platform, app, clock):
    platform.on(TOKEN_PATH, {"errcode": 40164, "errmsg": "invalid ip 1.2.3.4, not in whitelist rid: 1"})
    for _ in range(5):
        with pytest.raises(WeChatGaveUp) as caught:
            await wechat.follower(app, "o")
        assert caught.value.errcode == 40164
    assert platform.count(TOKEN_PATH) == 1
    clock.advance(timedelta(seconds=11))
    with pytest.raises(WeChatGaveUp):
        await wechat.follower(app, "o")
    assert platform.count(TOKEN_PATH) == 2
    with pytest.raises(WeChatGaveUp):
        await wechat.follower(WeChatApp(app.app_id, "a new secret"), "o")
    assert platform.count(TOKEN_PATH) == 3


@pytest.mark.parametrize("answer", [{"access_token": "T"}, {"expires_in": 7200}, {"access_token": "", "expires_in": 1}])
async def test_a_token_answer_without_its_parts_is_an_unknown_outcome(wechat, platform, app, answer):
    platform.on(TOKEN_PATH, answer)
    with pytest.raises(WeChatOutcomeUnknown):
        await wechat.follower(app, "o")


async def test_all_who_wait_for_a_failing_fetch_get_its_error(wechat, platform, app):
    platform.on(TOKEN_PATH, {"errcode": -1, "errmsg": "system error"})
    outcomes = await asyncio.gather(*(wechat.follower(app, "o") for _ in range(10)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {WeChatRetryLater}
    assert platform.count(TOKEN_PATH) == 1


async def test_a_caller_that_goes_away_does_not_stop_the_fetch_for_others(wechat, platform, app):
    platform.token_delay = 0.1
    first = asyncio.create_task(wechat.follower(app, "o"))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(wechat.follower(app, "o"))
    first.cancel()
    await second
    assert first.cancelled() or first.cancelling()
    assert platform.count(TOKEN_PATH) == 1


async def test_a_process_that_died_while_fetching_blocks_the_others_for_its_lease_only(wechat, platform, app, connect):
    await connect().set(f"fanpiao:wechat:token:{app.app_id}:lock", "a dead process", px=300)
    await wechat.follower(app, "o")
    assert platform.count(TOKEN_PATH) == 1


async def test_the_stored_token_is_encrypted_and_bound_to_its_account(
    wechat, wechat_of, processes, platform, app, connect
):
    await wechat.follower(app, "o")
    redis = connect()
    key = f"fanpiao:wechat:token:{app.app_id}"
    stored = await redis.get(key)
    assert b"TOKEN-1" not in stored
    other = WeChatApp("wx00000000000000ff", "other")
    await redis.set(f"fanpiao:wechat:token:{other.app_id}", stored, ex=60)
    await wechat_of(processes()).follower(other, "o")
    assert platform.last(USER_INFO).query["access_token"] == "TOKEN-2"


async def test_js_tickets_are_fetched_once_for_all_processes(wechat_of, processes, platform, app, clock):
    path = "/cgi-bin/ticket/getticket"
    platform.on(path, {"errcode": 0, "errmsg": "ok", "ticket": "TICKET", "expires_in": 7200})
    apis = [wechat_of(processes()) for _ in range(2)]
    tickets = await asyncio.gather(*(api.js_ticket(app) for api in apis for _ in range(10)))
    assert set(tickets) == {"TICKET"}
    assert platform.count(path) == 1
    assert platform.last(path).query["type"] == "jsapi"
    clock.advance(timedelta(seconds=7201))
    await apis[0].js_ticket(app)
    assert platform.count(path) == 2
