"""What suppliers tell us: `POST /suppliers/{code}/notify`, signed over the very bytes that came."""

import asyncio

from aiohttp import web

from handlers.errors import DomainError, ErrorKind
from handlers.fulfillment.top_up_orders import TopUpOrders
from handlers.ports import RateLimiter
from miniapp_api.addresses import TrustedProxies, counted_as

MAX_BYTES = 16 * 1024
SECONDS_TO_ARRIVE = 10.0
ROUTE = "/suppliers/{code:[A-Za-z0-9][A-Za-z0-9_-]{0,31}}/notify"
TAKEN = b'{"status":"taken"}'


class SupplierDoor:
    """200 for what was understood, now or before; 403 without a word for what its supplier did not sign just now."""

    def __init__(self, orders: TopUpOrders, limiter: RateLimiter, proxies: TrustedProxies) -> None:
        self._orders = orders
        self._limiter = limiter
        self._proxies = proxies

    async def notify(self, request: web.Request) -> web.Response:
        """400 not whole, 403 forged, 413 too large, 422 about no order of theirs, 429 too many, 503 say it again."""
        if wait := self._limiter.hit("address", counted_as(self._proxies.client_address(request))):
            return web.Response(status=429, headers={"Retry-After": str(wait)})
        try:
            async with asyncio.timeout(SECONDS_TO_ARRIVE):
                body = await _body(request)
        except (TimeoutError, web.RequestPayloadError, ConnectionError):
            return web.Response(status=400)
        if len(body) > MAX_BYTES:
            return web.Response(status=413)
        try:
            await self._orders.hear(request.match_info["code"], request.headers, body)
        except DomainError as refusal:
            return _refused(refusal)
        return web.Response(body=TAKEN, content_type="application/json")


def routes_of(door: SupplierDoor) -> list[web.RouteDef]:
    """The door's one route, for the root application."""
    return [web.post(ROUTE, door.notify)]


async def _body(request: web.Request) -> bytes:
    """What came, one byte more than is taken at most."""
    body = bytearray()
    while len(body) <= MAX_BYTES and (chunk := await request.content.readany()):
        body += chunk
    return bytes(body)


def _refused(refusal: DomainError) -> web.Response:
    if refusal.kind is ErrorKind.FORBIDDEN:
        return web.Response(status=403)
    if refusal.kind is ErrorKind.INVALID:
        return web.Response(status=422)
    return web.Response(status=503, headers={"Retry-After": str(refusal.retry_after or 1)})
