"""What the chat says about co-branded membership."""

from bot.texts import yuan

OPEN = "加入请打开小程序“会员”。是否向联名方提供资料由您决定，不同意也可以加入。"


def offered(name: str, partner: str, level: str, fen: int | None, until: str) -> str:
    """What the code that they scanned offers."""
    how = "免费" if fen is None else f"先购买会员（{yuan(fen)}元）后"
    return f"{name}（与{partner}联名）：{how}加入，成为{level}，活动至{until}。{OPEN}"


def joined_already(name: str) -> str:
    """They came by an entry of one that they joined."""
    return f"您已经加入{name}，回复“联名”查看有效期。"


def mine(lines: list[str]) -> str:
    """联名: what they joined."""
    if not lines:
        return "您还没有加入联名会员。扫联名活动的码，可以看到怎么加入。"
    return "您加入的联名会员：\n" + "\n".join(f"{place} {each}" for place, each in enumerate(lines, start=1))


def held(name: str, partner: str, level: str, until: str, *, is_running: bool) -> str:
    """One that they joined."""
    return f"{name}（{partner}）{level}，{'有效期至' if is_running else '已于'}{until}{'' if is_running else '结束'}"
