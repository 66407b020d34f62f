import orjson
import pytest
from aiohttp import web

from simulator import ImpossibleError
from simulator.crypto import decrypt_data, session_signature


@pytest.fixture
def exchange(wechat, mp):
    """jscode2session as an account; gives the JSON."""

    async def exchange(code, account=None, **changes):
        account = account or mp
        query = {"appid": account.app_id, "secret": account.secret, "js_code": code}
        answer = await wechat.get(
            "/sns/jscode2session", params={**query, "grant_type": "authorization_code", **changes}
        )
        return await answer.json()

    return exchange


async def test_a_login_code_works_once(person, mp, exchange):
    code = person.open_mini_program(mp).login_code()
    answer = await exchange(code)
    assert answer.keys() == {"openid", "unionid", "session_key"}
    assert answer["openid"] == person.openid(mp)
    assert (await exchange(code))["errcode"] == 40163


async def test_a_login_code_expires_after_five_minutes(person, mp, exchange, clock):
    code = person.open_mini_program(mp).login_code()
    clock.advance(300)
    assert (await exchange(code))["errcode"] == 40029


async def test_wrong_login_codes_are_refused(person, mp, lonely_mp, exchange):
    screen = person.open_mini_program(mp)
    assert (await exchange("invented"))["errcode"] == 40029
    assert (await exchange(""))["errcode"] == 41008
    assert (await exchange(screen.phone_code()))["errcode"] == 40029
    assert (await exchange(screen.login_code(), lonely_mp))["errcode"] == 40029
    assert (await exchange(screen.login_code(), secret="x"))["errcode"] == 40125
    person.is_risky = True
    assert (await exchange(screen.login_code()))["errcode"] == 40226


async def test_there_is_no_unionid_without_a_group(person, lonely_mp, exchange):
    answer = await exchange(person.open_mini_program(lonely_mp).login_code(), lonely_mp)
    assert answer.keys() == {"openid", "session_key"}


async def test_too_many_logins_in_a_minute_are_refused(person, mp, exchange, clock):
    screen = person.open_mini_program(mp)
    for _ in range(100):
        await exchange(screen.login_code())
    assert (await exchange(screen.login_code()))["errcode"] == 45011
    clock.advance(60)
    assert "openid" in await exchange(screen.login_code())


async def test_a_phone_code_works_once_and_only_for_its_own_app(person, mp, lonely_mp, ask, clock):
    path, screen = "/wxa/business/getuserphonenumber", person.open_mini_program(mp)
    code = screen.phone_code()
    assert (await ask(lonely_mp, "POST", path, body={"code": code}))["errcode"] == 40013
    answer = await ask(mp, "POST", path, body={"code": code})
    assert answer["phone_info"] == {
        "phoneNumber": "13800000001",
        "purePhoneNumber": "13800000001",
        "countryCode": "86",
        "watermark": {"timestamp": int(clock.now()), "appid": mp.app_id},
    }
    assert (await ask(mp, "POST", path, body={"code": code}))["errcode"] == 40029
    assert (await ask(mp, "POST", path, body={"code": screen.login_code()}))["errcode"] == 40029
    late = screen.phone_code()
    clock.advance(300)
    assert (await ask(mp, "POST", path, body={"code": late}))["errcode"] == 40029


async def test_a_foreign_number_carries_its_country(platform, mp, ask):
    person = platform.person("Ann", phone="91234567", country_code="852")
    code = person.open_mini_program(mp).phone_code()
    answer = await ask(mp, "POST", "/wxa/business/getuserphonenumber", body={"code": code})
    assert answer["phone_info"]["phoneNumber"] == "+85291234567"


def test_who_has_no_phone_cannot_give_one(platform, mp):
    with pytest.raises(ImpossibleError):
        platform.person("老王").open_mini_program(mp).phone_code()


async def test_encrypted_phone_and_session_check_use_the_last_session_key(person, mp, exchange, ask):
    screen = person.open_mini_program(mp)
    key = (await exchange(screen.login_code()))["session_key"]
    sealed = screen.encrypted_phone()
    opened = orjson.loads(decrypt_data(key, sealed["iv"], sealed["data"]))
    assert opened["purePhoneNumber"] == "13800000001"
    query = {"openid": person.openid(mp), "sig_method": "hmac_sha256", "signature": session_signature(key)}
    assert (await ask(mp, "GET", "/wxa/checksession", query=query))["errcode"] == 0
    await exchange(screen.login_code())
    assert (await ask(mp, "GET", "/wxa/checksession", query=query))["errcode"] == 87009


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": "a" * 33}, 40169),
        ({"scene": 7}, 40169),
        ({"scene": "中文"}, 40129),
        ({"scene": "a%20"}, 40129),
        ({"scene": "a", "page": "/pages/x"}, 41030),
        ({"scene": "a", "width": 100}, 40097),
    ],
)
async def test_bad_code_requests_are_refused(mp, ask, body, errcode):
    assert (await ask(mp, "POST", "/wxa/getwxacodeunlimit", body=body))["errcode"] == errcode


