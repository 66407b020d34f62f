"""The door's one middleware: request id, refusals as problems, security headers, one log line per request."""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from handlers.errors import DomainError
from miniapp_api.access import record
from miniapp_api.errors import Crashed, Refused, of_http, problem
from miniapp_api.keys import current_request_id

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"

# An answer is for the one who asked: not stored, not sniffed, not framed, and it loads nothing. No Access-Control
# header anywhere: a mini-program needs none, and so no web page can read an answer.
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "fanpiao",  # without versions
    "X-Content-Type-Options": "nosniff",
}
_HEADERS = tuple(HEADERS.items())


@web.middleware
async def door(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every request under the door, known address or not, in the documented form."""
    started = time.perf_counter()
    # Always our own: a client's id in our logs would be the client's text in our logs.
    request_id = os.urandom(8).hex()
    current_request_id.set(request_id)
    try:
        response = await handler(request)
    except (Refused, DomainError) as refusal:
        response = problem(refusal)
    except web.HTTPException as trouble:
        response = of_http(trouble)
    except Exception:
        log.exception("request_failed", extra={"request_id": request_id})
        response = problem(
            Crashed(detail=f"请稍后再试；如需帮助，请把编号 {request_id} 告诉客服。", request_id=request_id)
        )
    headers = response.headers
    headers[REQUEST_ID] = request_id
    for name, value in _HEADERS:
        if name not in headers:
            headers[name] = value
    record(request, response.status, time.perf_counter() - started, request_id)
    return response
