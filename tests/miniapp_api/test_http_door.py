"""The door around every view: problems, who is asking, limits, keys, headers, one log line, nothing echoed."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient

from gateways.stores.limits import Limit, ProcessRateLimiter
from miniapp_api.access import AccessFormatter
from tests.fakes import FakeClock
from tests.miniapp_api.conftest import SIGNED_IN
from tests.miniapp_api.example import MEMBER_ID, PERSON, SECRET, THING_ID, TOKEN, Limiter, Seen, example_app

API = "/api/v1"
CANARY = "canary7391"
THING = {"name": "a cup", "count": 2}
KEY = {"Idempotency-Key": "scan-1"}


async def problem_of(answer: object) -> dict[str, object]:
    """The answer's problem, its form checked."""
    problem: dict[str, object] = await answer.json(content_type="application/problem+json")
    assert problem["status"] == answer.status
    assert problem["type"] == f"urn:fanpiao:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    return problem


# --- refusals


@pytest.mark.parametrize(
    ("why", "status", "code", "headers"),
    [
        ("invalid", 422, "session.code_refused", {}),
        ("frozen", 403, "member.frozen", {}),
        ("outdated", 409, "consent.outdated", {}),
        ("reused", 422, "idempotency.key_reused", {}),
        ("running", 409, "idempotency.in_progress", {"Retry-After": "2"}),
        ("wechat", 503, "wechat.unavailable", {"Retry-After": "60"}),
        ("signed_out", 401, "session.required", {"WWW-Authenticate": "Bearer"}),
    ],
)
async def test_a_refusal_becomes_its_kinds_status(
    client: TestClient, why: str, status: int, code: str, headers: dict[str, str]
) -> None:
    answer = await client.get(f"{API}/refuse", params={"why": why})
    problem = await problem_of(answer)
    assert (answer.status, problem["code"]) == (status, code)
    for name in ("Retry-After", "WWW-Authenticate"):
        assert answer.headers.get(name) == headers.get(name)


async def test_facts_stand_beside_the_standard_members_and_never_replace_them(client: TestClient) -> None:
    answer = await client.get(f"{API}/refuse", params={"why": "outdated"})
    problem = await problem_of(answer)  # the refusal has a fact named `status`
    assert (problem["purpose"], problem["version"]) == ("membership", "3")
    assert problem["since"] == "2026-01-01T00:00:00+00:00"


async def test_a_crash_tells_the_log_everything_and_the_client_a_number(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get(f"{API}/crash")
    problem, text = await problem_of(answer), await answer.text()
    assert (answer.status, problem["code"]) == (500, "server.failed")
    assert SECRET not in text
    assert "Traceback" not in text
    assert "RuntimeError" not in text
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    (failure,) = (record for record in caplog.records if record.message == "request_failed")
    assert failure.request_id == problem["request_id"]
    assert failure.exc_info is not None


@pytest.mark.parametrize(
    "path", ["/nothing", "/things/x/y", "/canary7391/%00", "/", "/docs/canary7391", "/docs/..%2f..%2fetc"]
)
async def test_an_unknown_address_is_a_problem(client: TestClient, path: str) -> None:
    answer = await client.get(f"{API}{path}")
    assert (await problem_of(answer))["code"] == "request.not_found"
    assert answer.status == 404
    assert CANARY not in await answer.text()


async def test_an_unknown_method_is_a_problem_that_says_what_is_known(client: TestClient) -> None:
    for method in ("PUT", "PATCH", "TRACE", "PROPFIND"):
        answer = await client.request(method, f"{API}/things")
        assert answer.status == 405
        assert (await problem_of(answer))["code"] == "request.method_not_allowed"
        assert answer.headers["Allow"] == "GET, HEAD, POST"


# --- who is asking


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}x",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer " + "x" * 5000,
        f"Bearer {CANARY * 4}",
    ],
)
async def test_without_a_live_token_nothing_is_done(client: TestClient, seen: Seen, authorization: str | None) -> None:
    headers = KEY if authorization is None else KEY | {"Authorization": authorization}
    answer = await client.post(f"{API}/things", json=THING, headers=headers)
    assert answer.status == 401
    assert (await problem_of(answer))["code"] == "session.required"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert CANARY not in await answer.text()
    assert seen.calls == []


