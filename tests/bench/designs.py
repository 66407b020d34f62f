"""Designs of a hot row side by side: the same claim behind the same bare route, and the product's own beside them."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import orjson
from matplotlib import pyplot as plt

from tests.bench.claiming import PRESSING, claim
from tests.bench.figures import Subject, Supply
from tests.bench.heavy import Heavy
from tests.bench.load import BadAnswers, Line, Load
from tests.bench.measuring import Outcome, measure
from tests.bench.processes import get, started
from tests.bench.stores import PAIRS, Stores
from tests.bench.town import town
from tests.servers import free_port

TIMES = 3.0  # as fast as one stored-function call per request
PRODUCT, FUNCTION = "product", "function"
_COLOURS = {"postgres": "#3b6ea5", "sqlite": "#c08a2e"}


@dataclass(frozen=True)
class Design:
    """One way to claim. `note`: what it is bought with."""

    title: str
    pairs: tuple[str, ...] = ("postgres",)
    note: str = ""


DESIGNS = {
    "orm": Design("ORM transaction, select_for_update, 5 calls", PAIRS, "the row's lock is held over every round trip"),
    "transaction": Design("interactive transaction, 4 statements", PAIRS, "the lock is held over the commit alone"),
    "statement": Design("one statement (CTE)", note="one round trip, a commit for each claim"),
    FUNCTION: Design(
        "one stored-function call", note="one round trip, a commit for each claim; rules live in the database"
    ),
    "gate": Design(
        "Redis gate, no stock row",
        note="two truths: a unit is lost where a process dies between them; after a failover that lost decrements"
        " it oversells, after a FLUSHALL it sells nothing, and nothing in the database says so",
    ),
    "lane": Design(
        "group commit lane", PAIRS, "a batch shares its fate with its commit, so a poisoned one is bisected"
    ),
    PRODUCT: Design("the product's claim, everything on", PAIRS, "with sessions, limits, eligibility, events"),
}


def designs(stores: Stores, home: Path, *, rounds: int, seconds: int) -> list[Outcome]:
    """Each design in turn on a database of its own. Raises BadAnswers where one lost a unit, or oversold."""
    found = []
    for name, design in DESIGNS.items():
        if stores.pair not in design.pairs:
            continue
        with _product(stores, home) if name == PRODUCT else _served(name, stores, home) as subject:
            found.append(measure(name, stores.pair, subject, rounds=rounds, seconds=seconds, home=home))
        print(f"{design.title}: {found[-1].rate:,.0f}/s, {found[-1].ratio:.3f} of the no-op", flush=True)
    return found


def verdict(outcomes: Sequence[Outcome]) -> list[Heavy]:
    """The product's claim against one function call per request."""
    ratios = {one.name: one.ratio for one in outcomes if one.pair == "postgres"}
    if not {PRODUCT, FUNCTION} <= ratios.keys():
        return []
    times = ratios[PRODUCT] / ratios[FUNCTION]
    title = "a claim of the product against one function call per request, both to their no-op"
    return [Heavy(title, f"{times:.1f} x", f"{TIMES:g} x", times >= TIMES)]


def table(outcomes: Sequence[Outcome]) -> str:
    """All designs in Markdown."""
    lines = [
        f"The same claim in different designs, {PRESSING} connections: one stock row, a slot for each member, an"
        " idempotency row, an outbox row, a durable commit. Afterwards spent units, claims, members, idempotency and"
        " outbox rows were as many in each.",
        "",
        "| design | on | per second | no-op | ratio (min-max) | p50 ms | p99 ms | server CPU µs each | note |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for one in outcomes:
        design = DESIGNS[one.name]
        speed = f"{one.rate:,.0f} | {one.noop_rate:,.0f} | {one.ratio:.3f} ({one.lowest:.3f}-{one.highest:.3f})"
        cells = (design.title, one.pair, speed, f"{one.p50:.1f}", f"{one.p99:.1f}", f"{one.cost:,.0f}", design.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """Ratios to the no-op with their range, and the 99th percentiles, design by design."""
    drawing, (left, right) = plt.subplots(1, 2, figsize=(12, 0.45 * len(outcomes) + 1.6), sharey=True)
    places = range(len(outcomes))
    colours = [_COLOURS[one.pair] for one in outcomes]
    spread = [[one.ratio - one.lowest for one in outcomes], [one.highest - one.ratio for one in outcomes]]
    left.barh(places, [one.ratio for one in outcomes], xerr=spread, color=colours, capsize=3)
    left.set_yticks(places, [f"{DESIGNS[one.name].title}, {one.pair}" for one in outcomes], fontsize=8)
    left.invert_yaxis()
    left.set_xlabel("requests per second as a share of the no-op")
    right.barh(places, [one.p99 for one in outcomes], color=colours)
    right.set_xlabel("99th percentile, milliseconds")
    drawing.tight_layout()
    drawing.savefig(path, dpi=120)
    plt.close(drawing)


@contextlib.contextmanager
def _served(name: str, stores: Stores, home: Path) -> Iterator[Subject]:
    """One design in a process of its own, each claim by a member whom it does not know yet."""
    port, supply, members, sent = free_port(), Supply(), itertools.count(1_000_000), 0
    supply.seen(Load(2_000, 1.0, 0.0, 0.0))
    is_postgres = stores.pair == "postgres"
    url = stores.another(f"design_{name}").database_url if is_postgres else f"sqlite://{home}/design-{name}.db"
    arguments = ["tests.bench.hot_serving", "--port", str(port), "--database", url, "--redis", stores.redis_url]
    with started([*arguments, "--design", name], port=port, home=home, ready="/audit") as server:

        def load(seconds: int) -> Load:
            nonlocal sent
            numbers = itertools.islice(members, supply.count(seconds))
            lines = (Line("/claims", body=_body(number)) for number in numbers)
            found = supply.send(server.url, home / "designs.tsv", lines, seconds=seconds, connections=PRESSING)
            sent += found.requests
            return found

        yield Subject("POST", len(_body(1_000_000)), len('{"claim":""}') + 36, server, load)
        audit = orjson.loads(get(server.url, "/audit")[1])
        if len(set(audit.values())) != 1 or audit["claims"] < sent:
            raise BadAnswers(f"{name} lost or oversold: {audit}, {sent} answered")


@contextlib.contextmanager
def _product(stores: Stores, home: Path) -> Iterator[Subject]:
    """`POST /offers/{id}/claims` of the real server."""
    with town(stores, home) as place, claim(place) as subject:
        yield subject


def _body(member: int) -> str:
    return orjson.dumps({"member": member, "key": str(uuid4())}).decode()
