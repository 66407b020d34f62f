"""The daily bills of the pretend WeChat Pay, as files: a head, lines with backticks before their values, sums."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))
_HEADS = {
    "SUCCESS": ("交易时间", "商户号", "微信订单号", "商户订单号", "交易状态", "商品名称", "订单金额"),
    "REFUND": ("退款申请时间", "商户号", "微信退款单号", "商户退款单号", "退款状态", "商品名称", "申请退款金额"),
    "OPERATION": (
        "记账时间",
        "微信支付业务单号",
        "资金流水单号",
        "业务名称",
        "业务类型",
        "收支类型",
        "收支金额(元)",
        "业务凭证号",
    ),
}


@dataclass
class Bills:
    """What there is to download, by token; `left_out` and `added` bend what the next bills say of numbers."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    added: list[tuple[str, str, int]] = field(default_factory=list)  # of which bill, our number, fen
    is_cut: bool = False  # files arrive with their end missing
    origin: str = ""  # where the files are, if not where they were asked for

    def publish(self, sort: str, rows: Iterable[tuple[datetime, str, str, int]], mch_id: str) -> Mapping[str, str]:
        """`rows`: when, their number, ours, fen. The token of the file and its hash."""
        told = [each for each in rows if each[2] not in self.left_out]
        heads = _HEADS[sort]
        lines = [",".join(heads), *(_line(sort, mch_id, *each) for each in told)]
        total = sum(fen for *_, fen in told)
        content = "\r\n".join([*lines, "总笔数,总金额", f"`{len(told)},`{_yuan(total)}", ""]).encode()
        token = secrets.token_hex(8)
        self.files[token] = content[:-9] if self.is_cut else content
        return {"token": token, "hash": hashlib.sha1(content, usedforsecurity=False).hexdigest()}


def on_day(at: datetime, day: date) -> bool:
    """Days are those of Shanghai."""
    return at.astimezone(SHANGHAI).date() == day


def _line(sort: str, mch_id: str, at: datetime, theirs: str, ours: str, fen: int) -> str:
    when = at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    values: tuple[str, ...]
    if sort == "OPERATION":
        values = (when, theirs, theirs, "商家转账", "转账", "支出", _yuan(fen), ours)
    else:
        values = (when, mch_id, theirs, ours, "SUCCESS", "商品", _yuan(fen))
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"
