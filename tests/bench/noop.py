"""The baseline as a process: a bare aiohttp application that reads a body and answers one."""

import argparse
import asyncio

import uvloop
from aiohttp import web

from tests.bench.serving import serve


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer-bytes", type=int, required=True)
    options = parser.parse_args()
    body = b"x" * options.answer_bytes

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, options.port))


if __name__ == "__main__":
    main()
