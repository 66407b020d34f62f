"""Suppliers of top-ups over HTTP: our own signed JSON protocol, which `docs/suppliers.md` describes to them.

Every answer is one of five words, or it is unknown: a time-out, a broken connection, another status, a wrong signature,
anything that cannot be read. The caller then asks; nothing here is ever sent twice by itself.
"""

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from prometheus_client import Counter
from yarl import URL

from handlers.errors import NoticeForged, NoticeUnreadable
from handlers.ports import Clock, SupplierAccess, SupplierSays, TopUpOrder
from models.words import Heard

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 6.0
LARGEST_ANSWER = 16 * 1024
WINDOW = timedelta(seconds=300)  # how far a notice's time may be from ours
TIMESTAMP, NONCE, SIGNATURE = "X-Fanpiao-Timestamp", "X-Fanpiao-Nonce", "X-Fanpiao-Signature"
WHO = "X-Fanpiao-Supplier"

CALLS = Counter("fanpiao_supplier_calls", "Calls to suppliers by what was heard.", ["act", "heard"])

log = logging.getLogger(__name__)

# No row of digits: a phone number must not come back as a reason, which is kept and shown.
REASON = re.compile(r"(?!.*[0-9]{5})[a-z][a-z0-9_.-]{0,63}")
_DIGITS = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LOOPBACK = {"localhost"}
_WORDS = {each.value: each for each in Heard if each is not Heard.UNKNOWN}


class PublicOnly(AbstractResolver):
    """Names of suppliers must not lead into our own network, whatever the name server says at this moment."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host not in _LOOPBACK and any(not _is_public(each["host"]) for each in found):
            raise OSError("the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()


class SupplierApi:
    """Implements `handlers.ports.Supplier`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """The session is the caller's to close; `supplier_session()` makes one."""
        self._session = session
        self._clock = clock
        self._timeout = timeout_of(total_seconds, connect_seconds)

    async def order(self, access: SupplierAccess, order: TopUpOrder) -> SupplierSays:
        """`POST {api_url}/orders`. Never raises what the outside does."""
        body = {
            "order_no": order.order_no,
            "product": order.product,
            "face_value_fen": order.face_value_fen,
            "recharge_to": order.recharge_to,
        }
        said = await self._ask("order", access, "orders", body)
        # An order that was just sent is not absent: that word belongs to questions.
        return SupplierSays(Heard.UNKNOWN, reason="misplaced") if said.heard is Heard.ABSENT else said

    async def query(self, access: SupplierAccess, order_no: str) -> SupplierSays:
        """`POST {api_url}/orders/query`. Never raises what the outside does."""
        return await self._ask("query", access, "orders/query", {"order_no": order_no})

    def notice(self, access: SupplierAccess, headers: Mapping[str, str], body: bytes, *, now: datetime) -> SupplierSays:
        """Raises NoticeForged, NoticeUnreadable."""
        timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        expected = signature(access.secret, f"POST\n/suppliers/{access.code}/notify", timestamp, nonce, body)
        given = headers.get(SIGNATURE, "")
        is_theirs = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        if not is_theirs or not _DIGITS.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
            raise NoticeForged
        if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise NoticeForged
        said = _read(body)
        if said is None or said.heard is Heard.ABSENT:
            raise NoticeUnreadable
        return said

    async def _ask(self, act: str, access: SupplierAccess, path: str, body: Mapping[str, Any]) -> SupplierSays:
        content, reason = await exchange(self._session, self._clock, self._timeout, access, path, orjson.dumps(body))
        said = _unknown(reason) if content is None else _read(content) or _unknown("unreadable")
        CALLS.labels(act, said.heard.value).inc()
        if said.heard is Heard.UNKNOWN:
            log.warning("supplier_unclear", extra={"supplier": access.code, "act": act, "reason": said.reason})
        return said


async def exchange(
    session: aiohttp.ClientSession,
    clock: Clock,
    timeout: aiohttp.ClientTimeout,
    access: SupplierAccess,
    path: str,
    body: bytes,
    *,
    largest: int = LARGEST_ANSWER,
) -> tuple[bytes | None, str]:
    """One signed question and its signed answer: what came, or None and why that is no answer. Never raises."""
    url = URL(f"{access.api_url}/{path}")
    timestamp, nonce = str(int(clock.now().timestamp())), secrets.token_urlsafe(18)
    headers = {
        "Content-Type": "application/json",
        WHO: access.code,
        TIMESTAMP: timestamp,
        NONCE: nonce,
        SIGNATURE: signature(access.secret, f"POST\n{url.raw_path}", timestamp, nonce, body),
    }
    try:
        async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            status, shown = response.status, response.headers.get(SIGNATURE, "")
            content = await _received(response, largest)
    except TimeoutError:
        return None, "timeout"
    except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
        # RuntimeError: the session is closed, the server is stopping. Their texts may quote what was sent.
        return None, f"broken_{type(error).__name__}".lower()[:64]
    if status != 200:
        return None, f"http_{status}"
    if content is None:
        return None, "too_large"
    # The answer is signed over our nonce, so that an answer of before is none to this question.
    expected = signature(access.secret, "ANSWER", timestamp, nonce, content)
    if not hmac.compare_digest(expected.encode(), shown.encode("utf-8", "replace")):
        return None, "signature"
    return content, ""


def timeout_of(total_seconds: float | None = None, connect_seconds: float | None = None) -> aiohttp.ClientTimeout:
    """How long one call may take; None: as documented."""
    connect = CONNECT_SECONDS if connect_seconds is None else connect_seconds
    total = TOTAL_SECONDS if total_seconds is None else total_seconds
    return aiohttp.ClientTimeout(total=total, connect=connect, sock_connect=connect)


def supplier_session() -> aiohttp.ClientSession:
    """A session that goes to public addresses alone, keeps no cookies, and follows no proxy of the environment."""
    connector = aiohttp.TCPConnector(resolver=PublicOnly(), limit_per_host=20)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def signature(secret: str, what: str, timestamp: str, nonce: str, body: bytes) -> str:
    """64 hex characters: HMAC-SHA256 over what is said, when, and the hash of the body, joined by line feeds."""
    text = "\n".join([what, timestamp, nonce, hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


async def _received(response: aiohttp.ClientResponse, largest: int) -> bytes | None:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > largest:
            return None
    return bytes(content)


def _read(content: bytes) -> SupplierSays | None:
    """What a body says; None when it says nothing that the protocol knows."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    heard, order_no, amount = found.get("status"), found.get("order_no"), found.get("face_value_fen")
    if not isinstance(heard, str) or heard not in _WORDS or not isinstance(order_no, str):
        return None
    if amount is not None and type(amount) is not int:
        return None
    if heard in {Heard.DONE, Heard.ACCEPTED} and amount is None:
        return None
    reason = found.get("reason")
    word = reason if isinstance(reason, str) and REASON.fullmatch(reason) else ""
    return SupplierSays(_WORDS[heard], order_no, amount, word)


def _unknown(reason: str) -> SupplierSays:
    return SupplierSays(Heard.UNKNOWN, reason=reason)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    within = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (within or found).is_global and not found.is_multicast
