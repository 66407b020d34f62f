"""Structured logs: one JSON object a line, and no personal data or secret in any of them.

Whoever logs must not log such things in the first place; what is blacked out here is the second line of defence, for
the exception text of a library, say.
"""

import asyncio
import contextlib
import logging
import re
import sys
from typing import Any, Final, TextIO

from pythonjsonlogger.orjson import OrjsonFormatter

from bot.access import LOGGER as CHAT_LINES
from miniapp_api.access import LOGGER as API_LINES
from miniapp_api.access import AccessFormatter

HIDDEN: Final = "[hidden]"

_HIDE_BY_NAME = (
    "access_token|refresh_token|stable_token|component_access_token|authorizer_access_token|appsecret|secret|js_code"
    "|phone_code|session_key|ticket|signature|msg_signature|echostr|password|passwd|token|aes_key|private_key|api_key"
    "|authorization|cookie|openid|unionid|phone|mobile|phone_number|purephonenumber|phonenumber"
)
_SECRET_FIELD = re.compile(rf"(?i)(?:\w+_)?(?:{_HIDE_BY_NAME})")
_REPLACEMENTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # Query strings and forms; `code` alone only as a parameter: `errcode=40001` and `exit code=1` stay readable.
    (re.compile(rf"(?i)(?<![A-Za-z0-9])((?:{_HIDE_BY_NAME})=)[^&\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)([?&]code=)[^&\s\"'<>]+"), rf"\1{HIDDEN}"),
    # JSON and the repr of mappings.
    (re.compile(rf"(?i)([\"'](?:{_HIDE_BY_NAME})[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*')"), rf'\1"{HIDDEN}"'),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # The password of a database or Redis address.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # Mainland mobile numbers, but not digits in the middle of a hexadecimal id or of a fraction.
    (
        re.compile(
            r"(?<![\d.])(?<![0-9a-f]{4})(?:(?:\+|00)?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)(?![0-9a-f]{4})"
        ),
        "[phone]",
    ),
    # Open ids and union ids: 28 characters that begin with `o`. Enough stays to tell two people apart in one log.
    (re.compile(r"(?<![A-Za-z0-9_-])(o[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{23}(?![A-Za-z0-9_-])"), r"\1…"),
)


def redacted(value: Any) -> Any:
    """The same value without phone numbers, full open ids, tokens and secrets; mappings and lists are gone through."""
    match value:
        case str():
            for pattern, replacement in _REPLACEMENTS:
                value = pattern.sub(replacement, value)
            return value
        case dict():
            return {
                redacted(name): HIDDEN if _is_secret(name) and inner else redacted(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redacted(inner) for inner in value]
        case bool() | None | float():
            return value
        case int():
            return "[phone]" if redacted(str(value)) == "[phone]" else value
        case bytes():
            return redacted(value.decode("utf-8", "replace"))
    return redacted(str(value))


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and _SECRET_FIELD.fullmatch(name) is not None


class RedactingFormatter(OrjsonFormatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, then what was given as `extra`."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s%(name)s%(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Black out what must not be written, exception texts included."""
        return {name: redacted({name: value})[name] for name, value in super().process_log_record(log_data).items()}


class GatheredLines(logging.Handler):
    """Writes the lines of a tenth of a second at once: a write for every request costs as much as making its line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line; outside of an event loop, or when a thousand wait, it goes out now."""
        self._lines.append(self.format(record))
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(0.1, self.flush)
            except RuntimeError:
                self.flush()
        elif len(self._lines) >= 1_000:
            self.flush()

    def flush(self) -> None:
        """Also called by `logging.shutdown` at the end of the process."""
        lines, self._lines = self._lines, []
        if lines:
            with contextlib.suppress(ValueError, OSError):  # the stream is closed: nobody reads any more
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> logging.Handler:
    """Send all logs of this process to `stream` (standard error) as JSON lines; gives the handler that does it."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per request and push: made of closed words and our own ids, so it needs no search for secrets.
    lines = GatheredLines(stream or sys.stderr)
    lines.setFormatter(AccessFormatter())
    for name in (API_LINES, CHAT_LINES):
        logging.getLogger(name).handlers[:] = [lines]
        logging.getLogger(name).propagate = False
    logging.captureWarnings(capture=True)
    # Not in any of our lines, and looked up for every one of them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # These tell every statement and every connection at their lower levels, with values.
    for noisy in ("tortoise", "aiosqlite", "asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A database that is away is told by those who need it, in one line; the pool would add a stack every few seconds.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    return handler