async def test_a_code_is_a_picture_that_can_be_scanned(mp, wechat, token_of, platform):
    body = {"scene": "m=12&c=a-b", "page": "pages/join"}
    answer = await wechat.post("/wxa/getwxacodeunlimit", params={"access_token": token_of(mp)}, json=body)
    assert answer.content_type == "image/png"
    assert platform.scene_codes.by_scene(mp, "m=12&c=a-b").page == "pages/join"


async def test_links_are_made_for_at_most_thirty_days(mp, ask):
    path = "/wxa/generate_urllink"
    assert (await ask(mp, "POST", path, body={"path": "pages/x", "query": "a=1"}))["url_link"].startswith("https://")
    assert (await ask(mp, "POST", path, body={"query": "a b"}))["errcode"] == 40212
    assert (await ask(mp, "POST", path, body={"expire_type": 1, "expire_interval": 31}))["errcode"] == 85401


async def test_a_link_leads_to_its_page_until_it_expires(mp, ask, wechat, clock):
    until = int(clock.now()) + 600
    body = {"path": "pages/bind", "query": "ticket=t1", "expire_type": 0, "expire_time": until}
    link = (await ask(mp, "POST", "/wxa/generate_urllink", body=body))["url_link"]
    token = link.rsplit("/", 1)[1]
    found = await wechat.get(f"/control/links/{token}")
    assert await found.json() == {"app_id": mp.app_id, "path": "pages/bind?ticket=t1"}
    clock.advance(600)
    for gone in (token, "another"):
        assert (await wechat.get(f"/control/links/{gone}")).status == 404
    past = {**body, "expire_time": until - 1200}
    assert (await ask(mp, "POST", "/wxa/generate_urllink", body=past))["errcode"] == 85401


async def test_joining_logs_in_reads_the_terms_and_agrees_to_what_is_required(person, mp, backend):
    items = [
        {"purpose": "membership", "version": "2", "text_url": "/m", "required": True},
        {"purpose": "phone", "version": "1", "text_url": "/p", "required": False},
        {"purpose": "marketing", "version": "1", "text_url": "/k", "required": False},
    ]
    answers = {
        "/api/v1/sessions": (201, {"token": "t-1", "expires_at": "2026-01-01T00:00:00+08:00", "member": None}),
        "/api/v1/consents": (200, {"items": items}),
        "/api/v1/members": (201, {"member": {"number": "1000000001"}, "cards": [], "granted": []}),
    }
    headers = {}

    async def answer(request, _body):
        headers[request.path] = dict(request.headers)
        status, body = answers[request.path]
        return web.json_response(body, status=status)

    backend.answer = answer
    screen = person.open_mini_program(mp, scene="store_7")
    call = await screen.join(with_phone=True)
    assert call.is_fine
    assert screen.member == {"number": "1000000001"}
    session, terms, joined = (orjson.loads(body) if body else None for _, _, body in backend.requests)
    assert session == {"code": session["code"], "account": "mp", "scene": "store_7"}
    assert terms is None
    assert joined["consents"] == [{"purpose": "membership", "version": "2"}, {"purpose": "phone", "version": "1"}]
    assert joined["scene"] == "store_7"
    assert len(joined["phone_code"]) == 32
    assert headers["/api/v1/members"]["Authorization"] == "Bearer t-1"
    assert headers["/api/v1/members"]["Idempotency-Key"]
    again = await screen.join(with_phone=False)
    assert again.body["consents"] == [{"purpose": "membership", "version": "2"}]
    assert "phone_code" not in again.body
    assert [call.path for call in screen.calls] == ["/sessions", "/consents", "/members", "/consents", "/members"]


async def test_a_call_without_an_answer_is_shown_as_such(person, mp, platform):
    platform.line.backend = "http://127.0.0.1:9"
    call = await person.open_mini_program(mp).login()
    assert (call.status, call.is_fine, call.fact("token")) == (0, False, None)


@pytest.mark.parametrize("quoted", ["a=1&amp;ticket=t-1", "ticket=t-1"])
async def test_a_link_in_the_words_of_a_chat_opens_the_mini_program(person, mp, platform, quoted):
    said = f'请<a data-miniprogram-appid="{mp.app_id}" data-miniprogram-path="pages/bind?{quoted}" href="/">点这里</a>'
    screen = person.follow_link(said)
    assert (screen.account, screen.ticket) == (mp, "t-1")


async def test_a_link_of_the_platform_opens_the_mini_program_until_it_expires(person, mp, platform, clock):
    url = platform.links.make(mp, "pages/bind", "ticket=t-2&scene=s", clock.now() + 600)
    said = f'请<a href="{url}">点这里</a>'
    screen = person.follow_link(said)
    assert (screen.account, screen.ticket, screen.scene) == (mp, "t-2", "s")
    clock.advance(600)
    with pytest.raises(ImpossibleError):
        person.follow_link(said)


async def test_words_without_a_link_open_nothing(person):
    with pytest.raises(ImpossibleError):
        person.follow_link("还差一步核实")
