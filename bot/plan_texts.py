"""What the chat says about paid membership."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.texts import yuan

NONE_YET = "您还没有付费会员。"
HOW = "到期不会自动扣费。办理、激活和退款请打开小程序“会员”。"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Until when something runs that ends in the midst of a day."""
    return at.astimezone(zone).strftime("%Y年%m月%d日 %H:%M")


def begun(title: str, fen: int, until: str) -> str:
    """A term began: paid for, as a trial, or by a code."""
    how = f"已付款{yuan(fen)}元" if fen else "已开通"
    return f"{title}{how}，有效期至{until}。回复“会员”查看有哪些权益。"


def ending(level: str, until: str) -> str:
    """It ends soon."""
    return f"您的{level}将于{until}到期，到期不会自动扣费。需要续费请打开小程序“会员”。"


def mine(level: str, until: str, days: int) -> str:
    """What they have, and until when."""
    return f"您是{level}，有效期至{until}，还有{days}天。"


def plan(name: str, fen: int, days: int, rights: list[str]) -> str:
    """One that they could buy now."""
    brings = f"，含{'、'.join(rights)}" if rights else ""
    return f"{name} {yuan(fen)}元/{days}天{brings}"


def upgrade(name: str, fen: int, rights: list[str]) -> str:
    """One that lifts what they have."""
    brings = f"，含{'、'.join(rights)}" if rights else ""
    return f"{name} 升级补差价{yuan(fen)}元，到期时间不变{brings}"


def membership(has: str, listed: list[str]) -> str:
    """会员: what they have, and what there is."""
    lines = "\n".join(f"{place} {each}" for place, each in enumerate(listed, start=1))
    return "\n".join(filter(None, (has, f"可以办理：\n{lines}" if listed else "", HOW)))
