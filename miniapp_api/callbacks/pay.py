"""What WeChat Pay tells us: `POST /pay/notify/{transaction|refund|transfer}`, signed over the very bytes that came."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

from handlers.errors import DomainError, ErrorKind
from handlers.orders.refunds import OrderRefunds
from handlers.orders.watching import OrderWatch
from handlers.ports import RateLimiter
from handlers.withdrawals.sending import WithdrawalSending
from miniapp_api.addresses import TrustedProxies, counted_as

MAX_BYTES = 64 * 1024
SECONDS_TO_ARRIVE = 3.0
_STATUS = {ErrorKind.FORBIDDEN: 403, ErrorKind.INVALID: 422}
Hear = Callable[[Mapping[str, str], bytes], Awaitable[object]]


class PayDoor:
    """204 for what was taken, now or before; anything else is told again by them, and asked about by us."""

    def __init__(
        self,
        orders: OrderWatch,
        refunds: OrderRefunds,
        withdrawals: WithdrawalSending,
        limiter: RateLimiter,
        proxies: TrustedProxies,
    ) -> None:
        self._orders = orders
        self._refunds = refunds
        self._withdrawals = withdrawals
        self._limiter = limiter
        self._proxies = proxies

    async def transaction(self, request: web.Request) -> web.Response:
        """Somebody paid."""
        return await self._hear(request, self._orders.hear)

    async def refund(self, request: web.Request) -> web.Response:
        """Money went back, or could not."""
        return await self._hear(request, self._refunds.hear)

    async def transfer(self, request: web.Request) -> web.Response:
        """Money that a member took out has arrived, or will not."""
        return await self._hear(request, self._withdrawals.hear)

    async def _hear(self, request: web.Request, hear: Hear) -> web.Response:
        """400 not whole, 403 forged, 413 too large, 422 about nothing of ours, 429 too many, 503 say it again."""
        if wait := self._limiter.hit("address", counted_as(self._proxies.client_address(request))):
            return _failed(429, "TOO_MANY", wait)
        try:
            async with asyncio.timeout(SECONDS_TO_ARRIVE):
                body = await _body(request)
        except (TimeoutError, web.RequestPayloadError, ConnectionError):
            return _failed(400, "NOT_WHOLE")
        if len(body) > MAX_BYTES:
            return _failed(413, "TOO_LARGE")
        try:
            await hear(request.headers, body)
        except DomainError as refusal:
            return _failed(_STATUS.get(refusal.kind, 503), "FAIL", refusal.retry_after)
        return web.Response(status=204)


def routes_of(door: PayDoor) -> list[web.RouteDef]:
    """The door's routes, for the root application."""
    return [
        web.post("/pay/notify/transaction", door.transaction),
        web.post("/pay/notify/refund", door.refund),
        web.post("/pay/notify/transfer", door.transfer),
    ]


async def _body(request: web.Request) -> bytes:
    """What came, one byte more than is taken at most."""
    body = bytearray()
    while len(body) <= MAX_BYTES and (chunk := await request.content.readany()):
        body += chunk
    return bytes(body)


def _failed(status: int, message: str, retry_after: int | None = None) -> web.Response:
    """As they read it."""
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    body = orjson.dumps({"code": "FAIL", "message": message})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
