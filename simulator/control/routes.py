"""`/control/...`: JSON in, JSON out; 400 not understood, 404 unknown, 409 no person could do that."""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from simulator.control.events import stream
from simulator.control.given import GivenError
from simulator.control.people import PeopleControl
from simulator.control.switches import SwitchControl
from simulator.errors import ImpossibleError
from simulator.platform import Platform


def control_routes(platform: Platform) -> list[web.RouteDef]:
    """Every route below /control."""
    people, switches = PeopleControl(platform), SwitchControl(platform)

    async def events(request: web.Request) -> web.StreamResponse:
        return await stream(platform, request)

    person, account = "/control/people/{person}", "/control/people/{person}/accounts/{account}"
    return [
        web.get("/control/state", _json(switches.state)),
        web.post("/control/people", _json(people.add_person)),
        web.get(person, _json(people.person)),
        web.patch(person, _json(people.change_person)),
        web.get(f"{account}/chat", _json(people.chat)),
        web.post(f"{account}/gestures", _json(people.gesture)),
        web.post(f"{account}/screens", _json(people.open_screen)),
        web.post(f"{person}/screens/{{screen}}", _json(people.touch_screen)),
        web.delete(f"{person}/screens/{{screen}}/pass", _json(people.put_away)),
        web.get("/control/passes", _json(people.passes)),
        web.get("/control/codes", _json(people.codes)),
        web.get("/control/links/{link}", _json(people.link)),
        web.get("/control/pushes", _json(switches.pushes)),
        web.post("/control/pushes/{push}/replay", _json(switches.replay)),
        web.post("/control/accounts/{account}/verification", _json(switches.verify)),
        web.get("/control/calls", _json(switches.calls)),
        web.put("/control/tampering", _json(switches.tamper)),
        web.post("/control/faults", _json(switches.break_interface)),
        web.delete("/control/switches", _json(switches.behave)),
        web.get("/control/supplier", _json(switches.supplier)),
        web.put("/control/supplier", _json(switches.conduct)),
        web.put("/control/points", _json(switches.points_conduct)),
        web.post("/control/tokens", _json(switches.kill_tokens)),
        web.post("/control/clock", _json(switches.advance)),
        web.get("/control/events", events),
    ]


def _json(view: Callable[[web.Request], Awaitable[object]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return _response(200, await view(request))
        except GivenError as error:
            return _response(400, {"error": str(error)})
        except ImpossibleError as error:
            return _response(409, {"error": str(error)})
        except web.HTTPNotFound:
            return _response(404, {"error": "没有找到"})

    return answer


def _response(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
