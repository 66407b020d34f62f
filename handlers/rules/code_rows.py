"""Rows of a file of a third party's codes: which columns there are, and what one line says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.rules.file_rows import REASONS as ROW_REASONS
from handlers.rules.file_rows import HeaderRefused, RowRefused, columns_of, row_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("code", "券码", "兑换码", "卡号", "激活码", "序列号"),
    "pin": ("pin", "password", "密码", "卡密", "卡密码"),
}
# What spreadsheets make of long numbers when a file was opened and saved: digits of the code are lost.
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+\d+")
LONGEST_CODE, LONGEST_PIN = 256, 64


@dataclass(frozen=True, slots=True)
class ThirdPartyCode:
    """One line. Worth money: never logged, never stored in the clear."""

    code: str = field(repr=False)
    pin: str = field(repr=False)  # empty for none


def header(line: str) -> tuple[str, ...]:
    """Our names of the columns, in the file's order. Raises HeaderRefused."""
    columns = columns_of(line, COLUMNS)
    if "code" not in columns:
        raise HeaderRefused("缺少“券码”列")
    return columns


def read(line: str, columns: Sequence[str]) -> ThirdPartyCode:
    """What one line says. Raises RowRefused."""
    said = row_of(line, columns)
    code, pin = said["code"], said.get("pin", "")
    if not code:
        raise RowRefused("code.missing")
    if len(code) > LONGEST_CODE or len(pin) > LONGEST_PIN:
        raise RowRefused("code.too_long")
    if not (code.isprintable() and pin.isprintable()):
        raise RowRefused("code.wrong")
    if _SCIENTIFIC.fullmatch(code):
        raise RowRefused("code.scientific")
    return ThirdPartyCode(code, pin)


REASONS: Mapping[str, str] = {
    **ROW_REASONS,
    "code.missing": "没有券码",
    "code.too_long": "券码或密码太长",
    "code.wrong": "券码里有看不见的字符",
    "code.scientific": "券码被表格软件改成了科学计数法，请以文本格式重新导出",
    "code.repeated": "同一个文件里券码重复",
}
