"""Refusals about settlement: terms, and the closing and reading of statements."""

from handlers.errors.base import DomainError, ErrorKind


class TermsTooEarly(DomainError):
    """New terms begin a minute from now at the earliest; facts: `earliest`."""

    kind, code, message = (
        ErrorKind.INVALID,
        "settlement_terms.too_early",
        "新条款不能马上或追溯生效，请改晚生效时间。",
    )


class PeriodOfBenefit(DomainError):
    """What a statement covers is the merchant's affair: one statement has all its benefits."""

    kind, code, message = (
        ErrorKind.INVALID,
        "settlement_terms.period_of_benefit",
        "结算周期只能按商户设置，请去掉权益后再保存。",
    )


class StatementUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "statement.unknown", "没有找到这张结算单，请刷新列表。"


class DayNotOver(DomainError):
    """Facts: `ends_at`, from when on the day can be closed."""

    kind, code, message = ErrorKind.CONFLICT, "statement.day_not_over", "这个营业日还没结束，请过后再结账。"


class DayClosed(DomainError):
    """It or a later day was closed; facts: `closed_until`, the last day that is."""

    kind, code, message = ErrorKind.CONFLICT, "statement.day_closed", "这个营业日已经结账，请看已有的结算单。"


class EarlierDayOpen(DomainError):
    """Days are closed in their order; facts: `business_on`, the first that is open."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "statement.earlier_day_open",
        "{business_on}还没结账，请先结那一天。",
    )


class StatementsForManagers(DomainError):
    """Statements are for the managers of the merchant, not for every clerk."""

    kind, code, message = ErrorKind.FORBIDDEN, "statement.managers_only", "只有店长能看结算单，请联系店长。"


class StatementConfirmed(DomainError):
    """Nothing is said to a statement after it was confirmed."""

    kind, code, message = ErrorKind.CONFLICT, "statement.confirmed", "这张结算单已经确认，不用再处理。"


class PayoutUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "payout.unknown", "没有找到这个付款批次，请刷新列表。"


class PayoutEmpty(DomainError):
    """No merchant has confirmed anything that is still to be paid."""

    kind, code, message = ErrorKind.CONFLICT, "payout.empty", "还没有可以付款的结算单，请等商户确认后再试。"


class PayoutStateWrong(DomainError):
    """Facts: `state`, where the batch stands."""

    kind, code, message = ErrorKind.CONFLICT, "payout.state_wrong", "这个批次现在不能这样处理，请刷新后再看。"
