"""The one wrapper around every view: limits -> who -> key -> path, query, body -> view -> rendered answer.

Everything that can be known from a view's signature is worked out when the module is imported; a request only runs
the steps. The order is that of cost: what can refuse cheaply and early does.

    @endpoint(tags=["member"], auth="person", refuses=[ConsentMissing])
    async def join(request: web.Request, body: JoinBody, *, idempotency_key: str) -> Created[JoinedOut]:
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from aiohttp import web

from handlers.errors import DomainError, TooManyRequests
from miniapp_api.auth import Auth, Authenticator, authenticator, channel_of
from miniapp_api.bodies import MAX_BYTES, BodyReader
from miniapp_api.keys import RATE_LIMITER, address_of
from miniapp_api.parameters import Signature
from miniapp_api.replies import Renderer, Reply

View = Callable[..., Awaitable[Reply[Any]]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LIMIT_PER_ADDRESS = "address"
LIMIT_PER_MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is known of a view: the steps of a request read it, and so does the OpenAPI document."""

    view: View
    tags: tuple[str, ...]
    auth: Auth
    signature: Signature
    reader: BodyReader[Any] | None
    renderer: Renderer
    refuses: tuple[type[DomainError], ...]


_endpoints: dict[Handler, Endpoint] = {}


def described(handler: object) -> Endpoint | None:
    """The endpoint behind a route's handler; None for handlers that are not `@endpoint`."""
    return _endpoints.get(handler)  # type: ignore[call-overload, no-any-return]


def endpoint(
    *,
    tags: Sequence[str],
    auth: Auth = "public",
    limit: str | None = None,
    refuses: Sequence[type[DomainError]] = (),
    max_bytes: int = MAX_BYTES,
    even_frozen: bool = False,
) -> Callable[[View], Handler]:
    """Make a view a handler of aiohttp.

    `limit` names a further limit per address, for what is worth guessing at (`login`). `refuses` is for the
    reference: the refusals that the use case is known for. `even_frozen`: a frozen person may ask this, because it is
    their right by law. Raises TypeError for a view that cannot be served.
    """

    def wrap(view: View) -> Handler:
        signature = Signature(view)
        reader = BodyReader(signature.body, max_bytes=max_bytes) if signature.body else None
        renderer = Renderer(get_type_hints(view, include_extras=True)["return"])
        who = authenticator(auth, even_frozen=even_frozen)
        if auth == "channel":
            handler = _signed_handler(view, signature, reader, renderer, max_bytes)
        else:
            handler = _handler(view, signature, reader, renderer, who, limit)
        handler.__name__ = view.__name__
        handler.__doc__ = view.__doc__
        _endpoints[handler] = Endpoint(view, tuple(tags), auth, signature, reader, renderer, tuple(refuses))
        return handler

    return wrap


def _handler(
    view: View,
    signature: Signature,
    reader: BodyReader[Any] | None,
    renderer: Renderer,
    authenticate: Authenticator | None,
    limit: str | None,
) -> Handler:
    serve = _served(view, signature, reader, renderer)
    limits = (LIMIT_PER_ADDRESS,) if limit is None else (LIMIT_PER_ADDRESS, limit)

    async def handle(request: web.Request) -> web.StreamResponse:
        app = request.app
        limiter = app[RATE_LIMITER]
        who = address_of(request)
        for name in limits:
            if wait := limiter.hit(name, who):
                raise TooManyRequests(retry_after=wait)
        if authenticate is not None and (wait := limiter.hit(LIMIT_PER_MEMBER, await authenticate(request))):
            raise TooManyRequests(retry_after=wait)
        return await serve(request)

    return handle


def _signed_handler(
    view: View, signature: Signature, reader: BodyReader[Any] | None, renderer: Renderer, max_bytes: int
) -> Handler:
    """For a channel: its signature comes first, and its own daily quota is its limit.

    A chain's tills share one address, so only what is not signed is counted against it.
    """
    serve = _served(view, signature, reader, renderer)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            await channel_of(request, max_bytes)
        except DomainError as refusal:
            app = request.app
            who = address_of(request)
            if wait := app[RATE_LIMITER].hit(LIMIT_PER_ADDRESS, who):
                raise TooManyRequests(retry_after=wait) from refusal
            raise
        return await serve(request)

    return handle


def _served(view: View, signature: Signature, reader: BodyReader[Any] | None, renderer: Renderer) -> Handler:
    """The steps that are the same whoever asks: key, path, query, body, view, answer."""
    has_path, takes_key = signature.path is not None, signature.takes_key

    async def serve(request: web.Request) -> web.StreamResponse:
        facts: dict[str, Any] = {"idempotency_key": signature.read_key(request)} if takes_key else {}
        path = signature.read_path(request) if has_path else ()
        if signature.query is not None or request.rel_url.raw_query_string:
            facts.update(signature.read_query(request))
        if reader is not None:
            facts[signature.body_name] = await reader.read(request)
        return renderer.render(await view(request, *path, **facts))

    return serve
