"""The pretend platform as a process, with two addresses more: fresh people with login codes, and its own seconds."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from aiohttp import web

from simulator import Platform, create_app
from simulator.people import Follow
from tests.bench.accounts import MP, OA
from tests.bench.serving import serve
from tests.paying import merchant, take_keys


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--keys", type=Path, required=True, help="a folder with the keys of WeChat Pay")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(options.port, options.backend, options.keys))


async def _run(port: int, backend: str, keys: Path) -> None:
    take_keys(keys)
    platform = Platform([OA, MP], backend=backend, merchant=merchant())
    app = create_app(platform)
    seconds: dict[str, float] = {}

    @web.middleware
    async def timed(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        started = time.perf_counter()
        try:
            return await handler(request)
        finally:
            if code := request.query.get("js_code"):
                seconds[code] = time.perf_counter() - started

    async def people(request: web.Request) -> web.Response:
        """`?count=` people who follow, one a line: a fresh login code, and the openid in the official account."""
        lines = []
        for _ in range(int(request.query["count"])):
            person = platform.person("会员")
            person.follows[OA.app_id] = Follow(platform.clock.now(), None, "ADD_SCENE_SEARCH")
            code = person.open_mini_program(MP).login_code()
            lines.append(f"{code} {person.openid(OA)}")
        return web.Response(text="\n".join(lines))

    async def times(_: web.Request) -> web.Response:
        """The seconds that each login code's exchange took within this process, since the last look."""
        told = dict(seconds)
        seconds.clear()
        return web.json_response(told)

    app.middlewares.append(timed)
    app.add_routes([web.get("/bench/people", people), web.get("/bench/times", times)])
    await serve(app, port)


if __name__ == "__main__":
    main()
