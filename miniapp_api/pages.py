"""`openapi.json` for programs and `docs` for people. The page's assets come from a package; nothing from elsewhere."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from swagger_ui_bundle import swagger_ui_path

from miniapp_api.errors import NoSuchThing
from miniapp_api.openapi import Json, build

ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}

PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>饭票 API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

# Without `validatorUrl: null` the page would send the document to a validator on the internet.
START = """SwaggerUIBundle({
  url: "docs/openapi-3.0.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"""

# The bundle draws its icons from data URLs; it needs no inline script and no inline style.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHED = "public, max-age=3600"


def add_pages(app: web.Application) -> None:
    """Add the document and the page. The document is built when first asked for: every address is known then."""
    documents: dict[str, bytes] = {}

    def built() -> dict[str, bytes]:
        if not documents:
            document = build(app, version=_version())
            documents["3.1"] = orjson.dumps(document)
            documents["3.0"] = orjson.dumps(as_3_0(document))
        return documents

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=built()["3.1"], headers={"Content-Type": "application/json; charset=utf-8"})

    async def openapi_3_0(_request: web.Request) -> web.Response:
        return web.Response(body=built()["3.0"], headers={"Content-Type": "application/json; charset=utf-8"})

    app.router.add_get("/openapi.json", openapi)
    app.router.add_get("/docs/openapi-3.0.json", openapi_3_0)
    app.router.add_get("/docs", _page)
    app.router.add_get("/docs/start.js", _start)
    app.router.add_get("/docs/{asset}", _asset)


async def _page(_request: web.Request) -> web.Response:
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_POLICY}
    return web.Response(text=PAGE, headers=headers)


async def _start(_request: web.Request) -> web.Response:
    return web.Response(text=START, headers={"Content-Type": "text/javascript; charset=utf-8"})


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["asset"]
    if name not in ASSETS:
        raise NoSuchThing
    body, tag = _load(name)
    headers = {"Content-Type": ASSETS[name], "Cache-Control": _CACHED, "ETag": tag}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers)


@cache
def _load(name: str) -> tuple[bytes, str]:
    body = (Path(str(swagger_ui_path)) / name).read_bytes()
    if name.endswith((".js", ".css")):  # source maps are not served, so no browser should ask for them
        body = body.partition(b"\n//# sourceMappingURL=")[0].partition(b"\n/*# sourceMappingURL=")[0]
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _version() -> str:
    try:
        return version("fanpiao")
    except PackageNotFoundError:
        return "0"


def as_3_0(document: Json) -> Json:
    """The same document in the words of OpenAPI 3.0.3: the packaged page shows no newer one."""
    older: Json = _older(document)
    return {**older, "openapi": "3.0.3"}


def _older(part: Any) -> Any:
    if isinstance(part, list):
        return [_older(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {name: _older(value) for name, value in part.items()}
    choices = part.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del part["anyOf"]
        part |= {"nullable": True, **({"allOf": rest} if len(rest) == 1 else {"anyOf": rest})}
    if "const" in part and not isinstance(part["const"], dict):
        part["enum"] = [part.pop("const")]
    for name, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(part.get(name), int | float) and not isinstance(part[name], bool):
            part[limit], part[name] = part[name], True
    if isinstance(part.get("examples"), list) and part["examples"]:
        part["example"] = part.pop("examples")[0]
    return part
