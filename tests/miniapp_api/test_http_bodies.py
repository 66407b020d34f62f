"""Hostile and mistaken bodies: each a problem of the documented form, nothing of it echoed, and no view called."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient

from miniapp_api import bodies
from miniapp_api.errors import NotJson, TooDeep
from tests.miniapp_api.example import Colour, Seen

PATH = "/api/v1/things/preview"
JSON = {"Content-Type": "application/json"}
CANARY = "canary7391"  # put into every hostile body; no answer may contain it

REQUIRED = {"type", "title", "status", "code", "detail"}


def about(name: str, rest: str = "") -> bytes:
    """A body that is right but for `rest`."""
    return f'{{"name": "{name}"{rest}}}'.encode()


HOSTILE = {
    "empty": (b"", 400, "request.not_json"),
    "not JSON": (CANARY.encode(), 400, "request.not_json"),
    "two documents": (about("a") + about("a"), 400, "request.not_json"),
    "a list": (b'["canary7391"]', 400, "request.invalid"),
    "pairs instead of an object": (b'[["name", "canary7391"]]', 400, "request.invalid"),
    "null": (b"null", 400, "request.invalid"),
    "bad UTF-8": (b'{"name": "canary7391\xff"}', 400, "request.charset"),
    "overlong UTF-8": (b'{"name": "\xc0\xafcanary7391"}', 400, "request.charset"),
    "an encoded surrogate": (b'{"name": "\xed\xa0\x80canary7391"}', 400, "request.charset"),
    "UTF-16": ('{"name": "canary7391"}'.encode("utf-16"), 400, "request.charset"),
    "a byte order mark": (b"\xef\xbb\xbf" + about(CANARY), 400, "request.not_json"),
    "deep lists": (b"[" * 30_000 + b"]" * 30_000, 400, "request.too_deep"),
    "deep lists, never closed": (b"[" * 60_000, 400, "request.too_deep"),
    "deep objects": (b'{"canary7391":' * 4_000 + b"1" + b"}" * 4_000, 400, "request.too_deep"),
    "a deep field": (about("a", ', "makers": ' + "[" * 33 + "]" * 33), 400, "request.too_deep"),
    "100,000 deep": (b"[" * 100_000 + b"]" * 100_000, 413, "request.too_large"),
    "a huge integer": (about("a", ', "count": 1' + "0" * 5_000), 400, "request.not_json"),
    "an integer JavaScript cannot hold": (about("a", ', "count": 9007199254740992'), 400, "request.not_json"),
    "an integer out of range": (about("a", ', "count": 1001'), 400, "request.invalid"),
    "a negative count": (about("a", ', "count": -1'), 400, "request.invalid"),
    "a number as text": (about("a", ', "count": "2"'), 400, "request.invalid"),
    "true for an integer": (about("a", ', "count": true'), 400, "request.invalid"),
    "1.0 for an integer": (about("a", ', "count": 1.0'), 400, "request.invalid"),
    "1e2 for an integer": (about("a", ', "count": 1e2'), 400, "request.invalid"),
    "1 for a truth": (about("a", ', "is_open": 1'), 400, "request.invalid"),
    "a word for a truth": (about("a", ', "is_open": "yes"'), 400, "request.invalid"),
    "a number for text": (b'{"name": 7}', 400, "request.invalid"),
    "an unknown colour": (about("a", ', "colour": "canary7391"'), 400, "request.invalid"),
    "an instant as a number": (about("a", ', "makers": [{"name": "b", "since": 1}]'), 400, "request.invalid"),
    "a field missing": (b"{}", 400, "request.invalid"),
    "an unknown field": (about("a", ', "canary7391": 1'), 400, "request.invalid"),
    "an unknown field inside": (about("a", ', "makers": [{"name": "b", "canary7391": 1}]'), 400, "request.invalid"),
    "privileges nobody offered": (about("a", ', "role": "admin", "id": 1'), 400, "request.invalid"),
    "a name twice": (b'{"name": "a", "name": "canary7391"}', 400, "request.not_json"),
    "a name twice inside": (about("a", ', "makers": [{"name": "b", "name": "c"}]'), 400, "request.not_json"),
    "a name twice, once escaped": (b'{"name": "a", "n\\u0061me": "canary7391"}', 400, "request.not_json"),
    "NaN": (about("a", ', "count": NaN'), 400, "request.not_json"),
    "Infinity": (about("a", ', "count": -Infinity'), 400, "request.not_json"),
    "an infinite float": (about("a", ', "count": 1e999'), 400, "request.not_json"),
    "NUL, escaped": (b'{"name": "canary7391\\u0000"}', 400, "request.not_json"),
    "NUL in a name": (b'{"name": "a", "canary7391\\u0000": 1}', 400, "request.not_json"),
    "NUL, raw": (b'{"name": "canary7391\x00"}', 400, "request.not_json"),
    "a lone surrogate": (b'{"name": "canary7391\\ud800"}', 400, "request.not_json"),
    "a lone low surrogate": (b'{"name": "\\udc00canary7391"}', 400, "request.not_json"),
    "surrogates the wrong way round": (b'{"name": "\\udc00\\ud800"}', 400, "request.not_json"),
    "text too long": (about(CANARY * 3), 400, "request.invalid"),
    "too many of a list": (about("a", ', "makers": ' + json.dumps([{"name": "b"}] * 4)), 400, "request.invalid"),
    "another spelling of an id": (
        about("a", ', "owner_id": "{01939E3A-7F5B-7C3C-8000-0123456789AB}"'),
        400,
        "request.invalid",
    ),
    "one byte too many": (about("a").ljust(64 * 1024 + 1), 413, "request.too_large"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_hostile_body_is_a_problem_that_echoes_nothing(client: TestClient, seen: Seen, case: str) -> None:
    data, status, code = HOSTILE[case]
    answer = await client.post(PATH, data=data, headers=JSON)
    text = await answer.text()
    problem = json.loads(text)
    assert (answer.status, problem["code"], problem["status"]) == (status, code, status)
    assert answer.content_type == "application/problem+json"
    assert problem.keys() >= REQUIRED
    assert problem["type"] == f"urn:fanpiao:problem:{code}"
    assert CANARY not in text
    assert CANARY not in str(answer.headers)
    assert seen.calls == []


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        (None, "request.content_type"),
        ("", "request.content_type"),
        ("text/plain", "request.content_type"),
        ("application/canary7391", "request.content_type"),
        ("application/x-www-form-urlencoded", "request.content_type"),
        ("multipart/form-data; boundary=x", "request.content_type"),
        ("application/json; boundary=x", "request.content_type"),
        ("application/json, text/html", "request.content_type"),
        ("application/json; charset=utf-7", "request.charset"),
        ("application/json; charset=canary7391", "request.charset"),
        ("application/json; charset=utf-16", "request.charset"),
        ('application/json; charset="idna"', "request.charset"),
        ("application/json; charset=rot13", "request.charset"),
    ],
)
async def test_another_content_type_or_charset_is_refused(
    client: TestClient, seen: Seen, content_type: str | None, code: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await client.post(PATH, data=about("a"), headers=headers, skip_auto_headers=["Content-Type"])
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (400, code)
    assert CANARY not in await answer.text()
    assert seen.calls == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf8"']
)
async def test_json_in_utf_8_is_taken_however_it_is_spelt(client: TestClient, content_type: str) -> None:
    answer = await client.post(PATH, data=about("a"), headers={"Content-Type": content_type})
    assert answer.status == 200


async def test_a_compressed_body_is_refused_before_it_is_opened(client: TestClient, seen: Seen) -> None:
    answer = await client.post(PATH, data=b"\x1f\x8b not even gzip", headers=JSON | {"Content-Encoding": "gzip"})
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (400, "request.content_encoding")
    assert seen.calls == []


async def test_what_is_right_arrives_as_it_was_sent(client: TestClient, seen: Seen) -> None:
    decomposed = "e\u0301 😀"  # two code points: not made one
    body = {
        "name": decomposed,
        "count": 1000,
        "colour": "blue",
        "is_open": True,
        "makers": [{"name": 'a"[{\\', "since": "2026-03-02T10:00:00+08:00"}],
        "owner_id": "01939e3a-7f5b-7c3c-8000-0123456789ab",
    }
    for ensure_ascii in (True, False):  # escaped pairs of surrogates are a character too
        answer = await client.post(PATH, data=json.dumps(body, ensure_ascii=ensure_ascii).encode(), headers=JSON)
        assert answer.status == 200, await answer.text()
    first, second = (call["body"] for call in seen.calls)
    assert first == second
    assert (first.name, first.count, first.colour, first.is_open) == (decomposed, 1000, Colour.BLUE, True)
    assert first.makers[0].since == datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


async def test_depth_32_is_allowed_and_33_is_not() -> None:
    bodies.check_json(b"[" * 32 + b"]" * 32)
    bodies.check_json(json.dumps([[]] * 500 + ["[" * 50]).encode())  # brackets in text and side by side are no depth
    with pytest.raises(TooDeep):
        bodies.check_json(b"[" * 33 + b"]" * 33)


@pytest.mark.parametrize(
    "hostile",
    [b'["' + b"\\" * 65_000, b'[{"' * 20_000, b'"' * 65_000, b'\\"' * 32_000],
    ids=["backslashes", "open strings", "quotes", "escaped quotes"],
)
def test_looking_for_depth_takes_linear_time(hostile: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises((NotJson, TooDeep)):
        bodies.check_json(b"[]" * 40 + hostile)  # enough brackets that it has to look
    assert time.perf_counter() - started < 3  # the plain pattern needs 7 s for the escaped quotes


async def test_a_wrong_shape_names_our_fields_and_nothing_else(client: TestClient) -> None:
    body = {"name": "", "count": "2", "makers": [{}, {"canary7391": 1, "name": "b"}], "canary7391": 2, "other": 3}
    answer = await client.post(PATH, json=body)
    problem = await answer.json(content_type=None)
    assert problem["errors"] == [
        {"field": "name", "problem": "out_of_range"},
        {"field": "count", "problem": "wrong_type"},
        {"field": "makers.0.name", "problem": "missing"},
        {"field": "makers.1", "problem": "unknown"},
        {"field": "", "problem": "unknown"},
    ]
    assert "makers.0.name：必填" in problem["detail"]


async def test_a_thousand_mistakes_make_a_short_answer(client: TestClient) -> None:
    body = {"name": "a", "makers": [{"name": n} for n in range(1000)]}
    answer = await client.post(PATH, json=body)
    assert answer.status == 400
    assert len(await answer.read()) < 4_000


async def _chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 1024):
        yield b" " * 1024


async def test_a_chunked_body_without_a_length_is_measured_as_it_comes(client: TestClient, seen: Seen) -> None:
    answer = await client.post(PATH, data=_chunks(10 * 1024 * 1024), headers=JSON)
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (413, "request.too_large")
    assert (await client.post(PATH, data=_chunks(1024), headers=JSON)).status == 400  # blanks are no JSON
    assert seen.calls == []


async def _raw(client: TestClient, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are, slowly if asked; what came back within 20 s."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(20):
            return await reader.read(65_536)
    finally:
        writer.close()


HEAD = b"POST /api/v1/things/preview HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_a_body_that_drips_is_given_up(client: TestClient, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS_TO_ARRIVE", 0.2)
    answer = await _raw(client, HEAD + b"Content-Length: 20\r\n\r\n{", b'"', b"n", b"a", b"m", pause=0.08)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"request.too_slow"' in answer
    assert seen.calls == []


async def test_a_body_in_several_pieces_is_taken(client: TestClient) -> None:
    whole = about("a")
    answer = await _raw(client, HEAD + b"Content-Length: %d\r\n\r\n" % len(whole), whole[:5], whole[5:], pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200")


async def test_chunks_that_are_no_chunks_are_given_up_and_not_a_crash(
    client: TestClient, seen: Seen, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS_TO_ARRIVE", 0.3)
    answer = await _raw(client, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n{}\r\n0\r\n\r\n", pause=0.05)
    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))
    assert b"application/problem+json" in answer
    assert seen.calls == []
    assert "request_failed" not in caplog.text


async def test_an_unread_body_does_not_hurt_the_next_request(client: TestClient) -> None:
    for _ in range(3):
        assert (await client.post(PATH, data=b" " * 70_000, headers=JSON)).status == 413
        assert (await client.post(PATH, data=about("a"), headers=JSON)).status == 200
