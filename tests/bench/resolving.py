"""Identity resolution as a process: one route that answers whom an identifier means, over the real use case."""

import argparse
import asyncio

import orjson
import uvloop
from aiohttp import web

from gateways.clock import SystemClock
from handlers.identity.identity import Identity
from handlers.identity.proofs import Proof
from models import database
from models.words import Namespace, Touchpoint
from tests.bench.seeding import vault
from tests.bench.serving import serve


async def _run(port: int, url: str) -> None:
    await database.connect(url)
    identity = Identity(SystemClock(), vault())
    try:

        async def resolve(request: web.Request) -> web.Response:
            told = orjson.loads(await request.read())
            proof = Proof(Namespace(told["namespace"]), told["scope"], told["value"], "bench")
            person, written = await identity.recognise_or_resolve([proof], "oa", through=Touchpoint.CHAT)
            if written is not None or not person.is_member:
                return web.json_response({"new": str(person.member_id)}, status=404)
            return web.Response(body=orjson.dumps({"member": str(person.member_id)}), content_type="application/json")

        async def ready(_: web.Request) -> web.Response:
            return web.Response()

        app = web.Application()
        app.add_routes([web.post("/resolve", resolve), web.get("/ready", ready)])
        await serve(app, port)
    finally:
        await database.disconnect()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(options.port, options.database))


if __name__ == "__main__":
    main()
