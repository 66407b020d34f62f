"""The one way into every interface: faults, method, token, quota, JSON; then the interface; then the error form."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import orjson
from aiohttp import web

from simulator.api.desks import Answer, Call, Desk, Endpoint, Raw
from simulator.errors import WeChatError
from simulator.faults import Fault, FaultKind
from simulator.platform import ApiCall, Platform

_SECRETS = {"secret", "appsecret", "access_token", "session_key", "ticket"}


def routes(platform: Platform, desks: Iterable[Desk]) -> list[web.RouteDef]:
    """Routes for every interface, whatever the method: a wrong one is 43001 or 43002, not 405."""
    return [web.route("*", one.path, _handler(platform, one)) for desk in desks for one in desk.endpoints]


def _handler(platform: Platform, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        platform.call_counts[endpoint.path] += 1
        call = Call(platform, request.query, await request.read(), {})
        fault = platform.faults.take(endpoint.path)
        answer = await _broken(fault) if fault is not None else None
        if answer is None:
            answer = await _answered(endpoint, request.method, call)
        _remember(endpoint, request.method, call, answer)
        if fault is not None and fault.kind is FaultKind.HANG_AFTER_DOING:
            await asyncio.sleep(fault.amount)
        return _response(answer)

    return handle


async def _broken(fault: Fault) -> Answer | None:
    match fault.kind:
        case FaultKind.FAIL:
            return WeChatError(int(fault.amount)).as_answer()
        case FaultKind.HTTP_STATUS:
            return _gateway_page(int(fault.amount))
        case FaultKind.HANG:
            await asyncio.sleep(fault.amount)
            return _gateway_page(504)
        case FaultKind.HANG_AFTER_DOING:
            return None


def _gateway_page(status: int) -> Raw:
    return Raw(b"<html>gateway</html>", "text/html", status)


async def _answered(endpoint: Endpoint, method: str, call: Call) -> Answer:
    try:
        return await _admitted(endpoint, method, call)
    except WeChatError as error:
        return error.as_answer()


async def _admitted(endpoint: Endpoint, method: str, call: Call) -> Answer:
    if method != endpoint.method:
        raise WeChatError(43001 if endpoint.method == "GET" else 43002)
    if endpoint.needs_token:
        owner = call.platform.tokens.owner(call.query.get("access_token", ""))
        call.known_account = call.platform.by_app_id(owner)
        if call.account.kind not in endpoint.kinds:
            raise WeChatError(40001)
        call.platform.quotas.spend(owner, endpoint.path)
    if endpoint.method == "POST":
        call.body = _object(call.raw)
    return await endpoint.interface(call)


def _object(raw: bytes) -> Mapping[str, object]:
    if not raw:
        raise WeChatError(44002)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise WeChatError(47001) from error
    if not isinstance(body, dict):
        raise WeChatError(47001)
    return body


def _response(answer: Answer) -> web.Response:
    if isinstance(answer, Raw):
        return web.Response(status=answer.status, body=answer.data, content_type=answer.content_type)
    return web.Response(body=orjson.dumps(answer), content_type="application/json", charset="utf-8")


def _remember(endpoint: Endpoint, method: str, call: Call, answer: Answer) -> None:
    platform, app_id = call.platform, call.known_account.app_id if call.known_account else ""
    platform.calls.append(
        ApiCall(
            at=platform.clock.now(),
            method=method,
            path=endpoint.path,
            app_id=app_id,
            body=_masked(call.body),
            status=answer.status if isinstance(answer, Raw) else 200,
            answer={"type": answer.content_type} if isinstance(answer, Raw) else _masked(answer),
        )
    )
    platform.feed.publish("calls")


def _masked(fields: Mapping[str, object]) -> Mapping[str, object]:
    return {name: "…" if name in _SECRETS else value for name, value in fields.items()}
