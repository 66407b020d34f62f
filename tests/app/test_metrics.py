"""`/metrics` tells what the process does, without a path, a person or a failure of its own."""

import asyncio
from dataclasses import dataclass

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from app.metrics import ProcessMetrics, RequestMetrics, may_read_metrics


@dataclass(frozen=True)
class Figures:
    ready: int = 3
    running: int = 2
    dead: int = 1
    oldest_ready_seconds: float = 12.5


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


async def figures() -> Figures:
    return Figures()


async def text(registry: CollectorRegistry, job_figures=figures) -> list[str]:
    process = ProcessMetrics(job_figures=job_figures, pool_in_use=lambda: 4, registry=registry)
    body, content_type = await process.text()
    assert content_type.startswith("text/plain")
    return body.decode().splitlines()


async def test_jobs_and_connections_are_shown(registry):
    lines = await text(registry)
    for line in (
        'fanpiao_jobs{state="ready"} 3.0',
        'fanpiao_jobs{state="running"} 2.0',
        'fanpiao_jobs{state="dead"} 1.0',
        "fanpiao_oldest_ready_job_seconds 12.5",
        "fanpiao_database_connections_in_use 4.0",
        "fanpiao_job_figures_known 1.0",
    ):
        assert line in lines


async def test_a_database_that_is_down_is_told_and_does_not_break_the_page(registry):
    async def down() -> Figures:
        raise ConnectionError

    lines = await text(registry, down)
    assert "fanpiao_job_figures_known 0.0" in lines
    assert not any(line.startswith("fanpiao_jobs{") for line in lines)


async def test_a_database_that_hangs_does_not_hang_the_page(registry, monkeypatch):
    monkeypatch.setattr("app.metrics.REFRESH_SECONDS", 0.01)

    async def hangs() -> Figures:
        await asyncio.Event().wait()
        return Figures()

    assert "fanpiao_job_figures_known 0.0" in await text(registry, hangs)


async def test_a_second_server_in_the_process_can_register_after_the_first_closed(registry):
    first = ProcessMetrics(job_figures=figures, pool_in_use=lambda: 0, registry=registry)
    first.close()
    assert "fanpiao_database_connections_in_use 4.0" in await text(registry)


@pytest.fixture
async def client(registry, aiohttp_client):
    async def offer(request: web.Request) -> web.Response:
        return web.Response()

    async def crash(request: web.Request) -> web.Response:
        raise RuntimeError

    async def teapot(request: web.Request) -> web.Response:
        raise web.HTTPForbidden

    app = web.Application(middlewares=[RequestMetrics(registry).middleware()])
    app.router.add_get("/offers/{id}", offer)
    app.router.add_get("/crash", crash)
    app.router.add_get("/forbidden", teapot)
    return await aiohttp_client(app)


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/offers/o-123", {"method": "GET", "route": "/offers/{id}", "status": "200"}),
        ("/crash", {"method": "GET", "route": "/crash", "status": "500"}),
        ("/forbidden", {"method": "GET", "route": "/forbidden", "status": "403"}),
        ("/secret-13812345678", {"method": "GET", "route": "unmatched", "status": "404"}),
    ],
)
async def test_requests_are_counted_by_route_pattern_and_status(client, registry, path, labels):
    await client.get(path)
    await client.get(path)
    assert registry.get_sample_value("fanpiao_http_request_seconds_count", labels) == 2


def test_made_up_methods_do_not_make_new_series(registry):
    metrics = RequestMetrics(registry)
    for method in ("BREW", "FOO"):
        metrics.observe(method, "/x", 405, 0.001)
    labels = {"method": "other", "route": "/x", "status": "405"}
    assert registry.get_sample_value("fanpiao_http_request_seconds_count", labels) == 2


@pytest.mark.parametrize(
    ("address", "authorization", "token", "may"),
    [
        ("127.0.0.1", "", None, True),
        ("::1", "", None, True),
        ("10.0.0.5", "", None, False),
        ("10.0.0.5", "Bearer None", None, False),
        ("10.0.0.5", "Bearer right", "right", True),
        ("10.0.0.5", "Bearer wrong", "right", False),
        ("10.0.0.5", "right", "right", False),
        ("10.0.0.5", "Bearer 错", "right", False),
        ("unix:", "", "right", False),
    ],
)
def test_only_this_machine_and_the_token_may_read(address, authorization, token, may):
    assert may_read_metrics(address, authorization, token, is_forwarded=False) is may


def test_a_proxy_on_this_machine_opens_the_page_to_nobody():
    assert not may_read_metrics("127.0.0.1", "", None, is_forwarded=True)
    assert may_read_metrics("127.0.0.1", "Bearer right", "right", is_forwarded=True)
