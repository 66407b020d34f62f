"""The client of WeChat Pay against the pretend one: each trap of the interface, and each bad answer and notice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import aiohttp
import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import PrivateFormat
from multidict import CIMultiDict, CIMultiDictProxy

from gateways.wechat_pay import NoPayments, WeChatPayApi
from gateways.wechat_pay_seals import KeyUnusable, PayKeys
from handlers.errors import PaymentNotOpen, PayNoticeForged, PayNoticeUnreadable
from handlers.ports import ToPay, ToRefund
from models.words import PrepayHeard, RefundHeard, TradeHeard
from simulator import Account, Clock, Kind, PayConduct, Platform, create_app
from tests.fakes import FakeClock
from tests.paying import API_V3_KEY, MCH_ID, PUBLIC_KEY_ID, SERIAL_NO, merchant, pay_keys, private_pem, public_pem

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
NUMBER = "0195b3a2c4d57e8f9a0b1c2d3e4f5a6b"
APP_ID, OPENID = "wx5b2d4c1a9e8f7061", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


@dataclass
class Line:
    """Both ends: our client, and the platform it speaks to."""

    api: WeChatPayApi
    platform: Platform
    session: aiohttp.ClientSession
    address: str

    @property
    def pay(self):
        return self.platform.pay

    def another(self, **more) -> WeChatPayApi:
        facts = {"notify_url": "https://m.example.com/pay/notify", "total_seconds": 0.5, **more}
        keys = facts.pop("keys", pay_keys())
        return WeChatPayApi(facts.pop("api_url", self.address), keys, self.session, FakeClock(NOW), **facts)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    account = Account(
        kind=Kind.MINI_PROGRAM, name="mp", app_id=APP_ID, secret="s" * 32, token="t0ken", original_id="gh_0"
    )
    platform = Platform([account], backend="http://127.0.0.1:9", clock=Clock(NOW.timestamp()), merchant=merchant())
    runner = web.AppRunner(create_app(platform), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        found = Line(None, platform, session, address)
        found.api = found.another(total_seconds=5.0)
        yield found
    await runner.cleanup()


def to_pay(**more) -> ToPay:
    return replace(ToPay(NUMBER, APP_ID, "手冲咖啡", 1_990, NOW + timedelta(minutes=15), OPENID), **more)


def to_refund(**more) -> ToRefund:
    return replace(ToRefund("r" * 32, NUMBER, 990, 1_990, "不去了"), **more)


async def paid(line: Line) -> None:
    await line.api.prepay(to_pay())
    line.pay.once(PayConduct(is_silent=True))
    line.pay.pay_number(NUMBER)


# --- calls


async def test_an_order_is_announced_asked_about_and_closed(line):
    says = await line.api.prepay(to_pay())
    trade = line.pay.trades[NUMBER]
    assert (says.heard, says.prepay_id) == (PrepayHeard.READY, trade.prepay_id)
    assert (trade.amount_fen, trade.openid, trade.expires_at) == (1_990, OPENID, NOW + timedelta(minutes=15))
    assert trade.notify_url == "https://m.example.com/pay/notify/transaction"
    assert (await line.api.prepay(to_pay())).prepay_id == trade.prepay_id  # the same number is the same order
    assert (await line.api.query(NUMBER)).heard is TradeHeard.OPEN
    assert await line.api.close(NUMBER)
    assert (await line.api.query(NUMBER)).heard is TradeHeard.CLOSED
    assert (await line.api.prepay(to_pay())).heard is PrepayHeard.CLOSED


async def test_what_was_paid_is_told_with_everything_that_has_to_be_compared(line):
    await paid(line)
    says = await line.api.query(NUMBER)
    assert (says.heard, says.number, says.app_id, says.mch_id) == (TradeHeard.PAID, NUMBER, APP_ID, MCH_ID)
    assert (says.amount_fen, says.currency, says.openid, says.paid_at) == (1_990, "CNY", OPENID, NOW)
    assert says.transaction_id == line.pay.trades[NUMBER].transaction_id
    assert not await line.api.close(NUMBER)
    assert (await line.api.prepay(to_pay())).heard is PrepayHeard.PAID


async def test_an_order_that_they_do_not_have_is_absent_and_other_facts_are_refused(line):
    assert (await line.api.query(NUMBER)).heard is TradeHeard.ABSENT
    assert (await line.api.query_refund("r" * 32)).heard is RefundHeard.ABSENT
    await line.api.prepay(to_pay())
    says = await line.api.prepay(to_pay(amount_fen=1))
    assert (says.heard, says.reason) == (PrepayHeard.REFUSED, "out_trade_no_used")


async def test_the_same_refund_number_is_the_same_refund_and_more_than_was_paid_is_refused(line):
    await paid(line)
    line.pay.always(PayConduct(is_silent=True))
    first = await line.api.refund(to_refund())
    assert (first.heard, first.amount_fen, first.total_fen) == (RefundHeard.UNDER_WAY, 990, 1_990)
    await line.pay.settle()
    again = await line.api.refund(to_refund())
    assert (again.heard, again.refund_id) == (RefundHeard.DONE, first.refund_id)
    assert (await line.api.query_refund("r" * 32)).heard is RefundHeard.DONE
    over = await line.api.refund(to_refund(number="s" * 32, amount_fen=1_001))
    assert (over.heard, over.reason) == (RefundHeard.REFUSED, "invalid_request")
    assert line.pay.refunds["r" * 32].came_in == 2


@pytest.mark.parametrize(("becomes", "heard"), [("ABNORMAL", RefundHeard.STUCK), ("CLOSED", RefundHeard.FAILED)])
async def test_a_refund_that_does_not_arrive_is_told(line, becomes, heard):
    await paid(line)
    line.pay.once(PayConduct(refund_becomes=becomes, is_silent=True))
    await line.api.refund(to_refund())
    await line.pay.settle()
    assert (await line.api.query_refund("r" * 32)).heard is heard


@pytest.mark.parametrize(
    "conduct",
    [PayConduct(refuses="SYSTEM_ERROR"), PayConduct(refuses="FREQUENCY_LIMITED"), PayConduct(is_unsigned=True)],
)
async def test_what_is_not_a_clear_signed_answer_is_unknown(line, conduct):
    line.pay.always(conduct)
    assert (await line.api.prepay(to_pay())).heard is PrepayHeard.UNKNOWN
    assert (await line.api.query(NUMBER)).heard is TradeHeard.UNKNOWN
    assert not await line.api.close(NUMBER)


async def test_a_time_out_after_the_work_was_done_is_unknown_and_asking_tells(line):
    line.pay.once(PayConduct(hangs=1.0))
    assert (await line.another().prepay(to_pay())).heard is PrepayHeard.UNKNOWN
    assert (await line.api.query(NUMBER)).heard is TradeHeard.OPEN
    await asyncio.sleep(0)


async def test_an_address_where_nobody_is_is_unknown(line):
    says = await line.another(api_url="http://127.0.0.1:9").prepay(to_pay())
    assert says.heard is PrepayHeard.UNKNOWN


async def test_what_strangers_sign_is_refused_there_and_nothing_happens(line):
    theirs = PayKeys.read(
        mch_id=MCH_ID,
        serial_no=SERIAL_NO,
        private_key=private_pem("stranger"),
        public_key_id=PUBLIC_KEY_ID,
        public_key=public_pem("platform"),
        api_v3_key=API_V3_KEY,
    )
    assert (await line.another(keys=theirs).prepay(to_pay())).heard is PrepayHeard.UNKNOWN
    assert line.pay.trades == {}


async def test_a_call_without_a_body_sends_no_byte_and_signs_none(line):
    seen = []

    async def look(request: web.Request) -> web.Response:
        raw = await request.read()
        merchant().verify(request.headers["Authorization"], request.method, request.raw_path, raw, NOW.timestamp())
        seen.append((request.method, raw, request.headers["Wechatpay-Serial"], request.headers["User-Agent"]))
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", look)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await line.another(api_url=f"http://127.0.0.1:{runner.addresses[0][1]}").query(NUMBER)
    assert seen == [("GET", b"", PUBLIC_KEY_ID, "fanpiao")]
    await runner.cleanup()


async def test_a_long_description_is_cut_between_characters(line):
    await line.api.prepay(to_pay(description="咖啡" * 60))
    described = line.pay.trades[NUMBER].description
    assert described == "咖啡" * 21
    assert len(described.encode()) <= 127


# --- keys, and what the mini-program gets


def test_nothing_is_fetched_to_begin_and_keys_are_taken_in_either_form():
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        keys = PayKeys.read(
            mch_id=MCH_ID,
            serial_no=SERIAL_NO,
            private_key=private_pem("merchant", form),
            public_key_id=PUBLIC_KEY_ID,
            public_key=public_pem("platform"),
            api_v3_key=API_V3_KEY,
        )
        assert keys.sign("a") == pay_keys().sign("a")
        assert API_V3_KEY not in repr(keys)


@pytest.mark.parametrize(
    ("wrong", "which"),
    [({"private_key": b"none"}, "private"), ({"public_key": b"none"}, "public"), ({"api_v3_key": "short"}, "api_v3")],
)
def test_a_key_that_is_none_is_named(wrong, which):
    facts = {"private_key": private_pem("merchant"), "public_key": public_pem("platform"), "api_v3_key": API_V3_KEY}
    with pytest.raises(KeyUnusable, match=which):
        PayKeys.read(mch_id=MCH_ID, serial_no=SERIAL_NO, public_key_id=PUBLIC_KEY_ID, **{**facts, **wrong})


async def test_the_same_facts_give_the_same_signature_and_the_platform_takes_it(line):
    prepaid = await line.api.prepay(to_pay())
    made = [await line.api.client_payment(APP_ID, prepaid.prepay_id, at=NOW, nonce="n" * 32) for _ in range(2)]
    assert made[0] == made[1]
    shown = {name: getattr(made[0], name) for name in ("timestamp", "nonce", "package", "sign_type", "pay_sign")}
    line.pay.once(PayConduct(is_silent=True))
    assert line.pay.pay(APP_ID, OPENID, shown).state == "SUCCESS"


# --- notices


async def notice(line: Line, **changes: object) -> bytes:
    await paid(line)
    return line.pay.notice_of(line.pay.trades[NUMBER], **changes)


def signed(body: bytes, *, at: datetime = NOW, probe: bool = False) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(merchant().headers(body, at.timestamp(), probe=probe)))


async def test_a_notice_is_opened_whatever_mapping_its_headers_come_in(line):
    body = await notice(line)
    for headers in (signed(body), dict(signed(body))):
        says = line.api.trade_notice(headers, body, now=NOW)
        assert (says.heard, says.number, says.amount_fen) == (TradeHeard.PAID, NUMBER, 1_990)


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_notice_of_five_minutes_is_taken(line, seconds):
    body = await notice(line)
    line.api.trade_notice(signed(body, at=NOW + timedelta(seconds=seconds)), body, now=NOW)


@pytest.mark.parametrize("seconds", [-86_400, -301, 301])
async def test_a_notice_that_is_older_or_of_the_future_is_forged(line, seconds):
    body = await notice(line)
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice(signed(body, at=NOW + timedelta(seconds=seconds)), body, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"Wechatpay-Serial": "PUB_KEY_ID_OF_SOMEBODY"},
        {"Wechatpay-Serial": ""},
        {"Wechatpay-Timestamp": ""},
        {"Wechatpay-Timestamp": "1e9"},
        {"Wechatpay-Nonce": "another"},
        {"Wechatpay-Nonce": ""},
        {"Wechatpay-Signature": ""},
        {"Wechatpay-Signature": "not base64!"},
        {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"},
    ],
)
async def test_a_header_that_is_missing_or_another_makes_it_forged(line, changed):
    body = await notice(line)
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice({**signed(body), **changed}, body, now=NOW)


async def test_without_a_word_about_its_kind_the_signature_is_checked_all_the_same(line):
    body = await notice(line)
    headers = {name: value for name, value in signed(body).items() if name != "Wechatpay-Signature-Type"}
    assert line.api.trade_notice(headers, body, now=NOW).number == NUMBER
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice(headers, body + b" ", now=NOW)


async def test_a_probe_with_its_deliberate_wrong_signature_is_forged(line):
    body = await notice(line)
    headers = signed(body, probe=True)
    assert headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice(headers, body, now=NOW)


async def test_no_byte_of_a_notice_can_be_another(line):
    body = await notice(line)
    headers = signed(body)
    for place in range(0, len(body), 37):
        flipped = bytearray(body)
        flipped[place] ^= 1
        with pytest.raises(PayNoticeForged):
            line.api.trade_notice(headers, bytes(flipped), now=NOW)


async def test_a_body_that_is_the_same_json_in_other_bytes_is_forged(line):
    body = await notice(line)
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice(signed(body), orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2), now=NOW)


async def test_what_is_sealed_with_another_key_or_for_something_else_is_forged(line):
    body = orjson.loads(await notice(line))
    for name, value in (("associated_data", "refund"), ("nonce", "0" * 12), ("ciphertext", "AAAA"), ("nonce", "0")):
        bent = orjson.dumps({**body, "resource": {**body["resource"], name: value}})
        with pytest.raises(PayNoticeForged):
            line.api.trade_notice(signed(bent), bent, now=NOW)
    sealed = replace(merchant(), api_v3_key="x" * 32).sealed(b"{}", "transaction")
    other = orjson.dumps({**body, "resource": sealed})
    with pytest.raises(PayNoticeForged):
        line.api.trade_notice(signed(other), other, now=NOW)


async def test_a_notice_behind_the_other_door_or_of_another_shape_says_nothing(line):
    body = await notice(line)
    with pytest.raises(PayNoticeUnreadable):
        line.api.refund_notice(signed(body), body, now=NOW)
    for other in (
        b"[]",
        b"{}",
        orjson.dumps({**orjson.loads(body), "resource": None}),
        orjson.dumps({**orjson.loads(body), "event_type": "MCHTRANSFER.BILL.FINISHED"}),
        line.pay.notice_of(line.pay.trades[NUMBER], trade_state="NOTPAY"),
        line.pay.notice_of(line.pay.trades[NUMBER], trade_state="WHATEVER"),
        line.pay.notice_of(line.pay.trades[NUMBER], amount={"total": "1990"}),
        line.pay.notice_of(line.pay.trades[NUMBER], amount={"total": -1}),
        line.pay.notice_of(line.pay.trades[NUMBER], transaction_id=None),
    ):
        with pytest.raises(PayNoticeUnreadable):
            line.api.trade_notice(signed(other), other, now=NOW)


async def test_where_nothing_is_set_up_nothing_ever_happened():
    nobody = NoPayments()
    with pytest.raises(PaymentNotOpen):
        await nobody.prepay(to_pay())
    with pytest.raises(PaymentNotOpen):
        await nobody.client_payment(APP_ID, "wx1", at=NOW, nonce="n")
    for door in (nobody.trade_notice, nobody.refund_notice):
        with pytest.raises(PayNoticeForged):
            door({}, b"", now=NOW)
    assert (await nobody.query(NUMBER)).heard is TradeHeard.UNKNOWN
    assert (await nobody.query_refund("r")).heard is RefundHeard.UNKNOWN
    assert (await nobody.refund(to_refund())).heard is RefundHeard.UNKNOWN
    assert not await nobody.close(NUMBER)
