"""The web process: both doors, the terms, health and metrics; on SQLite with the worker inside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from app.container import House
from app.database_time import worker_of
from app.listening import listen
from app.memory import settle_memory
from app.metrics import ProcessMetrics, RequestMetrics, may_read_metrics
from app.worker import Worker
from bot.answering import BUDGET_SECONDS, Answering
from bot.app import Door, routes_of
from bot.flood import ChatLimit
from bot.routes import all_routes
from gateways.stores.connection import MEMORY
from handlers.catalogue import Handlers
from handlers.outbox import job_figures, on_new_work
from miniapp_api.addresses import TrustedProxies
from miniapp_api.app import PREFIX, create_api
from miniapp_api.callbacks import pay
from miniapp_api.callbacks import suppliers as callbacks
from miniapp_api.routes import all_routes as all_api_routes
from miniapp_api.terms import create_terms
from miniapp_api.wire import QuietRunner
from models import database

STOP_SECONDS = 1.5  # for requests under way; the worker and the late answers have theirs beside it
GRACE = 2.0  # for jobs under way


def create_server(house: House, *, answer_within: float = BUDGET_SECONDS) -> web.Application:
    """The whole address space of one process. Serving it needs the database connected in the serving task.

    `answer_within` seconds a push gets its answer, or `success` and the answer as a message of its own.
    """
    settings, requests = house.settings, _request_metrics()
    answering = Answering(
        house.handlers,
        all_routes(),
        house.dialogues,
        house.clock,
        public_url=settings.public_url,
        budget_seconds=answer_within,
    )
    app = web.Application()
    limit = ChatLimit(house.rate_limiter)
    door = Door(house.handlers.accounts, answering, house.answers, house.clock, limit, requests.observe)
    app.add_routes(routes_of(door))
    proxies = TrustedProxies([str(network) for network in settings.trusted_proxies])
    app.add_routes(
        callbacks.routes_of(callbacks.SupplierDoor(house.handlers.top_up_orders, house.rate_limiter, proxies))
    )
    app.add_routes(
        pay.routes_of(
            pay.PayDoor(
                house.handlers.order_watch,
                house.handlers.order_refunds,
                house.handlers.withdrawals.sending,
                house.rate_limiter,
                proxies,
            )
        )
    )
    app.add_subapp("/terms", create_terms(settings.brand.name))
    app.add_subapp(
        PREFIX,
        create_api(
            house.handlers,
            house.rate_limiter,
            all_api_routes(),
            public_url=settings.public_url,
            trusted_proxies=[str(network) for network in settings.trusted_proxies],
            observer=requests.observe,
        ),
    )
    _add_operations(app, house)

    async def finish_late_answers(_: web.Application) -> None:
        await answering.close(1.0)

    app.on_cleanup.append(finish_late_answers)
    return app


def _add_operations(app: web.Application, house: House) -> None:
    token = house.settings.metrics.token
    process = ProcessMetrics(job_figures=lambda: job_figures(house.clock.now()), pool_in_use=database.pool_in_use)

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        checks = {"database": _database_check, "redis": house.redis.ping, "migrations": _migrations_check}
        passed = await asyncio.gather(*(_passes(check) for check in checks.values()))
        found = dict(zip(checks, passed, strict=True))
        return web.json_response(found, status=200 if all(found.values()) else 503)

    async def metrics(request: web.Request) -> web.Response:
        shown, expected = request.headers.get("Authorization", ""), token.get_secret_value() if token else None
        is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if not may_read_metrics(request.remote or "", shown, expected, is_forwarded=is_forwarded):
            return web.Response(status=403)
        text, content_type = await process.text()
        return web.Response(body=text, headers={"Content-Type": content_type})

    async def forget(_: web.Application) -> None:
        process.close()

    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    app.on_cleanup.append(forget)


async def _database_check() -> None:
    await database.require_writable()


async def _migrations_check() -> None:
    await database.require_current()


async def _passes(check: Callable[[], Awaitable[object]]) -> bool:
    try:
        async with asyncio.timeout(2.0):
            await check()
    except Exception:
        return False
    return True


@asynccontextmanager
async def working(house: House, *, embedded: bool) -> AsyncIterator[None]:
    """Work along: ring the other processes' workers, and run one here if it is embedded; stops within 3 s."""
    quiet = on_new_work(house.nudge.ring)
    worker = await worker_of(house, grace=GRACE) if embedded else None
    running = asyncio.create_task(worker.run()) if worker else None
    try:
        async with hearing(house, worker):
            yield
    finally:
        quiet()
        if worker and running:
            worker.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE + 1.5):
                    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def hearing(house: House, worker: Worker[Handlers] | None) -> AsyncIterator[None]:
    """Wake the worker when another process has work; without a Redis that is shared there is none."""
    if worker is None or house.settings.redis_url == MEMORY:
        yield
        return

    async def pass_on() -> None:
        while True:
            if await house.nudge.wait(60.0):
                worker.wake()

    tasks = [asyncio.create_task(house.nudge.listen()), asyncio.create_task(pass_on())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address. Ends within 3 s. Raises CannotListen."""
    runner = QuietRunner(create_server(house), shutdown_timeout=STOP_SECONDS, access_log=None)
    stopping: asyncio.Task[None] | None = None
    await runner.setup()
    try:
        host, port = house.settings.host, house.settings.port
        await listen(runner, host, port)
        async with working(house, embedded=house.settings.is_worker_embedded):
            settle_memory()
            try:
                yield f"http://{host}:{port}"
            finally:
                # Requests end while the worker winds down, not after it.
                stopping = asyncio.create_task(runner.cleanup())
    finally:
        await (stopping if stopping is not None else runner.cleanup())


_requests: RequestMetrics | None = None


def _request_metrics() -> RequestMetrics:
    """One histogram per process, whatever number of servers tests make in it."""
    global _requests
    _requests = _requests or RequestMetrics()
    return _requests
