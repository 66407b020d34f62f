"""Refusals about channels: to the systems that speak for themselves, and to the operators who keep them."""

from handlers.errors.base import DomainError, ErrorKind


class ChannelNotSigned(DomainError):
    """No such channel, no signature, or one that does not fit: they answer alike."""

    kind, code, message = ErrorKind.UNAUTHENTICATED, "channel.not_signed", "签名不符，请核对渠道编号和密钥。"


class ChannelStale(DomainError):
    """The clocks are more than 300 s apart; facts: `now`."""

    kind, code, message = ErrorKind.UNAUTHENTICATED, "channel.stale", "时间戳已过期，请校准时钟后重新签名。"


class ChannelReplayed(DomainError):
    """This very call was heard before; whoever asks again signs again, with a fresh nonce."""

    kind, code, message = ErrorKind.UNAUTHENTICATED, "channel.replayed", "随机数用过了，请换一个重新签名。"


class ChannelOff(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "channel.off", "渠道已停用，请联系运营方。"


class ChannelQuotaUsed(DomainError):
    """Facts: `quota`, `retry_after` (seconds until the next business day)."""

    kind, code, message = ErrorKind.TOO_MANY, "channel.quota_used", "今天的调用次数已用完，请明天再试。"


class ChannelUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "channel.unknown", "没有找到这个渠道，请刷新列表。"


class ChannelTaken(DomainError):
    """Codes are unique in the whole installation: calls name channels by them."""

    kind, code, message = ErrorKind.CONFLICT, "channel.taken", "这个渠道编号已经有了，请换一个。"


class ChannelKeyWeak(DomainError):
    kind, code, message = ErrorKind.INVALID, "channel.key_weak", "密钥太简单，请用随机生成的密钥。"
