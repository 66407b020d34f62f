import pytest

from simulator.errors import WeChatError
from simulator.tokens import TokenDesk


@pytest.fixture
def desk(clock):
    return TokenDesk(clock)


def refusal(desk, token):
    with pytest.raises(WeChatError) as caught:
        desk.owner(token)
    return caught.value.errcode


def test_the_stable_endpoint_gives_the_same_token_until_five_minutes_before_its_end(desk, clock):
    first, seconds = desk.stable("wx1")
    assert seconds == 7200
    clock.advance(6800)
    assert desk.stable("wx1") == (first, 400)
    clock.advance(150)
    second, seconds = desk.stable("wx1")
    assert second != first
    assert seconds == 7200
    assert desk.owner(first) == desk.owner(second) == "wx1"
    clock.advance(250)
    assert refusal(desk, first) == 42001


def test_the_plain_endpoint_gives_a_new_token_and_the_old_one_lives_five_minutes(desk, clock):
    first, _ = desk.plain("wx1")
    second, _ = desk.plain("wx1")
    assert first != second
    clock.advance(299)
    assert desk.owner(first) == "wx1"
    clock.advance(1)
    assert refusal(desk, first) == 42001
    assert desk.owner(second) == "wx1"


def test_the_two_endpoints_do_not_disturb_each_other(desk, clock):
    stable, _ = desk.stable("wx1")
    desk.plain("wx1")
    desk.plain("wx1")
    clock.advance(3600)
    assert desk.stable("wx1")[0] == stable
    assert desk.owner(stable) == "wx1"


def test_force_refresh_is_rationed(desk, clock):
    first, _ = desk.stable("wx1", force_refresh=True)
    with pytest.raises(WeChatError):
        desk.stable("wx1", force_refresh=True)
    for _ in range(19):
        clock.advance(30)
        desk.stable("wx1", force_refresh=True)
    clock.advance(30)
    with pytest.raises(WeChatError) as caught:
        desk.stable("wx1", force_refresh=True)
    assert caught.value.errcode == 45009
    assert refusal(desk, first) == 40001


def test_wrong_tokens_are_told_apart(desk):
    token, _ = desk.stable("wx1")
    assert refusal(desk, "") == 41001
    assert refusal(desk, "short") == 40014
    assert refusal(desk, "A" * 136) == 40001
    desk.expire_all()
    assert refusal(desk, token) == 42001
    desk.revoke_all()
    assert refusal(desk, token) == 40001
    assert desk.stable("wx1")[0] != token


async def test_bad_credentials_are_refused(wechat, oa):
    async def errcode(**query):
        answer = await wechat.get("/cgi-bin/token", params=query)
        return (await answer.json())["errcode"]

    assert await errcode(grant_type="x") == 40002
    assert await errcode(grant_type="client_credential") == 41002
    assert await errcode(grant_type="client_credential", appid=oa.app_id) == 41004
    assert await errcode(grant_type="client_credential", appid="wx9", secret="x") == 40013
    assert await errcode(grant_type="client_credential", appid=oa.app_id, secret="x") == 40125


async def test_both_endpoints_answer_over_http_and_are_counted(wechat, platform, oa):
    query = {"grant_type": "client_credential", "appid": oa.app_id, "secret": oa.secret}
    plain = await (await wechat.get("/cgi-bin/token", params=query)).json()
    stable = await (await wechat.post("/cgi-bin/stable_token", json=query)).json()
    assert plain.keys() == stable.keys() == {"access_token", "expires_in"}
    assert platform.tokens.owner(plain["access_token"]) == oa.app_id
    assert platform.call_counts == {"/cgi-bin/token": 1, "/cgi-bin/stable_token": 1}
