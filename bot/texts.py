"""Every sentence the bot says. House style: 您, short, what happened, then what to do next; nothing promotional."""

import re
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

_CARD_NUMBER = re.compile(r"[0-9][0-9 -]{6,30}[0-9]")
_PHONE = re.compile(r"1[3-9][0-9]{9}")

TERMS_OPEN = "入会不需要手机号。请先阅读{agreement}和{privacy}，同意请回复“同意”。"
AGREE_OR_CANCEL = "同意请回复“同意”；不想办理，回复“取消”。"
FAULT = "系统忙，结果还没有确认。请稍后回复“我的”查看，不用重复操作。"
CANCELLED = "已取消，没有改动任何内容。"
NOTHING_TO_CANCEL = "现在没有进行中的操作。可以回复：入会、我的、菜单、人工。"
UNKNOWN = "没有明白您的意思。可以回复：权益、我的、绑卡、人工。"
ONLY_TEXT = "收到了，不过这里只认得文字。可以回复：权益、我的、绑卡、人工。"
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
NOTHING_TO_CLAIM = "现在没有可以领取的权益。回复“我的权益”查看已有的。"
EMPTY_WALLET = "您还没有可用的权益。回复“权益”看可以领取的。"
JOIN_LOST = "刚才的入会没有完成，没有改动任何内容。请重新回复“入会”。"


def not_understood(said: str) -> str:
    """What is no word of ours: a number of a list, or of a card, that is not being asked for any more, or anything."""
    if len(said) == 1 and said in "12345678":
        return NO_LIST
    return BIND_LOST if _CARD_NUMBER.fullmatch(said) and not _PHONE.fullmatch(said) else UNKNOWN


def welcome(brand: str) -> str:
    """Said to whoever follows for the first time."""
    return f"您好，欢迎来到{brand}。回复“权益”看可领取的，“绑卡”关联已有会员卡，“人工”找客服。"


def welcome_member(brand: str, number: str) -> str:
    """Said to a member who follows for the first time: they joined in the mini-program."""
    return f"您好，欢迎来到{brand}。您已经是会员（{number}），回复“我的”查看。"


def welcome_back() -> str:
    """Said to a member who follows again."""
    return "欢迎回来。您的会员卡和权益都还在，回复“我的”查看。"


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


def voided_for_member(benefit: str) -> str:
    """Said to the member once a claim was voided."""
    return f"{benefit}已被作废，不能再使用。如有疑问，请回复“人工”。"


def bind_offered(kind: str, link: str, minutes: int) -> str:
    """Said to a member for whom a clerk typed a card's number."""
    return f"门店为您发起了{kind}绑定，是您本人办理请{link}在小程序里验证，{minutes}分钟内有效。不是您本人请不用理会。"


def redeemed_for_member(benefit: str, store: str, uses_left: int) -> str:
    """Said to the member once a clerk redeemed."""
    left = f"还剩{uses_left}次。" if uses_left else ""
    return f"{benefit}已在{store}核销。{left}不是您本人使用，请回复“人工”。"


def reversed_for_member(benefit: str, store: str) -> str:
    """Said to the member once a clerk took a redemption back."""
    return f"{benefit}在{store}的核销已撤销，回复“我的权益”查看。"


def until(expires_at: datetime | None, zone: ZoneInfo) -> str:
    """The last day on which something is valid: its end is the first instant at which it is over."""
    if expires_at is None:
        return "长期"
    return (expires_at - timedelta.resolution).astimezone(zone).strftime("%Y年%m月%d日")


def priced(title: str, points: int) -> str:
    """What can be had, with what it costs."""
    return f"{title}（{points}分）" if points else title


def worth_points(title: str, points: int) -> str:
    """Before points are spent: what for, how many, and how to go on."""
    return f"领取{title}需要{points}分，确认请回复“确认”；不想领了，回复“取消”。"


def claimable(titles: list[str]) -> str:
    """权益: what can be claimed, answerable by number."""
    return f"您可以领取（回复数字）：\n{_numbered(titles)}"


def several_found(count: int, titles: list[str]) -> str:
    """领 with a word that several offers have."""
    return f"找到{count}项，回复数字领取：\n{_numbered(titles)}"


def nothing_found(said: str) -> str:
    """领 with a word that no offer has; what was said is theirs, and cut."""
    return f"没有找到“{said[:12]}”。回复“权益”看可以领取的。"


def claimed(title: str, until_day: str) -> str:
    """Said once a claim is theirs."""
    return f"{title}已领取，{valid(until_day)}。到店打开“我的权益”出示核销码。"


def topping_up(title: str, phone: str) -> str:
    """Said once a top-up is claimed in chat; `phone` is masked."""
    return f"{title}正在充值到{phone}，有结果会告诉您，不用重复提交。"


