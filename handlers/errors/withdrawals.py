"""Refusals about money that members take out."""

from handlers.errors.base import DomainError, ErrorKind


class WithdrawalUnknown(DomainError):
    """There is no such withdrawal, or it is somebody else's."""

    kind, code, message = ErrorKind.NOT_FOUND, "withdrawal.unknown", "没有找到这笔提现，请刷新后再看。"


class WithdrawalClosed(DomainError):
    """Nothing can be taken out here now."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.closed", "现在还不能提现，余额都在，请稍后再试。"


class WithdrawalOpen(DomainError):
    """Another one is under way; facts: `withdrawal_id`."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.open", "上一笔提现还没有完成，请完成后再申请。"


class WithdrawalTooSmall(DomainError):
    """Facts: `least_fen`."""

    kind, code, message = ErrorKind.INVALID, "withdrawal.too_small", "低于最低提现金额，请修改后再试。"


class WithdrawalTooLarge(DomainError):
    """Facts: `most_fen`."""

    kind, code, message = ErrorKind.INVALID, "withdrawal.too_large", "超过单笔提现上限，请分次提现。"


class WithdrawalTooOften(DomainError):
    """As often as it may be on one day; facts: `daily_count`."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.too_often", "今天的提现次数已用完，请明天再来。"


class WithdrawalTooMuch(DomainError):
    """More than is left of the day's limit; facts: `left_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.too_much", "超过今天还能提现的金额，请修改金额或明天再来。"


class WithdrawalCooling(DomainError):
    """The phone or the WeChat was changed a short while ago; facts: `until`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "withdrawal.cooling",
        "手机号或微信刚刚更换过，为保护您的余额，请稍后再提现。",
    )


class WithdrawalNameless(DomainError):
    """From this amount on the payment service compares the name; facts: `from_fen`."""

    kind, code, message = ErrorKind.INVALID, "withdrawal.nameless", "这个金额需要填写微信实名姓名，请填写后再试。"


class WithdrawalNotReviewed(DomainError):
    """It waits for no review any more; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.not_in_review", "这笔提现已不在待审核，请刷新列表。"


class WithdrawalNotOpen(DomainError):
    """It arrived, or came back; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.not_open", "这笔提现已经结束，请刷新后再看。"


class WithdrawalMoving(DomainError):
    """It was taken already and is on its way."""

    kind, code, message = ErrorKind.CONFLICT, "withdrawal.moving", "这笔提现已确认收款，正在到账，不能取消。"


class WithdrawalTermsWrong(DomainError):
    """Facts: `problems`."""

    kind, code, message = ErrorKind.INVALID, "withdrawal.terms_wrong", "{why}"
