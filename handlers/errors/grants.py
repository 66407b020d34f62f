"""Refusals about what operators give, give again and take back."""

from handlers.errors.base import DomainError, ErrorKind


class GrantUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "grant.unknown", "没有找到这批发放，请刷新列表。"


class GrantStateWrong(DomainError):
    """How far the batch has come does not allow this; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "grant.state_wrong", "这批发放当前不能这样操作，请刷新后再看。"


class GrantFileInvalid(DomainError):
    """The list cannot be read as one of members; facts: `why` (to read)."""

    kind, code, message = ErrorKind.INVALID, "grant.file_invalid", "名单读不了：{why}，请修改后再提交。"


class GrantNothingToDo(DomainError):
    """None of the rows would be done."""

    kind, code, message = ErrorKind.CONFLICT, "grant.nothing_to_do", "名单里没有可以办理的行，请核对每行的原因。"


class GrantNotForOffer(DomainError):
    """Not published, ended, or of a kind that needs more than a member's name; facts: `why` (to read)."""

    kind, code, message = ErrorKind.CONFLICT, "grant.not_for_offer", "这项权益不能批量发放：{why}。"


class ClaimStateWrong(DomainError):
    """The claim stands where this cannot be done; facts: `state` (by the clock)."""

    kind, code, message = ErrorKind.CONFLICT, "claim.state_wrong", "这份权益当前不能这样处理，请刷新后再看。"


class RegrantedAlready(DomainError):
    """One claim is made good once; facts: `claim_id` of the one that was given for it."""

    kind, code, message = ErrorKind.CONFLICT, "regrant.already", "这份权益已经补发过，不能再补，请查看补发的那一份。"


class RegrantPaidBack(DomainError):
    """Its money or its points went back: whoever had it buys or claims another one."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "regrant.paid_back",
        "这份权益的钱或积分已经退回，不能补发，请会员重新购买或领取。",
    )


class RegrantTooEarly(DomainError):
    """It may have been redeemed without a network: known at the cut-off (`rules/offline.py`)."""

    kind, code = ErrorKind.CONFLICT, "regrant.too_early"
    message = "这份权益可能已在门店离线使用，暂不能补发，请在早上6点后再试。"


class RegrantOver(DomainError):
    """By the offer's terms it would be over as soon as it is given: days have to be named."""

    kind, code, message = ErrorKind.INVALID, "regrant.over", "按原有效期补发会立即过期，请填写补发后的有效天数。"


class GrantRepeated(DomainError):
    """The same list was handed in for this offer before; facts: `grant_id`. Whoever means it says so."""

    kind, code, message = ErrorKind.CONFLICT, "grant.repeated", "这份名单已经提交过，确实要再发一次请注明后重新提交。"
