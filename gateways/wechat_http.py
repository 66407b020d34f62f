"""One call to WeChat over HTTP: what goes out, what comes back, what each failure means.

Addresses carry access tokens and secrets in their query, so neither an address nor an exception of aiohttp (whose text
may quote one) leaves this module.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import aiohttp
import orjson
from prometheus_client import Counter, Histogram
from yarl import URL

from gateways.wechat_errors import OPERATOR_HINTS, refusal
from handlers.ports import WeChatApp, WeChatError, WeChatGaveUp, WeChatOutcomeUnknown, WeChatRetryLater

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 5.0
LARGEST_ANSWER = 4 * 1024 * 1024
LONGEST_ERRMSG = 300

CALLS = Counter("fanpiao_wechat_calls", "Calls to WeChat by their outcome.", ["endpoint", "errcode"])
SECONDS = Histogram(
    "fanpiao_wechat_call_seconds",
    "How long WeChat took, failures and time-outs included.",
    ["endpoint"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)


_Answer = TypeVar("_Answer")
_Decode: TypeAlias = Callable[[str, str, bytes, tuple[str, ...]], _Answer | WeChatError]


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a POST of `body` as JSON, or a GET when there is none."""

    endpoint: str
    query: Mapping[str, str] | None = field(default=None, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    # Blotted out, as the app's secret is, should WeChat's message repeat it: token, code, openid.
    hidden: tuple[str, ...] = field(default=(), repr=False)
    # Codes that the caller handles by itself: raised, but not reported to operators.
    expected: frozenset[int] = frozenset()


class WeChatHttp:
    """Sends requests to one platform address; each ends within the time-outs, with an answer or a WeChatError."""

    def __init__(
        self,
        base_url: str,
        session: aiohttp.ClientSession,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """`connect_seconds` includes waiting for a free connection of the session, which is the caller's to close."""
        self._base = URL(base_url)
        self._session = session
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, connect=connect_seconds, sock_connect=connect_seconds
        )

    async def call(self, app: WeChatApp, request: Request) -> dict[str, Any]:
        """The JSON object that WeChat answers.

        Raises WeChatError kinds; WeChatOutcomeUnknown when the request may have been carried out.
        """
        return await self._send(app, request, _object)

    async def picture(self, app: WeChatApp, request: Request) -> bytes:
        """Like `call`, for an answer that is a picture when all is well and JSON when it is not."""
        return await self._send(app, request, _picture)

    async def _send(self, app: WeChatApp, request: Request, decode: _Decode[_Answer]) -> _Answer:
        started = perf_counter()
        outcome, answer = await self._exchange(request, (app.secret, *request.hidden), decode)
        SECONDS.labels(request.endpoint).observe(perf_counter() - started)
        CALLS.labels(request.endpoint, outcome).inc()
        if not isinstance(answer, WeChatError):
            return answer
        if answer.errcode not in request.expected:
            report(app, answer)
        raise answer

    async def _exchange(
        self, request: Request, hidden: tuple[str, ...], decode: _Decode[_Answer]
    ) -> tuple[str, _Answer | WeChatError]:
        """What to count the call as, and the answer or the error; never raises what aiohttp raises."""
        endpoint, body = request.endpoint, None
        try:
            # orjson writes Chinese as it is; WeChat shows \uXXXX escapes literally in menus and messages.
            body = None if request.body is None else orjson.dumps(request.body)
        except orjson.JSONEncodeError:
            return "unwritable", WeChatGaveUp(0, "the request cannot be written as JSON", endpoint=endpoint)
        try:
            async with self._session.request(
                "GET" if body is None else "POST",
                self._base / endpoint,
                params=request.query,
                data=body,
                headers=None if body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,  # the query must not travel to another host
            ) as response:
                status, kind = response.status, response.content_type
                content = await _read(response)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, RuntimeError):
            # RuntimeError is aiohttp's way to say that the session is closed: the server is stopping.
            return "not_reached", WeChatRetryLater(0, "not reached", endpoint=endpoint)
        except TimeoutError:
            return "timeout", WeChatOutcomeUnknown(0, "no answer in time", endpoint=endpoint)
        except (aiohttp.ClientError, OSError) as error:
            return "broken", WeChatOutcomeUnknown(0, f"broken off ({type(error).__name__})", endpoint=endpoint)
        if status != 200:
            return f"http_{status}", _by_status(endpoint, status)
        answer = decode(endpoint, kind, content, hidden)
        if isinstance(answer, WeChatError):
            return str(answer.errcode or "unreadable"), answer
        return "0", answer


def report(app: WeChatApp, error: WeChatError) -> None:
    """Tell operators what a person has to look at (error) and what went wrong for now (warning)."""
    if isinstance(error, WeChatGaveUp):
        hint = OPERATOR_HINTS.get(error.errcode, "the request or the account's settings are wrong")
        logger.error("wechat refused for good: %s (%s)", error, hint, extra={"app_id": app.app_id})
    elif isinstance(error, WeChatRetryLater):
        logger.warning("wechat did not do it now: %s", error, extra={"app_id": app.app_id})


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise aiohttp.ClientPayloadError("larger than any answer of WeChat")
    return bytes(content)


def _by_status(endpoint: str, status: int) -> WeChatError:
    errmsg = f"HTTP {status}"
    if status == 504:
        return WeChatOutcomeUnknown(0, errmsg, endpoint=endpoint)  # a gateway gave up waiting, the work went on
    if status >= 500 or status == 429:
        return WeChatRetryLater(0, errmsg, endpoint=endpoint)
    return WeChatGaveUp(0, errmsg, endpoint=endpoint)


def _object(endpoint: str, _kind: str, content: bytes, hidden: tuple[str, ...]) -> dict[str, Any] | WeChatError:
    try:
        # Not strict: WeChat passes control characters of people's names on unescaped.
        answer: dict[str, Any] = json.loads(content.decode("utf-8", "replace"), strict=False)
        errcode = int(answer.get("errcode", 0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return WeChatOutcomeUnknown(0, "unreadable answer", endpoint=endpoint)
    # Answers that carry data often have no errcode at all.
    return refusal(endpoint, errcode, _clean(answer.get("errmsg"), hidden)) if errcode else answer


def _picture(endpoint: str, kind: str, content: bytes, hidden: tuple[str, ...]) -> bytes | WeChatError:
    if kind.startswith("image/"):
        return content
    answer = _object(endpoint, kind, content, hidden)
    return answer if isinstance(answer, WeChatError) else WeChatOutcomeUnknown(0, "no picture", endpoint=endpoint)


def _clean(errmsg: object, hidden: tuple[str, ...]) -> str:
    text = str(errmsg or "")[:LONGEST_ERRMSG]
    for secret in hidden:
        if secret:
            text = text.replace(secret, "***")
    return "".join(character if character.isprintable() else " " for character in text)