async def test_two_tokens_at_once_are_none(client: TestClient, seen: Seen) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}"), ("Idempotency-Key", "k")]
    answer = await client.post(f"{API}/things", json=THING, headers=headers)
    assert answer.status == 401
    assert seen.calls == []


async def test_who_is_asking_comes_before_what_they_ask(client: TestClient) -> None:
    answer = await client.post(f"{API}/things", data=b"\xff")  # no token, no key, no JSON
    assert answer.status == 401


async def test_the_view_gets_the_person_and_the_token(client: TestClient, seen: Seen) -> None:
    assert (await client.post(f"{API}/things", json=THING, headers=SIGNED_IN | KEY)).status == 201
    assert (await client.delete(f"{API}/things/{THING_ID}", headers=SIGNED_IN)).status == 204
    assert seen.calls[0]["who"] == PERSON
    assert seen.calls[1] == {"thing_id": THING_ID, "key": None, "token": TOKEN}


# --- asking twice


async def test_a_post_needs_a_key(client: TestClient, seen: Seen) -> None:
    answer = await client.post(f"{API}/things", json=THING, headers=SIGNED_IN)
    assert answer.status == 400
    assert (await problem_of(answer))["code"] == "idempotency.missing"
    assert seen.calls == []


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "钥匙", "a\tb", "caf\u00e9"])
async def test_a_key_is_1_to_255_visible_ascii_characters(client: TestClient, seen: Seen, key: str) -> None:
    answer = await client.post(f"{API}/things", json=THING, headers=SIGNED_IN | {"Idempotency-Key": key})
    assert answer.status == 400
    assert (await problem_of(answer))["code"] == "idempotency.invalid"
    answer = await client.delete(f"{API}/things/{THING_ID}", headers=SIGNED_IN | {"Idempotency-Key": key})
    assert answer.status == 400  # optional is not lax
    assert seen.calls == []


