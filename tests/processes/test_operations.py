"""What operators and their monitoring look at: /healthz, /readyz, /metrics, the log."""

import orjson

from tests.processes.running import get, status_of

TOKEN = "q7Rk2vWz9LmX4cTb8NsY"


async def test_health_and_readiness_are_told(site):
    server = await site.serve()
    assert await get(server, "/healthz") == (200, b'{"status": "alive"}')
    status, body = await get(server, "/readyz")
    assert (status, orjson.loads(body)) == (200, {"database": True, "redis": True, "migrations": True})


async def test_metrics_are_for_this_machine_and_for_whoever_has_the_token(site):
    server = await site.serve(METRICS__TOKEN=TOKEN)
    assert await status_of(server, "/metrics") == 200
    for header in ("X-Forwarded-For", "Forwarded"):
        assert await get(server, "/metrics", headers={header: "for=203.0.113.7"}) == (403, b"")
        shown = {header: "for=203.0.113.7", "Authorization": f"Bearer {TOKEN}"}
        assert await status_of(server, "/metrics", headers=shown) == 200
        wrong = {header: "for=203.0.113.7", "Authorization": f"Bearer {TOKEN[:-1]}"}
        assert await status_of(server, "/metrics", headers=wrong) == 403


async def test_without_a_token_a_proxy_opens_the_metrics_to_nobody(site):
    server = await site.serve()
    for shown in ("Bearer ", "Bearer None", "Bearer"):
        headers = {"X-Forwarded-For": "203.0.113.7", "Authorization": shown}
        assert await status_of(server, "/metrics", headers=headers) == 403


async def test_metrics_tell_requests_calls_jobs_and_connections(site):
    server = await site.serve()
    await site.worker_if_separate()
    site.platform.faults.fail("/cgi-bin/user/info", 45009)
    person = site.platform.person()
    await person.follow(site.oa)
    screen = person.open_mini_program(site.mp)
    await screen.join(with_phone=False)
    await screen.call("GET", "/nowhere/secret-path")
    _, raw = await get(server, "/metrics")
    page = raw.decode()
    assert 'fanpiao_http_request_seconds_count{method="POST",route="/api/v1/members",status="201"} 1.0' in page
    assert 'fanpiao_http_request_seconds_count{method="POST",route="/wechat/{account}",status="200"} 1.0' in page
    assert 'errcode="45009"' in page
    assert 'errcode="0"' in page
    for state in ("ready", "running", "dead"):
        assert f'fanpiao_jobs{{state="{state}"}}' in page
    assert "fanpiao_oldest_ready_job_seconds" in page
    assert "fanpiao_database_connections_in_use" in page
    for personal in (person.openid(site.oa), person.openid(site.mp), screen.token, "secret-path"):
        assert personal not in page


async def test_the_log_holds_one_line_per_request_and_nothing_personal(site):
    server = await site.serve()
    person = site.platform.person(phone="13912345670")
    await person.follow(site.oa)
    await person.say(site.oa, "我的手机是 13912345670")
    screen = person.open_mini_program(site.mp)
    assert (await screen.join(with_phone=True)).status == 201
    token = screen.token
    await screen.me()
    await server.stop()
    lines = [orjson.loads(line) for line in server.err.splitlines()]
    requests = [line for line in lines if line["logger"] == "miniapp_api.access"]
    assert [line["status"] for line in requests] == [201, 200, 201, 200]
    assert len([line for line in lines if line["logger"] == "bot.access"]) == 2
    of_person = [person.openid(site.oa), person.openid(site.mp), person.phone, token]
    of_settings = [
        site.oa.secret,
        site.oa.token,
        site.oa.aes_key,
        site.mp.secret,
        site.environment["FANPIAO_INDEX_KEY"],
    ]
    for secret in of_person + of_settings:
        assert secret not in server.err + server.out
