"""Every sentence the bot says. House style: 您, short, what happened, then what to do next; nothing promotional."""

from html import escape

COMMANDS = ("入会", "我的", "菜单", "人工")

TERMS_OPEN = "入会不需要手机号。请先阅读{agreement}和{privacy}，同意请回复“同意”。"
AGREE_OR_CANCEL = "同意请回复“同意”；不想办理，回复“取消”。"
FAULT = "系统忙，结果还没有确认。请稍后回复“我的”查看，不用重复操作。"
CANCELLED = "已取消，没有改动任何内容。"
NOTHING_TO_CANCEL = "现在没有进行中的操作。可以回复：入会、我的、菜单、人工。"
UNKNOWN = "没有明白您的意思。可以回复：入会、我的、菜单、人工。"
ONLY_TEXT = "收到了，不过这里只认得文字。可以回复：入会、我的、菜单、人工。"
LOCATION = "收到您的位置，目前还不能按位置查门店。可以回复：入会、我的、菜单、人工。"
NO_LIST = "这个编号已经过期。回复“菜单”看可以办理的事。"
NOT_YET_MEMBER = "您还不是会员。回复“入会”办理，不需要手机号。"
HUMAN_MISSED = "刚才系统忙，没有转给客服。请再回复一次“人工”。"
JOIN_LOST = "刚才的入会没有完成，没有改动任何内容。请重新回复“入会”。"


def welcome(brand: str) -> str:
    """Said to whoever follows for the first time."""
    return f"您好，欢迎来到{brand}。回复“入会”成为会员，“我的”查看会员信息，“人工”找客服。"


def welcome_member(brand: str, number: str) -> str:
    """Said to a member who follows for the first time: they joined in the mini-program."""
    return f"您好，欢迎来到{brand}。您已经是会员（{number}），回复“我的”查看。"


def welcome_back() -> str:
    """Said to a member who follows again."""
    return "欢迎回来。您的会员身份还在，回复“我的”查看。"


def scanned(brand: str) -> str:
    """Said to a follower who scans a code with a scene."""
    return f"您好，这里是{brand}。可以回复：入会、我的、菜单、人工。"


def terms(public_url: str) -> str:
    """The consent question, with links to what is agreed to."""
    base = escape(public_url, quote=True)
    return TERMS_OPEN.format(
        agreement=f'<a href="{base}/terms/membership">《会员协议》</a>',
        privacy=f'<a href="{base}/terms/privacy">《隐私政策》</a>',
    )


def joined(number: str, *, has_phone: bool) -> str:
    """Said once membership begins."""
    if has_phone:
        return f"入会成功，会员号{number}。公众号、小程序和门店都认得您了。"
    return f"入会成功，会员号{number}。没有留手机号也可以领取和核销，充值类权益用到时再填。"


def already_member(number: str) -> str:
    """Said to a member who asks to join."""
    return f"您已经是会员（{number}），不用重复办理。"


def mine(number: str, joined_on: str, phone_tail: str) -> str:
    """我的: what the member asked to see."""
    phone = f"手机尾号{phone_tail}" if phone_tail else "未留手机号"
    return f"会员号{number}，{joined_on}入会，{phone}。"


def menu(words: list[str]) -> str:
    """菜单: a numbered list, answerable by number."""
    lines = "\n".join(f"{place} {word}" for place, word in enumerate(words, start=1))
    return f"可以办理（回复数字或文字）：\n{lines}"


def no_staff(hours: str) -> str:
    """人工 outside service hours."""
    return f"客服{hours}在线，请留言，上班后回复您。"
