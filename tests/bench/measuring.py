"""Rounds of the measured route and of the no-op in turn, and what comes out."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import WANTED, Subject
from tests.bench.load import Line, Load, Overran, median, write_feed, wrk
from tests.bench.processes import started
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

    @property
    def verdict(self) -> str:
        """`aim`, `bar`, `MISSED`, or `told` where the figure is not judged."""
        wanted = WANTED[self.name]
        is_slow = wanted.p99 is not None and self.p99 > wanted.p99
        if self.pair not in wanted.held_on:
            return "told"
        if self.ratio < wanted.bar or is_slow:
            return "MISSED"
        return "aim" if wanted.aim is not None and self.ratio >= wanted.aim else "bar"


def loaded(subject: Subject, seconds: int) -> Load:
    """One round, prepared for more when the requests ran out."""
    for _ in range(MOST_OVERRUNS):
        try:
            return subject.load(seconds)
        except Overran:
            continue
    raise Overran


def measure(name: str, pair: str, subject: Subject, *, rounds: int, seconds: int, home: Path) -> Outcome:
    """Alternate the no-op and the route. Raises BadAnswers, Overran."""
    port = free_port()
    arguments = ["tests.bench.noop", "--port", str(port), "--answer-bytes", str(subject.answer_bytes)]
    feed = write_feed(home / "noop.tsv", [Line("/", body="x" * subject.request_bytes)])
    with started(arguments, port=port, home=home) as noop:
        wrk(noop.url, subject.method, feed, seconds=WARM_UP_SECONDS)
        loaded(subject, WARM_UP_SECONDS)
        baselines, loads, shares = [], [], []
        for _ in range(rounds):
            baselines.append(wrk(noop.url, subject.method, feed, seconds=seconds))
            used = subject.server.cpu_seconds()
            loads.append(loaded(subject, seconds))
            shares.append((subject.server.cpu_seconds() - used) / loads[-1].seconds)
    ratios = [load.rate / baseline.rate for load, baseline in zip(loads, baselines, strict=True)]
    return Outcome(
        name=name,
        pair=pair,
        rate=median(load.rate for load in loads),
        noop_rate=median(baseline.rate for baseline in baselines),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        p50=median(load.p50 for load in loads),
        p99=median(load.p99 for load in loads),
        cpu=median(shares),
    )
