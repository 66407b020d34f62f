"""Rounds of the measured route and of the no-op in turn, and what comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import WANTED, Subject
from tests.bench.load import Line, Load, Overran, median, write_feed, wrk
from tests.bench.processes import Running, started
from tests.servers import free_port

WARM_UP_SECONDS = 2
MOST_OVERRUNS = 4


@dataclass(frozen=True)
class Outcome:
    """Medians over the rounds; `ratio` is the median of each round's own ratio. Latencies in milliseconds."""

    name: str
    pair: str
    rate: float
    noop_rate: float
    ratio: float
    lowest: float
    highest: float
    p50: float
    p99: float
    cpu: float  # share of one core that the server used
    generator: float  # and whoever made the load
    platform: float  # and the pretend platform
    cost: float  # microseconds of CPU time per request, of the server process alone
    noop_cost: float

    @property
    def verdict(self) -> str:
        """`aim`, `bar`, `MISSED`, or `told` where the figure is not judged."""
        wanted = WANTED[self.name]
        bars = wanted.on(self.pair)
        if self.pair not in wanted.held_on:
            return "told"
        is_slow = bars.p99 is not None and self.p99 > bars.p99
        is_low = bars.bar is not None and self.ratio < bars.bar
        if is_low or is_slow:
            return "MISSED"
        return "aim" if bars.aim is not None and self.ratio >= bars.aim else "bar"


def loaded(subject: Subject, seconds: int) -> Load:
    """One round, prepared for more when the requests ran out."""
    for _ in range(MOST_OVERRUNS):
        try:
            return subject.load(seconds)
        except Overran:
            subject.prepare(seconds)
    raise Overran


def _timed(server: Running, round_: Callable[[], Load]) -> tuple[Load, float]:
    """A round, and the seconds of CPU time that the server spent on it."""
    before = server.cpu_seconds()
    load = round_()
    return load, server.cpu_seconds() - before


def measure(name: str, pair: str, subject: Subject, *, rounds: int, seconds: int, home: Path) -> Outcome:
    """Alternate the no-op and the route. Raises BadAnswers, Overran."""
    port = free_port()
    arguments = ["tests.bench.noop", "--port", str(port), "--answer-bytes", str(subject.answer_bytes)]
    feed = write_feed(home / "noop.tsv", [Line("/", body="x" * subject.request_bytes)])
    with started(arguments, port=port, home=home) as noop:
        wrk(noop.url, subject.method, feed, seconds=WARM_UP_SECONDS)
        subject.prepare(WARM_UP_SECONDS)
        loaded(subject, WARM_UP_SECONDS)
        baselines, loads = [], []
        for _ in range(rounds):
            baselines.append(_timed(noop, lambda: wrk(noop.url, subject.method, feed, seconds=seconds)))
            subject.prepare(seconds)
            loads.append(_timed(subject.server, lambda: loaded(subject, seconds)))
    ratios = [load.rate / baseline.rate for (load, _), (baseline, _) in zip(loads, baselines, strict=True)]
    return Outcome(
        name=name,
        pair=pair,
        rate=median(load.rate for load, _ in loads),
        noop_rate=median(baseline.rate for baseline, _ in baselines),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        p50=median(load.p50 for load, _ in loads),
        p99=median(load.p99 for load, _ in loads),
        cpu=median(used / load.seconds for load, used in loads),
        generator=median(load.generator / load.seconds for load, _ in loads),
        platform=median(load.platform / load.seconds for load, _ in loads),
        cost=median(used / load.requests for load, used in loads) * 1e6,
        noop_cost=median(used / baseline.requests for baseline, used in baselines) * 1e6,
    )
