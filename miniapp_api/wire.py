"""What the server says to what is not even HTTP. aiohttp quotes the bytes that came, in the answer and in its log;
those bytes may be anybody's token or phone number. Here both say only that it was not HTTP.
"""

import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from miniapp_api.door import HEADERS
from miniapp_api.errors import BrokenBody, Crashed, of_http, problem

log = logging.getLogger(__name__)


class QuietRunner(web.AppRunner):
    """`web.AppRunner`, but nothing of a malformed request is echoed or logged."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        handle = server.request_handler

        async def handle_quietly(request: Any) -> web.StreamResponse:
            try:
                return await handle(request)
            except web.HTTPExpectationFailed as trouble:  # raised before any middleware, with the header's text
                return of_http(trouble)

        server.request_handler = handle_quietly
        # aiohttp has no setting for the class of its connections, and its runner builds the server itself.
        server.__class__ = _QuietServer
        return server


class _QuietServer(web.Server):
    def __call__(self) -> RequestHandler:
        return _QuietConnection(self, loop=self._loop, **self._kwargs)


class _QuietConnection(RequestHandler):
    __slots__ = ()

    def handle_error(
        self, request: Any, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Called for what the parser refused, and for what no handler caught."""
        if status >= 500:
            # An exception of ours; its text goes through the log's own redaction.
            log.error("request_failed", exc_info=exc)
        else:
            log.info("not_http", extra={"reason": type(exc).__name__})
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = problem(Crashed() if status >= 500 else BrokenBody())
        response.headers.update(HEADERS)
        response.force_close()
        return response
