"""A hot offer: one stock row, members who press at once, everything on; each claim by another member."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop

from handlers.codec import to_json
from handlers.rules.offer_terms import OfferTerms
from models.ids import new_id
from models.sql import dump_json, instant_text
from tests.bench.figures import Subject, Supply
from tests.bench.joining import joins
from tests.bench.load import BadAnswers, Line, Load, Overran, write_feed, wrk
from tests.bench.seeding import members, seeding
from tests.bench.stores import Stores
from tests.bench.town import Town

PRESSING = 64  # at once
STOCK = 1_000_000_000
_TOLD = """
    SELECT s.added_count - s.left_count AS spent, s.taken_count AS taken,
        (SELECT count(*) FROM claim c WHERE c.offer_id = s.offer_id) AS claims,
        (SELECT count(*) FROM claim_slot t WHERE t.offer_id = s.offer_id) AS slots
    FROM offer_stock s
"""


@contextlib.contextmanager
def claim(town: Town) -> Iterator[Subject]:
    """POST /offers/{id}/claims, with 64 of them at once."""
    supply, feed, sent = Supply(), town.home / "claims.tsv", 0
    supply.seen(Load(900, 1.0, 0.0, 0.0))
    offer_id = hot_offer(town.stores)

    def load(seconds: int) -> Load:
        nonlocal sent
        tokens = _fresh_members(town, supply.count(seconds))
        write_feed(feed, (_press(offer_id, token) for token in tokens))
        try:
            found = supply.seen(wrk(town.server.url, "POST", feed, seconds=seconds, once=True, connections=PRESSING))
        except Overran:
            supply.too_few()
            raise
        sent += found.requests
        return found

    yield Subject("POST", len(_press(offer_id, "").body), 420, town.server, load)
    (told,) = _read(town.stores, _TOLD)
    if len(set(told)) != 1 or told[0] < sent:
        raise BadAnswers(f"{sent} claims were answered; spent, taken, claims, slots: {told}")


def hot_offer(stores: Stores, *, stock: int = STOCK) -> UUID:
    """A voucher of which there are so many, one for each member; rows as publishing writes them."""
    benefit_id, offer_id, now = new_id(), new_id(), datetime.now(UTC)
    terms = to_json(OfferTerms(stock=stock))
    (root,) = _read(stores, "SELECT id FROM organization WHERE parent_id IS NULL")
    benefit: dict[str, Any] = {
        "organization_id": root[0] if isinstance(root[0], UUID) else UUID(root[0]),
        "code": f"bench-{benefit_id}",
        "name": "洗车券",
        "description": "",
        "category": "",
        "kind": "voucher",
        "state": "pool",
        "terms": {"uses": 1},
        "settlement_price_fen": 0,
        "operator_share_bp": 10_000,
        "is_offline_allowed": False,
        "is_paused": False,
        "review_note": "",
    }
    offer = {
        "benefit_id": benefit_id,
        "organization_id": benefit["organization_id"],
        "code": f"bench-{offer_id}",
        "keyword": "",
        "state": "published",
        "version": 1,
        "terms": terms,
    }
    count = {"bucket": "total", "added_count": stock, "left_count": stock, "taken_count": 0}
    for table, row_id, facts in (
        ("benefit", benefit_id, benefit),
        ("offer", offer_id, offer),
        ("offer_version", new_id(), {"offer_id": offer_id, "number": 1, "terms": terms, "published_at": now}),
        ("offer_stock", new_id(), {"offer_id": offer_id, **count}),
    ):
        _insert(stores, table, {"id": row_id, "created_at": now, **facts})
    return offer_id


def _press(offer_id: UUID, token: str) -> Line:
    return Line(f"/api/v1/offers/{offer_id}/claims", token, '{"choices":[]}', str(uuid4()))


def _fresh_members(town: Town, count: int) -> list[str]:
    """Sessions of so many members who have claimed nothing.

    Where sessions live in the server they join there, which its CPU time of the round then includes.
    """
    if town.stores.pair == "postgres":
        return [one.token for one in seeding(town.stores, lambda ground: members(ground, count))]
    codes = [code for code, _ in town.fresh_people(count)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        joined, _ = runner.run(joins(town.server.port, codes))
    return [one.token for one in joined]


def _insert(stores: Stores, table: str, facts: dict[str, Any]) -> None:
    columns = ", ".join(facts)
    places = ", ".join(f"${number}" for number in range(1, len(facts) + 1))
    _run(stores, f"INSERT INTO {table} ({columns}) VALUES ({places})", list(facts.values()))


def _read(stores: Stores, sql: str) -> list[tuple[Any, ...]]:
    return _run(stores, sql, [])


def _run(stores: Stores, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """One statement beside the running server, on a connection of its own."""
    if stores.pair == "sqlite":
        path = stores.database_url.removeprefix("sqlite://")
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            return connection.execute(sql.replace("$", "?"), [_as_text(value) for value in values]).fetchall()

    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(stores.database_url)
        try:
            return [tuple(found) for found in await connection.fetch(sql, *map(_as_json, values))]
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _as_json(value: Any) -> Any:
    return dump_json(value) if isinstance(value, dict | list) else value


def _as_text(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return instant_text(value) if isinstance(value, datetime) else _as_json(value)
