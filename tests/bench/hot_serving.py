"""One design of a hot row behind a bare route, as a process: POST /claims {member, key}, GET /audit."""

import argparse
import asyncio
import contextlib

import orjson
import uvloop
from aiohttp import web

from gateways.stores.commands import BatchedRedis
from gateways.stores.connection import connected
from handlers.errors import DomainError
from models import configuring, database
from tests.bench.hot_designs import Gate, Take, Wish, by_function, by_one_statement, by_orm, by_statements
from tests.bench.hot_lane import lane
from tests.bench.hot_rows import AUDIT, STOCK, TABLES
from tests.bench.serving import serve

BY_CALL: dict[str, Take] = {
    "orm": by_orm,
    "transaction": by_statements,
    "statement": by_one_statement,
    "function": by_function,
}
DESIGNS = (*BY_CALL, "gate", "lane")


async def _run(port: int, url: str, redis_url: str, design: str) -> None:
    # The ORM's design gets the house's own connections and transactions, which are better than plain ones.
    configuring.MODEL_MODULES = (*configuring.MODEL_MODULES, "tests.bench.hot_rows")
    await database.connect(url)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await database.script(TABLES)
            gate = None
            if design == "gate":
                commands = BatchedRedis(await stack.enter_async_context(connected(redis_url)))
                stack.push_async_callback(commands.aclose)
                gate = Gate(commands)
                await gate.open()
                take: Take = gate.take
            elif design == "lane":
                own = lane()
                stack.push_async_callback(own.close)
                take = lambda wish: own.submit("stock", wish)  # noqa: E731
            else:
                take = BY_CALL[design]
            await serve(_app(take, gate), port)
    finally:
        await database.disconnect()


def _app(take: Take, gate: Gate | None) -> web.Application:
    async def claim(request: web.Request) -> web.Response:
        facts = orjson.loads(await request.read())
        try:
            claim_id = await take(Wish(facts["member"], facts["key"]))
        except DomainError as refusal:
            return web.json_response({"code": refusal.code}, status=409)
        return web.Response(status=201, body=orjson.dumps({"claim": str(claim_id)}), content_type="application/json")

    async def audit(_: web.Request) -> web.Response:
        """`{spent, claims, members, requests, jobs}`: all equal, or units were lost or oversold."""
        told = dict(await database.row(AUDIT) or {})
        left = told.pop("units_left")
        return web.json_response({"spent": STOCK - (await gate.left() if gate else left), **told})

    app = web.Application()
    app.add_routes([web.post("/claims", claim), web.get("/audit", audit)])
    return app


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--design", required=True, choices=DESIGNS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(options.port, options.database, options.redis, options.design))


if __name__ == "__main__":
    main()
