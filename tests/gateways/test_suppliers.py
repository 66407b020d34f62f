"""What suppliers say over HTTP, against a pretend one: five words, and everything else is unknown."""

import asyncio
import hashlib
import hmac
import logging
import time

import orjson
import pytest
from aiohttp import web
from aiohttp.resolver import DefaultResolver

from gateways.clock import SystemClock
from gateways.suppliers import LARGEST_ANSWER, PublicOnly, SupplierApi, signature, supplier_session
from handlers.errors import NoticeForged, NoticeUnreadable
from handlers.ports import SupplierAccess, TopUpOrder
from models.words import Heard
from simulator import Conduct, Platform, create_app
from simulator.supplier import Order

NUMBER = "13912345670"
ORDER = TopUpOrder("0190a1b2c3d4e5f60718293a4b5c6d7e", "HF-10", 1_000, NUMBER)


@pytest.fixture
async def platform(aiohttp_server):
    platform = Platform([], backend="http://127.0.0.1:9", seed="suppliers")
    platform.supplier.pace = 0.0
    server = await aiohttp_server(create_app(platform))
    platform.url = str(server.make_url("/supplier"))
    return platform


@pytest.fixture
async def api():
    async with supplier_session() as session:
        yield SupplierApi(session, SystemClock(), total_seconds=0.4)


def access(platform, **more) -> SupplierAccess:
    return SupplierAccess(**{"code": "yichong", "api_url": platform.url, "secret": platform.supplier.secret, **more})


async def test_an_order_is_accepted_and_then_done(platform, api):
    said = await api.order(access(platform), ORDER)
    assert (said.heard, said.order_no, said.face_value_fen) == (Heard.ACCEPTED, ORDER.order_no, 1_000)
    await platform.supplier.settle()
    assert (await api.query(access(platform), ORDER.order_no)).heard is Heard.DONE
    assert platform.supplier.orders[ORDER.order_no].recharge_to == NUMBER
    assert (await api.query(access(platform), "f" * 32)).heard is Heard.ABSENT


async def test_an_explicit_failure_has_its_reason(platform, api):
    platform.supplier.once(Conduct(fails=True, is_silent=True))
    said = await api.order(access(platform), ORDER)
    assert (said.heard, said.reason) == (Heard.FAILED, "number_not_served")


async def test_a_time_out_after_the_work_is_unknown_and_the_question_knows(platform, api):
    platform.supplier.once(Conduct(hangs=1.0, is_silent=True))
    said = await api.order(access(platform), ORDER)
    assert (said.heard, said.reason) == (Heard.UNKNOWN, "timeout")
    await platform.supplier.settle()
    assert (await api.query(access(platform), ORDER.order_no)).heard is Heard.DONE


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (Conduct(is_garbage=True, is_silent=True), "unreadable"),
        (Conduct(wrong_signature=True, is_silent=True), "signature"),
        (Conduct(loses=True), "http_504"),
    ],
)
async def test_what_is_no_clear_answer_is_unknown(platform, api, conduct, reason):
    platform.supplier.once(conduct)
    said = await api.order(access(platform), ORDER)
    assert (said.heard, said.reason) == (Heard.UNKNOWN, reason)


async def test_a_supplier_that_is_away_or_does_not_know_us_is_unknown(platform, api):
    assert (await api.order(access(platform, api_url="http://127.0.0.1:9"), ORDER)).heard is Heard.UNKNOWN
    assert (await api.order(access(platform, secret="not-the-one-agreed"), ORDER)).reason == "http_401"


def signed_by(secret: str, request: web.Request, body: bytes) -> dict[str, str]:
    headers = request.headers
    shown = signature(secret, "ANSWER", headers["X-Fanpiao-Timestamp"], headers["X-Fanpiao-Nonce"], body)
    return {"X-Fanpiao-Signature": shown}


