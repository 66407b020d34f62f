"""The bills of WeChat Pay: read whole or not at all, and fetched from nowhere but them."""

import hashlib
from datetime import date

import pytest

from gateways.wechat_pay import NoPayments
from gateways.wechat_pay_bills import BillBroken, read_bill
from models.words import BillKind
from simulator import PayConduct
from tests.gateways.test_wechat_pay import APP_ID, NUMBER, OPENID, line, paid, to_refund
from tests.gateways.test_wechat_pay_transfers import NUMBER as OUT
from tests.gateways.test_wechat_pay_transfers import page, to_transfer

__all__ = ["line"]

DAY = date(2026, 3, 2)
HEAD = "记账时间,业务名称,收支类型,收支金额(元),业务凭证号"


def read(*lines: str, kind: BillKind = BillKind.TRANSFER) -> dict[str, int]:
    content = "\r\n".join(lines).encode("utf-8-sig")
    return read_bill(kind, content, hashlib.sha1(content, usedforsecurity=False).hexdigest().upper())


async def test_what_moved_stands_in_the_bill_of_its_day_by_our_numbers(line):
    line.pay.always(PayConduct(is_silent=True))
    await paid(line)
    await line.api.refund(to_refund())
    await line.pay.settle()
    says = await line.api.transfer(to_transfer())
    line.pay.take_money(APP_ID, OPENID, page(says.package))
    assert await line.api.bill(BillKind.TRADE, DAY) == {NUMBER: 1_990}
    assert await line.api.bill(BillKind.REFUND, DAY) == {"r" * 32: 990}
    assert await line.api.bill(BillKind.TRANSFER, DAY) == {OUT: 5_000}
    assert await line.api.bill(BillKind.TRADE, date(2026, 3, 1)) == {}


async def test_a_bill_that_is_not_whole_or_not_theirs_is_not_clear(line):
    line.pay.always(PayConduct(is_silent=True))
    await paid(line)
    line.pay.bills.is_cut = True
    assert await line.api.bill(BillKind.TRADE, DAY) is None
    line.pay.bills.is_cut = False
    line.pay.once(PayConduct(refuses="SYSTEM_ERROR"))
    assert await line.api.bill(BillKind.TRADE, DAY) is None
    line.pay.once(PayConduct(is_unsigned=True))
    assert await line.api.bill(BillKind.TRADE, DAY) is None
    elsewhere = line.another(api_url=line.address.replace("127.0.0.1", "localhost"))
    line.pay.bills.origin = line.address  # not where we asked
    assert await elsewhere.bill(BillKind.TRADE, DAY) is None
    line.pay.bills.origin = ""
    assert await line.api.bill(BillKind.TRADE, DAY) == {NUMBER: 1_990}
    assert await NoPayments().bill(BillKind.TRADE, DAY) is None


def test_other_business_is_left_out_and_what_came_back_counts_against():
    assert read(
        HEAD,
        "`2026-03-02 10:00:00,`商家转账,`支出,`10.00,`a",
        "`2026-03-02 10:00:00,`商家转账,`支出,`0.5,`b",
        "`2026-03-02 10:00:00,`商家转账,`支出,`3.00,`c",
        "`2026-03-02 11:00:00,`商家转账,`收入,`3.00,`c",
        "`2026-03-02 10:00:00,`提现,`支出,`99.00,`x",
        "资金流水总笔数,收入金额",
        "`5,`3.00",
    ) == {"a": 1_000, "b": 50}


def test_what_is_not_of_the_known_shape_is_refused():
    with pytest.raises(BillBroken, match="columns"):
        read("记账时间,业务名称")
    with pytest.raises(BillBroken, match="line"):
        read(HEAD, "`2026-03-02,`商家转账,`支出,`十元,`a")
    with pytest.raises(BillBroken, match="line"):
        read(HEAD, "`2026-03-02,`商家转账,`支出")
    with pytest.raises(BillBroken, match="text"):
        read_bill(BillKind.TRADE, b"\xff", hashlib.sha1(b"\xff", usedforsecurity=False).hexdigest())
    with pytest.raises(BillBroken, match="hash"):
        read_bill(BillKind.TRADE, HEAD.encode(), "0" * 40)