def topped_up(benefit: str, tail: str) -> str:
    """Said once the supplier says that it is done. Without a tail the member's number is gone from our records."""
    where = f"到尾号{tail}的手机号" if tail else ""
    return f"{benefit}已充值{where}，到账以运营商短信为准。"


def top_up_failed(benefit: str) -> str:
    """Said once the supplier says that it will not happen."""
    return f"{benefit}没有充值成功，名额已退回，您可以重新领取。"


def number_in_mini_program(title: str) -> str:
    """A top-up for somebody whose number is not known."""
    return f"{title}要充值到手机号，请在小程序里填写号码领取。"


def being_topped_up(tail: str) -> str:
    """How far a top-up in the wallet has come."""
    return f"正在充值到尾号{tail}"


def valid(until_day: str) -> str:
    """Until when something in the wallet can be used."""
    return "长期有效" if until_day == "长期" else f"{until_day}前有效"


def choose_in_mini_program(title: str) -> str:
    """A package of which parts are chosen."""
    return f"{title}需要先选择内容，请在小程序里领取。"


def wallet(items: list[tuple[str, str]], count: int, expiring: int, *, at_counter: bool) -> str:
    """我的权益: names, each with its last day or how far it has come; what ends first first."""
    if not items:
        return EMPTY_WALLET
    lines = "\n".join(f"{name}（{remark}）" for name, remark in items)
    soon = f"，其中{expiring}项三天内到期" if expiring else ""
    how = "到店在小程序里出示核销码。" if at_counter else "请在小程序“我的权益”里查看和使用。"
    return f"您有{count}项权益{soon}：\n{lines}\n{how}"


def expiring(names: list[str], until_day: str) -> str:
    """The reminder: what ends soon, once a day at most."""
    what = names[0] if len(names) == 1 else f"{names[0]}等{len(names)}项权益"
    return f"{what}将于{until_day}到期，到店前请打开“我的权益”查看。"


def points(available: int, pending: int, soon: list[tuple[int, str]]) -> str:
    """积分: what there is, what is to come, what ends first and on which day it is last there."""
    waits = f"，另有{pending}分还未到账" if pending else ""
    ends = f"。其中{soon[0][0]}分在{soon[0][1]}后到期" if soon else ""
    return f"您有{available}分可用{waits}{ends}。明细请在小程序里查看。"


def points_expiring(count: int, until_day: str) -> str:
    """The reminder: what ends within a week, once a day at most."""
    return f"您有{count}分即将到期，最早的在{until_day}后失效。回复“积分”查看。"


def level(name: str, growth: int, coming: tuple[str, int] | None, keep: tuple[str, int] | None) -> str:
    """Their level, how far the next one is (name, growth), and what keeps this one (last day, growth)."""
    first = f"您是{name}，成长值{growth}。" if name else f"您的成长值是{growth}，还没有等级。"
    rises = f"再得{coming[1]}成长值可升为{coming[0]}。" if coming else ""
    if keep is None:
        return first + rises
    kept = f"还差{keep[1]}成长值可以保级" if keep[1] else "已达到保级要求"
    return f"{first}{rises}本期到{keep[0]}，{kept}。"


def level_moved(name: str, *, is_up: bool) -> str:
    """Said to a member whose level has changed."""
    if is_up:
        return f"您已升级为{name}。回复“等级”查看权益和进度。"
    now = f"您的等级已调整为{name}" if name else "您的等级已到期"
    return f"{now}。回复“等级”查看怎样升级。"


def level_ending(name: str, missing: int, until_day: str) -> str:
    """The warning before a level is judged, to whoever would not keep it."""
    return f"您的{name}有效期到{until_day}，还差{missing}成长值可以保级。回复“等级”查看。"


def parcel_waits(prize: str, until: str) -> str:
    """A thing was won and wants an address."""
    return f"抽中{prize}。请在{until}前到小程序“抽奖”里填写收货地址，逾期视为放弃。"


def granted(title: str, count: int, until_day: str) -> str:
    """Said to a member to whom something was given."""
    what = title if count == 1 else f"{title}{count}份"
    valid = "长期有效" if until_day == "长期" else f"{until_day}前有效"
    return f"{what}已放入您的“我的权益”，{valid}。到店前请打开查看。"


def revoked(benefit: str) -> str:
    """Said to a member from whom something was taken back."""
    return f"您的{benefit}已被收回，不能再使用。有疑问请回复“人工”。"


def _numbered(titles: list[str]) -> str:
    return "\n".join(f"{place} {title}" for place, title in enumerate(titles, start=1))


def paid(title: str, fen: int) -> str:
    """Said once the money for an order has come and its claims are there."""
    return f"{title}已付款{yuan(fen)}元，可到“我的权益”查看。"


def refunded(title: str, fen: int) -> str:
    """Said once money went back."""
    return f"{title}已退款{yuan(fen)}元，原路退回，到账以微信支付通知为准。"


def yuan(fen: int) -> str:
    """An amount in yuan, with the fen only where there are some."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02}" if rest else str(whole)
