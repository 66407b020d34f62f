"""Typed keys of what the application and each request carry."""

from collections.abc import Callable
from contextvars import ContextVar

from aiohttp import web

from handlers.actors import Clerk, Operator, Person
from handlers.catalogue import Handlers
from handlers.channels.gate import Signed
from handlers.ports import RateLimiter
from miniapp_api.addresses import TrustedProxies, counted_as

HANDLERS: web.AppKey[Handlers] = web.AppKey("HANDLERS", Handlers)
RATE_LIMITER: web.AppKey[RateLimiter] = web.AppKey("RATE_LIMITER", RateLimiter)
TRUSTED_PROXIES: web.AppKey[TrustedProxies] = web.AppKey("TRUSTED_PROXIES", TrustedProxies)

PUBLIC_URL: web.AppKey[str] = web.AppKey("PUBLIC_URL", str)

Observer = Callable[[str, str, int, float], None]  # method, route pattern, status, seconds
OBSERVER: web.AppKey[Observer] = web.AppKey("OBSERVER")

PERSON: web.RequestKey[Person] = web.RequestKey("PERSON", Person)
OPERATOR: web.RequestKey[Operator] = web.RequestKey("OPERATOR", Operator)
CLERK: web.RequestKey[Clerk] = web.RequestKey("CLERK", Clerk)
SIGNED: web.RequestKey[Signed] = web.RequestKey("SIGNED", Signed)
RECEIVED: web.RequestKey[bytes] = web.RequestKey("RECEIVED", bytes)  # the body, where it is signed
TOKEN: web.RequestKey[str] = web.RequestKey("TOKEN", str)
ACTOR: web.RequestKey[str] = web.RequestKey("ACTOR", str)

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def handlers(request: web.Request) -> Handlers:
    """The use cases."""
    return request.app[HANDLERS]


def address_of(request: web.Request) -> str:
    """Where a request comes from, as limits count it."""
    return counted_as(request.app[TRUSTED_PROXIES].client_address(request))
