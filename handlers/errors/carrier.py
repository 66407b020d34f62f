"""Refusals about orders that are paid on a phone bill."""

from handlers.errors.base import DomainError, ErrorKind


class CarrierUnavailable(DomainError):
    """The carrier did not answer clearly; the order, if there is one, stays, and the same key goes on with it."""

    kind, code, message = (
        ErrorKind.UNAVAILABLE,
        "carrier.unavailable",
        "运营商暂时没有回应，请稍后再试，不会重复扣费。",
    )


class CarrierNumberForeign(DomainError):
    """The number is of another network, or of another country."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "carrier.number_foreign",
        "这个号码不是本网号码，请换一个号码或用微信支付。",
    )


class CarrierArrears(DomainError):
    """The number owes money."""

    kind, code, message = ErrorKind.CONFLICT, "carrier.arrears", "这个号码有欠费，请先缴清话费，或用微信支付。"


class CarrierPortingOut(DomainError):
    """The number is on its way to another network."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "carrier.porting_out",
        "这个号码正在办理携号转网，不能用话费支付，请用微信支付。",
    )


class CarrierRefusedCharge(DomainError):
    """The carrier charges nothing; the order is over. Facts: `reason` (its own word)."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "carrier.refused",
        "话费没有扣成，没有产生费用，请用微信支付或联系运营商。",
    )


class CarrierClosed(DomainError):
    """Nothing can be put on a phone bill here now."""

    kind, code, message = ErrorKind.CONFLICT, "carrier.closed", "现在还不能用话费支付，请用微信支付。"


class CarrierOrderCapped(DomainError):
    """More than one order may cost; facts: `most_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "carrier.order_capped", "超过话费支付的单笔上限，请减少份数或用微信支付。"


class CarrierMonthCapped(DomainError):
    """More than is left of the number's month; facts: `left_fen`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "carrier.month_capped",
        "超过这个号码本月话费支付的上限，请下月再来，或用微信支付。",
    )


class CarrierCodeWrong(DomainError):
    """Facts: `attempts_left`."""

    kind, code, message = (
        ErrorKind.INVALID,
        "carrier.code_wrong",
        "验证码不对，请核对短信后再试，还可以试{attempts_left}次。",
    )


class CarrierCodeOver(DomainError):
    """No code of the last minutes: it has to be asked for anew."""

    kind, code, message = ErrorKind.CONFLICT, "carrier.code_over", "验证码已过期，请重新获取。"


class CarrierCodeTooOften(DomainError):
    """A code was asked for a moment ago, or as often as it can be; facts: `retry_after` where waiting helps."""

    kind, code, message = (
        ErrorKind.TOO_MANY,
        "carrier.code_too_often",
        "验证码已发送，请稍后再获取；收不到时请用微信支付。",
    )


class CarrierAttemptsOver(DomainError):
    """As many codes were tried as may be."""

    kind, code, message = (
        ErrorKind.TOO_MANY,
        "carrier.attempts_over",
        "验证码错误次数过多，这笔订单不能再用话费支付，请重新下单。",
    )


class CarrierUnderWay(DomainError):
    """A code was sent to the carrier, which has not said what became of it."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "carrier.under_way",
        "正在扣费，结果还没有确认，请稍后查看订单，不用重复操作。",
    )


class OrderNotOnTheBill(DomainError):
    """It is paid in another way."""

    kind, code, message = ErrorKind.CONFLICT, "order.not_on_the_bill", "这笔订单不是话费支付，不需要验证码。"


class PaymentMethodMissing(DomainError):
    """The offer has no price that is paid in this way; facts: `title`."""

    kind, code, message = ErrorKind.CONFLICT, "payment.method_missing", "{title}不能这样付款，请换一种付款方式。"


class CarrierTermsWrong(DomainError):
    """Facts: `problems`."""

    kind, code, message = ErrorKind.INVALID, "carrier.terms_wrong", "{why}"
