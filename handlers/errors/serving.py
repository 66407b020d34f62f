"""Refusals beside redeeming: shifts, PINs, identifying and helping along, voiding."""

from handlers.errors.base import DomainError, ErrorKind


class ShiftOpen(DomainError):
    """This till has a shift that was not closed yet; facts: `opened_at`, `opened_by`."""

    kind, code, message = ErrorKind.CONFLICT, "shift.open", "这台设备已经当班，请先交班。"


class NoShift(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "shift.none", "这台设备还没有当班，请先当班。"


class OfflineScansWait(DomainError):
    """Scans of this till were not uploaded or not decided yet; facts: `waiting`, how many."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "shift.offline_waiting",
        "还有{waiting}笔离线核销没有上传，请先上传再交班。",
    )


class PinWeak(DomainError):
    """Digits that many would try first; facts: `problem` (form, repeated, sequence, date)."""

    kind, code, message = ErrorKind.INVALID, "clerk.pin_weak", "这个口令太容易猜到，请换6位数字。"


class PinNotYours(DomainError):
    """The login code is another person's: a PIN is set by the clerk, on the own WeChat."""

    kind, code, message = ErrorKind.FORBIDDEN, "clerk.pin_not_yours", "请用您自己的微信登录后再设置口令。"


class PinDiffers(DomainError):
    """Wrong PIN, or a colleague who has none, which is not told apart."""

    kind, code, message = ErrorKind.FORBIDDEN, "clerk.pin_differs", "口令不对，请再输一次。"


class IdentifiedSelf(DomainError):
    """A clerk scanned the own member code."""

    kind, code, message = ErrorKind.CONFLICT, "clerk.own_code", "不能给自己办理，请让其他店员操作。"


class VisitOver(DomainError):
    """The member was not identified by this clerk in this store within the last minutes."""

    kind, code, message = ErrorKind.CONFLICT, "visit.over", "请顾客重新出示会员码。"


class ManagerNeeded(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "clerk.manager_needed", "这项操作由店长办理。"


class ClaimNotVoidable(DomainError):
    """It was used up, ran out, or is over already; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "claim.not_voidable", "这份权益已经用完或失效，不能作废。"


class VoidTooValuable(DomainError):
    """Worth more than a manager voids alone; facts: `limit_fen`. A manager asks an operator for it."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "claim.void_too_valuable",
        "这份权益金额较大，请提交申请，由运营批准作废。",
    )


class VoidWithinLimit(DomainError):
    """A manager may void it at once: nobody has to be asked. Facts: `limit_fen`."""

    kind, code, message = ErrorKind.CONFLICT, "void_request.not_needed", "这份权益可以直接作废，不用申请。"


class VoidRequested(DomainError):
    """Somebody asked for it already; facts: `void_request_id`, `expires_at`."""

    kind, code, message = ErrorKind.CONFLICT, "void_request.waiting", "这份权益已有作废申请，请等运营处理。"


class VoidRequestUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "void_request.unknown", "没有找到这项作废申请，请刷新列表。"


class VoidRequestOver(DomainError):
    """It was decided, or nobody decided in time; facts: `outcome`."""

    kind, code, message = ErrorKind.CONFLICT, "void_request.over", "这项作废申请已经处理或过期，请刷新列表。"
