"""Transfers of the WeChat Pay client against the pretend one: each trap of the interface, bad answers and notices."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.wechat_pay import NoPayments
from handlers.errors import PayNoticeForged, PayNoticeUnreadable
from handlers.ports import ToTransfer
from models.words import TransferHeard
from simulator import ImpossibleError, PayConduct
from tests.gateways.test_wechat_pay import APP_ID, NOW, OPENID, line
from tests.paying import MCH_ID, pay_keys

__all__ = ["line"]

NUMBER = "0195b3a2c4d57e8f9a0b1c2d3e4f5a6c"
REPORTS = (("岗位类型", "推广员"), ("报酬说明", "推广佣金"))


def to_transfer(**more) -> ToTransfer:
    return replace(ToTransfer(NUMBER, APP_ID, 5_000, "推广佣金", "1005", REPORTS, OPENID), **more)


def page(package: str) -> dict[str, str]:
    return {"mch_id": MCH_ID, "app_id": APP_ID, "package": package}


async def test_a_transfer_waits_for_its_payee_and_arrives(line):
    says = await line.api.transfer(to_transfer())
    bill = line.pay.transfers.bills[NUMBER]
    assert (says.heard, says.package, says.bill_id) == (TransferHeard.TO_CONFIRM, bill.package, bill.bill_id)
    assert bill.notify_url == "https://m.example.com/pay/notify/transfer"
    asked = await line.api.query_transfer(NUMBER)
    assert (asked.heard, asked.package, asked.amount_fen, asked.openid, asked.mch_id) == (
        TransferHeard.TO_CONFIRM, "", 5_000, OPENID, MCH_ID,
    )  # fmt: skip
    line.pay.once(PayConduct(is_moving=True))
    line.pay.take_money(APP_ID, OPENID, page(says.package))
    assert (await line.api.query_transfer(NUMBER)).heard is TransferHeard.MOVING
    line.pay.always(PayConduct(is_silent=True))
    line.pay.arrive(bill)
    assert (await line.api.query_transfer(NUMBER)).heard is TransferHeard.DONE
    assert line.pay.transfers.got(OPENID) == 5_000


async def test_the_same_number_is_the_same_transfer_and_tells_its_package_again(line):
    first, again = await line.api.transfer(to_transfer()), await line.api.transfer(to_transfer())
    assert (again.heard, again.package) == (TransferHeard.TO_CONFIRM, first.package)
    other = await line.api.transfer(to_transfer(amount_fen=1))
    assert other.heard is TransferHeard.REFUSED
    other = await line.api.transfer(to_transfer(amount_fen=4_000))
    assert (other.heard, other.reason) == (TransferHeard.UNKNOWN, "already_exists")  # so that it is asked about
    assert len(line.pay.transfers.bills) == 1


async def test_a_name_travels_under_their_key_and_only_where_it_may(line):
    await line.api.transfer(to_transfer(name="王小明", amount_fen=200_000))
    assert line.pay.transfers.bills[NUMBER].name == "王小明"
    small = await line.api.transfer(to_transfer(number="a" * 32, name="王小明", amount_fen=29))
    assert (small.heard, line.pay.transfers.bills["a" * 32].name) == (TransferHeard.TO_CONFIRM, "")
    unnamed = await line.api.transfer(to_transfer(number="b" * 32, amount_fen=200_000))
    assert (unnamed.heard, unnamed.reason) == (TransferHeard.REFUSED, "param_error")
    assert "王" not in repr(to_transfer(name="王小明"))
    assert pay_keys().for_them("王小明") != pay_keys().for_them("王小明")


async def test_a_scene_without_its_reports_is_refused(line):
    says = await line.api.transfer(to_transfer(reports=REPORTS[:1]))
    assert (says.heard, says.reason) == (TransferHeard.REFUSED, "param_error")


async def test_a_cancelling_has_no_body_and_ends_what_nobody_took(line):
    says = await line.api.transfer(to_transfer())
    line.pay.once(PayConduct(is_silent=True), times=3)
    assert await line.api.cancel_transfer(NUMBER)
    assert (await line.api.query_transfer(NUMBER)).heard is TransferHeard.FAILED
    with pytest.raises(ImpossibleError):
        line.pay.take_money(APP_ID, OPENID, page(says.package))
    assert not await line.api.cancel_transfer("c" * 32)


async def test_after_a_day_it_goes_home_with_its_reason(line):
    says = await line.api.transfer(to_transfer())
    line.platform.clock.advance(timedelta(hours=24).total_seconds())
    with pytest.raises(ImpossibleError):
        line.pay.take_money(APP_ID, OPENID, page(says.package))
    line.pay.once(PayConduct(is_silent=True))
    assert (line.pay.send_home(), line.pay.send_home()) == (1, 0)
    bill = line.pay.transfers.bills[NUMBER]
    assert (bill.state, bill.fail_reason, line.pay.transfers.got(OPENID)) == ("FAIL", "OVERDUE_CLOSE", 0)


async def test_what_is_not_a_clear_signed_answer_is_unknown(line):
    hasty = line.another()
    for conduct in (
        PayConduct(hangs=2.0),
        PayConduct(refuses="SYSTEM_ERROR"),
        PayConduct(refuses="NOT_ENOUGH"),
        PayConduct(refuses="FREQUENCY_LIMITED"),
        PayConduct(is_unsigned=True),
    ):
        line.pay.once(conduct)
        assert (await hasty.transfer(to_transfer())).heard is TransferHeard.UNKNOWN
    assert len(line.pay.transfers.bills) == 1  # it was done, and its answer was lost
    line.pay.once(PayConduct(refuses="SYSTEM_ERROR"))
    assert (await hasty.query_transfer(NUMBER)).heard is TransferHeard.UNKNOWN
    assert (await hasty.query_transfer("d" * 32)).heard is TransferHeard.ABSENT


async def test_a_notice_is_believed_only_with_their_seal_and_of_its_own_kind(line):
    await line.api.transfer(to_transfer())
    bill, now = line.pay.transfers.bills[NUMBER], NOW
    bill.state = "SUCCESS"
    body = line.pay.notice_of_transfer(bill)
    seal = merchant_headers(line, body)
    says = line.api.transfer_notice(seal, body, now=now)
    assert (says.heard, says.number, says.amount_fen, says.openid) == (TransferHeard.DONE, NUMBER, 5_000, OPENID)
    with pytest.raises(PayNoticeForged):
        line.api.transfer_notice(seal, body.replace(b"mch_payment", b"mch_paymenT"), now=now)
    with pytest.raises(PayNoticeForged):
        line.api.transfer_notice(seal, body, now=now + timedelta(seconds=301))
    with pytest.raises(PayNoticeUnreadable):
        line.api.trade_notice(seal, body, now=now)
    strange = line.pay.notice_of_transfer(bill, state="NEWS")
    with pytest.raises(PayNoticeUnreadable):
        line.api.transfer_notice(merchant_headers(line, strange), strange, now=now)


def merchant_headers(line, body: bytes) -> dict[str, str]:
    return line.pay.merchant.headers(body, line.platform.clock.now())


async def test_without_a_merchant_nothing_is_sent_and_nothing_is_believed():
    nobody = NoPayments()
    assert (await nobody.transfer(to_transfer())).heard is TransferHeard.UNKNOWN
    assert (await nobody.query_transfer(NUMBER)).heard is TransferHeard.UNKNOWN
    assert not await nobody.cancel_transfer(NUMBER)
    with pytest.raises(PayNoticeForged):
        nobody.transfer_notice({}, b"", now=NOW)