async def test_two_keys_are_no_key(client: TestClient, seen: Seen) -> None:
    headers = [*SIGNED_IN.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    answer = await client.post(f"{API}/things", json=THING, headers=headers)
    assert (await problem_of(answer))["code"] == "idempotency.invalid"
    assert seen.calls == []


@pytest.mark.parametrize("key", ["!", "~" * 255, "2f1d1a3e-6d1c-4a52-9f2e-0b7f8f3f7a11"])
async def test_a_replay_has_the_first_status_and_the_same_bytes(client: TestClient, key: str) -> None:
    headers = SIGNED_IN | {"Idempotency-Key": key}
    first = await client.post(f"{API}/things", json=THING, headers=headers)
    again = await client.post(f"{API}/things", json=THING, headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert await first.read() == await again.read()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_an_answer_without_content_is_replayed_too(client: TestClient) -> None:
    headers = SIGNED_IN | {"Idempotency-Key": "again"}
    answer = await client.delete(f"{API}/things/{THING_ID}", headers=headers)
    assert (answer.status, await answer.read()) == (204, b"")
    assert answer.headers["Idempotency-Replayed"] == "true"


# --- answers


async def test_only_declared_fields_are_told_in_the_order_of_their_declaration(client: TestClient) -> None:
    answer = await client.post(f"{API}/things", json=THING, headers=SIGNED_IN | KEY)
    assert await answer.text() == (
        f'{{"id":"{THING_ID}","name":"a cup","count":2,"colour":"red","made_at":"2026-03-02T02:00:00Z"}}'
    )
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path, status in (
        ("/things", 200),
        ("/nothing", 404),
        ("/refuse", 422),
        ("/crash", 500),
        ("/openapi.json", 200),
    ):
        answer = await client.get(f"{API}{path}")
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Server"] == "fanpiao"


async def test_no_web_page_may_read_an_answer(client: TestClient) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS", "POST"):
        answer = await client.request(method, f"{API}/things", headers=origin)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert "evil.example" not in await answer.text()
    assert (await client.options(f"{API}/things", headers=origin)).status == 405


async def test_every_request_has_its_own_id_whatever_the_client_says(client: TestClient) -> None:
    ids = set()
    for _ in range(5):
        answer = await client.get(f"{API}/things", headers={"X-Request-Id": CANARY})
        ids.add(answer.headers["X-Request-Id"])
    assert len(ids) == 5
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in ids)


# --- limits


async def test_an_address_that_asks_too_often_waits(client: TestClient, limiter: Limiter, seen: Seen) -> None:
    limiter.allowed["address"] = 2
    statuses = [(await client.get(f"{API}/things")).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = await client.get(f"{API}/things")
    assert (await problem_of(answer))["code"] == "rate.limited"
    assert answer.headers["Retry-After"] == "7"
    assert len(seen.calls) == 2
    assert ("address", "127.0.0.1") in limiter.hits


async def test_a_member_that_asks_too_often_waits_wherever_they_ask_from(
    client: TestClient, limiter: Limiter, seen: Seen
) -> None:
    limiter.allowed["member"] = 1
    path = f"{API}/things/{THING_ID}"
    assert [(await client.delete(path, headers=SIGNED_IN)).status for _ in range(2)] == [204, 429]
    assert (await client.get(f"{API}/things")).status == 200  # others at the same address do not wait
    assert ("member", str(MEMBER_ID)) in limiter.hits


async def test_guessing_is_limited_by_its_own_measure(client: TestClient, limiter: Limiter) -> None:
    limiter.allowed["login"] = 1
    assert [(await client.post(f"{API}/guess")).status for _ in range(2)] == [204, 429]
    assert (await client.get(f"{API}/things")).status == 200


async def test_wrong_tokens_count_against_the_address(client: TestClient, limiter: Limiter) -> None:
    limiter.allowed["address"] = 3
    guesses = [
        (await client.delete(f"{API}/things/{THING_ID}", headers={"Authorization": f"Bearer {n:032}"})).status
        for n in range(5)
    ]
    assert guesses == [401, 401, 401, 429, 429]


async def test_the_real_limiter_stops_and_lets_go_again(
    aiohttp_client: Callable[..., Awaitable[TestClient]], seen: Seen
) -> None:
    clock = FakeClock()
    limits = {name: Limit(2, timedelta(seconds=10)) for name in ("address", "member", "login")}
    client = await aiohttp_client(example_app(ProcessRateLimiter(limits, clock), seen))
    assert [(await client.get(f"{API}/things")).status for _ in range(3)] == [200, 200, 429]
    clock.advance(timedelta(seconds=int((await client.get(f"{API}/things")).headers["Retry-After"])))
    assert (await client.get(f"{API}/things")).status == 200


# --- the log


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    formatter = AccessFormatter()
    return [json.loads(formatter.format(one)) for one in caplog.records if one.name == "miniapp_api.access"]


async def test_a_log_line_says_what_happened_and_nothing_personal(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    phone = "13912345678"
    headers = SIGNED_IN | {"Idempotency-Key": CANARY, "User-Agent": CANARY, "X-Request-Id": CANARY}
    body = {"name": f"小明{phone}"}
    answer = await client.post(f"{API}/things", json=body, headers=headers)
    await client.get(f"{API}/things/{THING_ID}", headers={"Cookie": CANARY})
    await client.get(f"{API}/things", params={CANARY: phone})
    await client.get(f"{API}/{CANARY}/{phone}")
    await client.request("PROPFIND", f"{API}/things")
    await client.post(f"{API}/things", data=CANARY.encode(), headers=headers)
    said = lines(caplog)
    assert [(one["method"], one["route"], one["status"], one["actor"]) for one in said] == [
        ("POST", f"{API}/things", 201, f"person:{MEMBER_ID}"),
        ("GET", f"{API}/things/{{thing_id}}", 200, None),
        ("GET", f"{API}/things", 400, None),
        ("GET", "unmatched", 404, None),
        ("other", "unmatched", 405, None),
        ("POST", f"{API}/things", 400, f"person:{MEMBER_ID}"),
    ]
    assert said[0]["request_id"] == answer.headers["X-Request-Id"]
    assert all(isinstance(one["milliseconds"], float) for one in said)
    for secret in (CANARY, phone, TOKEN, "小明", str(THING_ID), "127.0.0.1"):
        assert secret not in json.dumps(said, ensure_ascii=False)
        assert secret.upper() not in json.dumps(said, ensure_ascii=False).upper()


async def test_requests_side_by_side_keep_their_own_ids(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers = await asyncio.gather(*(client.get(f"{API}/crash") for _ in range(10)))
    told = {(await answer.json(content_type=None))["request_id"] for answer in answers}
    assert len(told) == 10
    assert told == {one["request_id"] for one in lines(caplog)}
