"""What phones and desks do with cards: bind one by number and proof, and find out whom a number means."""

import contextlib
import itertools
import time
from collections.abc import Iterator
from uuid import uuid4

import orjson

from handlers.cards.card_kinds import REMEMBERED_SECONDS
from tests.bench.figures import Subject, Supply
from tests.bench.load import BadAnswers, Line, Load, write_feed, wrk
from tests.bench.processes import started
from tests.bench.seeding import (
    OLD_DIGITS,
    OLD_KIND,
    OLD_PREFIX,
    PIN,
    Ground,
    Seeded,
    add_kind,
    members,
    operators,
    proofs,
    seeding,
)
from tests.bench.town import Town
from tests.servers import free_port

FOUND = 2_000  # members who are looked for
DESKS = 16  # operators who look
BOUND = "SELECT count(*) FROM card WHERE kind_id = $1 AND status = 'bound' AND member_id IS NOT NULL"


@contextlib.contextmanager
def bind(town: Town) -> Iterator[Subject]:
    """POST /me/cards by number and PIN: each time another member's first card of an older system."""
    supply, feed, sent = Supply(), town.home / "bind.tsv", 0
    supply.seen(Load(600, 1.0, 0.0, 0.0))
    old = seeding(town.stores, _add_old_kind)
    time.sleep(REMEMBERED_SECONDS + 0.2)  # until the server has read the kinds again

    def load(seconds: int) -> Load:
        nonlocal sent
        people = seeding(town.stores, lambda ground: members(ground, supply.count(seconds), with_old_card=True))
        found = supply.send(town.server.url, feed, map(_binding, people), seconds=seconds)
        sent += found.requests
        return found

    sample = _binding(Seeded(uuid4(), "", "", "", "", "", "6" * OLD_DIGITS))
    yield Subject("POST", len(sample.body), 480, town.server, load)
    bound = seeding(town.stores, lambda ground: ground.connection.fetchval(BOUND, old))
    if bound < sent:
        raise BadAnswers(f"{sent} bindings were answered, and {bound} cards are bound")


@contextlib.contextmanager
def search(town: Town) -> Iterator[Subject]:
    """POST /operator/members/search by phone, member number and card number in turn; each look is on record."""
    feed = town.home / "search.tsv"

    async def prepare(ground: Ground) -> tuple[list[Seeded], list[str]]:
        return await members(ground, FOUND), await operators(ground, DESKS)

    people, tokens = seeding(town.stores, prepare)
    shown = itertools.cycle(("phone", "number"))
    lines = (
        Line("/api/v1/operator/members/search", token, orjson.dumps({by: getattr(one, by)}).decode())
        for one, token, by in zip(people, itertools.cycle(tokens), shown, strict=False)
    )
    write_feed(feed, lines)
    body = orjson.dumps({"phone": people[0].phone})
    load = lambda seconds: wrk(town.server.url, "POST", feed, seconds=seconds)  # noqa: E731
    yield Subject("POST", len(body), 400, town.server, load)


@contextlib.contextmanager
def resolve(town: Town) -> Iterator[Subject]:
    """Whom a phone, an openid or a unionid means: the use case behind every door, on a bare route."""
    feed, port = town.home / "resolve.tsv", free_port()
    people = seeding(town.stores, lambda ground: members(ground, FOUND))
    bodies = [
        orjson.dumps({"namespace": proof.namespace, "scope": proof.scope, "value": proof.value}).decode()
        for one in people
        for proof in proofs(one)
    ]
    write_feed(feed, (Line("/resolve", body=body) for body in bodies))
    arguments = ["tests.bench.resolving", "--port", str(port), "--database", town.stores.database_url]
    with started(arguments, port=port, home=town.home, ready="/ready") as server:
        size = max(map(len, bodies))
        yield Subject("POST", size, 60, server, lambda seconds: wrk(server.url, "POST", feed, seconds=seconds))


async def _add_old_kind(ground: Ground) -> object:
    return await add_kind(ground, OLD_KIND, prefix=OLD_PREFIX, digits=OLD_DIGITS, is_issued=False)


def _binding(one: Seeded) -> Line:
    body = orjson.dumps({"kind": OLD_KIND, "number": one.card, "proof": {"pin": PIN}}).decode()
    return Line("/api/v1/me/cards", one.token, body, str(uuid4()))
