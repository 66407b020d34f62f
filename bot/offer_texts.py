"""What the chat says about offers that cost money, flash sales, and what comes of a claim that no counter redeems."""

from datetime import timedelta

from bot.texts import valid, yuan

NO_FLASH_SALE = "现在没有限时抢购。回复“权益”看可以领取的。"
SOLD_OUT = "已领完"
HAD = "您已领过"
PAUSED = "暂停中"
MINI_PROGRAM = "小程序“领券”"


def money(fen: int, carrier_fen: int, points: int) -> str:
    """A price that is paid in money, in whichever way, and what goes with it."""
    ways = [f"{yuan(fen)}元" if fen else "", f"话费{yuan(carrier_fen)}元" if carrier_fen else ""]
    price = "或".join(filter(None, ways))
    return f"{price}加{points}分" if points else price


def for_members(titles: list[str]) -> str:
    """权益, to whoever is no member: what members have, and the way to become one."""
    return "\n".join(["您还不是会员。会员可以领取（部分另有条件）：", *titles, "回复“入会”办理，不需要手机号。"])


def to_buy(listed: list[tuple[str, str]], where: str) -> str:
    """Under 权益: what has to be paid for, each with its price; `where` it is bought, perhaps a link."""
    lines = "\n".join(f"{title}（{price}）" for title, price in listed)
    return f"以下需要付款，请到{where}购买：\n{lines}"


def pay_in_mini_program(title: str, price: str, where: str) -> str:
    """What has to be paid for was picked."""
    return f"{title}需要付款{price}，请到{where}购买。"


def code_ready(title: str, until_day: str, link: str, minutes: int) -> str:
    """A third party's code was claimed: it is shown in the mini-program alone. `link` is ready to be shown."""
    return f"{title}已领取，{valid(until_day)}。券码已备好，请{link}在小程序里查看，{minutes}分钟内有效。"


def code_in_wallet(title: str, until_day: str) -> str:
    """The same where no link can be made."""
    return f"{title}已领取，{valid(until_day)}。券码请在小程序“我的权益”里查看。"


def points_claimed(title: str) -> str:
    """Points were claimed, and are there."""
    return f"{title}已领取，积分已到账，回复“积分”查看。"


def package_claimed(title: str, until_day: str) -> str:
    """A package was claimed: each of its parts is used in its own way."""
    return f"{title}已领取，{valid(until_day)}。里面的每一项请到“我的权益”查看。"


def flash_sales(listed: list[tuple[str, str]]) -> str:
    """限时抢购: what there is and when, answerable by number."""
    lines = "\n".join(f"{place} {title}（{when}）" for place, (title, when) in enumerate(listed, start=1))
    return f"限时抢购（回复数字领取）：\n{lines}"


def starts(at: str, left: timedelta) -> str:
    """When it begins, and how long that is."""
    return f"{at}开始，还有{span(left)}"


def goes_on(until: str, left: timedelta | None) -> str:
    """It can be had now; `left` until it ends, None for no end."""
    return "进行中" if left is None else f"{until}结束，还剩{span(left)}"


def span(left: timedelta) -> str:
    """A length of time as people say it, rounded down to minutes."""
    minutes = int(left.total_seconds()) // 60
    if minutes < 1:
        return "不到1分钟"
    days, hours = minutes // (24 * 60), minutes // 60 % 24
    parts = [f"{days}天" if days else "", f"{hours}小时" if hours else ""]
    if not days and minutes % 60:
        parts.append(f"{minutes % 60}分钟")
    return "".join(parts)
