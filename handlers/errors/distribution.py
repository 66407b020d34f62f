"""Refusals about promoters and commissions."""

from handlers.errors.base import DomainError, ErrorKind


class DistributionClosed(DomainError):
    """No rules of commissions are in force here."""

    kind, code, message = ErrorKind.CONFLICT, "promoter.not_open", "这里还没有开放分销，请留意后续通知。"


class PromoterConditions(DomainError):
    """They do not meet a condition; facts: `missing` (`phone`, `member_days`), `least_member_days`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "promoter.conditions",
        "您暂时不符合申请条件，请先验证手机号，或入会满规定天数后再申请。",
    )


class PromoterStateWrong(DomainError):
    """That is not possible in this state; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "promoter.state", "分销员现在的状态不能这样操作，请刷新后再看。"


class NotAPromoter(DomainError):
    """Only an active promoter has links."""

    kind, code, message = ErrorKind.FORBIDDEN, "promoter.required", "通过分销员申请后才能使用，请先申请。"


class PromoterUnknown(DomainError):
    """There is no such promoter, or they are another organization's."""

    kind, code, message = ErrorKind.NOT_FOUND, "promoter.unknown", "没有找到这位分销员，请刷新列表。"


class PromoterLinkUnknown(DomainError):
    """No promoter has this code, or not any more."""

    kind, code, message = ErrorKind.NOT_FOUND, "promoter.link_unknown", "这个链接已失效，请从首页进入。"


class CommissionRulesUnpublishable(DomainError):
    """Something stands against publishing; facts: `why`, `problems` (field, problem)."""

    kind, code, message = ErrorKind.INVALID, "commission_rules.not_publishable", "{why}"
