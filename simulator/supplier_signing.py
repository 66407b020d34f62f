"""What a supplier and our server sign, as our server's documents describe it."""

import hashlib
import hmac

import orjson
from aiohttp import web

TIMESTAMP, NONCE, SIGNATURE = "X-Fanpiao-Timestamp", "X-Fanpiao-Nonce", "X-Fanpiao-Signature"


def signature(secret: str, what: str, timestamp: str, nonce: str, body: bytes, *, is_wrong: bool = False) -> str:
    """64 hexadecimal digits; `is_wrong`: under another secret."""
    text = "\n".join([what, timestamp, nonce, hashlib.sha256(body).hexdigest()])
    return hmac.new(f"{secret}{'?' if is_wrong else ''}".encode(), text.encode(), hashlib.sha256).hexdigest()


async def asked_in(request: web.Request, secret: str, number: str) -> dict[str, object]:
    """What was asked, its signature checked; `number` is the field that must be there."""
    raw = await request.read()
    timestamp, nonce = request.headers.get(TIMESTAMP, ""), request.headers.get(NONCE, "")
    expected = signature(secret, f"POST\n{request.path}", timestamp, nonce, raw)
    if not hmac.compare_digest(expected, request.headers.get(SIGNATURE, "")):
        raise web.HTTPUnauthorized
    asked = orjson.loads(raw)
    if not isinstance(asked, dict) or number not in asked:
        raise web.HTTPBadRequest
    return asked


def answer_to(request: web.Request, secret: str, body: bytes, *, is_wrong: bool = False) -> web.Response:
    """A signed answer."""
    timestamp, nonce = request.headers[TIMESTAMP], request.headers[NONCE]
    signed = signature(secret, "ANSWER", timestamp, nonce, body, is_wrong=is_wrong)
    return web.Response(body=body, headers={SIGNATURE: signed}, content_type="application/json")
