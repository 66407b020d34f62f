"""The simulator as an aiohttp application: interfaces, pictures, control and the /phone page."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from simulator.api import DESKS
from simulator.api.doorway import routes
from simulator.control import control_routes
from simulator.pictures import png
from simulator.platform import Platform

_PHONE = Path(__file__).parent / "phone"
_ASSETS = sorted(path.name for path in _PHONE.iterdir() if path.suffix in {".css", ".js"})
# Server-made text is shown on the page: no script but the page's own may ever run there.
_ONLY_OURSELVES = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'"}


def create_app(platform: Platform) -> web.Application:
    """Everything the platform offers over HTTP. Stopping the application closes the platform."""
    app = web.Application(client_max_size=4 << 20)
    app.add_routes(routes(platform, DESKS))
    app.add_routes([web.get("/cgi-bin/showqrcode", _picture(platform)), *control_routes(platform), *_page_routes()])
    app.add_routes(
        [*platform.supplier.routes(), *platform.points.routes(), *platform.pay.routes(), *platform.carrier.routes()]
    )

    async def close(_app: web.Application) -> None:
        await platform.close()

    app.on_shutdown.append(close)
    return app


def _page_routes() -> list[web.RouteDef]:
    return [web.get("/", _to_the_page), web.get("/phone", _page("phone.html"))] + [
        web.get(f"/phone/{name}", _page(name)) for name in _ASSETS
    ]


def _page(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def show(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PHONE / name, headers={"Cache-Control": "no-cache", **_ONLY_OURSELVES})

    return show


async def _to_the_page(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/phone")


def _picture(platform: Platform) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        """mp.weixin.qq.com's own page: no token, 404 for a ticket that is not one."""
        code = platform.scene_codes.by_ticket(request.query.get("ticket", ""))
        if code is None:
            raise web.HTTPNotFound
        return web.Response(body=png(code.url), content_type="image/png")

    return show