ANSWERS = [
    (b"[]", "unreadable"),
    (b"null", "unreadable"),
    (b"", "unreadable"),
    (b'{"status":"done"}', "unreadable"),
    (b'{"status":"fine","order_no":"1"}', "unreadable"),
    (b'{"status":["done"],"order_no":"1","face_value_fen":1}', "unreadable"),
    (b'{"status":"unknown","order_no":"1"}', "unreadable"),
    (b'{"status":"done","order_no":"1"}', "unreadable"),
    (b'{"status":"done","order_no":"1","face_value_fen":true}', "unreadable"),
    (b'{"status":"done","order_no":"1","face_value_fen":"1000"}', "unreadable"),
    (b'{"status":"done","order_no":1,"face_value_fen":1}', "unreadable"),
    (b"[" * 5_000, "unreadable"),
    (b" " * (LARGEST_ANSWER + 1), "too_large"),
    (b'{"status":"absent","order_no":"1"}', "misplaced"),
]


@pytest.mark.parametrize(("body", "reason"), ANSWERS)
async def test_a_supplier_that_answers_garbage_is_unknown_though_it_signs_it(aiohttp_server, api, body, reason):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=signed_by("agreed", request, body))

    app = web.Application()
    app.router.add_post("/orders", answer)
    server = await aiohttp_server(app)
    said = await api.order(SupplierAccess("s", str(server.make_url("/")).rstrip("/"), "agreed"), ORDER)
    assert (said.heard, said.reason) == (Heard.UNKNOWN, reason)


async def test_an_answer_of_before_is_none_to_this_question(aiohttp_server, api):
    first: dict[str, str] = {}
    body = b'{"status":"done","order_no":"1","face_value_fen":1000}'

    async def answer(request: web.Request) -> web.Response:
        first.update({} if first else signed_by("agreed", request, body))
        return web.Response(body=body, headers=first)

    app = web.Application()
    app.router.add_post("/orders/query", answer)
    server = await aiohttp_server(app)
    asked = SupplierAccess("s", str(server.make_url("/")).rstrip("/"), "agreed")
    assert (await api.query(asked, "1")).heard is Heard.DONE
    assert (await api.query(asked, "1")).reason == "signature"


async def test_a_redirect_is_not_followed(aiohttp_server, api):
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.path)
        raise web.HTTPTemporaryRedirect("/within")

    app = web.Application()
    app.router.add_post("/{path:.*}", elsewhere)
    server = await aiohttp_server(app)
    said = await api.order(SupplierAccess("s", str(server.make_url("/")).rstrip("/"), "agreed"), ORDER)
    assert (said.reason, seen) == ("http_307", ["/orders"])


async def test_a_name_that_leads_into_our_own_network_is_not_called(monkeypatch):
    async def within(self, host, port=0, family=0):
        return [{"hostname": host, "host": "10.0.0.7", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(DefaultResolver, "resolve", within)
    async with supplier_session() as session:
        api = SupplierApi(session, SystemClock(), total_seconds=1.0)
        said = await api.order(SupplierAccess("s", "https://api.supplier.example", "agreed"), ORDER)
    assert said.heard is Heard.UNKNOWN
    assert said.reason.startswith("broken_")
    resolver = PublicOnly()
    with pytest.raises(OSError, match="not public"):
        await resolver.resolve("api.supplier.example", 443)
    assert await resolver.resolve("localhost", 80)
    await resolver.close()


async def test_neither_number_nor_secret_is_logged(platform, api, caplog):
    caplog.set_level(logging.DEBUG)
    platform.supplier.once(Conduct(is_garbage=True, is_silent=True))
    asked = access(platform)
    await api.order(asked, ORDER)
    ours = [f"{each.getMessage()} {each.__dict__}" for each in caplog.records if each.name.startswith("gateways")]
    assert ours
    assert not [line for line in ours if NUMBER in line or platform.supplier.secret in line]
    assert platform.supplier.secret not in repr(asked)
    assert NUMBER not in repr(ORDER)


# --- notices


class Told:
    """One notice, as a supplier signs it."""

    def __init__(self, body: bytes, *, secret: str = "agreed", code: str = "s", at: float | None = None) -> None:
        self.body = body
        self.now = SystemClock().now()
        timestamp = str(int(self.now.timestamp() if at is None else at))
        text = "\n".join([f"POST\n/suppliers/{code}/notify", timestamp, "nonce-1234", hashlib.sha256(body).hexdigest()])
        self.headers = {
            "X-Fanpiao-Timestamp": timestamp,
            "X-Fanpiao-Nonce": "nonce-1234",
            "X-Fanpiao-Signature": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        }


BODY = b'{"order_no":"1","status":"done","face_value_fen":1000}'
WHO = SupplierAccess("s", "https://api.supplier.example", "agreed")


async def test_a_signed_notice_is_read(api):
    told = Told(BODY)
    said = api.notice(WHO, told.headers, told.body, now=told.now)
    assert (said.heard, said.order_no, said.face_value_fen) == (Heard.DONE, "1", 1_000)


@pytest.mark.parametrize(
    "said",
    [  # by the clock of the test, not of its collection, which may be long ago
        lambda: Told(BODY, secret="guessed"),
        lambda: Told(BODY, code="another"),
        lambda: Told(BODY, at=time.time() - 400),
        lambda: Told(BODY, at=time.time() + 400),
    ],
    ids=["secret", "addressee", "old", "of the future"],
)
async def test_what_is_not_signed_just_now_for_us_is_forged(api, said):
    told = said()
    with pytest.raises(NoticeForged):
        api.notice(WHO, told.headers, told.body, now=SystemClock().now())


@pytest.mark.parametrize("left_out", ["X-Fanpiao-Timestamp", "X-Fanpiao-Nonce", "X-Fanpiao-Signature"])
async def test_a_notice_that_lacks_a_header_or_was_changed_is_forged(api, left_out):
    told = Told(BODY)
    headers = {name: value for name, value in told.headers.items() if name != left_out}
    with pytest.raises(NoticeForged):
        api.notice(WHO, headers, told.body, now=told.now)
    with pytest.raises(NoticeForged):
        api.notice(WHO, told.headers, BODY.replace(b"1000", b"9000"), now=told.now)
    with pytest.raises(NoticeForged):
        api.notice(WHO, {**told.headers, "X-Fanpiao-Signature": "签名"}, told.body, now=told.now)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b'{"status":"absent","order_no":"1"}', b"[" * 9_000])
