"""Refusals about pools of codes."""

from handlers.errors.base import DomainError, ErrorKind


class CodePoolUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "code_pool.unknown", "没有这个码池，请刷新后再选。"


class CodePoolTaken(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "code_pool.taken", "这个码池编号已经有了，请换一个。"


class CodePoolNotForKind(DomainError):
    """Only a benefit of kind `code_coupon` hands out codes."""

    kind, code, message = ErrorKind.INVALID, "code_pool.wrong_kind", "只有码券权益才能建码池，请选择码券权益。"


class CodeImportUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "code_pool.import_unknown", "没有这次导入，请刷新后再看。"
