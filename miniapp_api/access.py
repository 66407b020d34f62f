"""One log line per request, from closed lists and our own ids only: there is nothing in it to redact."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
from aiohttp import web

from miniapp_api.keys import ACTOR, OBSERVER

LOGGER = "miniapp_api.access"
log = logging.getLogger(LOGGER)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The chat's door writes lines of the same form (`bot/access.py`).
_FIELDS = ("method", "route", "account", "kind", "outcome", "status", "milliseconds", "request_id", "actor")


class AccessFormatter(logging.Formatter):
    """The line as JSON, about ten times cheaper than a formatter that has to look for secrets in every value."""

    def format(self, record: logging.LogRecord) -> str:
        """`{"time", "level", "logger", "message", "method", "route", "status", ...}` on one line."""
        given: Mapping[str, object] = record.__dict__
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.msg,
        }
        return orjson.dumps(line | {name: given[name] for name in _FIELDS if name in given}).decode()


def record(request: web.Request, status: int, seconds: float, request_id: str) -> None:
    """Tell the observer and the log of one answered request."""
    # A method is any word a client likes; a path and a query hold ids and worse. The pattern says what was asked.
    method = request.method if request.method in _METHODS else "other"
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unmatched"
    request.app[OBSERVER](method, route, status, seconds)
    if not log.isEnabledFor(logging.INFO):
        return
    # Made by hand: log.info would look for the caller in the stack, and cost twice as much.
    entry = logging.LogRecord(LOGGER, logging.INFO, __file__, 0, "request", None, None)
    entry.__dict__.update(
        method=method,
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 2),
        request_id=request_id,
        actor=request.get(ACTOR),
    )
    log.handle(entry)
