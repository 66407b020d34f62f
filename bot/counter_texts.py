"""What the chat says to clerks, who redeem by typed codes, and to customers who send one."""

from bot.texts import yuan

HOW_TO_USE_CODE = "这是权益的核销码，到店出示给店员就能使用，请不要发给别人。"
CLERKS_REDEEM = "核销由门店店员办理，请到店出示核销码。"
JUST_REDEEMED = "刚才已核销成功，不用再扫。"
NO_SHIFT = "您还没有当班。开始时请回复“当班”。"
MOST_LINES = 8
NOTHING_TO_REVERSE = "没有可以撤销的核销。超过15分钟的，请联系店长处理。"
ASK_BILL = "请回复消费金额，如 128 或 128.50。"
CONFIRM = "核销请回复“确认”。"
CODE_WRONG = "这个核销码不完整或有错字，没有核销，请对照后再发一次。"
PREVIEW_AGAIN = "查验已超过两分钟，没有核销，请重新发核销码。"
ONE_USE_EACH = "几个码一起核销时每个核销1次，没有核销。全部核销请回复“确认”；要核销多次，请单独发那个码。"


def clerk_preview(benefit: str, member: str, uses_left: int, *, needs_bill: bool) -> str:
    """Said to a clerk who sent a code. A coupon on a bill is used whole, once the bill is told."""
    shown = f"{benefit}，会员{member}，可用{uses_left}次。"
    if needs_bill:
        return f"{shown}{ASK_BILL}"
    more = "核销多次，回复“确认”加次数，如“确认2”。" if uses_left > 1 else ""
    return f"{shown}{CONFIRM}{more}"


def clerk_previews(lines: list[tuple[str, str, int]], *, needs_bill: bool) -> str:
    """The same of several codes, each with its benefit, member and uses left: all of them are redeemed, or none."""
    listed = _numbered([f"{benefit}，会员{member}，可用{left}次" for benefit, member, left in lines])
    return f"共{len(lines)}项，每项核销1次：\n{listed}\n{ASK_BILL if needs_bill else '全部' + CONFIRM}"


def confirm_bill(fen: int) -> str:
    """Said once the bill is told: a wrong amount can be told anew."""
    return f"消费{yuan(fen)}元。{CONFIRM}金额不对，请重新回复金额。"


def below_threshold(threshold_fen: int) -> str:
    """The bill is below what the coupon asks for."""
    return f"消费金额未到{yuan(threshold_fen)}元，没有核销。金额不对，请重新回复金额；不核销，回复“取消”。"


def only_left(uses_left: int) -> str:
    """More uses were named than there are."""
    return f"只剩{uses_left}次，没有核销。请重新回复“确认”加次数；不核销，回复“取消”。"


def confirm_or_cancel(named: str, *, lacks_bill: bool) -> str:
    """Said to whatever is no answer; what would be redeemed is named, so that nobody confirms something else."""
    return f"待核销：{named}。{ASK_BILL if lacks_bill else CONFIRM}不核销，回复“取消”。"


def wrong_code_of_several(place: int) -> str:
    """One of the codes of a message has a wrong check symbol: nothing was looked at."""
    return f"第{place}个核销码不完整或有错字，没有核销，请对照后一起重发。"


def too_many_codes(most: int) -> str:
    """More codes in one message than go together."""
    return f"一次最多核销{most}个码，没有核销，请分几次发。"


def of_several(place: int, reason: str) -> str:
    """Why one of several codes keeps all of them from being redeemed; the reason is a sentence."""
    return f"第{place}个码：{reason}全部没有核销。"


def redeemed(
    benefit: str, at: str, number: str, uses_left: int, deadline: str, *, uses: int, deducted: int | None
) -> str:
    """Said to the clerk once it is redeemed; `deducted`: what a coupon took off the bill, in fen."""
    how = f"核销{uses}次，" if uses > 1 else ""
    off = "" if deducted is None else f"抵扣{yuan(deducted)}元，"
    return f"{benefit}，{how}{off}{at}，单号{number}，剩{uses_left}次。{deadline}前可回复“撤销”。"


def all_redeemed(lines: list[tuple[str, int, int | None]], at: str, number: str, deadline: str) -> str:
    """The same of several codes: each benefit with the uses left and what it took off the bill, in fen."""
    listed = _numbered(
        [
            f"{benefit}，{'' if deducted is None else f'抵扣{yuan(deducted)}元，'}剩{left}次"
            for benefit, left, deducted in lines
        ]
    )
    return f"{len(lines)}项已核销，{at}，单号{number}：\n{listed}\n{deadline}前可回复“撤销”，一次撤销一项。"


def duplicate(when: str, store: str, clerk: str) -> str:
    """Said to a clerk whose code was redeemed before."""
    return f"此码已于{when}在{store}由{clerk}核销，请勿再次兑付。"


def duplicate_elsewhere(when: str) -> str:
    """The same, where it was redeemed in a store in which this clerk does not serve."""
    return f"此码已于{when}在其他门店核销，请勿再次兑付。"


def wrong_store(stores: list[str]) -> str:
    """Said to a clerk in whose store a benefit is not honoured."""
    return f"本店不能使用，适用门店：{'、'.join(stores)}。"


def reversed_by_clerk(benefit: str, uses_left: int) -> str:
    """Said to the clerk once a redemption was taken back."""
    return f"{benefit}已撤销，顾客可用{uses_left}次。"


def shift_opened(store: str) -> str:
    """Said to a clerk whose shift began."""
    return f"{store}已当班。结束时回复“交班”，看本班合计。"


def shift_goes_on(redeemed: int, fen: int, reversed_: int) -> str:
    """Said to a clerk who opens a shift that is open."""
    return f"您正在当班：核销{redeemed}笔{yuan(fen)}元，撤销{reversed_}笔。结束时回复“交班”。"


def shift_closed(redeemed: int, fen: int, reversed_: int, back: int, lines: list[tuple[str, int, int]]) -> str:
    """The totals of a shift that ended; per benefit how often it was redeemed, and taken back."""
    whole = f"已交班：核销{redeemed}笔{yuan(fen)}元，撤销{reversed_}笔{yuan(back)}元。"
    each = "\n".join(f"{name}：核销{given}笔，撤销{taken}笔" for name, given, taken in lines[:MOST_LINES])
    more = f"\n等{len(lines)}项，其余请在小程序查看。" if len(lines) > MOST_LINES else ""
    return f"{whole}\n{each}{more}" if each else whole


def _numbered(lines: list[str]) -> str:
    return "\n".join(f"{place} {line}" for place, line in enumerate(lines, start=1))
