"""The mini-program's door as a sub-application, to be mounted at `/api/v1`."""

from collections.abc import Iterable

from aiohttp import web

from handlers.catalogue import Handlers
from handlers.ports import RateLimiter
from miniapp_api.addresses import TrustedProxies
from miniapp_api.bodies import MAX_BYTES
from miniapp_api.door import door
from miniapp_api.keys import HANDLERS, OBSERVER, PUBLIC_URL, RATE_LIMITER, TRUSTED_PROXIES, Observer
from miniapp_api.pages import add_pages

PREFIX = "/api/v1"


def _unobserved(_method: str, _route: str, _status: int, _seconds: float) -> None:
    """Nobody counts: tests, and tools that only want the document."""


def create_api(
    handlers: Handlers,
    rate_limiter: RateLimiter,
    routes: Iterable[web.RouteDef],
    *,
    public_url: str = "",
    trusted_proxies: Iterable[str] = (),
    observer: Observer = _unobserved,
) -> web.Application:
    """`root.add_subapp(PREFIX, create_api(...))`; serve with `handler_cancellation` off, as aiohttp does by itself.

    `observer` is told method, route pattern, status and seconds of every request, for the metrics.
    """
    app = web.Application(middlewares=[door], client_max_size=MAX_BYTES)
    app[HANDLERS] = handlers
    app[RATE_LIMITER] = rate_limiter
    app[TRUSTED_PROXIES] = TrustedProxies(trusted_proxies)
    app[OBSERVER] = observer
    app[PUBLIC_URL] = public_url
    app.add_routes(routes)
    add_pages(app)
    return app
