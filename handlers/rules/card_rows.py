"""Rows of a file of legacy cards: which columns there are, and what one line says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.rules.card_numbers import NumberForm, is_well_formed, normalise
from handlers.rules.file_rows import REASONS as ROW_REASONS
from handlers.rules.file_rows import HeaderRefused, RowRefused, columns_of, row_of
from handlers.rules.phones import normalise as normalise_phone

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "card_number", "卡号", "会员卡号"),
    "phone": ("phone", "mobile", "手机号", "手机", "手机号码"),
    "name": ("name", "姓名", "持卡人"),
    "pin": ("pin", "密码", "卡密码"),
    "store": ("store", "last_store", "门店", "最近门店", "最近消费门店"),
    "balance": ("balance", "opening_balance", "余额", "积分", "期初积分"),
}
_BALANCE = re.compile(r"\d{1,10}")
MOST_POINTS = 2_147_483_647
LONGEST_NAME, LONGEST_PIN = 64, 32


@dataclass(frozen=True, slots=True)
class LegacyCard:
    """One line, as far as it is understood. Personal data: never logged, never stored in the clear."""

    number: str = field(repr=False)
    phone: str = field(repr=False)  # national digits, empty for none
    name: str = field(repr=False)
    pin: str = field(repr=False)
    store: str  # code or name of the store, empty for none
    balance: int


def header(line: str) -> tuple[str, ...]:
    """Our names of the columns, in the file's order. Raises HeaderRefused."""
    columns = columns_of(line, COLUMNS)
    if "number" not in columns:
        raise HeaderRefused("缺少“卡号”列")
    if not {"phone", "pin"} & set(columns) and not {"name", "store"} <= set(columns):
        raise HeaderRefused("缺少能核实持卡人的列：手机号、密码，或姓名和门店")
    return columns


def read(line: str, columns: Sequence[str], form: NumberForm) -> LegacyCard:
    """What one line says. Raises RowRefused."""
    said = {**dict.fromkeys(COLUMNS, ""), **row_of(line, columns)}
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
    **ROW_REASONS,
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
