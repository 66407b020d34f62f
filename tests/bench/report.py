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
        "generator, the databases and the platform; 32 connections where nothing else is said, one server process.",
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
        lines += ["| once, on PostgreSQL where nothing else is said | found | bar | verdict |", "|---|---|---|---|"]
        lines += [f"| {one.title} | {one.found} | {one.bar} | {one.verdict} |" for one in heavies]
        lines.append("")
    return "\n".join(lines)


def _row(one: Outcome) -> str:
    wanted, bars = WANTED[one.name], WANTED[one.name].on(one.pair)
    cells = (
        wanted.title,
        one.pair,
        f"{one.rate:,.0f}",
        f"{one.noop_rate:,.0f}",
        f"{one.ratio:.3f} ({one.lowest:.3f}-{one.highest:.3f})",
        _number(bars.bar),
        _number(bars.aim),
        f"{one.p50:.1f}",
        f"{one.p99:.1f}",
        _number(bars.p99),
        f"{one.cpu:.0%}, {one.generator:.0%}, {one.platform:.0%}",
        f"{one.cost:,.0f} ({one.noop_cost:.1f})",
        one.verdict,
    )
    return f"| {' | '.join(cells)} |"


def _number(bar: float | None) -> str:
    return "" if bar is None else f"{bar:g}"


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
        for place, one in enumerate(shown):  # a pair may have bars of its own
            bars = wanted.on(one.pair)
            for height, name_of_it, style in ((bars.bar, "bar", "--"), (bars.aim, "aim", ":")):
                if height is not None:
                    label = f"{name_of_it} {height:g}"
                    pane.hlines(height, place - 0.45, place + 0.45, "black", style, linewidth=1.2, label=label)
        pane.set_title(wanted.title, fontsize=10)
        handles = dict(zip(*reversed(pane.get_legend_handles_labels()), strict=True))  # each label once
        if handles:
            place_below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.07), "ncol": 2}
            pane.legend(handles.values(), handles.keys(), fontsize=8, frameon=False, **place_below)
    panes[0][0].set_ylabel("requests per second as a share of the no-op")
    drawing.tight_layout()
    drawing.savefig(path, dpi=120)
    plt.close(drawing)
