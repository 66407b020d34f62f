"""Refusals about suppliers, and what they tell us."""

from handlers.errors.base import DomainError, ErrorKind


class SupplierUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "supplier.unknown", "没有找到这家供应商，请刷新列表。"


class SupplierTaken(DomainError):
    """Codes are unique in the whole installation: benefits name suppliers by them."""

    kind, code, message = ErrorKind.CONFLICT, "supplier.taken", "这个供应商编号已经有了，请换一个。"


class SupplierAddressInvalid(DomainError):
    """Public hosts over https, or this machine; facts: `problem` (scheme, host, path)."""

    kind, code, message = (
        ErrorKind.INVALID,
        "supplier.address_invalid",
        "接口地址需以https开头，并且是公网地址，请修改。",
    )


class NoticeForged(DomainError):
    """A notice that its supplier did not sign, or not just now."""

    kind, code, message = ErrorKind.FORBIDDEN, "supplier.notice_forged", "签名不符。"


class NoticeUnreadable(DomainError):
    """A notice with the right signature that says nothing of any order of this supplier's."""

    kind, code, message = ErrorKind.INVALID, "supplier.notice_unreadable", "通知内容有误，请核对后重新发送。"


class TopUpUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "top_up.unknown", "没有找到这笔充值订单，请刷新列表。"


class TopUpNotUnderWay(DomainError):
    """It was never sent, or it is known what became of it; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "top_up.not_under_way", "这笔充值不在处理中，请刷新列表。"


class TopUpSent(DomainError):
    """The supplier may have it, or it is known what became of it: nothing to call off; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "top_up.sent", "这笔充值可能已提交给供应商，不能取消，请刷新列表。"


class TopUpTooSoon(DomainError):
    """The supplier may still say what became of it; facts: `possible_at`."""

    kind, code, message = ErrorKind.CONFLICT, "top_up.too_soon", "供应商可能还会答复，请过后再人工处理。"


class TopUpProposed(DomainError):
    """What became of it waits for a second operator; facts: `approval_id`."""

    kind, code, message = ErrorKind.CONFLICT, "top_up.proposed", "这笔充值已有申请待批准，请先处理那一项。"


class TopUpProofMissing(DomainError):
    """That it was done is believed with the supplier's own number of it alone."""

    kind, code, message = ErrorKind.INVALID, "top_up.proof_missing", "请填写供应商的到账凭证号。"
