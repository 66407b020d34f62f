"""Refusals about tickets, phones and further channels."""

from handlers.errors.base import DomainError, ErrorKind


class TicketInvalid(DomainError):
    """Never issued, forged, or for another purpose."""

    kind, code, message = ErrorKind.NOT_FOUND, "ticket.invalid", "链接无效，请重新获取。"


class TicketUsed(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "ticket.used", "链接已经用过，请重新获取。"


class TicketExpired(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "ticket.expired", "链接已过期，请重新获取。"


class TicketNotYours(DomainError):
    """Made for somebody else: a ticket that binds a card or shows a code is for its maker alone."""

    kind, code, message = ErrorKind.FORBIDDEN, "ticket.not_yours", "这个链接不是给您的，请在公众号里重新获取。"


class PhoneElsewhere(DomainError):
    """The number stays with another member until people have looked at it; a case is open."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "phone.elsewhere",
        "这个手机号需要人工核实，请回复“人工”，核实后帮您处理。",
    )


class PhoneFactNeeded(DomainError):
    """A member of old has this number: one fact tells whether that is the same person; facts: `questions`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "phone.fact_needed",
        "这个手机号以前在门店登记过。请选择上次消费的门店或填写登记的生日，答对后合并，答错则只换绑手机号。",
    )


class NumberUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "number.unknown", "没有找到这个绑定号码，请刷新后再试。"


class NumbersFull(DomainError):
    """Facts: `limit`."""

    kind, code, message = ErrorKind.CONFLICT, "number.full", "绑定的号码已经有{limit}个，请先解绑不用的。"


class TicketOwn(DomainError):
    """Its maker, or a channel that is theirs already."""

    kind, code, message = ErrorKind.CONFLICT, "link.same_member", "两边已经是同一位会员，不用再关联。"


class LinkToConfirm(DomainError):
    """The asking member has something of their own to lose; facts: `inviter` (masked number, or null)."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "link.confirmation_needed",
        "关联后两边的会员卡和权益合并到一起，只有都是您本人使用才请确认。",
    )


class LinkRefused(DomainError):
    """The two are different people to WeChat, or have different phones; facts: `namespaces`. A case is open."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "link.refused",
        "两边的微信或手机号不同，不能自动关联。请回复“人工”，核实后帮您处理。",
    )


class LinkHeld(DomainError):
    """More was joined today than one person has; a case is open."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "link.held",
        "今天关联的次数太多，需要人工核实。请回复“人工”，核实后帮您处理。",
    )


class MergeNotReversible(DomainError):
    """Older than 90 days, or one of the two has left."""

    kind, code, message = ErrorKind.CONFLICT, "merge.not_reversible", "这次合并已经不能撤销，请联系管理员处理。"


class LaterMergeFirst(DomainError):
    """Facts: `merge_id`, the latest one, to be undone first."""

    kind, code, message = ErrorKind.CONFLICT, "merge.later_first", "之后还有别的合并，请先撤销较晚的一次。"