async def test_a_signed_notice_that_says_nothing_is_unreadable(api, body):
    told = Told(body)
    with pytest.raises(NoticeUnreadable):
        api.notice(WHO, told.headers, told.body, now=told.now)


@pytest.mark.parametrize("word", ["13912345670", "to 139", "", "A" * 80, 7, None, "x" * 65])
async def test_a_reason_is_a_short_word_and_never_a_number(api, word):
    body = orjson.dumps({"order_no": "1", "status": "failed", "reason": word})
    told = Told(body)
    assert api.notice(WHO, told.headers, told.body, now=told.now).reason == ""


# --- the pretend supplier itself


async def test_the_same_number_is_the_same_order_and_is_done_once(platform, api):
    asked = access(platform)
    await asyncio.gather(*(api.order(asked, ORDER) for _ in range(3)))
    await platform.supplier.settle()
    assert platform.supplier.orders[ORDER.order_no].came_in == 3


async def test_call_backs_are_late_doubled_or_forged_as_ordered(aiohttp_server):
    heard: list[tuple[str, bytes]] = []

    async def hear(request: web.Request) -> web.Response:
        body = await request.read()
        given = request.headers["X-Fanpiao-Signature"]
        stamps = request.headers["X-Fanpiao-Timestamp"], request.headers["X-Fanpiao-Nonce"]
        is_right = given == signature(platform.supplier.secret, f"POST\n{request.path}", *stamps, body)
        heard.append(("right" if is_right else "forged", body))
        return web.Response(status=200 if is_right else 403)

    backend = web.Application()
    backend.router.add_post("/suppliers/{code}/notify", hear)
    server = await aiohttp_server(backend)
    platform = Platform([], backend=str(server.make_url("/")), seed="suppliers")
    order = Order("yichong", "1", "HF-10", 1_000, NUMBER, status="done")
    supplier = platform.supplier
    supplier.pace = 0.0
    await supplier._work(order, Conduct(duplicates=2, late=0.01))
    assert [kind for kind, _ in heard] == ["right"] * 3
    await supplier._work(order, Conduct(wrong_signature=True))
    assert heard[-1][0] == "forged"
    await supplier._work(order, Conduct(is_silent=True))
    assert (len(heard), order.told, list(supplier.statuses)) == (4, 3, [200, 200, 200, 403])
    await platform.close()
