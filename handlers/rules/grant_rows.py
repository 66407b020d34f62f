"""Rows of a list of members who are to get something: whom a row means, and how many."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from handlers.rules.card_numbers import normalise as normalise_card
from handlers.rules.file_rows import REASONS as ROW_REASONS
from handlers.rules.file_rows import HeaderRefused, RowRefused, columns_of, row_of
from handlers.rules.phones import normalise as normalise_phone

MOST_EACH = 20  # claims for one row
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "member": ("member", "member_id", "会员"),
    "phone": ("phone", "mobile", "手机号", "手机", "手机号码"),
    "card": ("card", "card_number", "卡号", "会员卡号"),
    "openid": ("openid",),
    "quantity": ("quantity", "数量", "份数"),
    "recharge_to": ("recharge_to", "充值号码", "充值手机号"),
}
_QUANTITY = re.compile(r"[0-9]{1,9}")
_OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class By(StrEnum):
    """How a row names a member; exact always."""

    MEMBER = "member"
    PHONE = "phone"
    CARD = "card"
    OPENID = "openid"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One row. Personal data: never logged, never stored in the clear. `recharge_to`: where a top-up goes."""

    by: By
    value: str = field(repr=False)  # normalised
    quantity: int = 1
    recharge_to: str = field(default="", repr=False)  # normalised; empty: a number of the member's own


def header(line: str) -> tuple[str, ...]:
    """Our names of the columns, in the file's order. Raises HeaderRefused."""
    columns = columns_of(line, COLUMNS)
    if not set(By) & set(columns):
        raise HeaderRefused("缺少“手机号”“卡号”“会员”或“openid”列")
    return columns


def read(line: str, columns: Sequence[str]) -> Recipient:
    """What one line says; of several names exactly one may be filled in. Raises RowRefused."""
    said = row_of(line, columns)
    named = {By(name): value for name, value in said.items() if name in set(By) and value}
    quantity = said.get("quantity") or "1"
    if not _QUANTITY.fullmatch(quantity):
        raise RowRefused("quantity.wrong")
    return recipient(named, int(quantity), said.get("recharge_to", ""))


def recipient(named: Mapping[By, str], quantity: int, recharge_to: str = "") -> Recipient:
    """A row whose cells are known. Raises RowRefused."""
    if len(named) != 1:
        raise RowRefused("member.missing" if not named else "member.several")
    if not 1 <= quantity <= MOST_EACH:
        raise RowRefused("quantity.wrong")
    ((by, value),) = named.items()
    normalised = _normalised(by, value)
    if normalised is None:
        raise RowRefused("member.malformed")
    number = normalise_phone(recharge_to, "86") if recharge_to else ""
    if number is None:
        raise RowRefused("recharge_to.malformed")
    return Recipient(by, normalised, quantity, number)


def _normalised(by: By, value: str) -> str | None:
    match by:
        case By.PHONE:
            return normalise_phone(value, "86")
        case By.CARD:
            return normalise_card(value) or None
        case By.OPENID:
            return value if _OPENID.fullmatch(value) else None
        case By.MEMBER:
            try:
                return str(UUID(value))
            except ValueError:
                return None


REASONS: Mapping[str, str] = {
    **ROW_REASONS,
    "member.missing": "没有写明会员",
    "member.several": "写了不止一种会员标识",
    "member.malformed": "会员标识的格式不对",
    "member.unknown": "没有找到这位会员",
    "member.ambiguous": "对应不止一位会员",
    "member.frozen": "会员已冻结",
    "member.not_joined": "还没有入会",
    "member.repeated": "同一份名单里已有这位会员",
    "quantity.wrong": f"份数要在1到{MOST_EACH}之间",
    "recharge_to.malformed": "充值号码的格式不对",
    "recharge_to.missing": "没有写充值号码，会员也没有可用的号码",
    "recharge_to.unwanted": "这项权益不需要充值号码",
    "offer.limit_reached": "超过每人限领",
    "offer.sold_out": "库存或券码不足",
    "offer.closed": "活动已经结束",
    "claim.used": "已经使用",
    "claim.over": "已经失效",
    "claim.pending": "正在发放",
}
