"""WeChat Pay's daily bills as files: which one is asked for, what its columns say, and whether it came whole.

The files are not signed: the signed answer that says where they are says their SHA-1 too.
"""

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.words import BillKind

LARGEST_BILL = 64 * 1024 * 1024
NO_BILL = {"NO_STATEMENT_EXIST"}  # nothing has moved on that day
_YUAN = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where our number and the money stand; `sign`, where a line's direction stands in words."""

    target: str
    number: str
    money: str
    only: tuple[str, str] | None = None  # of lines of many sorts, those with this word in this column
    sign: tuple[str, str] | None = None  # a line with this word in this column counts against


_BILLS: Mapping[BillKind, _Columns] = {
    BillKind.TRADE: _Columns("/v3/bill/tradebill?bill_date={day}&bill_type=SUCCESS", "商户订单号", "订单金额"),
    BillKind.REFUND: _Columns("/v3/bill/tradebill?bill_date={day}&bill_type=REFUND", "商户退款单号", "申请退款金额"),
    BillKind.TRANSFER: _Columns(
        "/v3/bill/fundflowbill?bill_date={day}&account_type=OPERATION",
        "业务凭证号",
        "收支金额(元)",
        only=("业务名称", "商家转账"),
        sign=("收支类型", "收入"),
    ),
}


class BillBroken(Exception):
    """The file is not what was promised, or not of the known shape; the text is a short word without values."""


def require_ours(is_so: bool, word: str) -> None:  # noqa: FBT001 - a condition
    """Raises BillBroken."""
    if not is_so:
        raise BillBroken(word)


def target_of(kind: BillKind, day: date) -> str:
    """What is asked for."""
    return _BILLS[kind].target.format(day=day.isoformat())


def read_bill(kind: BillKind, content: bytes, sha1: str) -> dict[str, int]:
    """Fen by our number; several lines of one number are added up, and what adds up to nothing is left out.

    Raises BillBroken.
    """
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1.lower():
        raise BillBroken("hash")
    columns = _BILLS[kind]
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        heads = next(lines, [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise BillBroken("text") from error
    if columns.number not in heads or columns.money not in heads:
        raise BillBroken("columns")
    found: dict[str, int] = {}
    for line in lines:
        if not line or not line[0].startswith("`"):
            break  # the sums stand under a head of their own
        if len(line) != len(heads):
            raise BillBroken("line")
        told = {head: value.lstrip("`").strip() for head, value in zip(heads, line, strict=True)}
        if columns.only is not None and told.get(columns.only[0]) != columns.only[1]:
            continue
        if not told[columns.number] or not _YUAN.fullmatch(told[columns.money]):
            raise BillBroken("line")
        fen = int(Decimal(told[columns.money]) * 100)
        if columns.sign is not None and told.get(columns.sign[0]) == columns.sign[1]:
            fen = -fen
        found[told[columns.number]] = found.get(told[columns.number], 0) + fen
    return {number: fen for number, fen in found.items() if fen}
