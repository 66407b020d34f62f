"""Refusals of claiming, and of looking at claims."""

from handlers.errors.base import DomainError, ErrorKind


class OfferSoldOut(DomainError):
    """Nothing is left. Facts: `title`, `next_at` (when there is more, or null), `more` (the same, to read)."""

    kind, code, message = ErrorKind.CONFLICT, "offer.sold_out", "{title}已领完，{more}。"


class OfferLimitReached(DomainError):
    """They had all that one member gets. Facts: `title`, `period`, `count`, `next_at` (null: never again), and
    `within` and `more` (to read)."""

    kind, code, message = ErrorKind.CONFLICT, "offer.limit_reached", "您{within}已领{count}份，{more}。"


class RechargeToMissing(DomainError):
    """It goes to a phone number, and none was given."""

    kind, code, message = ErrorKind.INVALID, "claim.recharge_to_missing", "请填写要充值的手机号后再领取。"


class RechargeToUnwanted(DomainError):
    """A phone number was given for what goes to none."""

    kind, code, message = (
        ErrorKind.INVALID,
        "claim.recharge_to_unwanted",
        "这项权益不需要填写充值号码，请去掉后再领取。",
    )


class RechargeToInvalid(DomainError):
    """It is no mainland mobile number, or one that nobody has."""

    kind, code, message = ErrorKind.INVALID, "claim.recharge_to_invalid", "充值号码不正确，请检查后重新填写。"


class OfferTooMany(DomainError):
    """Some would do, so many would not: of the stock, or of what one member gets. Facts: `title`, `left`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.too_many", "{title}您最多还能领{left}份，请减少数量后再领。"


class QuantityInvalid(DomainError):
    """Not a number of claims that can be asked for at once; facts: `most`."""

    kind, code, message = ErrorKind.INVALID, "claim.quantity_invalid", "每次可以领1到{most}份，请修改数量后再领。"


class ClaimUnknown(DomainError):
    """There is no such claim, or it is somebody else's."""

    kind, code, message = ErrorKind.NOT_FOUND, "claim.unknown", "没有找到这份权益，请到“我的权益”查看。"


class PackageNothingDue(DomainError):
    """The package has given everything that it gives by now, or is over."""

    kind, code, message = ErrorKind.CONFLICT, "claim.nothing_due", "本期的权益已经领完，请到“我的权益”查看。"
