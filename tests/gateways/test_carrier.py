"""What a carrier says over HTTP, against a pretend one: a few words, typed errors, and everything else is unknown."""

from datetime import date, datetime, timedelta, timezone

import pytest

from gateways.carrier import CarrierApi, NoCarrier, _trouble
from gateways.carrier_bills import fen_by_number
from gateways.carrier_words import refund_says, subscriber_of, trade_says
from gateways.clock import SystemClock
from gateways.suppliers import supplier_session
from handlers.ports import (
    CarrierGaveUp,
    CarrierRefused,
    CarrierRetryLater,
    Subscriber,
    SupplierAccess,
    ToCharge,
    ToRefund,
)
from models.words import (
    BillKind,
    ChargeHeard,
    CodeHeard,
    CreditWay,
    RefundHeard,
    ServiceHeard,
    TradeHeard,
)
from simulator import CarrierConduct, Clock, Platform, create_app
from simulator.carrier_books import month_of

NUMBER = "13912345670"
ONE, OTHER = "0190a1b2c3d4e5f60718293a4b5c6d7e", "f" * 32
SHANGHAI = timezone(timedelta(hours=8))


@pytest.fixture
async def platform(aiohttp_server):
    platform = Platform(
        [], backend="http://127.0.0.1:9", clock=Clock(datetime(2026, 3, 2, 2, tzinfo=SHANGHAI).timestamp())
    )
    platform.carrier.sign_up(NUMBER, contract_ends_on=date(2027, 1, 31))
    server = await aiohttp_server(create_app(platform))
    platform.url = str(server.make_url("/carrier"))
    return platform


@pytest.fixture
async def api(platform):
    async with supplier_session() as session:
        access = SupplierAccess("carrier-one", platform.url, platform.carrier.secret)
        yield CarrierApi(access, session, SystemClock(), total_seconds=0.4)


def wanted(platform, number: str = ONE, **more) -> ToCharge:
    ends = datetime.fromtimestamp(platform.clock.now(), SHANGHAI) + timedelta(minutes=15)
    return ToCharge(
        **{"number": number, "title": "洗车", "amount_fen": 990, "expires_at": ends, "payer": NUMBER, **more}
    )


def back(number: str = OTHER, amount: int = 990) -> ToRefund:
    return ToRefund(number, ONE, amount, 990, "")


async def charged(api, platform):
    assert (await api.announce(wanted(platform))).heard is CodeHeard.SENT
    return await api.charge(wanted(platform), code=platform.carrier.code(NUMBER))


async def test_of_a_number_it_tells_whose_it_is_and_what_hangs_on_it(platform, api):
    known = await api.subscriber(NUMBER)
    assert known == Subscriber(True, date(2019, 3, 1), "畅享套餐99元", date(2027, 1, 31), 0, is_porting_out=False)
    assert await api.subscriber("13912345671") == Subscriber(is_ours=False)
    platform.carrier.subscribers[NUMBER].arrears_fen = 500
    platform.carrier.subscribers[NUMBER].is_porting_out = True
    known = await api.subscriber(NUMBER)
    assert (known.arrears_fen, known.is_porting_out) == (500, True)


@pytest.mark.parametrize(
    ("conduct", "error", "reason"),
    [
        (CarrierConduct(hangs=1.0), CarrierRetryLater, "timeout"),
        (CarrierConduct(loses=True), CarrierRetryLater, "http_504"),
        (CarrierConduct(status=429), CarrierRetryLater, "http_429"),
        (CarrierConduct(status=403), CarrierGaveUp, "http_403"),
        (CarrierConduct(is_garbage=True), CarrierRetryLater, "unreadable"),
        (CarrierConduct(wrong_signature=True), CarrierRetryLater, "signature"),
        (CarrierConduct(refuses="blocked"), CarrierRefused, ""),
    ],
)
async def test_a_question_about_a_number_fails_by_kind(platform, api, conduct, error, reason):
    platform.carrier.once(conduct)
    with pytest.raises(error) as trouble:
        await api.subscriber(NUMBER)
    assert trouble.value.reason == reason
    assert (await api.subscriber(NUMBER)).is_ours


async def test_a_broken_line_is_for_later(api, platform):
    api._access = SupplierAccess("carrier-one", "http://127.0.0.1:9", platform.carrier.secret)
    with pytest.raises(CarrierRetryLater):
        await api.subscriber(NUMBER)
    assert type(_trouble("http_408")) is CarrierRetryLater


