"""What `/metrics` shows of the process: requests and their latencies, jobs, database connections in use.

Gateways, lanes and the worker count what is theirs on the same registry.
"""

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

# From a cached read to the longest wait that a person sees; the chat's own budget is 4 s.
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8)
REFRESH_SECONDS = 2.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Counts requests and their seconds by method, route pattern (never the path itself) and status."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._seconds = Histogram(
            "fanpiao_http_request_seconds",
            "Seconds from a request's head to its answer",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=registry,
        )
        # Looking a child up by labels costs more than observing it.
        self._observe: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is a pattern such as `/api/v1/offers/{id}`."""
        key = (method, route, status)
        observe = self._observe.get(key)
        if observe is None:
            shown = method if method in _METHODS else "other"
            observe = self._observe[shown, route, status] = self._seconds.labels(shown, route, str(status)).observe
        observe(seconds)

    def middleware(self) -> Middleware:
        """An aiohttp middleware that counts every request, those that end in an exception too."""

        @web.middleware
        async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
            started, status = perf_counter(), 500
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as answer:
                status = answer.status
                raise
            except asyncio.CancelledError:
                status = 499  # the client left before the answer
                raise
            else:
                return response
            finally:
                self.observe(request.method, route_pattern(request), status, perf_counter() - started)

        return measured


def route_pattern(request: web.Request) -> str:
    """The pattern that the router matched, `unmatched` when there is none."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


class JobFigures(Protocol):
    """How many jobs stand in each state, and for how many seconds the oldest ready one has been due."""

    @property
    def ready(self) -> int: ...

    @property
    def running(self) -> int: ...

    @property
    def dead(self) -> int: ...

    @property
    def oldest_ready_seconds(self) -> float: ...


class ProcessMetrics(Collector):
    """Figures that are looked up when somebody asks: jobs by state and age, connections in use."""

    def __init__(
        self,
        *,
        job_figures: Callable[[], Awaitable[JobFigures]],
        pool_in_use: Callable[[], int],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._job_figures = job_figures
        self._pool_in_use = pool_in_use
        self._figures: JobFigures | None = None
        self._registry = registry
        registry.register(self)

    async def text(self) -> tuple[bytes, str]:
        """The page of all metrics of the registry, and its content type. Never raises: what fails is left out."""
        try:
            self._figures = await asyncio.wait_for(self._job_figures(), REFRESH_SECONDS)
        except Exception as error:
            # The page must tell of a database that is down, not be down with it.
            logger.warning("job figures are not available", extra={"reason": type(error).__name__})
            self._figures = None
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def close(self) -> None:
        """Leave the registry, so that another server may be made in this process."""
        self._registry.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        in_use = GaugeMetricFamily("fanpiao_database_connections_in_use", "Connections that are lent out right now")
        in_use.add_metric((), self._pool_in_use())
        yield in_use
        known = GaugeMetricFamily("fanpiao_job_figures_known", "1 when the job figures could be read")
        known.add_metric((), float(self._figures is not None))
        yield known
        if self._figures is None:
            return
        jobs = GaugeMetricFamily("fanpiao_jobs", "Jobs by state", labels=("state",))
        for state in ("ready", "running", "dead"):
            jobs.add_metric((state,), getattr(self._figures, state))
        yield jobs
        age = GaugeMetricFamily("fanpiao_oldest_ready_job_seconds", "Seconds that the oldest ready job has been due")
        age.add_metric((), self._figures.oldest_ready_seconds)
        yield age

    def describe(self) -> Iterator[Metric]:
        """Named without asking the database, at registration."""
        yield from ()


def may_read_metrics(address: str, authorization: str, token: str | None, *, is_forwarded: bool) -> bool:
    """This machine may always; others by `Authorization: Bearer <token>`, when a token is set.

    `address` is the other end of the connection; `is_forwarded` tells that the request carries a header of a proxy
    (`X-Forwarded-For` or `Forwarded`), so that a proxy on this machine opens the page to nobody, trusted or not.
    """
    if not is_forwarded and _is_loopback(address):
        return True
    return token is not None and hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
