"""The lane on a bare hot row, as a process: one route that takes one unit of one stock for one member."""

import argparse
import asyncio
from collections.abc import Sequence

import orjson
import uvloop
from aiohttp import web

from handlers.errors import DomainError, ErrorKind
from handlers.group_commit import GroupCommit
from models import database
from models.database import Both
from tests.bench.serving import serve

STOCK = 1_000_000_000

_TABLES = Both(
    postgres=f"""
        CREATE TABLE bench_stock (id integer PRIMARY KEY, units_left bigint NOT NULL CHECK (units_left >= 0));
        CREATE TABLE bench_claim (member bigint PRIMARY KEY, stock_id integer NOT NULL REFERENCES bench_stock);
        INSERT INTO bench_stock VALUES (1, {STOCK})
    """,
    sqlite=f"""
        CREATE TABLE bench_stock (id INTEGER PRIMARY KEY, units_left INTEGER NOT NULL CHECK (units_left >= 0));
        CREATE TABLE bench_claim (member INTEGER PRIMARY KEY, stock_id INTEGER NOT NULL REFERENCES bench_stock);
        INSERT INTO bench_stock VALUES (1, {STOCK})
    """,
)
# As much as a database takes at once. PostgreSQL locks, claims and takes in one trip; SQLite, which has no trips and
# writes in no part of a statement, does it one after the other.
_AT_ONCE = """
    WITH stock AS (SELECT units_left FROM bench_stock WHERE id = 1 FOR UPDATE),
    made AS (
        INSERT INTO bench_claim SELECT asked.member, 1
        FROM stock, unnest($1::bigint[]) WITH ORDINALITY AS asked (member, place) WHERE asked.place <= stock.units_left
        ON CONFLICT DO NOTHING RETURNING member
    ),
    taken AS (UPDATE bench_stock SET units_left = units_left - (SELECT count(*) FROM made) WHERE id = 1)
    SELECT units_left, ARRAY(SELECT member FROM made) AS made FROM stock
"""
_LEFT = "SELECT units_left FROM bench_stock WHERE id = 1"
_CLAIM = """
    INSERT INTO bench_claim SELECT value, 1 FROM json_each($1) WHERE true ON CONFLICT DO NOTHING RETURNING member
"""
_TAKE = "UPDATE bench_stock SET units_left = units_left - $1 WHERE id = 1"
_SPENT = "SELECT $1 - units_left AS spent, (SELECT count(*) FROM bench_claim) AS claims FROM bench_stock"


class SoldOut(DomainError):
    """No unit is left."""

    kind, code, message = ErrorKind.CONFLICT, "bench.sold_out", "已领完。"


class TakenAlready(DomainError):
    """This member has one."""

    kind, code, message = ErrorKind.CONFLICT, "bench.taken", "已领过。"


async def _at_once(members: list[int]) -> tuple[int, set[int]]:
    """How many units there were, and who has one now."""
    (found,) = await database.rows(_AT_ONCE, members)
    return found["units_left"], set(found["made"])


async def _one_after_the_other(members: list[int]) -> tuple[int, set[int]]:
    (stock,) = await database.rows(_LEFT)
    made = {found["member"] for found in await database.rows(_CLAIM, members[: stock["units_left"]])}
    await database.rows(_TAKE, len(made))
    return stock["units_left"], made


async def _decide(members: Sequence[int]) -> Sequence[int | DomainError]:
    claimed = _at_once if database.dialect() == "postgres" else _one_after_the_other
    left, made = await claimed(list(members))
    return [
        member if member in made else TakenAlready() if place < left else SoldOut()
        for place, member in enumerate(members)
    ]


async def _run(port: int, url: str) -> None:
    await database.connect(url)
    lane: GroupCommit[int, int] = GroupCommit("bench", _decide, key=lambda member: member)
    try:
        await database.script(_TABLES)

        async def claim(request: web.Request) -> web.Response:
            facts = orjson.loads(await request.read())
            try:
                member = await lane.submit("stock", facts["member"])
            except DomainError as refusal:
                return web.json_response({"code": refusal.code}, status=409)
            return web.Response(status=201, body=orjson.dumps({"member": member}), content_type="application/json")

        async def audit(_: web.Request) -> web.Response:
            """`{spent, claims}`: equal, or the lane oversells."""
            return web.json_response(await database.row(_SPENT, STOCK))

        app = web.Application()
        app.add_routes([web.post("/claims", claim), web.get("/audit", audit)])
        await serve(app, port)
        await lane.close()
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
