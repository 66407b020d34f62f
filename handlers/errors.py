"""Every refusal, in one list: what happened, what kind of refusal it is, what to tell the person.

`code` is stable and for programs; `message` is a short Chinese sentence that says what to do next; `facts` are
machine-readable details (instants, counts), never anything of the request itself.
"""

from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """How a refusal is rendered: REST turns each into one HTTP status, the chat into the sentence alone."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A refusal with its reason. Raising one rolls the transaction back: a refused request changes nothing."""

    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    code: ClassVar[str] = "invalid"
    message: ClassVar[str] = "请求有误，请检查后再试。"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts

    @property
    def retry_after(self) -> int | None:
        """Whole seconds after which asking again makes sense; None when it never does."""
        seconds = self.facts.get("retry_after")
        return seconds if isinstance(seconds, int) else None


# --- who is asking


class NotSignedIn(DomainError):
    kind, code, message = ErrorKind.UNAUTHENTICATED, "session.required", "登录已失效，请重新打开小程序。"


class LoginCodeRefused(DomainError):
    """The wx.login code is used, expired, or of another mini-program."""

    kind, code, message = ErrorKind.INVALID, "session.code_refused", "登录没有成功，请重新打开小程序再试。"


class LoginBlocked(DomainError):
    """WeChat calls this person a high risk (40226); trying again does not help."""

    kind, code, message = ErrorKind.FORBIDDEN, "session.blocked", "微信提示当前账号存在风险，暂时无法登录。"


class AccountUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "account.unknown", "没有找到这个账号，请检查后再试。"


class MemberFrozen(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "member.frozen", "您的账号暂时不能使用，请联系客服。"


# --- joining


class NotAMember(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "member.required", "请先入会，再使用这项服务。"


class ConsentMissing(DomainError):
    """A consent that joining needs was not given; facts: `purposes`."""

    kind, code, message = ErrorKind.INVALID, "consent.missing", "请先阅读并同意会员协议，再办理入会。"


class ConsentOutdated(DomainError):
    """The version agreed to is not the current one; facts: `purpose`, `version` (the current one)."""

    kind, code, message = ErrorKind.CONFLICT, "consent.outdated", "协议有更新，请重新阅读并同意。"


class ConsentUnknown(DomainError):
    kind, code, message = ErrorKind.INVALID, "consent.unknown", "没有这项授权，请刷新后再试。"


class ConsentNeeded(DomainError):
    """Membership itself cannot be withdrawn alone: that is leaving the programme."""

    kind, code, message = ErrorKind.CONFLICT, "consent.needed", "会员协议不能单独撤回，如需退出请注销会员。"


class PhoneConsentMissing(DomainError):
    kind, code, message = ErrorKind.INVALID, "phone.consent_missing", "使用手机号前，请先同意手机号授权。"


class PhoneCodeRefused(DomainError):
    """The phone code is used, expired, or of another mini-program."""

    kind, code, message = ErrorKind.INVALID, "phone.code_refused", "手机号授权已失效，请重新点击授权。"


class PhoneBlocked(DomainError):
    kind, code, message = ErrorKind.INVALID, "phone.blocked", "这个号码不能使用，请换一个号码。"


# --- asking twice


class KeyReused(DomainError):
    """The same idempotency key came with other facts."""

    kind, code, message = ErrorKind.INVALID, "idempotency.key_reused", "这次请求和上次不一致，请刷新后再试。"


class StillRunning(DomainError):
    """The first request with this key is not finished yet; facts: `retry_after`."""

    kind, code, message = ErrorKind.CONFLICT, "idempotency.in_progress", "正在处理，请稍候。"


# --- work after commit


class DeadJobUnknown(DomainError):
    """There is no dead letter with this id: it was requeued, discarded, or never died."""

    kind, code, message = ErrorKind.NOT_FOUND, "job.not_dead", "没有找到这个失败任务，请刷新列表。"


# --- load and failures outside


class TooManyRequests(DomainError):
    kind, code, message = ErrorKind.TOO_MANY, "rate.limited", "操作太快了，请稍后再试。"


class Overloaded(DomainError):
    kind, code, message = ErrorKind.UNAVAILABLE, "server.busy", "现在人有点多，请稍后再试。"


class OutcomeUnknown(DomainError):
    """The commit was interrupted; the same key settles what became of it."""

    kind, code, message = (
        ErrorKind.UNAVAILABLE,
        "outcome.unknown",
        "系统忙，结果还没有确认。请稍后回复“我的”查看，不用重复操作。",
    )


class WeChatUnavailable(DomainError):
    """WeChat did not answer, or said that it is busy or that a quota is used up; nothing was changed here."""

    kind, code, message = ErrorKind.UNAVAILABLE, "wechat.unavailable", "微信服务繁忙，请稍后再试。"
