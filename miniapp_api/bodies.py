"""From bytes to a checked model: size, time, content type, UTF-8, depth, JSON without surprises, strict shape.

Each step refuses before the next one is asked, so that no parser sees what it is known to stumble over.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from miniapp_api.errors import (
    BrokenBody,
    NotJson,
    TooDeep,
    TooLarge,
    TooSlow,
    WrongCharset,
    WrongContentType,
    WrongEncoding,
)
from miniapp_api.keys import RECEIVED
from miniapp_api.shapes import Body
from miniapp_api.wrongs import field_names, wrong_shape

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
SECONDS_TO_ARRIVE = 10.0
MAX_INTEGER = 2**53 - 1  # RFC 7493: beyond it JavaScript, and so the mini-program, cannot tell integers apart

_USUAL_TYPES = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_CONTENT_TYPE = re.compile(
    r'application/json(?:\s*;\s*charset\s*=\s*"?(?P<charset>[^\s;"]{1,40})"?)?\s*', re.IGNORECASE
)
# Every alternative takes something and a string needs no end, so the scan is linear whatever comes.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)


class BodyReader(Generic[M]):
    """Reads bodies of one model. Built once per endpoint; raises only `Refused` kinds."""

    def __init__(self, model: type[M], *, max_bytes: int = MAX_BYTES) -> None:
        self.model = model
        self._max_bytes = max_bytes
        adapter = TypeAdapter(model)
        self._validate = adapter.validator.validate_json
        schema = adapter.json_schema()
        _require_closed(model, schema)
        self._names = field_names(schema)

    async def read(self, request: web.Request) -> M:
        """The body of this request. Raises what `miniapp_api.errors` lists for bodies."""
        _check_headers(request)
        received = request.get(RECEIVED)  # a signed body was read by whoever checked the signature
        data = await receive(request, self._max_bytes) if received is None else received
        check_json(data)
        try:
            body: M = self._validate(data, strict=True)
        except ValidationError as trouble:
            raise wrong_shape(trouble, self._names) from None
        return body


def _check_headers(request: web.Request) -> None:
    headers = request.headers
    if headers.get("Content-Encoding", "identity") != "identity":
        raise WrongEncoding  # a few compressed bytes may stand for gigabytes
    content_type = headers.get("Content-Type", "")
    if content_type.lower() in _USUAL_TYPES:
        return
    match = _CONTENT_TYPE.fullmatch(content_type)
    if match is None:
        raise WrongContentType
    if (match["charset"] or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise WrongCharset


async def receive(request: web.Request, max_bytes: int) -> bytes:
    """The bytes of a body. Raises TooLarge, TooSlow, BrokenBody."""
    if (request.content_length or 0) > max_bytes:
        raise TooLarge(limit_bytes=max_bytes)
    content = request.content
    try:
        if content.is_eof():  # arrived with the headers: nothing to wait for
            return await _take(content, max_bytes)
        async with asyncio.timeout(SECONDS_TO_ARRIVE):
            return await _take(content, max_bytes)
    except TimeoutError:
        raise TooSlow from None
    except (web.RequestPayloadError, ConnectionError) as trouble:
        raise BrokenBody from trouble


async def _take(content: Any, max_bytes: int) -> bytes:
    data = bytearray()
    while chunk := await content.readany():
        data += chunk
        if len(data) > max_bytes:
            raise TooLarge(limit_bytes=max_bytes)
    return bytes(data)


def check_json(data: bytes) -> None:
    """Refuse everything that parsers disagree about, so that what is checked here is what is read later.

    Depth over 32, bad UTF-8, duplicate keys, NaN and infinities, integers beyond 2**53 - 1, NUL, lone surrogates.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise WrongCharset from None
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(data)
    try:
        value = _STRICT.decode(text)
    except ValueError:  # JSONDecodeError too
        raise NotJson from None
    if b"\\u" in data:  # the only way in for NUL and lone surrogates
        for part in _texts(value):
            if "\x00" in part or any("\ud800" <= character <= "\udfff" for character in part):
                raise NotJson


def _check_depth(data: bytes) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(data):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise TooDeep(limit=MAX_DEPTH)
            case b"]" | b"}":
                depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _integer(digits: str) -> int:
    # The length first: turning 5000 digits into an integer costs time, and more digits raise on their own.
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError("an integer beyond 2**53 - 1")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("not a finite number")
    return number


def _no_constant(name: str) -> object:
    raise ValueError("NaN and infinities are not JSON")


_STRICT = json.JSONDecoder(  # once: `json.loads` makes a new one for every body
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_no_constant
)


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(found):
                yield from found
                waiting.extend(found.values())
            case list(items):
                waiting.extend(items)


def _require_closed(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """A body that would take unknown fields is a programming mistake; say so at import."""
    if not issubclass(model, Body):
        raise TypeError(f"{model.__name__} must derive from Body")
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part and part.get("additionalProperties") is not False:
            raise TypeError(f"every model inside {model.__name__} must derive from Body")
