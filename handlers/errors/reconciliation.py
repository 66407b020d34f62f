"""Refusals about the payment service's bills."""

from handlers.errors.base import DomainError, ErrorKind


class BillNotReady(DomainError):
    """The payment service has not made it yet, or did not answer clearly."""

    kind, code, message = ErrorKind.UNAVAILABLE, "reconciliation.bill_not_ready", "账单还没有准备好，请稍后再看。"


class ReconciliationUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "reconciliation.unknown", "没有找到这次对账，请刷新列表。"
