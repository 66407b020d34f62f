"""The table and the plot."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from tests.bench.figures import WANTED
from tests.bench.heavy import Heavy
from tests.bench.measuring import Outcome
from tests.bench.memory import Memory

_MB = 1024 * 1024
_COLOURS = {"MISSED": "#b3261e", "told": "#8a8a8a"}


def table(outcomes: Sequence[Outcome], memories: Sequence[Memory], heavies: Sequence[Heavy] = ()) -> str:
    """Everything in Markdown."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "asyncpg", "tortoise-orm"))
    lines = [
        f"Python {platform.python_version()}, {libraries}; {os.cpu_count()} cores shared by the server, the load "
        "generator, the databases and the platform; 32 connections, one server process.",
        "",
    ]
    if outcomes:
        lines += [
            "| figure | on | per second | no-op | ratio (min-max) | bar | aim | p50 ms | p99 ms | p99 bar "
            "| CPU: server, generator, platform | server CPU µs each (no-op) | verdict |",
            "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
            *map(_row, outcomes),
            "",
        ]
    if memories:
        lines += ["| memory | on | requests: MB | growth from the first look | verdict |", "|---|---|---|--:|---|"]
        for memory in memories:
            looks = ", ".join(f"{served:,}: {resident / _MB:.1f}" for served, resident in memory.looks)
            lines.append(f"| {memory.kinds} | {memory.pair} | {looks} | {memory.growth:+.1%} | {memory.verdict} |")
        lines.append("")
    if heavies:
        lines += ["| on PostgreSQL + Redis | found | bar | verdict |", "|---|---|---|---|"]
        lines += [f"| {one.title} | {one.found} | {one.bar} | {one.verdict} |" for one in heavies]
        lines.append("")
    return "\n".join(lines)


def _row(one: Outcome) -> str:
    wanted = WANTED[one.name]
    cells = (
        wanted.title,
        one.pair,
        f"{one.rate:,.0f}",
        f"{one.noop_rate:,.0f}",
        f"{one.ratio:.3f} ({one.lowest:.3f}-{one.highest:.3f})",
        f"{wanted.bar:g}",
        f"{wanted.aim:g}" if wanted.aim is not None else "",
        f"{one.p50:.1f}",
        f"{one.p99:.1f}",
        f"{wanted.p99:g}" if wanted.p99 is not None else "",
        f"{one.cpu:.0%}, {one.generator:.0%}, {one.platform:.0%}",
        f"{one.cost:,.0f} ({one.noop_cost:.1f})",
        one.verdict,
    )
    return f"| {' | '.join(cells)} |"


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """Ratios as bars with the range over the rounds, bar and aim as lines; each figure on a scale of its own."""
    names = [name for name in WANTED if any(one.name == name for one in outcomes)]
    if not names:
        return
    drawing, panes = plt.subplots(1, len(names), figsize=(3.2 * len(names), 4.2), squeeze=False)
    for pane, name in zip(panes[0], names, strict=True):
        shown, wanted = [one for one in outcomes if one.name == name], WANTED[name]
        heights = [one.ratio for one in shown]
        spread = [[one.ratio - one.lowest for one in shown], [one.highest - one.ratio for one in shown]]
        colours = [_COLOURS.get(one.verdict, "#3b7d5a") for one in shown]
        pane.bar([one.pair for one in shown], heights, yerr=spread, color=colours, capsize=4, width=0.6)
        pane.axhline(wanted.bar, color="black", linestyle="--", linewidth=1, label=f"bar {wanted.bar:g}")
        if wanted.aim is not None:
            pane.axhline(wanted.aim, color="grey", linestyle=":", linewidth=1.5, label=f"aim {wanted.aim:g}")
        pane.set_title(wanted.title, fontsize=10)
        pane.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.07), ncol=2, frameon=False)
    panes[0][0].set_ylabel("requests per second as a share of the no-op")
    drawing.tight_layout()
    drawing.savefig(path, dpi=120)
    plt.close(drawing)
