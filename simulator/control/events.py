"""Live notices for the page, as server-sent events."""

from contextlib import aclosing, suppress

import orjson
from aiohttp import web

from simulator.platform import Platform


async def stream(platform: Platform, request: web.Request) -> web.StreamResponse:
    """Notices until the watcher leaves or the platform stops."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    await response.write(b": watching\n\n")
    async with aclosing(platform.feed.watch()) as notices:
        with suppress(ConnectionResetError):
            async for notice in notices:
                await response.write(b"data: " + orjson.dumps(notice) + b"\n\n")
    return response
