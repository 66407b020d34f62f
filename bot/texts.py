"""Every sentence the bot says. House style: 您, short, what happened, then what to do next; nothing promotional."""

import re
from html import escape

_CARD_NUMBER = re.compile(r"[0-9][0-9 -]{6,30}[0-9]")
_PHONE = re.compile(r"1[3-9][0-9]{9}")

TERMS_OPEN = "入会不需要手机号。请先阅读{agreement}和{privacy}，同意请回复“同意”。"
AGREE_OR_CANCEL = "同意请回复“同意”；不想办理，回复“取消”。"
FAULT = "系统忙，结果还没有确认。请稍后回复“我的”查看，不用重复操作。"
CANCELLED = "已取消，没有改动任何内容。"
NOTHING_TO_CANCEL = "现在没有进行中的操作。可以回复：入会、我的、菜单、人工。"
UNKNOWN = "没有明白您的意思。可以回复：入会、我的、绑卡、人工。"
ONLY_TEXT = "收到了，不过这里只认得文字。可以回复：入会、我的、绑卡、人工。"
LOCATION = "收到您的位置，目前还不能按位置查门店。可以回复：入会、我的、绑卡、人工。"
NO_LIST = "这个编号已经过期。回复“菜单”看可以办理的事。"
NOT_YET_MEMBER = "您还不是会员。回复“入会”办理，不需要手机号。"
HUMAN_MISSED = "刚才系统忙，没有转给客服。请再回复一次“人工”。"
NO_KIND_TO_BIND = "目前没有可以绑定的卡种。回复“我的”查看您的会员卡，或回复“人工”。"
CARD_NUMBER_WRONG = "这个卡号不完整或有错字，请对照卡面再输一次。不想绑了，回复“取消”。"
WHICH_NUMBER = "请回复列表里的数字；不想绑了，回复“取消”。"
BIND_LOST = "刚才的绑卡没有完成，没有改动任何内容。请重新回复“绑卡”。"
NO_MINI_PROGRAM = "绑卡要在小程序里核实，现在打不开。请回复“人工”。"
NO_MEMBER_CODE = "会员码在小程序里出示，现在打不开。请到店报会员号或手机号。"
NOTHING_TO_WITHDRAW = "您没有可以单独撤回的授权。要退出会员，请在小程序里注销，或回复“人工”。"
WHICH_CONSENT = "请回复列表里的数字；不想撤回了，回复“取消”。"
TOO_FAST = "消息太多，来不及回复。请过一分钟再发。"
JOIN_LOST = "刚才的入会没有完成，没有改动任何内容。请重新回复“入会”。"


def not_understood(said: str) -> str:
    """What is no word of ours: a number of a list, or of a card, that is not being asked for any more, or anything."""
    if len(said) == 1 and said in "12345678":
        return NO_LIST
    return BIND_LOST if _CARD_NUMBER.fullmatch(said) and not _PHONE.fullmatch(said) else UNKNOWN


def welcome(brand: str) -> str:
    """Said to whoever follows for the first time."""
    return f"您好，欢迎来到{brand}。回复“入会”成为会员，“绑卡”关联已有会员卡，“人工”找客服。"


def welcome_member(brand: str, number: str) -> str:
    """Said to a member who follows for the first time: they joined in the mini-program."""
    return f"您好，欢迎来到{brand}。您已经是会员（{number}），回复“我的”查看。"


def welcome_back() -> str:
    """Said to a member who follows again."""
    return "欢迎回来。您的会员卡还在，回复“我的”查看。"


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


def mine(number: str, joined_on: str, phone_tail: str, cards: list[str], consents: list[str]) -> str:
    """我的: what the member asked to see; cards as `a_card` says them."""
    phone = f"手机尾号{phone_tail}" if phone_tail else "未留手机号"
    lines = [f"会员号{number}，{joined_on}入会，{phone}。"]
    if cards:
        lines.append(f"会员卡：{'、'.join(cards)}。回复“绑卡”关联已有的卡。")
    if consents:
        lines.append(f"已同意：{'、'.join(consents)}。要撤回，请回复“撤回授权”。")
    return "\n".join(lines)


def a_card(kind: str, last4: str, *, is_lost: bool) -> str:
    """One card in a list."""
    return f"{kind}（尾号{last4}{'，已挂失' if is_lost else ''}）"


def which_consent(consents: list[tuple[str, str]]) -> str:
    """撤回授权: what can be taken back, each with its consequence; answerable by number."""
    lines = "\n".join(f"{place} {name}：{after}" for place, (name, after) in enumerate(consents, start=1))
    return f"要撤回哪一项？回复数字撤回，回复“取消”不改动。\n{lines}"


def withdrawn(name: str) -> str:
    """Said once a consent was taken back."""
    return f"已撤回“{name}”，马上生效。想恢复时，可在小程序里重新同意。"


def which_kind(names: list[str]) -> str:
    """绑卡, first: which kind of card; answerable by number."""
    listed = "\u3000".join(f"{place} {name}" for place, name in enumerate(names, start=1))
    return f"要绑定哪张卡？{listed}。回复数字，随时可回复“取消”。"


def which_number(kind: str, digit_count: int) -> str:
    """绑卡, second: the number on the card."""
    return f"请输入{kind}的卡号，共{digit_count}位，在卡片正面。"


def prove_card(link: str, minutes: int) -> str:
    """绑卡, third: the proof is given in the mini-program, never in chat. `link` is ready to be shown."""
    return f"还差一步核实：请{link}在小程序里验证，{minutes}分钟内有效。"


def bound(kind: str, last4: str, also: list[str]) -> str:
    """Said in chat once the proof was given in the mini-program."""
    others = f"{'、'.join(also)}也已一并识别，不用再绑。" if also else "门店和小程序都认得了。"
    return f"{kind}（尾号{last4}）绑好了，{others}"


def member_code(link: str) -> str:
    """会员码: where it is shown. `link` is ready to be shown."""
    return f"请{link}打开会员码，到店出示给店员。每分钟自动更新。"


def mini_program_link(label: str, *, app_id: str, path: str, url: str | None, fallback: str) -> str:
    """A link into the mini-program; without one of WeChat's own, the form that chats turn into one."""
    if url is not None:
        return f'<a href="{escape(url, quote=True)}">{label}</a>'
    attributes = {"data-miniprogram-appid": app_id, "data-miniprogram-path": path, "href": fallback}
    written = " ".join(f'{name}="{escape(value, quote=True)}"' for name, value in attributes.items())
    return f"<a {written}>{label}</a>"


def menu(words: list[str]) -> str:
    """菜单: a numbered list, answerable by number."""
    lines = "\n".join(f"{place} {word}" for place, word in enumerate(words, start=1))
    return f"可以办理（回复数字或文字）：\n{lines}"


def no_staff(hours: str) -> str:
    """人工 outside service hours."""
    return f"客服{hours}在线，请留言，上班后回复您。"
