"""The texts people agree to, as pages: `GET /terms/{purpose}`. Plain, readable on a phone, without scripts."""

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from aiohttp import web

DOCUMENTS = Path(__file__).parent / "documents"
BRAND: web.AppKey[str] = web.AppKey("BRAND", str)

PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ max-width: 40em; margin: 2em auto; padding: 0 1em; font: 17px/1.8 sans-serif; color: #222 }}</style>
</head>
<body><h1>{title}</h1>
{paragraphs}
</body>
</html>
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def show(request: web.Request) -> web.Response:
    """One text; 404 for names we have no text of."""
    purpose = request.match_info["purpose"]
    if purpose not in known():
        return web.Response(status=404)
    page = rendered(purpose, request.app[BRAND])
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "public, max-age=300"}
    return web.Response(text=page, content_type="text/html", charset="utf-8", headers=headers)


@cache
def known() -> Mapping[str, Path]:
    """The texts there are, by purpose."""
    return {path.stem: path for path in DOCUMENTS.glob("*.txt")}


@cache  # of known purposes only: anybody can make up others
def rendered(purpose: str, brand: str) -> str:
    """The page of one purpose. Raises KeyError when there is no such text."""
    title, *lines = known()[purpose].read_text("utf-8").format(brand=brand or "本店").splitlines()
    paragraphs = "\n".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return PAGE.format(title=escape(title), paragraphs=paragraphs)


def create_terms(brand: str) -> web.Application:
    """The sub-application to mount at `/terms`."""
    app = web.Application()
    app[BRAND] = brand
    app.router.add_get("/{purpose:[a-z]{1,32}}", show)
    return app
