"""Rows of a file of a third party's codes: which columns there are, and what one line says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.rules.card_rows import HeaderRefused, RowRefused, cells

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("code", "券码", "兑换码", "卡号", "激活码", "序列号"),
    "pin": ("pin", "password", "密码", "卡密", "卡密码"),
}
_KNOWN = {spelling: column for column, spellings in COLUMNS.items() for spelling in spellings}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run when the file is opened again
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
    try:
        given = [cell.lower() for cell in cells(line)]
    except RowRefused:
        raise HeaderRefused("第一行不是有效的表头") from None
    unknown = [place for place, cell in enumerate(given, start=1) if cell not in _KNOWN]
    if unknown:
        raise HeaderRefused(f"第 {'、'.join(map(str, unknown))} 列的表头不认识")
    columns = tuple(_KNOWN[cell] for cell in given)
    if len(set(columns)) != len(columns):
        raise HeaderRefused("有两列是同一种内容")
    if "code" not in columns:
        raise HeaderRefused("缺少“券码”列")
    return columns


def read(line: str, columns: Sequence[str]) -> ThirdPartyCode:
    """What one line says. Raises RowRefused."""
    # Most lines are one plain cell, and a million of them should not take a CSV reader each.
    row = cells(line) if '"' in line or "\x00" in line else [cell.strip() for cell in line.split(",")]
    if len(row) != len(columns):
        raise RowRefused("row.columns")
    if any(cell.startswith(_FORMULA) for cell in row):
        raise RowRefused("row.formula")
    said = dict(zip(columns, row, strict=True))
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
    "row.malformed": "这一行不是有效的 CSV",
    "row.columns": "列数和表头不一致",
    "row.formula": "有单元格以 = + - @ 开头",
    "row.too_long": "这一行太长",
    "row.encoding": "这一行有无法识别的文字",
    "code.missing": "没有券码",
    "code.too_long": "券码或密码太长",
    "code.wrong": "券码里有看不见的字符",
    "code.scientific": "券码被表格软件改成了科学计数法，请以文本格式重新导出",
    "code.repeated": "同一个文件里券码重复",
}
