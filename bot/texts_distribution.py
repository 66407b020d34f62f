"""What is said about promoters and commissions."""

from bot.texts import yuan
from models.words import PromoterState

_NEVER = "您还不是分销员。申请不收费，请到小程序“我的-分销”提交。"
_CLOSED = "这里还没有开放分销，请留意后续通知。"


def promoter(state: PromoterState | None, reason: str, came: int, sales: int, *, is_open: bool) -> str:
    """How a promoter stands."""
    match state:
        case PromoterState.ACTIVE:
            return f"您是分销员，已带来{came}人，成交{sales}笔。回复“佣金”查看金额，推广链接在小程序“我的-分销”。"
        case PromoterState.WAITING:
            return "您的分销员申请正在审核，有结果会告诉您，不用重复提交。"
        case PromoterState.REFUSED:
            return f"您的分销员申请没有通过：{reason}。可以在小程序重新申请。"
        case PromoterState.STOPPED:
            return f"您的分销员资格已停用：{reason}。已有的佣金不受影响，有疑问请回复“人工”。"
    return _NEVER if is_open else _CLOSED


def commissions(available: int, waiting: int, owed: int) -> str:
    """A promoter's money, in fen."""
    text = f"可提现佣金{yuan(available)}元，待结算{yuan(waiting)}元。"
    if owed:
        text += f"另有{yuan(owed)}元待扣回，从之后的佣金里抵扣。"
    return text + "明细请到小程序“我的-分销”查看。"


def decided(state: PromoterState, reason: str) -> str:
    """Told when an operator decided."""
    match state:
        case PromoterState.ACTIVE:
            return "您的分销员申请已通过，推广链接在小程序“我的-分销”。"
        case PromoterState.REFUSED:
            return f"您的分销员申请没有通过：{reason}。可以在小程序重新申请。"
    return f"您的分销员资格已停用：{reason}。已有的佣金不受影响，有疑问请回复“人工”。"


def commission(number: str, fen: int, day: str) -> str:
    """Told once the day is known on which it is available."""
    return f"订单{_short(number)}，佣金{yuan(fen)}元，{day}后可提现。"


def taken_back(number: str, fen: int, balance: int) -> str:
    """Told when a refund took back; `balance` is below zero where something is owed."""
    left = yuan(balance) if balance >= 0 else f"-{yuan(-balance)}"
    return f"订单{_short(number)}已退款，佣金{yuan(fen)}元已扣回，余额{left}元。"


def _short(number: str) -> str:
    return number[-8:].upper()
