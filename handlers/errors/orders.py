"""Refusals about orders, their money, and what goes back."""

from handlers.errors.base import DomainError, ErrorKind


class OrderUnknown(DomainError):
    """There is no such order, or it is somebody else's."""

    kind, code, message = ErrorKind.NOT_FOUND, "order.unknown", "没有找到这笔订单，请刷新后再看。"


class OfferPriced(DomainError):
    """It costs money, so it is bought and not claimed; facts: `title`, `price_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.priced", "{title}需要付款，请在小程序里购买。"


class OfferFree(DomainError):
    """It costs this person no money; facts: `title`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.free", "{title}不用付款，直接领取就可以。"


class OrderNotWaiting(DomainError):
    """It is paid or over; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "order.not_waiting", "这笔订单已不在待付款，请刷新后再看。"


class PaymentNotOpen(DomainError):
    """This installation takes no money, or not from where this person is."""

    kind, code, message = ErrorKind.CONFLICT, "payment.not_open", "这里还不能付款，请在小程序里打开后再试。"


class PaymentUnavailable(DomainError):
    """The payment service did not answer clearly; the order stays, the same key goes on with it."""

    kind, code, message = (
        ErrorKind.UNAVAILABLE,
        "payment.unavailable",
        "微信支付暂时没有回应，请稍后再试，不会重复扣款。",
    )


class PaymentRefused(DomainError):
    """The payment service does not take this order; facts: `reason` (its own word)."""

    kind, code, message = ErrorKind.CONFLICT, "payment.refused", "这笔订单暂时不能付款，请重新下单或联系客服。"


class PayNoticeForged(DomainError):
    """A notice that the payment service did not sign, or not just now."""

    kind, code, message = ErrorKind.FORBIDDEN, "payment.notice_forged", "签名不符。"


class PayNoticeUnreadable(DomainError):
    """A notice with the right signature that says nothing of an order of ours, or other facts than ours."""

    kind, code, message = ErrorKind.INVALID, "payment.notice_unreadable", "通知内容有误，请核对后重新发送。"


class RefundNothing(DomainError):
    """Nothing of it can come back: not paid, used, or given back before."""

    kind, code, message = ErrorKind.CONFLICT, "order.nothing_to_refund", "这笔订单没有可以退的，请到“我的权益”查看。"


class RefundTooEarly(DomainError):
    """All that could come back may have been redeemed without a network: known at the cut-off (`rules/offline.py`)."""

    kind, code = ErrorKind.CONFLICT, "order.refund_too_early"
    message = "这份权益可能已在门店离线使用，暂不能退，请在早上6点后再申请。"


class RefundQuoteChanged(DomainError):
    """It would not be what was shown; facts: `amount_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "order.quote_changed", "可退的金额有变化，请重新查看后再申请。"


class OrderRefundTooMuch(DomainError):
    """More than is left of what was paid; facts: `left_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "order.refund_too_much", "超过了还能退的金额，请修改后再试。"


class RefundTooLate(DomainError):
    """The payment service takes no refund of a payment so old."""

    kind, code, message = ErrorKind.CONFLICT, "order.refund_too_late", "付款已超过一年，不能原路退回，请联系客服。"


class RefundNeedsSecond(DomainError):
    """More of one order than operators give back alone; facts: `most_fen`."""

    kind, code = ErrorKind.CONFLICT, "order.refund_needs_second"
    message = "超过一个人可以退的金额，请提交退款申请，由另一位同事批准。"


class RefundNotFailed(DomainError):
    """It is under way, or back, or was tried anew already; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "order.refund_not_failed", "这笔退款没有失败，不用重新退，请刷新列表。"


class OrderRefundUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "order.refund_unknown", "没有找到这笔退款，请刷新列表。"


class PriceChanged(DomainError):
    """It costs something else than what was shown; facts: `amount_fen`, `points`."""

    kind, code, message = ErrorKind.CONFLICT, "order.price_changed", "价格有变化，请刷新后再下单。"