async def test_services_are_ordered_and_cancelled_once_for_a_number(platform, api):
    assert (await api.query_service(ONE)).heard is ServiceHeard.ABSENT
    for _ in range(2):
        assert (await api.order_service(ONE, number=NUMBER, service="data-10g")).heard is ServiceHeard.ORDERED
    assert len(platform.carrier.services) == 1
    for _ in range(2):
        assert (await api.cancel_service(ONE)).heard is ServiceHeard.CANCELLED
    assert (await api.order_service(ONE, number=NUMBER, service="data-10g")).heard is ServiceHeard.CANCELLED
    platform.carrier.subscribers[NUMBER].arrears_fen = 1
    assert (await api.order_service(OTHER, number=NUMBER, service="data-10g")).heard is ServiceHeard.REFUSED
    platform.carrier.once(CarrierConduct(hangs=1.0))
    assert (await api.query_service(ONE)).heard is ServiceHeard.UNKNOWN


async def test_a_charge_is_announced_by_sms_and_confirmed_with_its_code_once(platform, api):
    says = await charged(api, platform)
    trade = says.trade
    assert (says.heard, trade.heard, trade.number) == (ChargeHeard.CHARGED, TradeHeard.PAID, ONE)
    assert (trade.amount_fen, trade.currency, trade.openid, trade.mch_id) == (990, "CNY", NUMBER, "carrier-one")
    assert (trade.billing_month, trade.app_id) == ("2026-03", "")
    again = await api.charge(wanted(platform), code="000000")  # it is charged, whatever comes now
    assert (again.heard, again.trade) == (ChargeHeard.CHARGED, trade)
    assert (await api.announce(wanted(platform))).heard is CodeHeard.CHARGED
    assert await api.query(ONE) == trade
    assert not await api.close(ONE)
    assert platform.carrier.charges[ONE].charged_count == 1
    assert NUMBER not in repr(wanted(platform)) + repr(trade)


async def test_wrong_codes_old_codes_and_closed_charges_have_words_of_their_own(platform, api):
    assert (await api.query(ONE)).heard is TradeHeard.ABSENT
    await api.announce(wanted(platform))
    assert (await api.query(ONE)).heard is TradeHeard.OPEN
    assert (await api.charge(wanted(platform), code="000000")).heard is ChargeHeard.WRONG_CODE
    platform.clock.advance(301)
    code = platform.carrier.code(NUMBER)
    assert (await api.charge(wanted(platform), code=code)).heard is ChargeHeard.CODE_OVER
    await api.announce(wanted(platform))
    assert len(platform.carrier.messages[NUMBER]) == 2
    assert await api.close(ONE)
    code = platform.carrier.code(NUMBER)
    assert (await api.charge(wanted(platform), code=code)).heard is ChargeHeard.CLOSED
    assert (await api.announce(wanted(platform))).heard is CodeHeard.CLOSED
    assert (await api.query(ONE)).heard is TradeHeard.CLOSED


async def test_it_refuses_who_owes_who_is_not_its_own_and_what_differs(platform, api):
    assert (await api.announce(wanted(platform, OTHER, payer="13912345671"))).reason == "not_ours"
    await api.announce(wanted(platform))
    code = platform.carrier.code(NUMBER)
    differs = await api.charge(wanted(platform, amount_fen=1), code=code)
    assert (differs.heard, differs.reason) == (ChargeHeard.REFUSED, "differs")
    platform.carrier.subscribers[NUMBER].arrears_fen = 1
    refused = await api.charge(wanted(platform), code=code)
    assert (refused.heard, refused.reason) == (ChargeHeard.REFUSED, "arrears")
    assert (await api.query(ONE)).heard is TradeHeard.CLOSED


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (CarrierConduct(act="charges/confirm", hangs=1.0), "timeout"),
        (CarrierConduct(act="charges/confirm", is_garbage=True), "unreadable"),
        (CarrierConduct(act="charges/confirm", wrong_signature=True), "signature"),
    ],
)
async def test_what_is_charged_and_not_answered_clearly_is_unknown_and_the_question_knows(
    platform, api, conduct, reason
):
    platform.carrier.once(conduct)
    says = await charged(api, platform)
    assert (says.heard, says.reason) == (ChargeHeard.UNKNOWN, reason)
    assert (await api.query(ONE)).heard is TradeHeard.PAID
    assert platform.carrier.charges[ONE].charged_count == 1


async def test_a_call_that_the_network_doubles_charges_once(platform, api):
    platform.carrier.always(CarrierConduct(act="charges/confirm", duplicates=3))
    await charged(api, platform)
    assert platform.carrier.on_bill() == {ONE: 990}


