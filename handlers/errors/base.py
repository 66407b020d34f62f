"""What a refusal is, and those that any use case may end in."""

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
    replayed: bool = False  # a stored refusal, told again

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts

    @property
    def sentence(self) -> str:
        """The message with the facts it names in braces."""
        return self.message.format_map(self.facts) if "{" in self.message else self.message

    @property
    def retry_after(self) -> int | None:
        """Whole seconds after which asking again makes sense; None when it never does."""
        seconds = self.facts.get("retry_after")
        return seconds if isinstance(seconds, int) else None


class KeyReused(DomainError):
    """The same idempotency key came with other facts."""

    kind, code, message = ErrorKind.INVALID, "idempotency.key_reused", "这次请求和上次不一致，请刷新后再试。"


class StillRunning(DomainError):
    """The first request with this key is not finished yet; facts: `retry_after`."""

    kind, code, message = ErrorKind.CONFLICT, "idempotency.in_progress", "正在处理，请稍候。"


class DeadJobUnknown(DomainError):
    """There is no dead letter with this id: it was requeued, discarded, or never died."""

    kind, code, message = ErrorKind.NOT_FOUND, "job.not_dead", "没有找到这个失败任务，请刷新列表。"


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
