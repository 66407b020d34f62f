"""Refusals as RFC 9457 problems: one body for everything that goes wrong, nothing of the request in it.

`{"type", "title", "status", "code", "detail", ...facts}`: `code` is stable and for programs, `title` a short sentence
fit to show, `detail` the same sentence or, for a wrong shape, which of *our* fields are wrong and how.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import orjson
from aiohttp import web

from handlers.errors import DomainError, ErrorKind

PROBLEM_JSON = "application/problem+json"
REPLAYED = "Idempotency-Replayed"

STATUS_OF: Mapping[ErrorKind, int] = {
    ErrorKind.INVALID: 422,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.TOO_MANY: 429,
    ErrorKind.UNAVAILABLE: 503,
}

_RESERVED = frozenset({"type", "title", "status", "code", "detail"})


class Refused(Exception):
    """The door itself refuses: what came is not a request of the documented form, so no use case was asked."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "request.invalid"
    title: ClassVar[str] = "提交的内容不符合要求，请检查后再试。"

    def __init__(self, *, detail: str | None = None, headers: Mapping[str, str] | None = None, **facts: object) -> None:
        super().__init__(self.code)
        self.detail = detail
        self.headers = headers or {}
        self.facts = facts


class WrongShape(Refused):
    """Fields are missing, unknown, of the wrong type or out of range; facts: `errors`."""


class NotJson(Refused):
    code, title = "request.not_json", "提交的内容不是有效的 JSON，请检查后再试。"


class TooDeep(Refused):
    code, title = "request.too_deep", "提交的内容嵌套太深，请检查后再试。"


class WrongContentType(Refused):
    code, title = "request.content_type", "请以 application/json 提交。"


class WrongCharset(Refused):
    code, title = "request.charset", "请以 UTF-8 编码提交。"


class WrongEncoding(Refused):
    code, title = "request.content_encoding", "请不要压缩提交的内容。"


class BrokenBody(Refused):
    code, title = "request.broken", "提交的内容不完整，请重新提交。"


class TooSlow(Refused):
    status, code, title = 408, "request.too_slow", "提交超时，请重新提交。"


class TooLarge(Refused):
    """Facts: `limit_bytes`."""

    status, code, title = 413, "request.too_large", "提交的内容太大，请减少后再试。"


class KeyMissing(Refused):
    code, title = "idempotency.missing", "请求缺少幂等键，请升级后再试。"


class KeyInvalid(Refused):
    code, title = "idempotency.invalid", "幂等键不符合要求，请升级后再试。"


class CursorInvalid(Refused):
    code, title = "cursor.invalid", "翻页位置已失效，请从头查看。"


class NoSuchThing(Refused):
    """No such address, or an id that no row can have."""

    status, code, title = 404, "request.not_found", "没有找到您要的内容，请返回重试。"


class NoSuchMethod(Refused):
    """The address exists and does not do this; the header `Allow` says what it does."""

    status, code, title = 405, "request.method_not_allowed", "不支持这种操作，请返回重试。"


class Crashed(Refused):
    """Our fault. The log has the reason, under the request id."""

    status, code, title = 500, "server.failed", "系统忙，请稍后再试。"


def problem(trouble: Refused | DomainError) -> web.Response:
    """The response that says what is wrong. Facts are ours to give; the five standard members cannot be overridden."""
    if isinstance(trouble, DomainError):
        return _of_domain(trouble)
    return _render(trouble.status, trouble.code, trouble.title, trouble.detail, trouble.facts, trouble.headers)


def of_http(trouble: web.HTTPException) -> web.Response:
    """What the router or the framework raised, in our words; its own text may quote the request and is dropped."""
    if isinstance(trouble, web.HTTPMethodNotAllowed):
        return problem(NoSuchMethod(headers={"Allow": ", ".join(sorted(trouble.allowed_methods))}))
    if trouble.status == 404:
        return problem(NoSuchThing())
    if trouble.status == 413:
        return problem(TooLarge())
    if trouble.status < 500:
        return _render(trouble.status, WrongShape.code, WrongShape.title, None, {}, {})
    return problem(Crashed())


def _of_domain(refusal: DomainError) -> web.Response:
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(refusal.retry_after, 1))
    if refusal.kind is ErrorKind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.replayed:
        headers[REPLAYED] = "true"
    return _render(STATUS_OF[refusal.kind], refusal.code, refusal.sentence, None, refusal.facts, headers)


def _render(
    status: int,
    code: str,
    title: str,
    detail: str | None,
    facts: Mapping[str, object],
    headers: Mapping[str, str],
) -> web.Response:
    body: dict[str, object] = {
        "type": f"urn:fanpiao:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail or title,
    }
    body.update((name, fact) for name, fact in facts.items() if name not in _RESERVED)
    return web.Response(
        status=status,
        body=orjson.dumps(body, default=_plain),
        headers={"Content-Type": PROBLEM_JSON, **headers},
    )


def _plain(fact: object) -> object:
    """Facts that JSON has no word for: sets as sorted lists, anything else as its text."""
    if isinstance(fact, frozenset | set):
        return sorted(map(str, fact))
    if isinstance(fact, Sequence):
        return list(fact)
    return str(fact)