async def test_within_its_month_a_refund_takes_the_charge_off_and_later_it_is_a_credit(platform, api):
    await charged(api, platform)
    assert (await api.query_refund(OTHER)).heard is RefundHeard.ABSENT
    for _ in range(2):
        says = await api.refund(back(amount=90))
        assert (says.heard, says.credit, says.billing_month) == (RefundHeard.DONE, CreditWay.CANCELLED, "2026-03")
    assert (says.number, says.order_number, says.amount_fen) == (OTHER, ONE, 90)
    assert platform.carrier.on_bill() == {ONE: 900}
    platform.clock.advance(26 * 86_400)  # the month is cut off on the 27th
    says = await api.refund(back("e" * 32, 900))
    assert (says.credit, says.billing_month) == (CreditWay.CREDITED, "2026-04")
    assert (await api.refund(back("d" * 32, 1))).heard is RefundHeard.REFUSED
    assert await api.query_refund(OTHER) == await api.refund(back(amount=90))


def test_a_charge_of_the_last_days_of_a_month_stands_on_the_next_bill():
    months = [month_of(datetime(2026, 12, day, 4, tzinfo=SHANGHAI), 27) for day in (27, 28, 31)]
    assert months == ["2026-12", "2027-01", "2027-01"]


async def test_the_bill_of_a_day_is_a_signed_file(platform, api):
    await charged(api, platform)
    await api.refund(back(amount=90))
    assert await api.bill(BillKind.TRADE, date(2026, 3, 2)) is None  # not made yet
    platform.clock.advance(86_400)
    assert await api.bill(BillKind.TRADE, date(2026, 3, 2)) == {ONE: 990}
    assert await api.bill(BillKind.REFUND, date(2026, 3, 2)) == {OTHER: 90}
    assert await api.bill(BillKind.TRADE, date(2026, 3, 1)) == {}
    assert await api.bill(BillKind.TRANSFER, date(2026, 3, 2)) == {}
    platform.carrier.bent.is_cut = True
    assert await api.bill(BillKind.TRADE, date(2026, 3, 2)) is None


HEAD = b"number,amount_fen,billing_month\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEAD,
        HEAD + b"total,0,0",
        HEAD + b"a,1,2026-03\ntotal,1,2\n",
        HEAD + b"a,1,2026-03\ntotal,2,1\n",
        HEAD + b"a,1,2026-03\na,1,2026-03\ntotal,2,2\n",
        HEAD + b"a,-1,2026-03\ntotal,1,-1\n",
        HEAD + b"a,1.5,2026-03\ntotal,1,1\n",
        HEAD + b"a,1\ntotal,1,1\n",
        "号,1,2026-03\n".encode(),
    ],
)
def test_a_file_that_is_not_whole_or_contradicts_itself_is_none(content):
    assert fen_by_number(content) is None


WHOLE = {
    "charge_no": ONE,
    "status": "charged",
    "number": NUMBER,
    "amount_fen": 990,
    "charge_id": "hf1",
    "billing_month": "2026-03",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"charge_no": OTHER},
        {"status": "done"},
        {"status": ["charged"]},
        {"number": None},
        {"amount_fen": "990"},
        {"amount_fen": 990.0},
        {"amount_fen": True},
        {"charge_id": ""},
        {"charge_id": "x" * 33},
        {"billing_month": "2026-13"},
        {"billing_month": None},
    ],
)
def test_that_money_came_is_believed_with_all_that_belongs_to_it(wrong):
    assert trade_says(WHOLE, ONE, "", mch_id="c").heard is TradeHeard.PAID
    assert trade_says({**WHOLE, **wrong}, ONE, "", mch_id="c").heard is TradeHeard.UNKNOWN


def test_what_is_half_said_of_a_refund_or_a_number_is_not_taken():
    whole = {"refund_no": ONE, "charge_no": OTHER, "status": "cancelled", "amount_fen": 1, "refund_id": "r"}
    assert refund_says(whole, ONE, "").heard is RefundHeard.UNKNOWN
    assert refund_says({**whole, "billing_month": "2026-03"}, ONE, "").heard is RefundHeard.DONE
    assert refund_says({**whole, "status": "under_way"}, ONE, "").heard is RefundHeard.UNDER_WAY
    for wrong in ({}, {"is_ours": 1}, {"is_ours": True, "arrears_fen": -1}, {"is_ours": True, "since": "gestern"}):
        assert subscriber_of(wrong) is None


async def test_where_no_carrier_is_connected_nothing_is_charged():
    none = NoCarrier()
    assert none.mch_id == ""
    with pytest.raises(CarrierGaveUp):
        await none.subscriber(NUMBER)
    assert (await none.query(ONE)).heard is TradeHeard.UNKNOWN
    assert await none.bill(BillKind.TRADE, date(2026, 3, 2)) is None
