"""`python -m tests.bench [figures]`: measure, print the table, draw the plot."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import (
    cards,
    catalogue,
    claiming,
    designs,
    draws,
    figures,
    gone,
    growth,
    heavy,
    paying,
    redeeming,
    releasing,
    settling,
    spending,
    spinning,
    wallets,
)
from tests.bench.load import wrk_is_installed
from tests.bench.measuring import Outcome, loaded, measure
from tests.bench.memory import Memory, watch
from tests.bench.processes import ROOT
from tests.bench.profiling import profile
from tests.bench.report import plot, table
from tests.bench.stores import PAIRS, Stores, stores
from tests.bench.town import town
from tests.servers import ServerMissing

BUILD = ROOT / "build" / "bench"
IN_TOWN = {
    "message": figures.message,
    "me": figures.me,
    "join": figures.join,
    "bind": cards.bind,
    "resolve": cards.resolve,
    "search": cards.search,
    "wallet": wallets.wallet,  # before anybody wins more
    "claim": claiming.claim,
    "spin": spinning.spin,
    "catalogue": catalogue.catalogue,
    "spend": spending.spend,
    "purchase": spending.purchase,
    "order": paying.order,
    "notify": paying.notify,
    "notified": paying.notified,
    "redeem": redeeming.redeem,  # last: on SQLite the server itself then tells the members of it
}
BARE = ("simulation", "verifier")  # without a server or a database
PLAIN = (*IN_TOWN, "gone", "lane", "memory", *BARE)
HEAVY = ("import", "kind", "growth", "settlement", "releasing", "designs")  # minutes each: only when they are named
ALL = (*PLAIN, *HEAVY)


def main() -> int:
    """0 when every bar is reached, 1 when one is missed, 2 when a program is missing."""
    options = _parser().parse_args()
    wanted = options.figures or [*options.profile] or list(PLAIN)
    if not _has_wrk():
        sys.stderr.write("wrk is missing. Install it, then try again: apt-get install wrk\n")
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    bench = Bench(wanted, options.profile, options.rounds, options.seconds, whole=options.whole)
    try:
        bench.bare()
        for pair in bench.pairs(options.pair):
            with tempfile.TemporaryDirectory(prefix="fanpiao-bench-") as folder:
                home = Path(folder)
                with stores(pair, home) as ours:
                    bench.run(ours, home)
    except ServerMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    text = table(bench.outcomes, bench.memories, bench.heavies)
    print(f"\n{text}\nin {time.monotonic() - started:.0f} s; also in {BUILD.relative_to(ROOT)}/")
    (BUILD / "table.md").write_text(text, encoding="utf-8")
    if bench.designs:
        (BUILD / "designs.md").write_text(designs.table(bench.designs), encoding="utf-8")
        designs.plot(bench.designs, BUILD / "designs.png")
    plot(bench.outcomes, BUILD / "plot.png")
    verdicts = [one.verdict for one in bench.outcomes] + [one.verdict for one in bench.memories]
    verdicts += [one.verdict for one in bench.heavies]
    return int("MISSED" in verdicts)


class Bench:
    """What was asked for, and what came out so far."""

    def __init__(
        self, wanted: Sequence[str], profiled: Sequence[str], rounds: int, seconds: int, *, whole: bool
    ) -> None:
        self._wanted = wanted
        self._profiled = profiled
        self._rounds = rounds
        self._seconds = seconds
        self._whole = whole
        self.outcomes: list[Outcome] = []
        self.memories: list[Memory] = []
        self.heavies: list[heavy.Heavy] = []
        self.designs: list[Outcome] = []

    def pairs(self, only: str | None) -> Sequence[str]:
        """On which pairs of database and Redis something is to be measured."""
        return () if set(self._wanted) <= set(BARE) else [only] if only else PAIRS

    def bare(self) -> None:
        """What needs neither a server nor a database."""
        if "simulation" in self._wanted:
            self._tell(draws.simulation())
        if "verifier" in self._wanted:
            with tempfile.TemporaryDirectory(prefix="fanpiao-bench-") as folder:
                self._tell(draws.verifier(Path(folder)))

    def run(self, ours: Stores, home: Path) -> None:
        """Everything that was asked for, on one pair."""
        print(f"== {ours.title}", flush=True)
        if "memory" in self._wanted:  # first: of a server that has served nothing else
            with town(ours, home) as place:
                self.memories.append(watch(place, ours.pair))
                print(f"memory: {self.memories[-1].growth:+.1%}, {self.memories[-1].verdict}", flush=True)
        here = [name for name in IN_TOWN if name in self._wanted and ours.pair in figures.WANTED[name].measured_on]
        if here or "gone" in self._wanted:
            with town(ours, home) as place:
                if "gone" in self._wanted:
                    self._tell(gone.gone(place))
                for name in here:
                    with IN_TOWN[name](place) as subject:
                        self._measure(name, ours, subject, place.home)
        if "lane" in self._wanted:
            with figures.lane(ours, home) as subject:
                self._measure("lane", ours, subject, home)
        if "designs" in self._wanted:
            self._compare(ours, home)
        if ours.pair == "postgres":  # each on a database of its own: what they leave would change the others
            if "import" in self._wanted:
                self._tell(heavy.import_cards(ours.another("imports"), home))
            if "kind" in self._wanted:
                self._tell(heavy.kind(ours.another("kinds"), home, whole=self._whole))
            if "releasing" in self._wanted:
                self._tell(releasing.releasing(ours.another("releasing"), home))
            if "settlement" in self._wanted:
                self._tell(settling.settlement(ours.another("settlement"), home))
            if "growth" in self._wanted:
                self._tell(growth.growth(ours, home, rounds=self._rounds, seconds=self._seconds))

    def _compare(self, ours: Stores, home: Path) -> None:
        place = ours.another("designs") if ours.pair == "postgres" else ours
        found = designs.designs(place, home, rounds=self._rounds, seconds=self._seconds)
        self.designs += found
        self._tell(designs.verdict(found))
        print(f"\n{designs.table(found)}", flush=True)

    def _tell(self, found: list[heavy.Heavy]) -> None:
        self.heavies += found
        for one in found:
            print(f"{one.title}: {one.found}, {one.verdict}", flush=True)

    def _measure(self, name: str, ours: Stores, subject: figures.Subject, home: Path) -> None:
        outcome = measure(name, ours.pair, subject, rounds=self._rounds, seconds=self._seconds, home=home)
        self.outcomes.append(outcome)
        print(f"{name}: {outcome.rate:,.0f}/s, {outcome.ratio:.3f} of the no-op, {outcome.verdict}", flush=True)
        if name in self._profiled:
            title = f"{name}-{ours.pair}"
            found = profile(
                subject.server.pid, lambda seconds: loaded(subject, seconds), name=title, folder=BUILD
            ).table()
            (BUILD / f"{title}.md").write_text(found, encoding="utf-8")
            print(f"\n## {title}\n\n{found}", flush=True)


def _has_wrk() -> bool:
    if not wrk_is_installed() and os.geteuid() == 0:
        print("installing wrk", flush=True)
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "wrk"]):
            subprocess.run(["apt-get", *words], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return wrk_is_installed()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "figures",
        nargs="*",
        choices=[[], *ALL],
        metavar="figure",
        help=f"{', '.join(ALL)}; default: {', '.join(PLAIN)}",
    )
    parser.add_argument("--pair", choices=PAIRS, help="only on this pair of database and Redis")
    parser.add_argument("--whole", action="store_true", help="kind: let the job reach the last of the 1,000,000")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of one round")
    parser.add_argument(
        "--profile", action="append", default=[], choices=[*IN_TOWN, "lane"], help="watch the server with py-spy"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
