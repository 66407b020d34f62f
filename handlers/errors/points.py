"""Refusals about points: to operators who set and adjust them, and to whatever gives them."""

from handlers.errors.base import DomainError, ErrorKind


class EarningRuleUnknown(DomainError):
    """Nobody has set up a rule with this code."""

    kind, code, message = ErrorKind.NOT_FOUND, "points.rule_unknown", "没有找到这条积分规则，请刷新列表。"


class BudgetBelowUsed(DomainError):
    """Facts: `used`."""

    kind, code, message = ErrorKind.CONFLICT, "points.budget_below_used", "已经发出{used}分，预算不能比这少。"


class PointsTermsIncomplete(DomainError):
    """An expiry in days needs at least one; facts: `field`."""

    kind, code, message = ErrorKind.INVALID, "points.terms_incomplete", "请填写完整的有效期后再保存。"
