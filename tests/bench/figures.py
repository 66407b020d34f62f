"""The figures of a Speed section: what is loaded, what it is compared with, and what it has to reach."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvloop

from tests.bench.joining import JOIN_BODY, Join, joins
from tests.bench.load import CONNECTIONS, BadAnswers, Line, Load, Overran, percentile, write_feed, wrk
from tests.bench.processes import Running, get, started
from tests.bench.stores import PAIRS, Stores
from tests.bench.town import Town, pushed
from tests.servers import free_port

FASTEST = 8_000  # requests a second that are prepared for at first


@dataclass(frozen=True)
class Bars:
    """Ratios to the no-op, and the slowest allowed 99th percentile in milliseconds. None is told and not judged."""

    bar: float | None = None
    aim: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Wanted:
    """What a figure must reach; `own` are the bars of a pair that has others than the rest."""

    title: str
    bar: float | None = None
    aim: float | None = None
    p99: float | None = None
    held_on: tuple[str, ...] = PAIRS  # elsewhere the figure is told and not judged
    measured_on: tuple[str, ...] = PAIRS
    own: Mapping[str, Bars] = field(default_factory=dict)

    def on(self, pair: str) -> Bars:
        """What must be reached on this pair."""
        return self.own.get(pair, Bars(self.bar, self.aim, self.p99))


WANTED = {
    "message": Wanted("safe-mode message", 0.12, 0.20, 50.0, held_on=("postgres",)),
    "me": Wanted("GET /me", 0.15, 0.25),
    "join": Wanted("one-tap join (both calls)", 0.015, 0.04, 250.0),
    "bind": Wanted("bind by number and PIN", 0.015, 0.04, 250.0, measured_on=("postgres",)),
    "resolve": Wanted("resolve by any identifier", 0.08, 0.15, measured_on=("postgres",)),
    "search": Wanted("operator's search, on record", 0.08, 0.15, held_on=(), measured_on=("postgres",)),
    "claim": Wanted("claim of a hot offer, 64 at once", 0.20, 0.30, 60.0, own={"sqlite": Bars(0.15, 0.25)}),
    "spin": Wanted("spin of a hot draw, 64 at once", 0.18, 0.30, 80.0, own={"sqlite": Bars(0.12, 0.20, 80.0)}),
    "wallet": Wanted("wallet of 200 claims", 0.03, 0.06, held_on=("postgres",)),
    "catalogue": Wanted("catalogue of 500 offers, a page of 50", p99=60.0, held_on=("postgres",)),
    "order": Wanted("orders for money", 0.03, 0.06, measured_on=("postgres",)),
    "notify": Wanted("notices of payment", 0.04, 0.08, 100.0, measured_on=("postgres",)),
    "notified": Wanted("notices that were taken before", 0.10, measured_on=("postgres",)),
    "redeem": Wanted("redemptions spread over claims", 0.05, 0.10, 100.0, held_on=("postgres",)),
    "spend": Wanted("points spent on spread members", 0.04, 0.10, held_on=("postgres",)),
    "purchase": Wanted("purchases from channels, signed", 0.04, 0.10, held_on=("postgres",)),
    "lane": Wanted("lane on a hot row", 0.40),
}


@dataclass(frozen=True)
class Subject:
    """A route under load. `load` takes whole seconds and may raise Overran, after which it is prepared for more."""

    method: str
    request_bytes: int
    answer_bytes: int
    server: Running
    load: Callable[[int], Load]
    prepare: Callable[[int], None] = lambda _: None  # for a round of so many seconds, before its time is taken


class Supply:
    """Prepares requests of which none may be sent twice: enough for the fastest round seen so far, and half more."""

    def __init__(self) -> None:
        self._rate = float(FASTEST)

    def count(self, seconds: int) -> int:
        """How many to prepare."""
        return int(self._rate * 1.5 * seconds) + 1_000

    def seen(self, load: Load) -> Load:
        """Remember how fast it was."""
        self._rate = max(load.rate, 200.0)
        return load

    def too_few(self) -> None:
        """They ran out."""
        self._rate *= 2

    def send(
        self, url: str, feed: Path, lines: Iterable[Line], *, seconds: int, connections: int = CONNECTIONS
    ) -> Load:
        """A round in which each of these is POSTed once. Raises Overran, BadAnswers."""
        write_feed(feed, lines)
        try:
            return self.seen(wrk(url, "POST", feed, seconds=seconds, once=True, connections=connections))
        except Overran:
            self.too_few()
            raise


@contextlib.contextmanager
def message(town: Town) -> Iterator[Subject]:
    """A typed line, signed and encrypted, from POST to encrypted reply; every push a new one."""
    supply, feed = Supply(), town.home / "messages.tsv"
    before, sent = town.answered(), 0

    def load(seconds: int) -> Load:
        nonlocal sent, before
        try:
            found = supply.send(town.server.url, feed, town.messages(supply.count(seconds)), seconds=seconds)
        except Overran:
            before, sent = town.answered(), 0  # the round does not count, and neither do its repeated pushes
            raise
        sent += found.requests
        return found

    _, envelope = pushed(town.members[0].openid)
    yield Subject("POST", len(envelope.body), 650, town.server, load)
    after = town.answered()
    fresh = after["answered"] - before["answered"]
    others = {name: count for name, count in after.items() if name != "answered" and count != before.get(name, 0)}
    if others or fresh < sent:
        raise BadAnswers(f"{sent} messages were sent, {fresh} answered, and {others}")


@contextlib.contextmanager
def me(town: Town) -> Iterator[Subject]:
    """GET /api/v1/me of all members in turn, each with a session of their own."""
    lines = [Line("/api/v1/me", token=known.token) for known in town.members]
    feed = write_feed(town.home / "me.tsv", lines)
    yield Subject("GET", 0, 400, town.server, lambda seconds: wrk(town.server.url, "GET", feed, seconds=seconds))


@contextlib.contextmanager
def join(town: Town) -> Iterator[Subject]:
    """Sign in and join, a person nobody knew each time; latencies without the platform's own time."""
    supply = Supply()
    supply.seen(Load(400, 1.0, 0.0, 0.0))
    answers: list[Join] = []

    def load(seconds: int) -> Load:
        codes = [code for code, _ in town.fresh_people(supply.count(seconds))]
        town.platform_seconds()
        used, used_there = time.process_time(), town.platform.cpu_seconds()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done, took = runner.run(joins(town.server.port, codes, seconds=float(seconds)))
        used, used_there = time.process_time() - used, town.platform.cpu_seconds() - used_there
        if len(done) >= len(codes):
            supply.too_few()
            raise Overran
        theirs = town.platform_seconds()
        ours = [(one.seconds - theirs[one.code]) * 1_000 for one in done]
        answers[:] = done[-1:]
        p50, p99 = percentile(ours, 0.50), percentile(ours, 0.99)
        return supply.seen(Load(len(done), took, p50, p99, generator=used, platform=used_there))

    yield Subject("POST", len(JOIN_BODY), 500, town.server, load)
    if not answers or orjson.loads(answers[0].answer)["already_member"]:
        raise BadAnswers("nobody new has joined")


@contextlib.contextmanager
def lane(stores: Stores, home: Path) -> Iterator[Subject]:
    """One unit of one hot row for a new member each time, through `GroupCommit`."""
    port, supply, members, sent = free_port(), Supply(), itertools.count(1_000_000), 0
    feed = home / "claims.tsv"
    arguments = ["tests.bench.lane", "--port", str(port), "--database", stores.lane_url]
    with started(arguments, port=port, home=home, ready="/audit") as server:

        def load(seconds: int) -> Load:
            nonlocal sent
            numbers = itertools.islice(members, supply.count(seconds))
            lines = (Line("/claims", body=f'{{"member":{number}}}') for number in numbers)
            found = supply.send(server.url, feed, lines, seconds=seconds)
            sent += found.requests
            return found

        yield Subject("POST", len('{"member":1000000}'), len('{"member":1000000}'), server, load)
        audit = orjson.loads(get(server.url, "/audit")[1])
        if audit["spent"] != audit["claims"] or audit["claims"] < sent:
            raise BadAnswers(f"the lane lost or oversold: {audit}, {sent} answered")
