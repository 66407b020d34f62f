"""Rows of a file of legacy cards: which columns there are, and what one line says."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.rules.card_numbers import NumberForm, is_well_formed, normalise
from handlers.rules.phones import normalise as normalise_phone

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "card_number", "卡号", "会员卡号"),
    "phone": ("phone", "mobile", "手机号", "手机", "手机号码"),
    "name": ("name", "姓名", "持卡人"),
    "pin": ("pin", "密码", "卡密码"),
    "store": ("store", "last_store", "门店", "最近门店", "最近消费门店"),
    "balance": ("balance", "opening_balance", "余额", "积分", "期初积分"),
}
_KNOWN = {spelling: column for column, spellings in COLUMNS.items() for spelling in spellings}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run when the file is opened again
_BALANCE = re.compile(r"\d{1,10}")
MOST_POINTS = 2_147_483_647
LONGEST_NAME, LONGEST_PIN = 64, 32


class HeaderRefused(Exception):
    """The first line does not name the columns; the text says what is wrong."""


class RowRefused(Exception):
    """One line was not taken; `code` says why and holds nothing of the line."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class LegacyCard:
    """One line, as far as it is understood. Personal data: never logged, never stored in the clear."""

    number: str = field(repr=False)
    phone: str = field(repr=False)  # national digits, empty for none
    name: str = field(repr=False)
    pin: str = field(repr=False)
    store: str  # code or name of the store, empty for none
    balance: int


def cells(line: str) -> list[str]:
    """The cells of one line. A line is a row: a quote that does not end in it is a fault. Raises RowRefused."""
    if "\x00" in line:
        raise RowRefused("row.malformed")
    try:
        (row,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        raise RowRefused("row.malformed") from None
    return [cell.strip() for cell in row]


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
    if "number" not in columns:
        raise HeaderRefused("缺少“卡号”列")
    if not {"phone", "pin"} & set(columns) and not {"name", "store"} <= set(columns):
        raise HeaderRefused("缺少能核实持卡人的列：手机号、密码，或姓名和门店")
    return columns


def read(line: str, columns: Sequence[str], form: NumberForm) -> LegacyCard:
    """What one line says. Raises RowRefused."""
    row = cells(line)
    if len(row) != len(columns):
        raise RowRefused("row.columns")
    if any(cell.startswith(_FORMULA) for cell in row):
        raise RowRefused("row.formula")
    said = {**dict.fromkeys(COLUMNS, ""), **dict(zip(columns, row, strict=True))}
    card = LegacyCard(
        number=_number(said["number"], form),
        phone=_phone(said["phone"]),
        name=_short(said["name"], LONGEST_NAME, "name.too_long"),
        pin=_short(said["pin"], LONGEST_PIN, "pin.too_long"),
        store=said["store"],
        balance=_balance(said["balance"]),
    )
    if not (card.phone or card.pin or (card.name and card.store)):
        raise RowRefused("proof.missing")
    return card


def _number(said: str, form: NumberForm) -> str:
    number = normalise(said)
    if not number:
        raise RowRefused("number.missing")
    if not is_well_formed(number, form):
        raise RowRefused("number.wrong")
    return number


def _phone(said: str) -> str:
    if not said:
        return ""
    number = normalise_phone(said, "86")
    if number is None:
        raise RowRefused("phone.wrong")
    return number


def _short(said: str, longest: int, code: str) -> str:
    if len(said) > longest:
        raise RowRefused(code)
    return said


def _balance(said: str) -> int:
    if not said:
        return 0
    if not said.isascii() or not _BALANCE.fullmatch(said) or int(said) > MOST_POINTS:
        raise RowRefused("balance.wrong")
    return int(said)


REASONS: Mapping[str, str] = {
    "row.malformed": "这一行不是有效的 CSV",
    "row.columns": "列数和表头不一致",
    "row.formula": "有单元格以 = + - @ 开头",
    "row.too_long": "这一行太长",
    "row.encoding": "这一行有无法识别的文字",
    "number.missing": "没有卡号",
    "number.wrong": "卡号位数、号段或校验位不对",
    "number.repeated": "同一个文件里卡号重复",
    "phone.wrong": "手机号不正确",
    "name.too_long": "姓名太长",
    "pin.too_long": "密码太长",
    "balance.wrong": "积分不是整数",
    "store.unknown": "没有这家门店",
    "proof.missing": "没有手机号、密码，或姓名加门店",
}
