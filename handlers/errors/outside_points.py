"""Refusals about points that an account outside keeps."""

from handlers.errors.base import DomainError, ErrorKind


class OutsidePriced(DomainError):
    """It costs points of an account outside, and nothing is held for it; facts: `title`, `account` (its code),
    `points`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "outside_points.priced",
        "{title}要用合作方的积分兑换，请打开小程序领取。",
    )


class OutsidePriceMoved(DomainError):
    """What it costs changed while the points were being held, or they were let go; nothing was taken."""

    kind, code, message = ErrorKind.CONFLICT, "outside_points.price_moved", "价格刚有变动，请刷新后再兑换。"


class OutsidePhoneMissing(DomainError):
    """The account knows people by their number; facts: `account` (its name)."""

    kind, code, message = ErrorKind.CONFLICT, "outside_points.phone_missing", "请先绑定手机号，再用{account}积分兑换。"


class OutsidePointsShort(DomainError):
    """The account holds nothing; facts: `account`, `needed`."""

    kind, code, message = ErrorKind.CONFLICT, "outside_points.short", "需要{needed}{account}积分，您的不够。"


class OutsidePointsRefused(DomainError):
    """The account holds nothing, for reasons of its own; facts: `account`."""

    kind, code, message = ErrorKind.CONFLICT, "outside_points.refused", "{account}没有同意这次兑换，请向{account}咨询。"


class OutsideUnavailable(DomainError):
    """Nothing was asked of it; facts: `account`."""

    kind, code, message = ErrorKind.UNAVAILABLE, "outside_points.unavailable", "{account}积分暂停兑换，请稍后再试。"


class OutsidePointsUnclear(DomainError):
    """No clear answer: what may be held is let go by itself; facts: `account`."""

    kind, code, message = (
        ErrorKind.UNAVAILABLE,
        "outside_points.unclear",
        "{account}没有回应，这次没有兑换，冻结的积分会自动退回。请稍后再试。",
    )
