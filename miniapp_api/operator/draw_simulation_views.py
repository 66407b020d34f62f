"""A draw before it is published, simulated; and afterwards, beside what the simulation had said."""

from collections.abc import AsyncIterator
from typing import Literal

from aiohttp import web

from handlers.errors import DrawNotSimulable, DrawUnknown, Overloaded, RoleMissing, SimulationUnknown
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.draw_simulation_shapes import OutcomeOut, SimulationBody, SimulationOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown, DrawNotSimulable, Overloaded])
async def simulate(
    request: web.Request, draw_id: Id, /, body: SimulationBody, *, idempotency_key: str
) -> Created[SimulationOut]:
    """Simulate the draft: what it costs, what runs out and when, what pity adds, and warnings. Takes some seconds."""
    answer = await handlers(request).draw_simulating.simulate(
        operator(request), draw_id, body.facts(), request_id=idempotency_key
    )
    return reply(answer, SimulationOut.model_validate, status=201)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def simulations(
    request: web.Request, draw_id: Id, /, limit: Limit = 10, cursor: Cursor | None = None
) -> Ok[Page[SimulationOut]]:
    """What was simulated of this draw, the newest first."""
    found = await handlers(request).draw_simulating.listing(
        operator(request), draw_id, before=after(cursor), limit=limit + 1
    )
    items = [SimulationOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown, SimulationUnknown])
async def simulation(request: web.Request, draw_id: Id, simulation_id: Id, /) -> Ok[SimulationOut]:
    """One of them."""
    found = await handlers(request).draw_simulating.one(operator(request), draw_id, simulation_id)
    return Ok(SimulationOut.model_validate(found))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown, SimulationUnknown, Overloaded])
async def plot(
    request: web.Request,
    draw_id: Id,
    simulation_id: Id,
    /,
    format: Literal["png", "svg"] = "svg",  # noqa: A002 - the word in the address
) -> Download:
    """Its picture: what is given by when, and what it costs."""
    drawn = await handlers(request).draw_simulating.picture(operator(request), draw_id, simulation_id, kind=format)
    return Download(_whole(drawn), media_type=MEDIA_TYPES[format], name=f"simulation.{format}")


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def outcome(request: web.Request, draw_id: Id, /) -> Ok[OutcomeOut]:
    """What happened, beside what was planned."""
    return Ok(OutcomeOut.model_validate(await handlers(request).draw_outcomes.outcome(operator(request), draw_id)))


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


ROUTES = [
    web.post("/operator/draws/{draw_id}/simulations", simulate),
    web.get("/operator/draws/{draw_id}/simulations", simulations),
    web.get("/operator/draws/{draw_id}/simulations/{simulation_id}", simulation),
    web.get("/operator/draws/{draw_id}/simulations/{simulation_id}/plot", plot),
    web.get("/operator/draws/{draw_id}/outcome", outcome),
]
