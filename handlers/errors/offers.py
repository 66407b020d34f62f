"""Refusals about offers: to those who want one, and to those who make them."""

from handlers.errors.base import DomainError, ErrorKind


class OfferUnknown(DomainError):
    """No such offer, or not of their city or above: the same answer."""

    kind, code, message = ErrorKind.NOT_FOUND, "offer.unknown", "没有找到这项权益，请刷新后再看。"


class OfferNotOpen(DomainError):
    """Facts: `title`, `time` (to read), `opens_at`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.not_open", "{title}{time}开始领取，请到时再来。"


class OfferClosed(DomainError):
    """Facts: `title`, `time` (to read), `closed_at` (null when it was ended by hand)."""

    kind, code, message = ErrorKind.CONFLICT, "offer.closed", "{title}的领取已{time}结束，回复“权益”看其他可领取的。"


class OfferPaused(DomainError):
    """Facts: `title`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.paused", "{title}暂停领取，请稍后再来。"


class OfferNotForYou(DomainError):
    """Facts: `title`, `audience` (members, level, card_kinds, city, new_members, list), `meant` (to read)."""

    kind, code, message = (
        ErrorKind.FORBIDDEN,
        "offer.not_for_you",
        "{title}面向{meant}，您目前不在范围内。回复“权益”看您可以领的。",
    )


class OfferCodeTaken(DomainError):
    """Codes are unique in the whole installation."""

    kind, code, message = ErrorKind.CONFLICT, "offer.code_taken", "这个活动编号已经有了，请换一个。"


class OfferStateWrong(DomainError):
    """The offer's state does not allow this; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "offer.state_wrong", "活动当前状态不能这样操作，请刷新后再看。"


class OfferNotPublishable(DomainError):
    """Facts: `problems`, a list of `{field, problem}`, and `why` (to read)."""

    kind, code, message = ErrorKind.INVALID, "offer.not_publishable", "还不能发布：{why}"


class StockUnknown(DomainError):
    """The offer has no such counter: it has no limit there, or its day or wave has not begun."""

    kind, code, message = ErrorKind.NOT_FOUND, "stock.unknown", "没有找到这个库存，请刷新后再看。"


class StockBelowZero(DomainError):
    """More was to be taken away than is left; facts: `left`."""

    kind, code, message = ErrorKind.CONFLICT, "stock.below_zero", "只剩{left}份没有被领走，不能减这么多。"


class StockTooLarge(DomainError):
    """More than a counter can hold."""

    kind, code, message = ErrorKind.INVALID, "stock.too_large", "库存数量太大，请减少后再提交。"


class ApprovalUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "approval.unknown", "没有找到这项待批准的申请，请刷新列表。"


class ApprovalDecided(DomainError):
    """Facts: `outcome`."""

    kind, code, message = ErrorKind.CONFLICT, "approval.decided", "这项申请已经处理过了，请刷新列表。"


class ApprovalOwn(DomainError):
    """Whoever asked for it cannot approve it."""

    kind, code, message = ErrorKind.FORBIDDEN, "approval.own", "不能批准自己提交的申请，请由另一位同事处理。"
