"""Refusals about purchases: to the channels that tell of them, and to the operators who set what they earn."""

from handlers.errors.base import DomainError, ErrorKind


class PurchaseConflict(DomainError):
    """The order number came before with other facts; what came first stands."""

    kind, code, message = ErrorKind.CONFLICT, "purchase.conflict", "这个订单号已用于另一笔消费，请核对后再试。"


class PurchaseUneven(DomainError):
    """The lines do not add up to the amount; facts: `lines_fen`."""

    kind, code, message = ErrorKind.INVALID, "purchase.uneven", "明细合计和金额不一致，请核对后再试。"


class PurchaseInFuture(DomainError):
    """It was paid, or refunded, later than now; facts: `now`."""

    kind, code, message = ErrorKind.INVALID, "purchase.in_future", "时间晚于现在，请校准时钟后再试。"


class RefundConflict(DomainError):
    """The refund number came before for this order with other facts; what came first stands."""

    kind, code, message = ErrorKind.CONFLICT, "refund.conflict", "这个退款号已用于另一笔退款，请核对后再试。"


class RefundTooMuch(DomainError):
    """More than is left of what was paid; facts: `left_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "refund.too_much", "退款超过了可退金额，请核对后再试。"


class BuyerInvalid(DomainError):
    """Not a mainland mobile number, or no card number; facts: `namespace`."""

    kind, code, message = ErrorKind.INVALID, "buyer.invalid", "会员信息格式不对，请核对后再试。"


class PurchaseRuleIncomplete(DomainError):
    """It ends before it begins; facts: `field`."""

    kind, code, message = ErrorKind.INVALID, "purchase.rule_incomplete", "请核对规则的起止时间后再保存。"
