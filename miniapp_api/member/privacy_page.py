"""A person's data as a page that they can read, print and keep: no script, nothing loaded, everything escaped."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from html import escape
from typing import Any

from handlers.privacy.personal_data import PersonalData
from handlers.recurring import BUSINESS_ZONE

STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "h2{font-size:1.1em;margin:2em 0 .5em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#f5f5f5;font-weight:normal}"
)
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# Every section and every field of the export; a test compares.
SECTIONS = {
    "member": "会员",
    "profile": "资料",
    "identifiers": "身份标识",
    "bound_numbers": "绑定号码",
    "devices": "登录过的设备",
    "cards": "会员卡",
    "top_ups": "直充的号码",
    "consents": "授权记录",
    "followings": "关注的公众号",
    "attributions": "来源",
    "sessions": "登录",
    "requests": "近 72 小时的请求",
    "messages": "近期消息",
    "phone_transfers": "手机号转移",
    "listings": "发放名单",
    "purchases": "消费记录",
    "outside_points": "用合作方积分的兑换",
    "orders": "付款的订单",
    "withdrawals": "提现",
    "balances": "积分等余额",
    "entries": "余额明细",
    "levels": "等级记录",
    "membership_terms": "付费会员记录",
    "co_brands": "联名会员",
    "co_brand_visits": "到访的联名入口",
    "check_ins": "签到",
    "finished_tasks": "完成的任务",
    "rewards": "签到和任务的奖励",
    "invitations": "邀请码",
    "promoting": "分销员",
    "touches": "由谁的推广码带来",
    "commissions": "佣金",
    "spins": "抽奖记录",
    "parcels": "抽中的实物",
    "due_prizes": "抽中后要填写才能领的奖品",
    "identity_events": "身份变更记录",
    "deeds_of_operators": "工作人员的操作",
}
FIELDS = {
    "account": "公众号或小程序",
    "act": "事项",
    "action": "操作",
    "added_at": "生成时间",
    "address": "收货地址",
    "amount": "数量",
    "amount_fen": "金额（分）",
    "applied_at": "申请时间",
    "asked_at": "时间",
    "awarded": "发出的",
    "benefit": "权益",
    "birthday": "生日",
    "bound_at": "绑定时间",
    "business_on": "日期",
    "came_by": "由哪一方的入口",
    "came_to_you": "转入给您",
    "categories": "品类",
    "cause": "事由",
    "channel": "消费渠道",
    "checked_in_at": "签到时间",
    "claimed_at": "领取时间",
    "closed_at": "结束时间",
    "code": "编号",
    "counts_until": "归因截止",
    "cut_at": "退回后止于",
    "deadline_at": "填写期限",
    "draw": "抽奖",
    "earned_at": "获得时间",
    "ends_at": "止于",
    "expires_at": "到期时间",
    "finished_at": "完成时间",
    "followed_at": "关注时间",
    "gender": "性别",
    "given_at": "同意或发放时间",
    "given_through": "同意的地方",
    "grade": "分销等级",
    "growth": "成长值",
    "happened_at": "时间",
    "has_name": "留有姓名校验值",
    "has_phone": "留有手机号校验值",
    "has_pin": "留有密码校验值",
    "held": "冻结",
    "held_until": "保护期至",
    "id": "编号",
    "is_made_up": "是补签",
    "joined_at": "入会时间",
    "joined_through": "入会的地方",
    "judged_at": "评定时间",
    "kept_by": "合作方",
    "partner": "合作方",
    "partner_ref": "合作方的编号",
    "returned": "其中已退回",
    "kind": "类型",
    "known_since": "首次接触",
    "first_seen_at": "首次使用",
    "last_seen_at": "最近使用",
    "last_store": "最近门店",
    "level": "等级",
    "listed_for": "事由",
    "lost_at": "挂失时间",
    "made_at": "生成时间",
    "name": "名称",
    "namespace": "种类",
    "nickname": "昵称",
    "number": "号码",
    "offer": "活动",
    "opened_at": "登录时间",
    "opening_balance": "原积分",
    "operation": "请求",
    "order_no": "订单号",
    "ordered_at": "下单时间",
    "organization": "所属地区",
    "other_ids": "合并进来的编号",
    "paid_at": "付款时间",
    "paid_by": "参与方式",
    "paid_fen": "付款（分）",
    "part": "名目",
    "period": "周期",
    "plan": "会员套餐",
    "points": "积分",
    "posted": "余额",
    "proven_at": "核实时间",
    "purpose": "用途",
    "quantity": "份数",
    "reason": "原因",
    "recharge_tail": "充值号码末四位",
    "recharge_to": "充值号码",
    "refunded_fen": "已退（分）",
    "method": "支付方式",
    "billing_month": "话费账期",
    "revoked_at": "失效时间",
    "rolled": "抽中的",
    "scene": "场景",
    "scenes": "推广码",
    "scope": "范围",
    "sent_at": "寄出时间",
    "sequence": "序号",
    "starts_at": "始于",
    "state": "状态",
    "status": "状态",
    "tail": "尾号",
    "task": "任务",
    "text": "内容",
    "title": "名称",
    "touched_at": "时间",
    "transferred_at": "转移时间",
    "unfollowed_at": "取消关注时间",
    "unit": "单位",
    "value": "内容",
    "verified_at": "核实时间",
    "verified_by": "由谁核实",
    "version": "版本",
    "waybill": "运单号",
    "withdrawn_at": "撤回时间",
}


def personal_data_page(data: PersonalData) -> str:
    """The whole page; instants in Beijing time."""
    sections = "".join(_section(title, getattr(data, name)) for name, title in SECTIONS.items())
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>我的个人信息</title><style>{STYLE}</style></head><body><h1>我的个人信息</h1>"
        f"<p>截至{_shown(data.exported_at)}（北京时间），我们持有的与您有关的全部信息。请妥善保管，不要转给他人。</p>"
        f"{sections}</body></html>\n"
    )


def _section(title: str, held: Any) -> str:
    rows = [held] if is_dataclass(held) else list(held)
    table = _table(rows) if rows else "<p>没有。</p>"
    return f"<h2>{escape(title)}</h2>{table}"


def _table(rows: Iterable[Any]) -> str:
    shown = list(rows)
    names = [field.name for field in fields(shown[0])]
    head = "".join(f"<th>{escape(FIELDS[name])}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_shown(getattr(row, name)))}</td>' for name in names)}</tr>" for row in shown
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: object) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "是" if value else "否"
        case datetime():
            return value.astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M:%S")
        case Enum():
            return str(value.value)
        case tuple():
            return "、".join(_shown(each) for each in value) or "—"
    return str(value)
